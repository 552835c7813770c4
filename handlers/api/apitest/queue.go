package apitest

import (
	"context"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

// ReadQueue answers Queue.
func (f *Commands) ReadQueue(_ context.Context, actor core.Actor, page core.Page) (app.Queue, error) {
	return f.Queue, f.note("ReadQueue", actor, "", page)
}

// PutBuildFirst answers Detail's build.
func (f *Commands) PutBuildFirst(_ context.Context, actor core.Actor, id string) (core.Build, error) {
	return f.Detail.Build, f.note("PutBuildFirst", actor, id, nil)
}

// PauseQueue answers Err.
func (f *Commands) PauseQueue(_ context.Context, actor core.Actor) error {
	return f.note("PauseQueue", actor, "", nil)
}

// ResumeQueue answers Err.
func (f *Commands) ResumeQueue(_ context.Context, actor core.Actor) error {
	return f.note("ResumeQueue", actor, "", nil)
}

// QueuePlaces answers Place for each build that waits, or Err. It goes with other
// commands and is not noted.
func (f *Commands) QueuePlaces(_ context.Context, _ core.Actor, builds ...core.Build) (map[string]core.QueuePlace, error) {
	places := map[string]core.QueuePlace{}
	for _, b := range builds {
		if b.Status == core.BuildQueued {
			places[b.ID] = f.Place
		}
	}
	return places, f.Err
}
