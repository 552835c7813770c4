package web

import (
	"context"

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
