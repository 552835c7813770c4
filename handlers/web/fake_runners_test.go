package web

import (
	"context"
	"time"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

// fillRunners adds one in each state.
func (f *fake) fillRunners() {
	row := func(id, name string, seen time.Duration, change func(*app.RunnerDetail)) {
		r := app.RunnerDetail{Runner: core.Runner{
			ID: id, Name: name, Enabled: true, Platform: "macos/arm64", Version: "1.2.3", Slots: 2, LastSeenAt: ago(seen), CreatedAt: ago(time.Hour),
		}}
		if change != nil {
			change(&r)
		}
		f.runners = append(f.runners, r)
	}
	row("n1", "built-in", time.Second, func(r *app.RunnerDetail) { r.Embedded, r.Platform, r.Slots = true, "linux/x64", 1 })
	row("n2", "mac-mini-2", 2*time.Second, func(r *app.RunnerDetail) {
		r.Labels, r.Builds = []string{"xcode-16"}, []core.Build{{ID: "b142", Number: 142, CommitMessage: "Cache the catalogue"}}
	})
	row("n3", "mac-mini-3", time.Second, func(r *app.RunnerDetail) { r.Enabled = false })
	row("n4", "mac-mini-4", time.Second, func(r *app.RunnerDetail) { r.Draining = true })
	row("n7", "mac-mini-5", time.Second, func(r *app.RunnerDetail) { r.Slots = 0 })
	row("n5", hostile, time.Hour, func(r *app.RunnerDetail) { r.Version = "" })
	row("n6", "never-started", 0, func(r *app.RunnerDetail) { r.LastSeenAt = time.Time{} })
}

func (f *fake) ListRunners(context.Context, core.Actor) ([]app.RunnerDetail, error) {
	return f.runners, nil
}

func (f *fake) UpdateRunner(_ context.Context, _ core.Actor, id string, in app.UpdateRunner) (app.RunnerDetail, error) {
	what := "pause "
	if *in.Enabled {
		what = "resume "
	}
	f.asked = append(f.asked, what+id)
	return app.RunnerDetail{}, f.refuse
}

func (f *fake) DeleteRunner(_ context.Context, _ core.Actor, id string) error {
	f.asked = append(f.asked, "delete runner "+id)
	return f.refuse
}
