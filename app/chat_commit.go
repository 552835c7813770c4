package app

import (
	"context"
	"slices"
	"strings"

	"github.com/oore-ci/oore/app/core"
)

// expand finds the commit that a person means by the beginning of its SHA: among what was
// built, what arrived and what the pull request stands at, else the forge says.
func (a *App) expand(ctx context.Context, c *conversation, repo core.Repository, short string) (string, error) {
	if core.ValidSHA(short) {
		return short, nil
	}
	known, err := a.commitsLike(ctx, c, repo, short)
	switch {
	case err != nil:
		return "", err
	case len(known) == 1:
		return known[0], nil
	case len(known) > 1:
		return "", core.Codef(core.KindConflict, "ambiguous", "%d commits begin with %s: %s. Write more of the one that you mean.", len(known), core.CodeSpan(short), some(known))
	}
	finder, ok := a.forges[repo.Provider].(core.CommitFinder)
	if !ok {
		return "", core.Codef(core.KindNotFound, "ref_not_found", "No commit that begins with %s was built here; give it by its whole SHA.", core.CodeSpan(short))
	}
	found, err := finder.FindCommit(ctx, repo, short)
	if core.KindOf(err) == core.KindNotFound {
		return "", core.Codef(core.KindNotFound, "ref_not_found", "%s has no commit, or more than one, that begins with %s.", repo.FullName, core.CodeSpan(short)).Because(err)
	}
	return found.SHA, err
}

// commitsLike lists the commits of a repository that we know by a beginning, each once.
func (a *App) commitsLike(ctx context.Context, c *conversation, repo core.Repository, short string) ([]string, error) {
	f := core.BuildFilter{RepositoryID: repo.ID, SHAPrefix: short, ProjectIDs: []string{}}
	for _, p := range c.projects {
		f.ProjectIDs = append(f.ProjectIDs, p.ID)
	}
	builds, _, err := a.store.ListBuilds(ctx, f, core.Page{Limit: 200})
	if err != nil {
		return nil, err
	}
	arrived, err := a.deliveriesOf(ctx, repo, core.DeliveryFilter{SHAPrefix: short})
	if err != nil {
		return nil, err
	}
	var all []string
	for _, b := range builds {
		all = append(all, b.SHA)
	}
	for _, d := range arrived {
		all = append(all, d.SHA)
	}
	if c.pull != nil && strings.HasPrefix(c.pull.SHA, short) {
		all = append(all, c.pull.SHA)
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}
