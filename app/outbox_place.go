package app

import (
	"context"

	"github.com/oore-ci/oore/app/core"
)

// show tells the report where the project wants it. What was begun elsewhere, before a
// setting was changed, goes on there to its end, and only then shows here: nothing else
// would ever end it, and a pull request may require it. Both say how the build ended, so
// that neither lets through what failed nor keeps out what passed.
func (a *App) show(ctx context.Context, e *core.Effect, repo core.Repository, reporter core.Reporter, r core.Report) error {
	place, err := a.placeFor(ctx, reporter, r)
	if err != nil {
		return err
	}
	if e.Place.Open() && (e.Place.Style != place.Style || e.Place.Context != place.Context) {
		taken, err := a.placeTaken(ctx, *e, repo)
		if err == nil && !taken {
			err = a.tell(ctx, e, repo, reporter, elsewhere(r, e.Place, place), e.Place.Style)
		}
		switch k := core.KindOf(err); {
		case err != nil && (k == core.KindUnavailable || k == core.KindLimited || k == core.KindInternal):
			return err
		case err != nil:
			a.warn(ctx, "end a status where it was shown before", "key", e.Key, "context", e.Place.Context, "error", err)
			e.Place.State = core.ReportError // for us it has ended
		case taken:
			e.Place.State = core.ReportError
		default:
			e.Place.State = r.State
		}
		if e.Place.Open() {
			return nil
		}
		e.RemoteID = ""
	}
	if err := a.tell(ctx, e, repo, reporter, r, place.Style); err != nil {
		return err
	}
	e.Place = place
	return nil
}

// elsewhere is the report as it is told where it was shown before.
func elsewhere(r core.Report, was, is core.StatusPlace) core.Report {
	r.Context = was.Context
	switch {
	case !r.State.Ended():
	case was.Context != is.Context:
		r.Description = "Reported as " + is.Context + " now"
	case is.Style == core.CheckRun:
		r.Description = "Reported as a check run now"
	default:
		r.Description = "Reported as a commit status now"
	}
	return r
}

// placeFor is where the report is to be shown: as the project wants it, where the forge can.
func (a *App) placeFor(ctx context.Context, reporter core.Reporter, r core.Report) (core.StatusPlace, error) {
	p, err := a.store.FindProject(ctx, r.Pipeline.ProjectID)
	place := core.StatusPlace{Style: core.CheckStatus, Context: r.Context, Ref: orElse(r.Build.Tag, r.Build.Branch), State: r.State}
	if _, ok := reporter.(core.CheckReporter); ok && p.Checks == core.CheckRun {
		place.Style = core.CheckRun
	}
	if forkOf(r.Build.PullRequest) != 0 {
		place.Ref = ""
	}
	return place, err
}

// tellDeleted ends the status of a pipeline that is no more, where it was shown.
func (a *App) tellDeleted(ctx context.Context, e *core.Effect, repo core.Repository, reporter core.Reporter) error {
	if taken, err := a.placeTaken(ctx, *e, repo); taken || err != nil {
		return err
	}
	return a.tell(ctx, e, repo, reporter, core.Report{
		Build: core.Build{SHA: e.SHA, PipelineID: e.PipelineID, Branch: e.Place.Ref},
		State: core.ReportError, Context: e.Place.Context, Description: e.Note.Text, TargetURL: a.publicURL,
	}, e.Place.Style)
}

// placeTaken tells whether another pipeline reports under the context on the commit by now:
// then it is its word that counts there.
func (a *App) placeTaken(ctx context.Context, e core.Effect, repo core.Repository) (bool, error) {
	owner, err := a.store.FindPipelineByContext(ctx, repo.ID, e.Place.Context)
	if err != nil || owner.ID == e.PipelineID {
		return false, gone(err)
	}
	_, err = a.store.NewestBuild(ctx, owner.ID, e.SHA)
	return err == nil, gone(err)
}
