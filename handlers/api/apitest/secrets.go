package apitest

import (
	"context"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

// SetSecret answers ProjectSecret.
func (f *Commands) SetSecret(_ context.Context, actor core.Actor, projectID string, in app.SetSecret) (core.Secret, error) {
	return f.ProjectSecret, f.note("SetSecret", actor, projectID, in)
}

// DeleteSecret answers Err.
func (f *Commands) DeleteSecret(_ context.Context, actor core.Actor, projectID, name string) error {
	return f.note("DeleteSecret", actor, projectID, name)
}

// ListSecrets answers ProjectSecret.
func (f *Commands) ListSecrets(_ context.Context, actor core.Actor, projectID string) ([]core.Secret, error) {
	return []core.Secret{f.ProjectSecret}, f.note("ListSecrets", actor, projectID, nil)
}
