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

// PipelineRow is a pipeline with its last builds.
type PipelineRow struct {
	core.Pipeline
	Last *BuildRow // nil: none yet
	Bars []Bar
}

// ProjectView is a project's own page.
type ProjectView struct {
	Page
	Project      core.Project
	Pipelines    []PipelineRow
	Branches     []core.Build // the newest build of each
	Recent       []BuildRow
	LastDelivery *core.Delivery
	MayRun       bool
	MayEdit      bool
}

// Active tells whether something on the page will change by itself.
func (v ProjectView) Active() bool {
	for _, p := range v.Pipelines {
		if p.Last != nil && !p.Last.Build.Status.Terminal() {
			return true
		}
	}
	return false
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
