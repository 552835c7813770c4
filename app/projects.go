package app

import (
	"context"
	"path/filepath"
	"strings"

	"github.com/oore-ci/oore/app/core"
)

// CreateProject describes a new project. Exactly one of LocalPath, RepositoryID and
// the pair Provider + FullName (or CloneURL for ProviderGit) names the repository.
type CreateProject struct {
	Name, Description string
	RepositoryID      string
	Provider          core.Provider
	FullName          string
	CloneURL          string
	LocalPath         string
	DefaultBranch     string
	Forks             core.ForkPolicy    // default approve
	Comments          core.CommentPolicy // default always
	TriggerRole       core.Role          // default viewer
	Visibility        core.Visibility    // default instance
	Checks            core.CheckStyle    // default status
	ReportSkipped     bool
}

// CreateProject links a repository. An unknown repository is KindInvalid, code
// repository_not_found; a name in use KindConflict, code name_taken.
func (a *App) CreateProject(ctx context.Context, actor core.Actor, in CreateProject) (core.Project, error) {
	if err := core.Allow(actor, core.ActCreateProject, nil); err != nil {
		return core.Project{}, err
	}
	now := a.now()
	p := core.Project{
		ID: a.newID(), Name: strings.TrimSpace(in.Name), Slug: core.Slug(in.Name), Description: in.Description,
		DefaultBranch: in.DefaultBranch, Forks: in.Forks, Comments: in.Comments, TriggerRole: in.TriggerRole,
		Visibility: in.Visibility, Checks: in.Checks, ReportSkipped: in.ReportSkipped, CreatedAt: now, UpdatedAt: now,
	}
	setDefaults(&p)
	if err := p.Validate(); err != nil {
		return core.Project{}, err
	}
	repo, err := a.findRepository(ctx, actor, in)
	if err != nil {
		return core.Project{}, err
	}
	err = a.store.InTx(ctx, func(tx core.Store) error {
		stored, err := tx.SaveRepository(ctx, repo)
		if err != nil {
			return err
		}
		p.RepositoryID, p.Repository = stored.ID, stored
		return tx.CreateProject(ctx, p)
	})
	if err != nil {
		return core.Project{}, err
	}
	a.log.Info("project created", "project", p.ID, "repository", p.Repository.FullName, "actor", actor.Name)
	if err := a.ensureHook(ctx, p.Repository); err != nil {
		a.log.Warn("set up the webhook of a new project", "project", p.ID, "error", err)
	}
	return p, nil
}

func setDefaults(p *core.Project) {
	if p.Forks == "" {
		p.Forks = core.ForksApprove
	}
	if p.Comments == "" {
		p.Comments = core.CommentsAlways
	}
	if p.TriggerRole == "" {
		p.TriggerRole = core.RoleViewer
	}
	if p.Visibility == "" {
		p.Visibility = core.VisibleInstance
	}
	if p.Checks == "" {
		p.Checks = core.CheckStatus
	}
}

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

// UpdateProject names what to change; nil leaves it.
type UpdateProject struct {
	Name, Description, DefaultBranch *string
	Forks                            *core.ForkPolicy
	Comments                         *core.CommentPolicy
	TriggerRole                      *core.Role
	Visibility                       *core.Visibility
	Checks                           *core.CheckStyle
	ReportSkipped                    *bool
}

// UpdateProject changes a project's settings; its slug and repository stay.
func (a *App) UpdateProject(ctx context.Context, actor core.Actor, id string, in UpdateProject) (core.Project, error) {
	if _, err := a.projectFor(ctx, a.store, actor, core.ActManageProject, id); err != nil {
		return core.Project{}, err
	}
	var p core.Project
	err := a.store.InTx(ctx, func(tx core.Store) (err error) {
		if p, err = tx.FindProject(ctx, id); err != nil {
			return err
		}
		set(&p.Name, in.Name)
		set(&p.Description, in.Description)
		set(&p.DefaultBranch, in.DefaultBranch)
		set(&p.Forks, in.Forks)
		set(&p.Comments, in.Comments)
		set(&p.TriggerRole, in.TriggerRole)
		set(&p.Visibility, in.Visibility)
		set(&p.Checks, in.Checks)
		set(&p.ReportSkipped, in.ReportSkipped)
		setDefaults(&p)
		if err := p.Validate(); err != nil {
			return err
		}
		p.UpdatedAt = a.now()
		return tx.UpdateProject(ctx, p)
	})
	return p, err
}

func set[T any](field *T, value *T) {
	if value != nil {
		*field = *value
	}
}

// DeleteProject removes a project with its pipelines, builds, logs and artifacts; what
// runs is stopped.
func (a *App) DeleteProject(ctx context.Context, actor core.Actor, id string) error {
	if _, err := a.projectFor(ctx, a.store, actor, core.ActManageProject, id); err != nil {
		return err
	}
	active, err := a.activeBuilds(ctx, a.store, core.BuildFilter{ProjectID: id})
	if err != nil {
		return err
	}
	if err := a.store.DeleteProject(ctx, id); err != nil {
		return err
	}
	for _, b := range active {
		a.bell.ring(topicCancel(b.ID), topicBuild(b.ID))
	}
	a.bell.ring(topicSweep)
	a.log.Info("project deleted", "project", id, "actor", actor.Name)
	return nil
}

// projectFor loads a project for an action of the actor: what may not be seen is not found.
func (a *App) projectFor(ctx context.Context, s core.Store, actor core.Actor, act core.Action, id string) (core.Project, error) {
	p, err := s.FindProject(ctx, id)
	if err != nil {
		return p, err
	}
	return p, core.Allow(actor, act, &p)
}

// FindProject returns a project that the actor may see.
func (a *App) FindProject(ctx context.Context, actor core.Actor, id string) (core.Project, error) {
	return a.projectFor(ctx, a.store, actor, core.ActRead, id)
}

// ListProjects lists the projects that the actor may see, by name, and their number.
func (a *App) ListProjects(ctx context.Context, actor core.Actor, page core.Page) ([]core.Project, int, error) {
	if err := core.Allow(actor, core.ActRead, nil); err != nil {
		return nil, 0, err
	}
	if actor.Role.AtLeast(core.RoleAdmin) {
		return a.store.ListProjects(ctx, page)
	}
	seen, err := a.visibleProjects(ctx, actor)
	if err != nil {
		return nil, 0, err
	}
	from := min(page.Offset, len(seen))
	return seen[from:min(from+page.Limit, len(seen))], len(seen), nil
}

func (a *App) visibleProjects(ctx context.Context, actor core.Actor) ([]core.Project, error) {
	all, _, err := a.store.ListProjects(ctx, core.Page{})
	if err != nil {
		return nil, err
	}
	seen := all[:0]
	for _, p := range all {
		if core.Allow(actor, core.ActRead, &p) == nil {
			seen = append(seen, p)
		}
	}
	return seen, nil
}

// ListRepositories lists the linked repositories of a provider, for the house's own
// watchers.
func (a *App) ListRepositories(ctx context.Context, p core.Provider) ([]core.Repository, error) {
	return a.store.ListRepositories(ctx, p)
}
