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
