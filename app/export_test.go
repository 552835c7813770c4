package app

import (
	"context"
	"errors"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// ArchiveNext is one turn of the worker, so that tests can end it anywhere.
func (a *App) ArchiveNext(ctx context.Context) (more bool, err error) { return a.archiveNext(ctx) }

// RunSchedules is one turn of the worker.
func (a *App) RunSchedules(ctx context.Context) (more bool, err error) { return a.runSchedules(ctx) }

// Reap is one turn of the worker.
func (a *App) Reap(ctx context.Context) (more bool, err error) { return a.reap(ctx) }

// Survey is one turn of the worker.
func (a *App) Survey(ctx context.Context) (more bool, err error) { return a.survey(ctx) }

// TakeInventories is one turn of the worker.
func (a *App) TakeInventories(ctx context.Context) (more bool, err error) {
	return a.takeInventories(ctx)
}

// LookAtDisks is one turn of the workers.
func (a *App) LookAtDisks(ctx context.Context) error {
	_, err := a.lookAt(ctx, &a.databaseDisk)
	_, err2 := a.lookAt(ctx, &a.blobDisk)
	return errors.Join(err, err2)
}

// CheckStandings is one turn of the worker.
func (a *App) CheckStandings(ctx context.Context) (more bool, err error) {
	return a.checkStandings(ctx)
}

// HoldSearches takes the turns of all searches until release is called.
func (a *App) HoldSearches() (release func()) {
	for range searchesAtOnce {
		a.searches <- struct{}{}
	}
	return func() {
		for range searchesAtOnce {
			<-a.searches
		}
	}
}

// SweepBlobs is one turn of the worker.
func (a *App) SweepBlobs(ctx context.Context) error {
	_, err := a.sweepBlobs(ctx)
	return err
}

// CheckBlobs is the check of who deletes where blobs are.
func (a *App) CheckBlobs(ctx context.Context) core.Check { return a.checkBlobs(ctx) }

// Beat is what keepHouse does from time to time.
func (a *App) Beat(ctx context.Context) error {
	_, err := a.beat(ctx)
	return err
}

// Now is the time by which the server goes.
func (a *App) Now() time.Time { return a.now() }

// HouseWork does what one server at a time does, whoever's turn it is.
func (a *App) HouseWork(ctx context.Context) { a.houseWork(ctx) }

// KeepHouse does the work whenever it is this server's turn.
func (a *App) KeepHouse(ctx context.Context, work func(context.Context)) error {
	return a.keepHouse(ctx, work)
}

// Loop does a work in the background.
func (a *App) Loop(ctx context.Context, topic string, every time.Duration, f func(context.Context) (bool, error)) error {
	return a.loop(ctx, topic, every, f)
}

// Late lists the works that stand still at a moment.
func (a *App) Late(now time.Time) []string { return a.pulses.late(now) }

// Works is how many works in the background this server does now.
func (a *App) Works() int {
	a.pulses.mu.Lock()
	defer a.pulses.mu.Unlock()
	return len(a.pulses.of)
}

// Overtakes tells whether a delivery that was put off is taken after an older one of the
// same read found no room in their lane, which has become empty in between.
func (a *App) Overtakes(ctx context.Context) bool {
	l := newInboxLanes(a)
	of := func(id string) understood {
		return understood{
			delivery: core.Delivery{ID: id, Provider: core.ProviderGitHub, Repository: "acme/shop"},
			event:    core.Event{RepositoryID: "7", RepositoryName: "acme/shop"},
		}
	}
	const lane = "github::7"
	l.waiting[lane] = make([]understood, inboxShare)
	closed := map[string]bool{}
	older := l.put(ctx, of("older"), closed)
	l.waiting[lane] = nil
	return !older && l.put(ctx, of("newer"), closed)
}
