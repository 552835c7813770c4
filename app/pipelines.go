package app

import (
	"context"
	"strings"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// PipelineInput describes a pipeline; nil fields keep what is there, or take the default.
type PipelineInput struct {
	Name          *string
	ConfigPath    *string
	Execution     *core.ExecutionConfig
	Trigger       *core.Trigger
	Concurrency   *core.Concurrency
	Timeout       *time.Duration
	Labels        *[]string
	StatusContext *string
	Enabled       *bool
}

func (in PipelineInput) apply(p *core.Pipeline) {
	if in.Name != nil {
		p.Name = strings.TrimSpace(*in.Name)
	}
	if in.ConfigPath != nil {
		p.ConfigPath, p.ConfigPathExplicit = *in.ConfigPath, *in.ConfigPath != ""
	}
	if p.ConfigPath == "" {
		p.ConfigPath = ".oore.yaml"
	}
	set(&p.Execution, in.Execution)
	if in.Trigger != nil {
		p.SetTrigger(*in.Trigger)
	}
	if in.Concurrency != nil {
		p.SetConcurrency(*in.Concurrency)
	}
	if in.Labels != nil {
		p.SetLabels(*in.Labels)
	}
	set(&p.Timeout, in.Timeout)
	set(&p.StatusContext, in.StatusContext)
	set(&p.Enabled, in.Enabled)
	if p.Timeout == 0 {
		p.Timeout = core.DefaultTimeout
	}
	if p.StatusContext == "" {
		p.StatusContext = "oore/" + p.Slug
	}
}

// CreatePipeline adds a pipeline. KindConflict: name_taken in the project,
// context_taken in the repository.
func (a *App) CreatePipeline(ctx context.Context, actor core.Actor, projectID string, in PipelineInput) (core.Pipeline, error) {
	project, err := a.projectFor(ctx, a.store, actor, core.ActEditProject, projectID)
	if err != nil {
		return core.Pipeline{}, err
	}
	now := a.now()
	p := core.Pipeline{ID: a.newID(), ProjectID: projectID, Enabled: true, CreatedAt: now, UpdatedAt: now}
	if in.Name != nil {
		p.Slug = core.Slug(*in.Name)
	}
	in.apply(&p)
	if err := p.Validate(); err != nil {
		return core.Pipeline{}, err
	}
	err = a.store.InTx(ctx, func(tx core.Store) error {
		if err := a.claimContext(ctx, tx, project.Repository, p); err != nil {
			return err
		}
		if err := tx.CreatePipeline(ctx, p); err != nil {
			return err
		}
		entry := auditPipeline(core.AuditPipelineCreate, p)
		entry.Changes = pipelineChanges(core.Pipeline{}, p)
		return a.note(ctx, tx, actor, entry)
	})
	if err != nil {
		return core.Pipeline{}, err
	}
	a.log.Info("pipeline created", "project", projectID, "pipeline", p.ID, "actor", actor.Name)
	return p, nil
}

// claimContext refuses a status context that another pipeline of the repository
// reports under: their states would overwrite each other.
func (a *App) claimContext(ctx context.Context, tx core.Store, repo core.Repository, p core.Pipeline) error {
	if _, err := tx.HoldRepository(ctx, repo.ID); err != nil { // serializes claims in one repository
		return err
	}
	owner, err := tx.FindPipelineByContext(ctx, repo.ID, p.StatusContext)
	if core.KindOf(err) == core.KindNotFound {
		return nil
	}
	if err != nil || owner.ID == p.ID {
		return err
	}
	return core.Codef(core.KindConflict, core.CodeContextTaken,
		"status_context: %s is used by the pipeline %q of this repository; choose another", p.StatusContext, owner.Name)
}

// UpdatePipeline changes a pipeline; its slug stays, since required checks know it.
func (a *App) UpdatePipeline(ctx context.Context, actor core.Actor, id string, in PipelineInput) (core.Pipeline, error) {
	p, err := a.pipelineFor(ctx, actor, core.ActEditProject, id)
	if err != nil {
		return core.Pipeline{}, err
	}
	project, err := a.store.FindProject(ctx, p.ProjectID)
	if err != nil {
		return core.Pipeline{}, err
	}
	err = a.store.InTx(ctx, func(tx core.Store) (err error) {
		was, err := tx.FindPipeline(ctx, id)
		if err != nil {
			return err
		}
		p = was
		in.apply(&p)
		if err := p.Validate(); err != nil {
			return err
		}
		if err := a.claimContext(ctx, tx, project.Repository, p); err != nil {
			return err
		}
		p.UpdatedAt = a.now()
		if err := tx.UpdatePipeline(ctx, p); err != nil {
			return err
		}
		entry := auditPipeline(core.AuditPipelineUpdate, p)
		entry.Changes = pipelineChanges(was, p)
		return a.note(ctx, tx, actor, entry)
	})
	a.bell.ring(topicQueue) // a higher max_concurrent may let a build go
	return p, err
}

// DeletePipeline removes a pipeline with its builds; what runs is stopped.
func (a *App) DeletePipeline(ctx context.Context, actor core.Actor, id string) error {
	p, err := a.pipelineFor(ctx, actor, core.ActManageProject, id)
	if err != nil {
		return err
	}
	active, err := a.activeBuilds(ctx, a.store, core.BuildFilter{PipelineID: id})
	if err != nil {
		return err
	}
	entry := auditPipeline(core.AuditPipelineDelete, p)
	if err := a.noting(ctx, actor, entry, func(tx core.Store) error { return tx.DeletePipeline(ctx, id) }); err != nil {
		return err
	}
	for _, b := range active {
		a.bell.ring(topicCancel(b.ID), topicBuild(b.ID))
	}
	return nil
}

func (a *App) pipelineFor(ctx context.Context, actor core.Actor, act core.Action, id string) (core.Pipeline, error) {
	p, err := a.store.FindPipeline(ctx, id)
	if err != nil {
		return p, err
	}
	_, err = a.projectFor(ctx, a.store, actor, act, p.ProjectID)
	if core.KindOf(err) == core.KindNotFound {
		return core.Pipeline{}, core.Errorf(core.KindNotFound, "Pipeline not found")
	}
	return p, err
}

// FindPipeline returns a pipeline that the actor may see.
func (a *App) FindPipeline(ctx context.Context, actor core.Actor, id string) (core.Pipeline, error) {
	return a.pipelineFor(ctx, actor, core.ActRead, id)
}

// ListPipelines lists the pipelines of a project, oldest first.
func (a *App) ListPipelines(ctx context.Context, actor core.Actor, projectID string) ([]core.Pipeline, error) {
	if _, err := a.projectFor(ctx, a.store, actor, core.ActRead, projectID); err != nil {
		return nil, err
	}
	return a.store.ListPipelines(ctx, projectID)
}
