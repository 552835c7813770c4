package web

import (
	"context"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

func (f *fake) FindRetention(_ context.Context, actor core.Actor) (core.Retention, error) {
	return core.DefaultRetention(), core.Allow(actor, core.ActManageInstance, nil)
}

func (f *fake) UpdateRetention(_ context.Context, actor core.Actor, in app.RetentionInput) (core.Retention, error) {
	f.retained = in
	return core.DefaultRetention(), f.change(actor, "retention")
}

func (f *fake) PreviewRetention(_ context.Context, _ core.Actor, in app.RetentionInput) (core.Retention, core.Reclaims, error) {
	f.retained = in
	return core.DefaultRetention(), core.Reclaims{Builds: core.Reclaim{Count: 1204, Bytes: 33 << 20}}, f.refuse
}
