package github

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/oore-ci/oore/app/core"
)

var fullSHA = regexp.MustCompile(`^(?:[0-9a-f]{40}|[0-9a-f]{64})$`)

// Decoder reads stored deliveries into the normal form; it is a core.Decoder. It
// uses structs of its own with the few fields that it reads, so that a field that
// GitHub adds or changes elsewhere breaks nothing.
type Decoder struct{}

// Decode implements core.Decoder.
func (Decoder) Decode(event string, payload []byte) (core.Event, error) {
	switch event {
	case "push":
		return decodePush(payload)
	case "pull_request":
		return decodePullRequest(payload)
	case "issue_comment":
		return decodeIssueComment(payload)
	case "pull_request_review":
		return decodeReview(payload)
	case "pull_request_review_comment":
		return decodeReviewComment(payload)
	case "merge_group":
		return decodeMergeGroup(payload)
	case "check_run":
		return decodeCheckRun(payload)
	case "check_suite":
		return decodeCheckSuite(payload)
	case "installation":
		return decodeInstallation(payload)
	case "installation_repositories":
		return decodeInstallationRepositories(payload)
	case "installation_target":
		return decodeInstallationTarget(payload)
	case "repository":
		return decodeRepository(payload)
	case "github_app_authorization":
		return decodeAuthorization(payload)
	case "ping":
		return decodePing(payload)
	}
	return decodeUnknown(event, payload)
}

// envelope is what all payloads have in common.
type envelope struct {
	Action     string `json:"action"`
	Repository struct {
		ID       int64  `json:"id"`
		FullName string `json:"full_name"`
	} `json:"repository"`
	Installation struct {
		ID int64 `json:"id"`
	} `json:"installation"`
	Sender struct {
		Login string `json:"login"`
		Type  string `json:"type"`
	} `json:"sender"`
}

// event starts the normal form with what the envelope says.
func (e envelope) event() core.Event {
	out := core.Event{
		Provider: core.ProviderGitHub, Action: e.Action, RepositoryName: e.Repository.FullName,
		InstallationID: e.Installation.ID, Actor: e.Sender.Login,
	}
	if e.Repository.ID != 0 {
		out.RepositoryID = strconv.FormatInt(e.Repository.ID, 10)
	}
	return out
}

// parse reads a payload, which must be a JSON object.
func parse(event string, payload []byte, into any) error {
	if !bytes.HasPrefix(bytes.TrimSpace(payload), []byte("{")) {
		return undocumented(event, "it is no JSON object")
	}
	if err := json.Unmarshal(payload, into); err != nil {
		return undocumented(event, "a field has another type or the JSON is broken").Because(err)
	}
	return nil
}

func undocumented(event, format string, args ...any) *core.Error {
	return core.Errorf(core.KindInvalid, "The payload of %s is not what GitHub documents: %s", event, fmt.Sprintf(format, args...))
}

// ignored marks an event that can start no build.
func ignored(e core.Event, code, format string, args ...any) core.Event {
	e.Kind, e.Ignored = core.EventNone, &core.Reason{Code: code, Text: fmt.Sprintf(format, args...)}
	return e
}

func decodePing(payload []byte) (core.Event, error) {
	var p envelope
	if err := parse("ping", payload, &p); err != nil {
		return core.Event{}, err
	}
	return ignored(p.event(), core.WhyPing, "GitHub says hello: the webhook works."), nil
}

// decodeAuthorization reads that somebody took back what the App may do in their name.
func decodeAuthorization(payload []byte) (core.Event, error) {
	var p envelope
	if err := parse("github_app_authorization", payload, &p); err != nil {
		return core.Event{}, err
	}
	e := p.event()
	return ignored(e, core.WhyAction, "%s no longer lets the App act for them. Oore never does, and keeps no token of theirs.", e.Actor), nil
}

// decodeUnknown reads what it can of an event whose form nobody here knows.
func decodeUnknown(event string, payload []byte) (core.Event, error) {
	var p envelope
	err := parse(event, payload, &p)
	var mistyped *json.UnmarshalTypeError
	if err != nil && !errors.As(err, &mistyped) {
		return core.Event{}, err
	}
	name := event
	if p.Action != "" {
		name += "." + p.Action
	}
	return ignored(p.event(), core.WhyEventUnknown, "The event %s has no meaning for Oore yet.", name), nil
}

// branchName takes refs/heads/ off; ok tells whether it was there.
func branchName(ref string) (name string, ok bool) {
	name, ok = strings.CutPrefix(ref, "refs/heads/")
	return name, ok && name != ""
}
