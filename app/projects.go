package app

import (
	"context"
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
	Quota             core.Quota // administrators alone may give one
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
		Visibility: in.Visibility, Checks: in.Checks, ReportSkipped: in.ReportSkipped, Quota: in.Quota, CreatedAt: now, UpdatedAt: now,
	}
	setDefaults(&p)
	if err := p.Validate(); err != nil {
		return core.Project{}, err
	}
	if err := allowQuota(actor, core.Quota{}, p.Quota); err != nil {
		return core.Project{}, err
	}
	repo, err := a.findRepository(ctx, actor, in)
	if err != nil {
		return core.Project{}, err
	}
	err = a.store.InTx(ctx, func(tx core.Store) error {
		stored, err := keepFound(ctx, tx, in, repo)
		if err != nil {
			return err
		}
		p.RepositoryID, p.Repository = stored.ID, stored
		if err := forgetHeads(ctx, tx, stored.ID); err != nil {
			return err
		}
		if err := tx.CreateProject(ctx, p); err != nil {
			return err
		}
		entry := auditProject(core.AuditProjectCreate, p)
		entry.Changes = projectChanges(core.Project{}, p).With("repository", "", stored.FullName)
		return a.note(ctx, tx, actor, entry)
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

// UpdateProject names what to change; nil leaves it.
type UpdateProject struct {
	Name, Description, DefaultBranch *string
	Forks                            *core.ForkPolicy
	Comments                         *core.CommentPolicy
	TriggerRole                      *core.Role
	Visibility                       *core.Visibility
	Checks                           *core.CheckStyle
	ReportSkipped                    *bool
	Quota                            *core.Quota // all of it; administrators alone may change it
}

func (in UpdateProject) apply(p *core.Project) {
	set(&p.Name, in.Name)
	set(&p.Description, in.Description)
	set(&p.DefaultBranch, in.DefaultBranch)
	set(&p.Forks, in.Forks)
	set(&p.Comments, in.Comments)
	set(&p.TriggerRole, in.TriggerRole)
	set(&p.Visibility, in.Visibility)
	set(&p.Checks, in.Checks)
	set(&p.ReportSkipped, in.ReportSkipped)
	set(&p.Quota, in.Quota)
	setDefaults(p)
}

// UpdateProject changes a project's settings; its slug and repository stay. Who is let in,
// and what strangers' code may do, is changed by its maintainers alone.
func (a *App) UpdateProject(ctx context.Context, actor core.Actor, id string, in UpdateProject) (core.Project, error) {
	var p core.Project
	err := a.store.InTx(ctx, func(tx core.Store) (err error) {
		was, err := a.projectFor(ctx, tx, actor, core.ActEditProject, id)
		if err != nil {
			return err
		}
		p = was
		in.apply(&p)
		if p.Forks != was.Forks || p.TriggerRole != was.TriggerRole || p.Visibility != was.Visibility {
			if err := core.Allow(actor, core.ActManageProject, &was); err != nil {
				return err
			}
		}
		if err := allowQuota(actor, was.Quota, p.Quota); err != nil {
			return err
		}
		if err := p.Validate(); err != nil {
			return err
		}
		p.UpdatedAt = a.now()
		if err := tx.UpdateProject(ctx, p); err != nil {
			return err
		}
		entry := auditProject(core.AuditProjectUpdate, p)
		entry.Changes = projectChanges(was, p)
		return a.note(ctx, tx, actor, entry)
	})
	if in.Quota != nil && err == nil {
		a.bell.ring(topicQueue) // a higher bound may let a build go
	}
	return p, err
}

// allowQuota lets nobody change what bounds him.
func allowQuota(actor core.Actor, was, is core.Quota) error {
	if was == is {
		return nil
	}
	return core.Allow(actor, core.ActManageInstance, nil)
}

func set[T any](field *T, value *T) {
	if value != nil {
		*field = *value
	}
}

// DeleteProject removes a project with its pipelines, builds, logs and artifacts; what
// runs is stopped.
func (a *App) DeleteProject(ctx context.Context, actor core.Actor, id string) error {
	p, err := a.projectFor(ctx, a.store, actor, core.ActManageProject, id)
	if err != nil {
		return err
	}
	active, err := a.activeBuilds(ctx, a.store, core.BuildFilter{ProjectID: id})
	if err != nil {
		return err
	}
	entry := auditProject(core.AuditProjectDelete, p)
	if err := a.noting(ctx, actor, entry, func(tx core.Store) error { return tx.DeleteProject(ctx, id) }); err != nil {
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

// FindProject returns a project that the actor may see, by its id or its slug.
func (a *App) FindProject(ctx context.Context, actor core.Actor, id string) (core.Project, error) {
	p, err := a.store.FindProject(ctx, id)
	if core.KindOf(err) == core.KindNotFound {
		p, err = a.store.FindProjectBySlug(ctx, id)
	}
	if err == nil {
		err = core.Allow(actor, core.ActRead, &p)
	}
	return p, err
}

// ListProjects lists the projects that the actor may see, by name, and their number.
func (a *App) ListProjects(ctx context.Context, actor core.Actor, page core.Page) ([]core.Project, int, error) {
	if err := core.Allow(actor, core.ActRead, nil); err != nil {
		return nil, 0, err
	}
	if actor.SeesEverything() {
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
