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
