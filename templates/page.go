package templates

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// Page is what every page has around its own content.
type Page struct {
	Look    Look
	Release string // of the server that answers; empty: not told
	Title   string // unique among the pages; the house's name is added
	Section string // of the navigation: dashboard, projects, builds, queue, deliveries, runners, settings, commands (in the footer); empty: none
	Actor   string // who is signed in; empty: nobody that we know of
	Bare    bool   // no navigation: the reader is not signed in
	Admin   bool   // the reader manages the instance
	Part    string // of the settings: the path of its page
	API     string // path of the same content under /v1
	State   core.BuildStatus
	Alert   *Alert
	Now     time.Time
}

// Parts are the pages of the settings that the reader may open, where the page is one.
func (p Page) Parts() []Option {
	switch {
	case p.Section != "settings":
		return nil
	case p.Admin:
		return []Option{
			{"/settings/general", "General"}, {"/settings/sources", "Sources"}, {"/settings/storage", "Storage"}, {"/settings/retention", "Retention"}, {"/settings/users", "Users"}, {"/settings/tokens", "Tokens"}, {"/settings/audit", "Audit log"}, {"/settings/system", "System"}, {"/settings/me", "You"},
		}
	}
	return []Option{{"/settings/me", "You"}, {"/settings/tokens", "Tokens"}}
}

// Favicon names the page's favicon file.
func (p Page) Favicon() string {
	if p.State == "" {
		return "fav-oore.svg"
	}
	return "fav-" + string(p.State) + ".svg"
}

// Alert is a message above the content.
type Alert struct {
	State string // failed, timed_out (a warning), succeeded or queued (news)
	Title string
	Text  string
}

// Pager links the windows of a list. An empty link is not shown.
type Pager struct {
	First, Last, Total int64
	Newer, Older       string
}

// BuildRow is a build in a list.
type BuildRow struct {
	Build    core.Build
	Project  string
	Pipeline string
	Place    *core.QueuePlace // while it waits
	Now      time.Time
}

// Took is how long the build ran, until now if it runs.
func (r BuildRow) Took() time.Duration { return r.Build.Duration(r.Now) }

// Trouble is why the build did not succeed, as far as it is told in a line; empty for others.
func (r BuildRow) Trouble() string {
	if !r.Build.Status.Terminal() || r.Build.Status == core.BuildSucceeded {
		return ""
	}
	return r.Build.StatusMessage
}

// Version changes when the row does, for the live list.
func (r BuildRow) Version() string {
	version := strconv.FormatInt(r.Build.UpdatedAt.UnixMicro(), 10)
	if r.Place != nil {
		version += fmt.Sprint("-", r.Place.Position, "-", r.Place.Reason.Code)
	}
	return version
}

// Trigger says in words what started the build.
func (r BuildRow) Trigger() string { return triggerWords(r.Build) }

func triggerName(t core.TriggerType) string {
	return map[core.TriggerType]string{
		core.TriggerManual: "manual start", core.TriggerAPI: "API call", core.TriggerWebhook: "webhook",
		core.TriggerChat: "chat command", core.TriggerSchedule: "schedule", core.TriggerRerun: "run again",
	}[t]
}

func triggerWords(b core.Build) string {
	what := triggerName(b.TriggerType)
	if b.TriggerType == core.TriggerWebhook && b.TriggerEvent != "" {
		what = strings.ReplaceAll(b.TriggerEvent, "_", " ")
	}
	if b.TriggerActor == "" {
		return what
	}
	return what + " by " + b.TriggerActor
}

// Field is a form's input with what was typed and what is wrong with it.
type Field struct {
	Value string
	Error string
}
