package web

import (
	"context"
	"time"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

// macPlace is where every build of the fake that waits stands.
func macPlace() core.QueuePlace {
	return core.QueuePlace{
		Position: 3, Reason: core.Reason{Code: core.WaitSlotsBusy, Text: "All 2 slots of the runners with label macos are busy."},
		EstimatedStart: ptr(time.Now().Add(4 * time.Minute)),
	}
}

func (f *fake) QueuePlaces(_ context.Context, _ core.Actor, builds ...core.Build) (map[string]core.QueuePlace, error) {
	places := map[string]core.QueuePlace{}
	for _, b := range builds {
		if b.Status == core.BuildQueued {
			places[b.ID] = macPlace()
		}
	}
	return places, nil
}

func (f *fake) PutBuildFirst(_ context.Context, _ core.Actor, id string) (core.Build, error) {
	f.putFirst = append(f.putFirst, id)
	return core.Build{ID: id}, f.refuse
}

func (f *fake) PauseQueue(_ context.Context, actor core.Actor) error {
	f.paused = &core.QueuePause{By: actor.Name, At: time.Now()}
	return f.refuse
}

func (f *fake) ResumeQueue(context.Context, core.Actor) error {
	f.paused = nil
	return f.refuse
}

// ReadQueue says that two more wait which nobody may see.
func (f *fake) ReadQueue(_ context.Context, _ core.Actor, page core.Page) (app.Queue, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	q := app.Queue{WaitingTotal: 2, Paused: f.paused}
	for _, b := range f.builds {
		switch b.Status {
		case core.BuildQueued:
			q.WaitingTotal++
			q.WaitingSeen++
			if page.Offset == 0 {
				q.Waiting = append(q.Waiting, app.QueuedBuild{Build: b, Place: ptr(macPlace())})
			}
		case core.BuildAssigned, core.BuildRunning:
			q.ActiveTotal++
			q.ActiveSeen++
			one := app.QueuedBuild{Build: b}
			if b.StartedAt != nil {
				one.EstimatedEnd = ptr(time.Now().Add(time.Minute))
			}
			q.Active = append(q.Active, one)
		case core.BuildSucceeded, core.BuildFailed, core.BuildCanceled, core.BuildTimedOut, core.BuildExpired:
		}
	}
	return q, nil
}
