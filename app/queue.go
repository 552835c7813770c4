package app

import (
	"context"
	"slices"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// QueuedBuild is a build that waits, or that a runner works on.
type QueuedBuild struct {
	core.Build
	Place        *core.QueuePlace // while it waits
	EstimatedEnd *time.Time       // while it is worked on; nil: nobody can tell
}

// Queue is what waits and what is worked on, as far as the asker may see it.
type Queue struct {
	Waiting []QueuedBuild // the next one first
	Active  []QueuedBuild // the oldest first, at most maxActive
	// All, with those of projects that the asker may not see: they count in the
	// positions of the others.
	WaitingTotal, ActiveTotal int
	WaitingSeen, ActiveSeen   int // of these

	Paused *core.QueuePause // nil: builds are claimed
}

// maxActive bounds what is listed of the builds that are worked on.
const maxActive = 200

// ReadQueue returns a window of what waits, and what is worked on.
func (a *App) ReadQueue(ctx context.Context, actor core.Actor, page core.Page) (Queue, error) {
	if err := core.Allow(actor, core.ActRead, nil); err != nil {
		return Queue{}, err
	}
	q, err := a.readQueue(ctx)
	if err != nil {
		return Queue{}, err
	}
	hidden, err := a.hidden(ctx, actor)
	if err != nil {
		return Queue{}, err
	}
	return a.seenOf(ctx, q, q.Places(), hidden, page)
}

// readQueue is the queue as it is now.
func (a *App) readQueue(ctx context.Context) (core.Queue, error) {
	q, err := a.store.ReadQueue(ctx)
	q.At = a.now()
	if full := a.databaseDisk.room(); full != nil {
		q.Full = core.MessageOf(full) + "."
	}
	return q, err
}

// seenOf is a window of the queue without what is hidden.
func (a *App) seenOf(ctx context.Context, q core.Queue, places []core.QueuePlace, hidden func(projectID string) bool, page core.Page) (Queue, error) {
	out := Queue{WaitingTotal: len(q.Waiting), ActiveTotal: len(q.Active), Paused: q.Paused}
	var waiting, active []QueuedBuild
	for i, place := range places {
		if e := q.Waiting[i]; !hidden(e.ProjectID) {
			waiting = append(waiting, QueuedBuild{Build: core.Build{ID: e.BuildID}, Place: &place})
		}
	}
	for _, e := range q.Active {
		if !hidden(e.ProjectID) {
			active = append(active, QueuedBuild{Build: core.Build{ID: e.BuildID}, EstimatedEnd: q.EstimatedEnd(e)})
		}
	}
	out.WaitingSeen, out.ActiveSeen = len(waiting), len(active)
	from := min(page.Offset, len(waiting))
	var err error
	if out.Waiting, err = a.fillQueue(ctx, waiting[from:min(from+page.Limit, len(waiting))]); err != nil {
		return out, err
	}
	out.Active, err = a.fillQueue(ctx, active[:min(maxActive, len(active))])
	return out, err
}

// hidden tells which projects the actor may not see.
func (a *App) hidden(ctx context.Context, actor core.Actor) (func(projectID string) bool, error) {
	seen, err := a.visibleProjects(ctx, actor)
	return func(id string) bool {
		return !slices.ContainsFunc(seen, func(p core.Project) bool { return p.ID == id })
	}, err
}

// fillQueue loads the builds. What has moved on meanwhile is left out.
func (a *App) fillQueue(ctx context.Context, queued []QueuedBuild) ([]QueuedBuild, error) {
	if len(queued) == 0 {
		return nil, nil
	}
	ids := make([]string, len(queued))
	for i, b := range queued {
		ids[i] = b.ID
	}
	builds, _, err := a.store.ListBuilds(ctx, core.BuildFilter{IDs: ids}, core.Page{})
	if err != nil {
		return nil, err
	}
	byID := map[string]core.Build{}
	for _, b := range builds {
		byID[b.ID] = b
	}
	var found []QueuedBuild
	for _, b := range queued {
		waits := b.Place != nil
		b.Build = byID[b.ID]
		if waits && b.Status == core.BuildQueued || !waits && (b.Status == core.BuildAssigned || b.Status == core.BuildRunning) {
			found = append(found, b)
		}
	}
	return found, nil
}

// QueuePlaces says of those of the builds that wait where they stand and why, by id.
// Hand it builds that the actor may see.
func (a *App) QueuePlaces(ctx context.Context, actor core.Actor, builds ...core.Build) (map[string]core.QueuePlace, error) {
	if err := core.Allow(actor, core.ActRead, nil); err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(builds, func(b core.Build) bool { return b.Status == core.BuildQueued }) {
		return nil, nil
	}
	q, err := a.readQueue(ctx)
	if err != nil {
		return nil, err
	}
	places := map[string]core.QueuePlace{}
	for i, place := range q.Places() {
		id := q.Waiting[i].BuildID
		if slices.ContainsFunc(builds, func(b core.Build) bool { return b.ID == id }) {
			places[id] = place
		}
	}
	return places, nil
}
