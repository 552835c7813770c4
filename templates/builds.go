package templates

import (
	"io"
	"net/url"

	"github.com/oore-ci/oore/app/core"
)

// BuildsView is the list of builds with its filters.
type BuildsView struct {
	Page
	Rows          []BuildRow
	Projects      []core.Project
	Pipelines     []core.Pipeline // of the chosen project
	Filter        BuildsFilter
	MayFilterMine bool
	Still         bool // it is not the first page: nothing new comes into it
	Pager         Pager
}

// BuildsFilter narrows the list; empty fields do not.
type BuildsFilter struct {
	Project, Pipeline string // ids
	Status            core.BuildStatus
	Event             string // of a webhook, or another way in which builds start
	Branch            string
	Text              string
	Mine              bool
}

// Values are the filter as it stands in the address.
func (f BuildsFilter) Values() url.Values {
	v := url.Values{}
	for _, p := range f.pairs() {
		if p[1] != "" {
			v.Set(p[0], p[1])
		}
	}
	return v
}

func (f BuildsFilter) pairs() [][2]string {
	mine := ""
	if f.Mine {
		mine = "true"
	}
	return [][2]string{
		{"project", f.Project},
		{"pipeline", f.Pipeline},
		{"status", string(f.Status)},
		{"event", f.Event},
		{"branch", f.Branch},
		{"q", f.Text},
		{"mine", mine},
	}
}

// FilterChip is a filter that is set, and the list without it.
type FilterChip struct{ Label, URL string }

// Chips are the filters that are set.
func (v BuildsView) Chips() []FilterChip {
	var chips []FilterChip
	for _, p := range v.Filter.pairs() {
		if p[1] == "" {
			continue
		}
		without := v.Filter.Values()
		without.Del(p[0])
		if p[0] == "project" {
			without.Del("pipeline")
		}
		chips = append(chips, FilterChip{Label: v.chipLabel(p[0], p[1]), URL: "/builds?" + without.Encode()})
	}
	return chips
}

func (v BuildsView) chipLabel(name, value string) string {
	switch name {
	case "project":
		for _, p := range v.Projects {
			if p.ID == value {
				value = p.Name
			}
		}
	case "pipeline":
		for _, p := range v.Pipelines {
			if p.ID == value {
				value = p.Name
			}
		}
	case "status", "event":
		value = word(value)
	case "q":
		name = "text"
	case "mine":
		return "Mine"
	}
	return word(name) + ": " + value
}

// Statuses are the choices of the filter.
func (v BuildsView) Statuses() []core.BuildStatus { return core.BuildStatuses() }

// Events are the choices of what starts a build.
func (v BuildsView) Events() []Option {
	var options []Option
	for _, kind := range core.BuildEventKinds() {
		options = append(options, Option{string(kind), word(string(kind))})
	}
	for _, t := range []core.TriggerType{core.TriggerManual, core.TriggerAPI, core.TriggerChat, core.TriggerSchedule, core.TriggerRerun} {
		options = append(options, Option{string(t), word(triggerName(t))})
	}
	return options
}

// Filtered tells whether a filter is set.
func (v BuildsView) Filtered() bool { return len(v.Filter.Values()) > 0 }

// Bounded tells whether the filter looks through the newest builds alone.
func (v BuildsView) Bounded() bool {
	f := v.Filter
	return f.Text != "" || f.Event != "" || f.Mine || f.Status != "" && f.Project+f.Pipeline+f.Branch != ""
}

// Builds writes the list of builds.
func (s *Set) Builds(w io.Writer, v BuildsView) error { return s.render(w, "builds", "layout", v) }
