package app

import (
	"context"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// measureTime is how long the measuring of the server's files may take.
const measureTime = 5 * time.Second

// Instance is what this server is, and how it is set.
type Instance struct {
	Version   string
	PublicURL string
	Facts     []core.Fact
}

// FindInstance tells what this server is. For admins.
func (a *App) FindInstance(_ context.Context, actor core.Actor) (Instance, error) {
	if err := core.Allow(actor, core.ActManageInstance, nil); err != nil {
		return Instance{}, err
	}
	return Instance{Version: a.version, PublicURL: a.publicURL, Facts: a.facts}, nil
}

// MeasureStorage tells what the server's files take. For admins; it takes up to five
// seconds, and says so where these were too few.
func (a *App) MeasureStorage(ctx context.Context, actor core.Actor) (core.Storage, error) {
	if err := core.Allow(actor, core.ActManageInstance, nil); err != nil {
		return core.Storage{}, err
	}
	if a.storage == nil {
		return core.Storage{}, core.Errorf(core.KindUnavailable, "This server does not measure its files")
	}
	ctx, cancel := context.WithTimeout(ctx, measureTime)
	defer cancel()
	return a.storage(ctx), nil
}
