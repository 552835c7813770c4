package app

import (
	"context"
	"time"

	"github.com/oore-ci/oore/app/core"
)

const (
	shownBreaks = 10
	shownRecent = 10
	shownQueue  = 20
	// summed bounds the builds of which a share or a median is made, and summedSince how
	// far back they lie.
	summed      = 1000
	summedSince = 30 * 24 * time.Hour
)

// Overview is what is to be known of the house at one glance, as far as the asker may
// see it.
type Overview struct {
	Projects      []core.Project // all that the asker may see, by name
	Notices       []Notice
	Breaks        []core.Break // what is red now, the newest first
	BreaksTotal   int
	Queue         Queue
	Recent        []core.Build // what ended last
	Summary       Summary
	RunnersOnline int
	Runners       int
}

// Summary sums up what ended within 30 days, of the last 1,000 builds at most.
type Summary struct {
	Judged    int // that succeeded, failed or timed out
	Succeeded int
	Median    time.Duration
	Cut       bool // there were more than it looked at
}

// Share is the part that succeeded, in whole percent; 100 only if all did.
func (s Summary) Share() int {
	if s.Judged == 0 {
		return 0
	}
	return 100 * s.Succeeded / s.Judged
}

// Overview tells what is red, waits, runs and needs a look. mine narrows Recent to what
// the asker asked for.
func (a *App) Overview(ctx context.Context, actor core.Actor, mine bool) (Overview, error) {
	var o Overview
	if err := core.Allow(actor, core.ActRead, nil); err != nil {
		return o, err
	}
	var err error
	if o.Projects, err = a.visibleProjects(ctx, actor); err != nil || len(o.Projects) == 0 {
		return o, err
	}
	w := worldOf(actor, o.Projects)
	if o.Breaks, o.BreaksTotal, err = a.store.ListBreaks(ctx, w.only, shownBreaks); err != nil {
		return o, err
	}
	if o.Recent, err = a.recent(ctx, actor, w, mine); err != nil {
		return o, err
	}
	q, err := a.readQueue(ctx)
	if err != nil {
		return o, err
	}
	places := q.Places()
	if o.Queue, err = a.seenOf(ctx, q, places, w.hidden, core.Page{Limit: shownQueue}); err != nil {
		return o, err
	}
	o.Runners = len(q.Runners)
	for _, r := range q.Runners {
		if r.State(q.At) == core.RunnerOnline {
			o.RunnersOnline++
		}
	}
	if o.Summary, err = a.summary(ctx, core.FigureFilter{ProjectIDs: w.only, Since: q.At.Add(-summedSince)}); err != nil {
		return o, err
	}
	o.Notices, err = a.notices(ctx, actor, w, q, places)
	return o, err
}

// world is the projects that an actor may see.
type world struct {
	seen     []core.Project
	projects map[string]core.Project // the same, by id
	only     []string                // their ids; nil: it sees all there are
}

func worldOf(actor core.Actor, seen []core.Project) world {
	w := world{seen: seen, projects: make(map[string]core.Project, len(seen))}
	ids := make([]string, 0, len(seen))
	for _, p := range seen {
		w.projects[p.ID] = p
		ids = append(ids, p.ID)
	}
	if !actor.SeesEverything() {
		w.only = ids
	}
	return w
}

func (w world) hidden(projectID string) bool {
	_, seen := w.projects[projectID]
	return !seen
}

// recent is what ended last, of all or of what the actor asked for.
func (a *App) recent(ctx context.Context, actor core.Actor, w world, mine bool) ([]core.Build, error) {
	if !mine {
		return a.store.ListEndedBuilds(ctx, w.only, shownRecent)
	}
	const looked = 100 // nobody has more that have not ended, or of projects that are hidden by now
	asked, err := a.store.ListAskedBuilds(ctx, actor.Identity(), actor.Name, looked)
	var ended []core.Build
	for _, b := range asked {
		if b.Status.Terminal() && !w.hidden(b.ProjectID) && len(ended) < shownRecent {
			ended = append(ended, b)
		}
	}
	return ended, err
}

func (a *App) summary(ctx context.Context, f core.FigureFilter) (Summary, error) {
	figures, err := a.store.ListFigures(ctx, f, summed)
	s := Summary{Cut: len(figures) == summed}
	var took []time.Duration
	for _, f := range figures {
		if !f.Judges() {
			continue
		}
		s.Judged++
		took = append(took, f.Took)
		if f.Status == core.BuildSucceeded {
			s.Succeeded++
		}
	}
	s.Median = core.Median(took)
	return s, err
}
