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

// Find answers the projects, pipelines and builds that the lists answer.
func (f *Commands) Find(_ context.Context, actor core.Actor, text string) (app.Found, error) {
	return app.Found{Projects: []core.Project{f.Project}, Pipelines: []core.Pipeline{f.Pipeline}, Builds: []core.Build{f.Detail.Build}}, f.note("Find", actor, "", text)
}

// FindBadge answers a badge that everybody may see, or Err.
func (f *Commands) FindBadge(_ context.Context, actor core.Actor, projectID, _, branch string) (app.Badge, error) {
	return app.Badge{Pipeline: f.Pipeline.Name, Status: core.BuildSucceeded, Public: true}, f.note("FindBadge", actor, projectID, branch)
}
