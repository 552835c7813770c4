package app

import (
	"context"

	"github.com/oore-ci/oore/app/core"
)

// Badge is what a picture says of a pipeline.
type Badge struct {
	Pipeline string           // its name
	Status   core.BuildStatus // succeeded, failed or timed_out; empty: nothing of the kind is known
	Public   bool             // anybody may see it
}

// badgeLook is how far back a badge looks for a build of the branch itself, past those of
// pull requests from branches of the same name.
const badgeLook = 50

// FindBadge tells how the newest build of a pipeline's branch ended; no branch: the
// project's default one. A project that is public answers everybody, and the zero Actor
// is nobody in particular; of others, who may not see them are told KindNotFound.
func (a *App) FindBadge(ctx context.Context, actor core.Actor, projectID, pipelineID, branch string) (Badge, error) {
	hidden := core.Errorf(core.KindNotFound, "Project not found")
	project, err := a.store.FindProject(ctx, projectID)
	if core.KindOf(err) == core.KindNotFound {
		return Badge{}, hidden
	}
	if err != nil {
		return Badge{}, err
	}
	badge := Badge{Pipeline: "build", Public: project.Visibility == core.VisiblePublic}
	if !badge.Public && core.Allow(actor, core.ActRead, &project) != nil {
		return Badge{}, hidden
	}
	pipeline, err := a.store.FindPipeline(ctx, pipelineID)
	if core.KindOf(err) == core.KindNotFound || err == nil && pipeline.ProjectID != project.ID {
		return badge, nil
	}
	if err != nil {
		return Badge{}, err
	}
	badge.Pipeline = pipeline.Name
	if branch == "" {
		branch = project.Branch()
	}
	builds, _, err := a.store.ListBuilds(ctx, core.BuildFilter{
		PipelineID: pipeline.ID, Branch: branch, Statuses: []core.BuildStatus{core.BuildSucceeded, core.BuildFailed, core.BuildTimedOut},
	}, core.Page{Limit: badgeLook})
	for _, b := range builds {
		if b.PullRequest == nil && !b.RunsAgain() {
			badge.Status = b.Status
			break
		}
	}
	return badge, err
}
