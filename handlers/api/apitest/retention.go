package apitest

import (
	"context"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

// FindRetention answers the default.
func (f *Commands) FindRetention(_ context.Context, actor core.Actor) (core.Retention, error) {
	return core.DefaultRetention(), f.note("FindRetention", actor, "", nil)
}

// UpdateRetention answers the default.
func (f *Commands) UpdateRetention(_ context.Context, actor core.Actor, in app.RetentionInput) (core.Retention, error) {
	return core.DefaultRetention(), f.note("UpdateRetention", actor, "", in)
}

// PreviewRetention answers the default, and nothing to delete.
func (f *Commands) PreviewRetention(_ context.Context, actor core.Actor, in app.RetentionInput) (core.Retention, core.Reclaims, error) {
	return core.DefaultRetention(), core.Reclaims{}, f.note("PreviewRetention", actor, "", in)
}
