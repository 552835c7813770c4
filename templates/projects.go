package templates

import (
	"io"

	"github.com/oore-ci/oore/app/core"
)

// ProjectsView is the list of projects.
type ProjectsView struct {
	Page
	Projects  []core.Project
	Newest    map[string]BuildRow // by project id
	MayCreate bool
	Pager     Pager
}

// Projects writes the list of projects.
func (s *Set) Projects(w io.Writer, v ProjectsView) error {
	return s.render(w, "projects", "layout", v)
}

// PipelineRow is a pipeline with its last builds, newest first.
type PipelineRow struct {
	core.Pipeline
	Builds []BuildRow
}

// ProjectView is a project's own page.
type ProjectView struct {
	Page
	Project      core.Project
	Pipelines    []PipelineRow
	Recent       []BuildRow
	LastDelivery *core.Delivery
	MayRun       bool
	MayEdit      bool
}

// Project writes a project's page.
func (s *Set) Project(w io.Writer, v ProjectView) error { return s.render(w, "project", "layout", v) }

// NewProjectView is the form for a new project.
type NewProjectView struct {
	Page
	Name, Description, Kind, Repository, DefaultBranch Field

	Connected Field // the id of a repository that a source sees
	Groups    []RepositoryGroup
	Search    string // what the groups were searched for
	Found     int    // how many match; the groups may show fewer
	Shown     int
}

// RepositoryGroup is the repositories at one host, to choose from.
type RepositoryGroup struct {
	Host         string
	Repositories []core.Repository
}

// Offers tells whether the sources see repositories, be it that none match the search.
func (v NewProjectView) Offers() bool { return len(v.Groups) > 0 || v.Search != "" }

// NewProject writes the form for a new project.
func (s *Set) NewProject(w io.Writer, v NewProjectView) error {
	return s.render(w, "project_new", "layout", v)
}

// NewPipelineView is the form for a new pipeline.
type NewPipelineView struct {
	Page
	Project                           core.Project
	Name, Branches, Commands, Timeout Field
	Events                            map[core.EventKind]bool
}

// Kinds are the events to choose from.
func (v NewPipelineView) Kinds() []core.EventKind { return core.BuildEventKinds() }

// NewPipeline writes the form for a new pipeline.
func (s *Set) NewPipeline(w io.Writer, v NewPipelineView) error {
	return s.render(w, "pipeline_new", "layout", v)
}

// RunView is the form that starts a build.
type RunView struct {
	Page
	Project                  core.Project
	Pipelines                []core.Pipeline
	Pipeline, Branch, Commit Field
	MayEdit                  bool
	APIURL                   string // where a script asks for the same
}

// Run writes the form that starts a build.
func (s *Set) Run(w io.Writer, v RunView) error { return s.render(w, "run", "layout", v) }
