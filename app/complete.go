package app

import (
	"context"
	"slices"

	"github.com/oore-ci/oore/app/core"
)

// complete asks the forge for what the payload does not say and the decision needs.
// A forge that cannot say holds nothing up: better one build too many than one that
// is missing.
func (a *App) complete(ctx context.Context, u understood, candidates []candidate) core.Event {
	if len(candidates) == 0 || u.err != nil || u.event.Kind == core.EventNone || u.event.Ignored != nil {
		return u.event
	}
	return a.completePaths(ctx, a.completeMessage(ctx, u.event, candidates[0].project.Repository), candidates)
}

// completeMessage finds the message of a pull request's head, which may say [skip ci].
func (a *App) completeMessage(ctx context.Context, e core.Event, repo core.Repository) core.Event {
	forge, ok := a.forges[repo.Provider]
	if !ok || e.Message != "" || e.SHA == "" {
		return e
	}
	commit, err := forge.ResolveRef(ctx, repo, e.SHA)
	if err != nil {
		a.warn(ctx, "ask for a commit's message", "repository", e.RepositoryName, "sha", e.SHA, "error", err)
		return e
	}
	e.Message, e.Author = commit.Message, orElse(e.Author, commit.Author)
	return e
}

// completePaths finds the changed files, if a pipeline cares.
func (a *App) completePaths(ctx context.Context, e core.Event, candidates []candidate) core.Event {
	repo := candidates[0].project.Repository
	s, ok := a.forges[repo.Provider].(core.Surveyor)
	cares := slices.ContainsFunc(candidates, func(c candidate) bool { return len(c.pipeline.Trigger.Paths) > 0 })
	if !ok || !cares || e.PathsComplete {
		return e
	}
	paths, complete, err := s.Paths(ctx, repo, e)
	if err != nil {
		a.warn(ctx, "ask for the changed files", "repository", e.RepositoryName, "sha", e.SHA, "error", err)
		return e
	}
	e.Paths, e.PathsComplete = paths, complete
	return e
}
