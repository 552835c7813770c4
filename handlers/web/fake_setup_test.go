package web

import (
	"context"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

func (f *fake) Introduce(_ context.Context, _ core.Actor, name, email string) error {
	return f.ask("introduce %s %s", name, email)
}

func (f *fake) StartDemo(context.Context, core.Actor) (core.Build, error) {
	return core.Build{ID: "b1"}, f.ask("demo")
}

func (f *fake) PushDemo(_ context.Context, _ core.Actor, projectID string, broken bool) error {
	return f.ask("push %s %v", projectID, broken)
}

func (f *fake) Ready(context.Context) error { return f.refuse }

// IsDemo makes the demo of the project with hostile names.
func (f *fake) IsDemo(p core.Project) bool { return p.ID == "p2" }

func (f *fake) FindInstance(_ context.Context, actor core.Actor) (app.Instance, error) {
	return app.Instance{Version: "1.2.3", PublicURL: "https://ci.example.com", Facts: []core.Fact{{Name: "Data folder", Value: hostile, Setting: "OORE_DATA_DIR"}, {Name: "Machine", Value: "linux/amd64"}}},
		core.Allow(actor, core.ActManageInstance, nil)
}

func (f *fake) MeasureStorage(_ context.Context, actor core.Actor) (core.Storage, error) {
	return core.Storage{Free: 20 << 30, Total: 100 << 30, Parts: []core.Usage{
		{Name: "Artifacts, and logs of ended builds", Path: "/data/blobs", Bytes: 3 << 30, Files: 812, Whole: true}, {Name: "Caches of builds", Path: hostile, Bytes: 1 << 30, Files: 9},
	}}, core.Allow(actor, core.ActManageInstance, nil)
}

// LookAtRepository finds a Flutter app in /home/me/shop, a file in /home/me/lib, nothing in
// /home/me/notes, a project of /home/me/linked, and cannot read an address.
func (f *fake) LookAtRepository(_ context.Context, _ core.Actor, address string) (app.RepositoryLook, error) {
	l := app.RepositoryLook{
		Name: "shop", Branch: "main", Commit: core.Commit{SHA: "a1b2c3d4e5f60718293a4b5c6d7e8f9012345678", Message: hostile},
		App: core.Pubspec{Name: "shop", Flutter: true}, Platforms: []string{"ios"}, Labels: []string{"macos"}, Forecast: app.Forecast{Fit: 1, Runners: 3},
	}
	switch address {
	case "/home/me/shop":
	case "/home/me/lib":
		l.Name, l.App, l.Platforms, l.Labels, l.Workflow = "lib", core.Pubspec{}, nil, nil, ".oore.yaml"
	case "/home/me/notes":
		l.Name, l.App, l.Platforms, l.Labels = hostile, core.Pubspec{}, nil, nil
	case "/home/me/linked":
		l.Linked, l.Flutter = &core.Project{ID: "p1", Name: hostile}, "3.24.5"
	case "https://git.example.com/x.git":
		l.App, l.Platforms, l.Labels, l.Unread = core.Pubspec{}, nil, nil, "git cannot reach it "+hostile
	default:
		return l, core.Errorf(core.KindInvalid, "local_repository_path: %s is no folder inside /home", address)
	}
	return l, f.refuse
}

func (f *fake) StartRepository(_ context.Context, _ core.Actor, address string) (core.Build, error) {
	return core.Build{ID: "b1"}, f.ask("start %s", address)
}
