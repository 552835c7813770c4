package app

import (
	"context"
	"sync"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// topicBuilds rings when a build is made or moves to another state.
const topicBuilds = "builds"

// moved tells the readers of a build, and of lists, that its state changed.
func (a *App) moved(buildID string) {
	a.changed(buildID)
	a.listed()
}

// listed tells the readers of lists that something in them changed.
func (a *App) listed() {
	a.versions.forget()
	a.bell.ring(topicBuilds)
}

// BuildsChanged returns a channel that closes when a build is made here or moves to
// another state next. Take it before reading.
func (a *App) BuildsChanged() <-chan struct{} { return a.bell.wait(topicBuilds) }

// BuildsVersion is another one whenever a list of builds may have changed, be it in
// another process. It tells of all builds, those that the actor may not see too, and
// nothing of any.
func (a *App) BuildsVersion(ctx context.Context, actor core.Actor) (core.BuildsVersion, error) {
	if err := core.Allow(actor, core.ActRead, nil); err != nil {
		return core.BuildsVersion{}, err
	}
	return a.versions.read(func() (core.BuildsVersion, error) { return a.store.BuildsVersion(ctx) })
}

// versions lets all readers of lists share one look a second.
type versions struct {
	mu      sync.Mutex
	version core.BuildsVersion
	until   time.Time
}

func (v *versions) read(load func() (core.BuildsVersion, error)) (core.BuildsVersion, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if time.Now().Before(v.until) {
		return v.version, nil
	}
	version, err := load()
	if err == nil {
		v.version, v.until = version, time.Now().Add(time.Second)
	}
	return version, err
}

func (v *versions) forget() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.until = time.Time{}
}
