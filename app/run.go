package app

import (
	"context"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// ResolveCommit finds the commit that a build of the branch or tag would be of; of the
// commit, which may be given by the beginning of its SHA, if one is named. Unknown:
// KindInvalid, code invalid_ref.
func (a *App) ResolveCommit(ctx context.Context, actor core.Actor, projectID, ref, commit string) (core.Commit, error) {
	p, err := a.FindProject(ctx, actor, projectID)
	if err == nil {
		err = core.Allow(actor, core.ActTrigger, &p)
	}
	if err != nil {
		return core.Commit{}, err
	}
	if commit != "" && !core.ValidSHA(commit) {
		const least, most = 7, 40
		if len(commit) < least || len(commit) > most || !hexDigits(commit) {
			return core.Commit{}, core.Codef(core.KindInvalid, core.CodeInvalidRef, "commit_sha: give the commit's id, or its first 7 hexadecimal digits at least")
		}
		known := &conversation{projects: []core.Project{p}}
		if commit, err = a.expand(ctx, known, p.Repository, commit); err != nil {
			if k := core.KindOf(err); k == core.KindNotFound || k == core.KindConflict {
				err = core.Codef(core.KindInvalid, core.CodeInvalidRef, "commit_sha: %s", core.MessageOf(err))
			}
			return core.Commit{}, err
		}
	}
	return a.resolve(ctx, p.Repository, orElse(ref, p.Branch()), commit)
}

func hexDigits(s string) bool {
	for _, r := range s {
		if (r < '0' || r > '9') && (r < 'a' || r > 'f') {
			return false
		}
	}
	return true
}

// Forecast is what to expect of a build before it is asked for.
type Forecast struct {
	Usual   time.Duration // the median of the pipeline's last builds; 0: not known
	Fit     int           // runners that answer and have the labels
	Runners int           // all that there are
}

// Forecast tells for each pipeline of a project how long it takes and who may run it, by
// pipeline.
func (a *App) Forecast(ctx context.Context, actor core.Actor, projectID string) (map[string]Forecast, error) {
	p, err := a.FindProject(ctx, actor, projectID)
	if err != nil {
		return nil, err
	}
	pipelines, err := a.pipelineBuilds(ctx, p)
	if err != nil {
		return nil, err
	}
	runners, err := a.store.ListRunners(ctx)
	all := make(map[string]Forecast, len(pipelines))
	for _, pipeline := range pipelines {
		f := a.fit(runners, pipeline.Labels)
		f.Usual = usual(pipeline.Builds)
		all[pipeline.ID] = f
	}
	return all, err
}

// FitFor counts the runners that would take a build with the labels.
func (a *App) FitFor(ctx context.Context, actor core.Actor, labels []string) (Forecast, error) {
	if err := core.Allow(actor, core.ActRead, nil); err != nil {
		return Forecast{}, err
	}
	runners, err := a.store.ListRunners(ctx)
	return a.fit(runners, labels), err
}

func (a *App) fit(runners []core.Runner, labels []string) Forecast {
	f := Forecast{Runners: len(runners)}
	for _, r := range runners {
		if r.State(a.now()) == core.RunnerOnline && core.Takes(r.AllLabels(), labels) {
			f.Fit++
		}
	}
	return f
}

// usual is the median of the last ten builds that ran to their end.
func usual(builds []core.Build) time.Duration {
	var took []time.Duration
	for _, b := range builds {
		ran := b.StartedAt != nil && b.FinishedAt != nil && (b.Status == core.BuildSucceeded || b.Status == core.BuildFailed || b.Status == core.BuildTimedOut)
		if ran && len(took) < 10 {
			took = append(took, b.Duration(*b.FinishedAt))
		}
	}
	return core.Median(took)
}
