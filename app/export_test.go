package app

import "context"

// ArchiveNext is one turn of the worker, so that tests can end it anywhere.
func (a *App) ArchiveNext(ctx context.Context) (more bool, err error) { return a.archiveNext(ctx) }

// RunSchedules is one turn of the worker.
func (a *App) RunSchedules(ctx context.Context) (more bool, err error) { return a.runSchedules(ctx) }

// Reap is one turn of the worker.
func (a *App) Reap(ctx context.Context) (more bool, err error) { return a.reap(ctx) }

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
