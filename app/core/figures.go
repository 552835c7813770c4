package core

import (
	"context"
	"time"
)

// Figure is a build that has ended, as far as sums over many need it.
type Figure struct {
	BuildID    string
	ProjectID  string
	PipelineID string
	Number     int
	Status     BuildStatus
	Branch     string
	Ended      time.Time
	Took       time.Duration // 0: it ended before it ran
}

// Judges tells whether the build says that its commit is good or bad. What was canceled
// or never ran says nothing.
func (f Figure) Judges() bool {
	return f.Status == BuildSucceeded || f.Status == BuildFailed || f.Status == BuildTimedOut
}

// FigureFilter narrows figures; zero fields do not narrow.
type FigureFilter struct {
	ProjectIDs []string // non-nil: only these, which the asker may see, of the last 5,000 of the house
	ProjectID  string
	PipelineID string
	Since      time.Time // ended then or later
}

// Break is a pipeline that is red on its project's default branch.
type Break struct {
	Last  Build // its newest verdict
	First Build // the first failure since it was green, or since it began
	Green bool  // it has been green before
}

// BuildsOf says what newest builds are asked for.
type BuildsOf string

// The kinds of BuildsOf.
const (
	OfProject  BuildsOf = "project"
	OfPipeline BuildsOf = "pipeline"
)

// FigureStore answers what pages sum up of many builds. Each question reads a bounded
// number of rows, however many builds there are. Builds come without Problems and Tests,
// unless it says otherwise.
type FigureStore interface {
	// ListNewestBuilds gives the newest builds of each, n at most of one, newest first.
	ListNewestBuilds(ctx context.Context, of BuildsOf, ids []string, n int) ([]Build, error)
	// ListEndedBuilds gives what ended last, of the projects (nil: of all; else of the last
	// 5,000 of the house).
	ListEndedBuilds(ctx context.Context, projectIDs []string, limit int) ([]Build, error)
	// ListAskedBuilds gives the newest builds that the user asked for, or somebody of that name.
	ListAskedBuilds(ctx context.Context, user, name string, limit int) ([]Build, error)
	// ListFigures gives what ended last.
	ListFigures(ctx context.Context, f FigureFilter, limit int) ([]Figure, error)
	// ListBreaks gives the enabled pipelines of the projects (nil: of all) that are red,
	// those that broke last first, and how many there are.
	ListBreaks(ctx context.Context, projectIDs []string, limit int) ([]Break, int, error)
	// ListLabeledPipelines gives id, project, name and labels of the enabled pipelines that
	// want labels.
	ListLabeledPipelines(ctx context.Context) ([]Pipeline, error)
	// ListStepsOf gives the steps of builds.
	ListStepsOf(ctx context.Context, buildIDs []string) ([]Step, error)
	// ListTested gives, of a project's newest builds, looked at most, those of which tests
	// are known, with Tests, newest first.
	ListTested(ctx context.Context, projectID string, looked int) ([]Build, error)
	// ListSwept gives the deliveries, newest first, that stand for heads which no message
	// told of, received since then.
	ListSwept(ctx context.Context, since time.Time, limit int) ([]Delivery, error)
}
