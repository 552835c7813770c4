package api

import (
	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

type buildJSON struct {
	ID            string           `json:"id"`
	ProjectID     string           `json:"project_id"`
	PipelineID    string           `json:"pipeline_id"`
	BuildNumber   int              `json:"build_number"`
	Status        core.BuildStatus `json:"status"`
	StatusReason  string           `json:"status_reason,omitempty"`
	TriggerType   core.TriggerType `json:"trigger_type"`
	TriggerActor  string           `json:"trigger_actor,omitempty"`
	TriggerEvent  string           `json:"trigger_event,omitempty"`
	TriggerRef    string           `json:"trigger_ref,omitempty"`
	Note          string           `json:"note,omitempty"`
	Platforms     []string         `json:"platforms,omitempty"`
	Branch        string           `json:"branch,omitempty"`
	CommitSHA     string           `json:"commit_sha,omitempty"`
	CommitMessage string           `json:"commit_message,omitempty"`
	CommitAuthor  string           `json:"commit_author,omitempty"`
	PullRequest   *pullRequestJSON `json:"pull_request,omitempty"`
	SourceBuildID string           `json:"source_build_id,omitempty"`
	RunnerID      string           `json:"runner_id,omitempty"`
	RunnerName    string           `json:"runner_name,omitempty"`
	ExitCode      *int             `json:"exit_code,omitempty"`
	WebURL        string           `json:"web_url"`
	Queue         *placeJSON       `json:"queue,omitempty"` // while it waits, where one build or a list is asked for
	QueuedAt      int64            `json:"queued_at"`
	AssignedAt    *int64           `json:"assigned_at,omitempty"`
	StartedAt     *int64           `json:"started_at,omitempty"`
	FinishedAt    *int64           `json:"finished_at,omitempty"`
	CreatedAt     int64            `json:"created_at"`
	UpdatedAt     int64            `json:"updated_at"`
}

type pullRequestJSON struct {
	Number int    `json:"number"`
	Title  string `json:"title"`
	URL    string `json:"url"`
	Fork   bool   `json:"fork"`
}

type buildDetailJSON struct {
	buildJSON
	StatusMessage string      `json:"status_message,omitempty"`
	Tag           string      `json:"tag,omitempty"`
	DeliveryID    string      `json:"delivery_id,omitempty"`
	Events        []eventJSON `json:"events"`
	Steps         []stepJSON  `json:"steps"`

	Problems []core.Annotation `json:"problems,omitempty"`
	Tests    *testsJSON        `json:"tests,omitempty"`
}

type testsJSON struct {
	Passed   int                `json:"passed"`
	Failed   int                `json:"failed"`
	Skipped  int                `json:"skipped"`
	Duration float64            `json:"duration_seconds"`
	Failures []core.TestFailure `json:"failures"`
}

type eventJSON struct {
	From   core.BuildStatus `json:"from,omitempty"`
	To     core.BuildStatus `json:"to"`
	Actor  string           `json:"actor,omitempty"`
	Reason string           `json:"reason,omitempty"`
	At     int64            `json:"at"`
}

type stepJSON struct {
	Name          string          `json:"name"`
	Status        core.StepStatus `json:"status"`
	ExitCode      *int            `json:"exit_code,omitempty"`
	FirstSequence int64           `json:"first_sequence"`
	LastSequence  *int64          `json:"last_sequence,omitempty"`
	StartedAt     int64           `json:"started_at"`
	FinishedAt    *int64          `json:"finished_at,omitempty"`
}

// RenderBuild is a build as the API shows it, for those who send it elsewhere.
func RenderBuild(b core.Build, publicURL string) any { return renderBuild(b, publicURL) }

func (a *API) renderBuild(b core.Build) buildJSON { return renderBuild(b, a.publicURL) }

func renderBuild(b core.Build, publicURL string) buildJSON {
	out := buildJSON{
		ID: b.ID, ProjectID: b.ProjectID, PipelineID: b.PipelineID, BuildNumber: b.Number,
		Status: b.Status, StatusReason: b.StatusReason,
		TriggerType: b.TriggerType, TriggerActor: b.TriggerActor, TriggerEvent: b.TriggerEvent, TriggerRef: b.TriggerRef,
		Note: b.Note, Platforms: b.Platforms, Branch: b.Branch, CommitSHA: b.SHA, CommitMessage: b.CommitMessage, CommitAuthor: b.CommitAuthor,
		SourceBuildID: b.SourceBuildID, RunnerID: b.RunnerID, RunnerName: b.RunnerName, ExitCode: b.ExitCode,
		WebURL:   publicURL + "/builds/" + b.ID,
		QueuedAt: b.QueuedAt.Unix(), AssignedAt: unix(b.AssignedAt), StartedAt: unix(b.StartedAt), FinishedAt: unix(b.FinishedAt),
		CreatedAt: b.CreatedAt.Unix(), UpdatedAt: b.UpdatedAt.Unix(),
	}
	if pr := b.PullRequest; pr != nil {
		out.PullRequest = &pullRequestJSON{Number: pr.Number, Title: pr.Title, URL: pr.URL, Fork: pr.Fork}
	}
	return out
}

func renderTests(s *core.TestSummary) *testsJSON {
	if s == nil {
		return nil
	}
	failures := append([]core.TestFailure{}, s.Failures...)
	return &testsJSON{Passed: s.Passed, Failed: s.Failed, Skipped: s.Skipped, Duration: s.Duration.Seconds(), Failures: failures}
}

func (a *API) renderDetail(d app.BuildDetail) buildDetailJSON {
	return buildDetailJSON{
		buildJSON:     a.renderBuild(d.Build),
		StatusMessage: d.Build.StatusMessage, Tag: d.Build.Tag, DeliveryID: d.Build.DeliveryID,
		Problems: d.Build.Problems, Tests: renderTests(d.Build.Tests),
		Events: renderAll(d.Events, func(e core.BuildEvent) eventJSON {
			return eventJSON{From: e.From, To: e.To, Actor: e.Actor, Reason: e.Reason, At: e.At.Unix()}
		}),
		Steps: renderAll(d.Steps, func(s core.Step) stepJSON {
			return stepJSON{
				Name: s.Name, Status: s.Status, ExitCode: s.ExitCode, FirstSequence: s.FirstSequence,
				LastSequence: s.LastSequence, StartedAt: s.StartedAt.Unix(), FinishedAt: unix(s.FinishedAt),
			}
		}),
	}
}
