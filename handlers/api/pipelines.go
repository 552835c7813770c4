package api

import (
	"math"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

type pipelineJSON struct {
	ID                 string               `json:"id"`
	ProjectID          string               `json:"project_id"`
	Name               string               `json:"name"`
	Slug               string               `json:"slug"`
	ConfigPath         string               `json:"config_path"`
	ConfigPathExplicit bool                 `json:"config_path_explicit"`
	ExecutionConfig    core.ExecutionConfig `json:"execution_config"`
	TriggerConfig      core.Trigger         `json:"trigger_config"`
	Concurrency        core.Concurrency     `json:"concurrency"`
	TimeoutSeconds     int64                `json:"timeout_seconds"`
	Labels             []string             `json:"labels"`
	StatusContext      string               `json:"status_context"`
	Enabled            bool                 `json:"enabled"`
	FileSettings       *fileSettingsJSON    `json:"file_settings,omitempty"`
	CreatedAt          int64                `json:"created_at"`
	UpdatedAt          int64                `json:"updated_at"`
}

// fileSettingsJSON says what the pipeline has taken over from its file.
type fileSettingsJSON struct {
	Path    string   `json:"path,omitempty"`
	SHA     string   `json:"sha,omitempty"`
	Keys    []string `json:"keys"`
	Problem string   `json:"problem,omitempty"`
}

func renderFileSettings(f core.FileSettings) *fileSettingsJSON {
	if f.Path == "" && f.Problem == "" {
		return nil
	}
	return &fileSettingsJSON{Path: f.Path, SHA: f.SHA, Keys: f.Keys(), Problem: f.Problem}
}

func renderPipeline(p core.Pipeline) pipelineJSON {
	return pipelineJSON{
		ID: p.ID, ProjectID: p.ProjectID, Name: p.Name, Slug: p.Slug,
		ConfigPath: p.ConfigPath, ConfigPathExplicit: p.ConfigPathExplicit,
		ExecutionConfig: renderExecution(p.Execution), TriggerConfig: renderTrigger(p.Trigger), Concurrency: p.Concurrency,
		TimeoutSeconds: int64(p.Timeout / time.Second), Labels: orEmpty(p.Labels), StatusContext: p.StatusContext,
		Enabled: p.Enabled, FileSettings: renderFileSettings(p.File), CreatedAt: p.CreatedAt.Unix(), UpdatedAt: p.UpdatedAt.Unix(),
	}
}

// renderExecution makes every list and map that is nil an empty one.
func renderExecution(e core.ExecutionConfig) core.ExecutionConfig {
	e.Platforms, e.Env, e.ArtifactPatterns = orEmpty(e.Platforms), orEmpty(e.Env), orEmpty(e.ArtifactPatterns)
	e.Commands = core.Commands{
		PreBuild: orEmpty(e.Commands.PreBuild), Build: orEmpty(e.Commands.Build), PostBuild: orEmpty(e.Commands.PostBuild),
	}
	if e.PlatformBuildArgs == nil {
		e.PlatformBuildArgs = map[string][]string{}
	}
	if e.PlatformCommands == nil {
		e.PlatformCommands = map[string]string{}
	}
	return e
}

func renderTrigger(t core.Trigger) core.Trigger {
	return core.Trigger{
		Events: orEmpty(t.Events), Branches: orEmpty(t.Branches), TargetBranches: orEmpty(t.TargetBranches),
		Paths: orEmpty(t.Paths), Tags: orEmpty(t.Tags),
	}
}

type pipelineBody struct {
	Name               *string          `json:"name"`
	ConfigPath         *string          `json:"config_path"`
	ConfigPathExplicit *bool            `json:"config_path_explicit"`
	ExecutionConfig    *executionBody   `json:"execution_config"`
	TriggerConfig      *core.Trigger    `json:"trigger_config"`
	Triggers           *core.Trigger    `json:"triggers"`
	Concurrency        *concurrencyBody `json:"concurrency"`
	TimeoutSeconds     *int64           `json:"timeout_seconds"`
	Labels             *[]string        `json:"labels"`
	StatusContext      *string          `json:"status_context"`
	Enabled            *bool            `json:"enabled"`
}

type executionBody struct {
	Platforms         []string             `json:"platforms"`
	FlutterVersion    string               `json:"flutter_version"`
	Commands          core.Commands        `json:"commands"`
	PlatformBuildArgs map[string]buildArgs `json:"platform_build_args"`
	PlatformCommands  map[string]string    `json:"platform_commands"`
	Env               []core.EnvVar        `json:"env"`
	ArtifactPatterns  []string             `json:"artifact_patterns"`
}

type concurrencyBody struct {
	CancelPrevious   *bool `json:"cancel_previous"`
	CancelInProgress *bool `json:"cancel_in_progress"`
	MaxConcurrent    int   `json:"max_concurrent"`
}

func (b pipelineBody) input() (app.PipelineInput, error) {
	in := app.PipelineInput{
		Name: b.Name, ConfigPath: b.ConfigPath, Execution: b.ExecutionConfig.core(),
		Labels: b.Labels, StatusContext: b.StatusContext, Enabled: b.Enabled,
	}
	if b.ConfigPathExplicit != nil && !*b.ConfigPathExplicit {
		in.ConfigPath = new(string) // no chosen path: both default names are tried
	}
	if b.TimeoutSeconds != nil {
		seconds := max(-1, min(*b.TimeoutSeconds, math.MaxInt32)) // out of range either way, without overflow
		timeout := time.Duration(seconds) * time.Second
		in.Timeout = &timeout
	}
	var err error
	if in.Trigger, err = oneOf(b.TriggerConfig, b.Triggers, "trigger_config", "triggers"); err != nil {
		return in, err
	}
	if b.Concurrency != nil {
		cancel, err := oneOf(b.Concurrency.CancelPrevious, b.Concurrency.CancelInProgress, "cancel_previous", "cancel_in_progress")
		if err != nil {
			return in, err
		}
		in.Concurrency = &core.Concurrency{CancelPrevious: cancel != nil && *cancel, MaxConcurrent: b.Concurrency.MaxConcurrent}
	}
	return in, nil
}

func (b *executionBody) core() *core.ExecutionConfig {
	if b == nil {
		return nil
	}
	args := make(map[string][]string, len(b.PlatformBuildArgs))
	for platform, list := range b.PlatformBuildArgs {
		args[platform] = list
	}
	return &core.ExecutionConfig{
		Platforms: b.Platforms, FlutterVersion: b.FlutterVersion, Commands: b.Commands, PlatformBuildArgs: args,
		PlatformCommands: b.PlatformCommands, Env: b.Env, ArtifactPatterns: b.ArtifactPatterns,
	}
}

// ListPipelines answers GET /v1/projects/{id}/pipelines.
func (a *API) ListPipelines(c *fiber.Ctx, actor core.Actor) error {
	return listOf(c, actor, "Project", "pipelines", a.app.ListPipelines, renderPipeline)
}

// CreatePipeline answers POST /v1/projects/{id}/pipelines.
func (a *API) CreatePipeline(c *fiber.Ctx, actor core.Actor) error {
	id, in, err := pipelineRequest(c, "Project")
	if err != nil {
		return err
	}
	pipeline, err := a.app.CreatePipeline(c.UserContext(), actor, id, in)
	if err != nil {
		return err
	}
	return created(c, renderPipeline(pipeline))
}

// Pipeline answers GET /v1/pipelines/{id}.
func (a *API) Pipeline(c *fiber.Ctx, actor core.Actor) error {
	id, err := pathID(c, "Pipeline")
	if err != nil {
		return err
	}
	pipeline, err := a.app.FindPipeline(c.UserContext(), actor, id)
	if err != nil {
		return err
	}
	return c.JSON(renderPipeline(pipeline))
}

// UpdatePipeline answers PATCH /v1/pipelines/{id}.
func (a *API) UpdatePipeline(c *fiber.Ctx, actor core.Actor) error {
	id, in, err := pipelineRequest(c, "Pipeline")
	if err != nil {
		return err
	}
	pipeline, err := a.app.UpdatePipeline(c.UserContext(), actor, id, in)
	if err != nil {
		return err
	}
	return c.JSON(renderPipeline(pipeline))
}

func pipelineRequest(c *fiber.Ctx, noun string) (string, app.PipelineInput, error) {
	id, err := pathID(c, noun)
	if err != nil {
		return "", app.PipelineInput{}, err
	}
	var b pipelineBody
	if err := body(c, &b); err != nil {
		return "", app.PipelineInput{}, err
	}
	in, err := b.input()
	return id, in, err
}

// DeletePipeline answers DELETE /v1/pipelines/{id}.
func (a *API) DeletePipeline(c *fiber.Ctx, actor core.Actor) error {
	id, err := pathID(c, "Pipeline")
	if err != nil {
		return err
	}
	if err := a.app.DeletePipeline(c.UserContext(), actor, id); err != nil {
		return err
	}
	return c.SendStatus(fiber.StatusNoContent)
}
