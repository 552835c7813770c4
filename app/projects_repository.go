package app

import (
	"context"
	"path/filepath"
	"strings"

	"github.com/oore-ci/oore/app/core"
)

// findRepository asks the forge, before any transaction, what the input names.
func (a *App) findRepository(ctx context.Context, actor core.Actor, in CreateProject) (core.Repository, error) {
	name, err := a.repositoryName(actor, &in)
	if err != nil {
		return core.Repository{}, err
	}
	if in.RepositoryID != "" {
		return a.store.FindRepository(ctx, in.RepositoryID)
	}
	forge, err := a.forge(in.Provider)
	if err != nil {
		return core.Repository{}, err
	}
	repo, err := forge.FindRepository(ctx, name)
	if core.KindOf(err) == core.KindNotFound {
		return repo, core.Codef(core.KindInvalid, core.CodeRepositoryUnknown, "%s", core.MessageOf(err))
	}
	if err != nil {
		return repo, err
	}
	now := a.now()
	repo.ID, repo.CreatedAt, repo.UpdatedAt = a.newID(), now, now
	return repo, nil
}

// keepFound stores what a forge said of a repository. One that was known already may have
// changed since it was read.
func keepFound(ctx context.Context, tx core.Store, in CreateProject, found core.Repository) (core.Repository, error) {
	if in.RepositoryID != "" {
		return tx.HoldRepository(ctx, found.ID)
	}
	return tx.SaveRepository(ctx, found)
}

// repositoryName checks that the input names one repository, and that folders of
// the server are named only by those who may.
func (a *App) repositoryName(actor core.Actor, in *CreateProject) (string, error) {
	named := 0
	for _, s := range []string{in.RepositoryID, in.LocalPath, in.FullName + in.CloneURL} {
		if s != "" {
			named++
		}
	}
	if named != 1 {
		return "", core.Errorf(core.KindInvalid,
			"Name the repository by exactly one of repository_id, repository {provider, full_name} and local_repository_path")
	}
	if path, ok := strings.CutPrefix(in.CloneURL, "file://"); ok {
		in.LocalPath, in.CloneURL = path, ""
	} else if strings.HasPrefix(in.CloneURL, "/") {
		in.LocalPath, in.CloneURL = in.CloneURL, ""
	}
	switch {
	case in.LocalPath != "":
		in.Provider = core.ProviderGit
		if err := core.Allow(actor, core.ActLocalFiles, nil); err != nil {
			return "", err
		}
		return a.localPath(in.LocalPath)
	case in.RepositoryID != "":
		return "", nil
	case in.Provider == core.ProviderGit:
		if in.CloneURL == "" {
			return "", core.Errorf(core.KindInvalid, "repository.clone_url: say where the repository is, for example https://host/name.git")
		}
		return in.CloneURL, nil
	case in.FullName == "":
		return "", core.Errorf(core.KindInvalid, "repository.full_name: say which repository, for example acme/shop")
	}
	return in.FullName, nil
}

// localPath resolves links before it compares, so that a link out of the roots is
// seen as what it is.
func (a *App) localPath(path string) (string, error) {
	refused := core.Errorf(core.KindInvalid,
		"local_repository_path: %s is no folder inside %s. The server's OORE_LOCAL_ROOTS says which folders are allowed.",
		path, strings.Join(a.localRoots, ", "))
	if !filepath.IsAbs(path) {
		return "", core.Errorf(core.KindInvalid, "local_repository_path: give an absolute path")
	}
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", refused.Because(err)
	}
	if a.demo != nil && a.demo.Is(real) {
		return real, nil
	}
	for _, root := range a.localRoots {
		realRoot, err := filepath.EvalSymlinks(root)
		if err != nil {
			continue
		}
		if rel, err := filepath.Rel(realRoot, real); err == nil && filepath.IsLocal(rel) {
			return real, nil
		}
	}
	return "", refused
}

func (a *App) forge(p core.Provider) (core.Forge, error) {
	if f, ok := a.forges[p]; ok {
		return f, nil
	}
	switch p {
	case core.ProviderGitHub:
		return nil, core.Errorf(core.KindInvalid, "This server does not speak to GitHub")
	case core.ProviderGitLab:
		return nil, core.Errorf(core.KindInvalid, "This server does not speak to GitLab")
	case core.ProviderGit, core.ProviderSlack:
	}
	return nil, core.Errorf(core.KindInvalid, "repository.provider: %q is none of github, gitlab, git", p)
}
