package apitest

import (
	"context"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

// Overview answers what ListProjects does, and Queue.
func (f *Commands) Overview(ctx context.Context, actor core.Actor, mine bool) (app.Overview, error) {
	projects, _, err := f.ListProjects(ctx, actor, core.Page{})
	if err == nil {
		err = f.note("Overview", actor, "", mine)
	}
	return app.Overview{Projects: projects, Queue: f.Queue}, err
}

// Checklist answers that nothing is to do.
func (f *Commands) Checklist(_ context.Context, actor core.Actor) ([]app.ToDo, error) {
	return nil, f.note("Checklist", actor, "", nil)
}

// Find answers the projects, pipelines and builds that the lists answer.
func (f *Commands) Find(_ context.Context, actor core.Actor, text string) (app.Found, error) {
	return app.Found{Projects: []core.Project{f.Project}, Pipelines: []core.Pipeline{f.Pipeline}, Builds: []core.Build{f.Detail.Build}}, f.note("Find", actor, "", text)
}

// FindBadge answers a badge that everybody may see, or Err.
func (f *Commands) FindBadge(_ context.Context, actor core.Actor, projectID, _, branch string) (app.Badge, error) {
	return app.Badge{Pipeline: f.Pipeline.Name, Status: core.BuildSucceeded, Public: true}, f.note("FindBadge", actor, projectID, branch)
}

// Introduce answers Err.
func (f *Commands) Introduce(_ context.Context, actor core.Actor, name, _ string) error {
	return f.note("Introduce", actor, "", name)
}

// StartDemo answers Detail's build.
func (f *Commands) StartDemo(_ context.Context, actor core.Actor) (core.Build, error) {
	return f.Detail.Build, f.note("StartDemo", actor, "", nil)
}

// PushDemo answers Err.
func (f *Commands) PushDemo(_ context.Context, actor core.Actor, projectID string, broken bool) error {
	return f.note("PushDemo", actor, projectID, broken)
}

// IsDemo says no.
func (f *Commands) IsDemo(core.Project) bool { return false }

// FindInstance answers an instance, or Err.
func (f *Commands) FindInstance(_ context.Context, actor core.Actor) (app.Instance, error) {
	return app.Instance{Version: "1", PublicURL: "https://ci.example.com", Facts: []core.Fact{{Name: "Data folder", Value: "/data", Setting: "OORE_DATA_DIR"}}}, f.note("FindInstance", actor, "", nil)
}

// MeasureStorage answers one part, or Err.
func (f *Commands) MeasureStorage(_ context.Context, actor core.Actor) (core.Storage, error) {
	return core.Storage{Parts: []core.Usage{{Name: "Caches", Path: "/data/cache", Bytes: 3, Files: 2, Whole: true}}, Free: 5, Total: 9}, f.note("MeasureStorage", actor, "", nil)
}
