package app

import (
	"context"
	"strings"

	"github.com/oore-ci/oore/app/core"
)

// DemoRepository is a sample repository in the server's data folder.
type DemoRepository interface {
	// Make makes it where there is none, and returns its folder.
	Make(ctx context.Context) (string, error)
	// Push pushes a commit whose test fails, or one that mends it.
	Push(ctx context.Context, broken bool) error
	// Is tells whether that folder is the one.
	Is(path string) bool
}

// StartDemo makes a project of the sample repository, the first time, and starts a build
// of it. KindUnavailable: this server has none.
func (a *App) StartDemo(ctx context.Context, actor core.Actor) (core.Build, error) {
	if err := core.Allow(actor, core.ActLocalFiles, nil); err != nil {
		return core.Build{}, err
	}
	if a.demo == nil {
		return core.Build{}, core.Errorf(core.KindUnavailable, "This server has no demo")
	}
	path, err := a.demo.Make(ctx)
	if err != nil {
		return core.Build{}, core.Errorf(core.KindUnavailable, "The sample repository could not be made; it needs git 2.32 or newer on the server").Because(err)
	}
	project, err := a.demoProject(ctx, actor, path)
	if err != nil {
		return core.Build{}, err
	}
	pipelines, err := a.store.ListPipelines(ctx, project.ID)
	if err != nil {
		return core.Build{}, err
	}
	if len(pipelines) == 0 {
		name := "Checks"
		made, err := a.CreatePipeline(ctx, actor, project.ID, PipelineInput{Name: &name})
		if err != nil {
			return core.Build{}, err
		}
		pipelines = append(pipelines, made)
	}
	return a.TriggerBuild(ctx, actor, TriggerBuild{ProjectID: project.ID, PipelineID: pipelines[0].ID, Type: core.TriggerManual})
}

func (a *App) demoProject(ctx context.Context, actor core.Actor, path string) (core.Project, error) {
	all, _, err := a.store.ListProjects(ctx, core.Page{})
	if err != nil {
		return core.Project{}, err
	}
	for _, p := range all {
		if a.IsDemo(p) {
			return p, nil
		}
	}
	return a.CreateProject(ctx, actor, CreateProject{Name: "Demo shop", Description: "A sample that came with Oore", LocalPath: path})
}

// IsDemo tells whether a project is that of the sample repository.
func (a *App) IsDemo(p core.Project) bool {
	return p.Repository.Provider == core.ProviderGit && a.isSample(p.Repository.CloneURL)
}

// isSample tells whether a folder is the sample repository, which may play a forge's.
func (a *App) isSample(path string) bool { return a.demo != nil && a.demo.Is(path) }

// PushDemo pushes a commit to the sample repository, whose test fails or is mended; the
// push starts a build as any other does.
func (a *App) PushDemo(ctx context.Context, actor core.Actor, projectID string, broken bool) error {
	project, err := a.projectFor(ctx, a.store, actor, core.ActEditProject, projectID)
	if err != nil {
		return err
	}
	if !a.IsDemo(project) {
		return core.Errorf(core.KindNotFound, "This project is not the demo")
	}
	return a.demo.Push(ctx, broken)
}

// placeholder is the address of an owner who has not said who they are.
const placeholder = "owner@local"

// Introduce says who the owner is that the server made for itself at its first start.
func (a *App) Introduce(ctx context.Context, actor core.Actor, name, email string) error {
	if err := core.Allow(actor, core.ActManageInstance, nil); err != nil {
		return err
	}
	return a.store.InTx(ctx, func(tx core.Store) error {
		u, err := tx.HoldUser(ctx, actor.UserID)
		if err != nil {
			return err
		}
		if u.Email != placeholder {
			return core.Errorf(core.KindConflict, "You have said who you are: %s, %s", u.Name, u.Email)
		}
		was := u
		u.Name, u.Email, u.UpdatedAt = strings.TrimSpace(name), strings.TrimSpace(email), a.now()
		if err := u.Validate(); err != nil {
			return err
		}
		if err := tx.UpdateUser(ctx, u); err != nil {
			return err
		}
		entry := auditUser(core.AuditUserIntroduce, u)
		entry.Changes = core.AuditChanges{}.With("name", was.Name, u.Name).With("email", was.Email, u.Email)
		return a.note(ctx, tx, actor, entry)
	})
}

// Introduced tells whether a user has said who they are.
func Introduced(u core.User) bool { return u.Email != placeholder }
