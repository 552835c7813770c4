package gitlab

import (
	"fmt"
	"strings"

	"github.com/oore-ci/oore/app/core"
)

// The values of X-Gitlab-Event that are read.
const (
	pushHook         = "Push Hook"
	tagPushHook      = "Tag Push Hook"
	mergeRequestHook = "Merge Request Hook"
	noteHook         = "Note Hook"
	systemHook       = "System Hook"
	accessTokenHook  = "Resource Access Token Hook"

	confidentialNoteHook = "Confidential Note Hook"
)

// Decoder reads stored deliveries into the normal form; it is a core.Decoder. The event
// is the value of X-Gitlab-Event. It uses structs of its own with the few fields that
// it reads, so that a field that GitLab adds or changes elsewhere breaks nothing.
type Decoder struct{}

// Decode implements core.Decoder.
func (Decoder) Decode(event string, payload []byte) (core.Event, error) {
	switch event {
	case pushHook, tagPushHook:
		return decodePush(event, payload)
	case mergeRequestHook:
		return decodeMergeRequest(payload)
	case noteHook, confidentialNoteHook:
		return decodeNote(event, payload)
	case systemHook:
		return decodeSystem(payload)
	}
	return decodeUnread(event, payload)
}

// envelope is what payloads have in common. The door reads it too: whose secret is
// asked for and whose event it becomes must be the same.
type envelope struct {
	ObjectKind string `json:"object_kind"`
	EventName  string `json:"event_name"`
	ProjectID  id     `json:"project_id"`
	Project    struct {
		ID       id     `json:"id"`
		FullName string `json:"path_with_namespace"`
	} `json:"project"`
	Username string `json:"user_username"` // pushes
	User     struct {
		ID       id     `json:"id"`
		Username string `json:"username"`
	} `json:"user"` // the rest
}

// project is the id of the project that the payload is about; empty if it names none
// or contradicts itself.
func (e envelope) project() string {
	switch {
	case e.Project.ID == "":
		return string(e.ProjectID)
	case e.ProjectID == "" || e.ProjectID == e.Project.ID:
		return string(e.Project.ID)
	}
	return ""
}

// event starts the normal form with what the envelope says.
func (e envelope) event() core.Event {
	out := core.Event{Provider: core.ProviderGitLab, RepositoryID: e.project(), RepositoryName: e.Project.FullName, Actor: e.Username}
	if out.Actor == "" {
		out.Actor = e.User.Username
	}
	return out
}

// ignored marks an event that can start no build.
func ignored(e core.Event, code, format string, args ...any) core.Event {
	e.Kind, e.Ignored = core.EventNone, &core.Reason{Code: code, Text: fmt.Sprintf(format, args...)}
	return e
}

// decodeUnread says why an event of another kind has no meaning.
func decodeUnread(event string, payload []byte) (core.Event, error) {
	var p envelope
	if err := parse(event, payload, &p); err != nil {
		return core.Event{}, err
	}
	e := p.event()
	switch {
	case event == accessTokenHook:
		return ignored(e, core.WhyEventUnknown, "An access token ends soon. If it is the one that Oore uses, make a new one and connect it."), nil
	case p.ObjectKind == "build" || p.ObjectKind == "pipeline":
		return ignored(e, core.WhyEventUnknown, "Oore does not follow GitLab's own pipelines and jobs."), nil
	}
	return ignored(e, core.WhyEventUnknown, "The event %q has no meaning for Oore yet.", event), nil
}

// branchName takes refs/heads/ off; ok tells whether it was there.
func branchName(ref string) (name string, ok bool) {
	name, ok = strings.CutPrefix(ref, "refs/heads/")
	return name, ok && name != ""
}
