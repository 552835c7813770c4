package apitest

import (
	"context"

	"github.com/oore-ci/oore/app/core"
)

// BuildsChanged never closes.
func (f *Commands) BuildsChanged() <-chan struct{} { return nil }

// BuildsVersion is always the same.
func (f *Commands) BuildsVersion(context.Context, core.Actor) (core.BuildsVersion, error) {
	return core.BuildsVersion{}, nil
}

// LogOutline finds no groups.
func (f *Commands) LogOutline(context.Context, core.Actor, string) ([]core.LogGroup, error) {
	return nil, nil
}

// UsualTimes knows none.
func (f *Commands) UsualTimes(context.Context, core.Actor, core.Build) (core.UsualTimes, error) {
	return core.UsualTimes{}, nil
}

// TestHistory knows none.
func (f *Commands) TestHistory(context.Context, core.Actor, core.Build) ([]core.Build, error) {
	return nil, nil
}
