package templates

import (
	"io"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// DashboardView is the first page.
type DashboardView struct {
	Page
	FirstRun  bool // there is no project yet
	MayCreate bool
	Mine      bool // Recent is what the reader asked for
	Checklist []ToDo
	Notices   []Notice
	Broken    []BrokenRow // pipelines that are red on their default branch
	Running   []RunningRow
	Waiting   []BuildRow
	Recent    []BuildRow
	Tiles     Tiles

	BrokenTotal, RunningTotal, WaitingTotal int // with those that are not shown
}

// ToDo is a thing to do before a house is whole.
type ToDo struct {
	Text string
	URL  string // where it is done
	Done bool
}

// Notice is something that needs a look.
type Notice struct {
	State string // failed or timed_out (a warning)
	Text  string
	At    *time.Time // when it was last well; nil: not known
	URL   string
	Link  string // the words of the link
}

// BrokenRow is a pipeline that is red, with its newest build.
type BrokenRow struct {
	BuildRow
	First    core.Build // the first failure since it was green
	WasGreen bool
	MayRun   bool
}

// Since is when it broke.
func (r BrokenRow) Since() time.Time {
	if r.First.FinishedAt != nil {
		return *r.First.FinishedAt
	}
	return r.First.CreatedAt
}

// By is who wrote the commit that broke it, or else asked for its build.
func (r BrokenRow) By() string {
	if r.First.CommitAuthor != "" {
		return r.First.CommitAuthor
	}
	return r.First.TriggerActor
}

// Tiles are figures of the last 30 days.
type Tiles struct {
	Judged        int
	Share         int // percent that succeeded
	Median        time.Duration
	Cut           bool // only the last 1,000 builds were looked at
	RunnersOnline int
	Runners       int
}

// Active tells whether something on the page will change by itself.
func (v DashboardView) Active() bool { return len(v.Running)+len(v.Waiting) > 0 }

// Dashboard writes the first page.
func (s *Set) Dashboard(w io.Writer, v DashboardView) error {
	return s.render(w, "dashboard", "layout", v)
}
