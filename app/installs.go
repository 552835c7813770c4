package app

import (
	"context"
	"io"

	"github.com/oore-ci/oore/app/core"
)

// installURL is the address of an artifact's install page: with its id for who has signed
// in, with a secret for everybody.
func (a *App) installURL(idOrSecret string) string { return a.publicURL + "/i/" + idOrSecret }

// OpenIcon opens the icon of an artifact's application, a PNG; KindNotFound: it has none.
func (a *App) OpenIcon(ctx context.Context, actor core.Actor, id string) (io.ReadSeekCloser, error) {
	artifact, err := a.FindArtifact(ctx, actor, id)
	if err != nil {
		return nil, err
	}
	return a.openIcon(ctx, artifact)
}

// OpenSharedIcon is OpenIcon for a share link or an install.
func (a *App) OpenSharedIcon(ctx context.Context, secret string) (io.ReadSeekCloser, error) {
	_, artifact, err := a.shared(ctx, secret)
	if err != nil {
		return nil, err
	}
	return a.openIcon(ctx, artifact)
}

func (a *App) openIcon(ctx context.Context, artifact core.Artifact) (io.ReadSeekCloser, error) {
	if artifact.IconSHA256 == "" {
		return nil, core.Errorf(core.KindNotFound, "%s has no icon", artifact.Name)
	}
	return a.blobs.Open(ctx, artifact.IconSHA256)
}

// maxReleases bounds the list of what testers may install.
const maxReleases = 100

// ListReleases lists the newest build of each pipeline and branch or tag that made
// something to install, those of the default branch first, then the newest. project is
// an id or a slug.
func (a *App) ListReleases(ctx context.Context, actor core.Actor, project string) (core.Project, []core.Release, error) {
	p, err := a.findProjectNamed(ctx, actor, project)
	if err != nil {
		return p, nil, err
	}
	all, err := a.store.ListReleases(ctx, p.ID, maxReleases)
	if err != nil {
		return p, nil, err
	}
	var first, others []core.Release
	for _, r := range all {
		if r.Artifacts = a.kept(r.Artifacts); len(r.Artifacts) == 0 {
			continue
		}
		if r.Build.Branch == p.Branch() && r.Build.Tag == "" {
			first = append(first, r)
		} else {
			others = append(others, r)
		}
	}
	return p, append(first, others...), nil
}

// kept leaves out what has expired.
func (a *App) kept(artifacts []core.Artifact) []core.Artifact {
	var kept []core.Artifact
	for _, artifact := range artifacts {
		if artifact.ExpiresAt == nil || a.now().Before(*artifact.ExpiresAt) {
			kept = append(kept, artifact)
		}
	}
	return kept
}

// findProjectNamed finds a project that the actor may see by its id or slug.
func (a *App) findProjectNamed(ctx context.Context, actor core.Actor, name string) (core.Project, error) {
	seen, err := a.visibleProjects(ctx, actor)
	if err != nil {
		return core.Project{}, err
	}
	for _, p := range seen {
		if p.ID == name || p.Slug == name {
			return p, nil
		}
	}
	return core.Project{}, core.Errorf(core.KindNotFound, "Project not found")
}
