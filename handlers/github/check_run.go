package github

import "github.com/oore-ci/oore/app/core"

type checkRunPayload struct {
	envelope
	CheckRun struct {
		HeadSHA    string `json:"head_sha"`
		ExternalID string `json:"external_id"` // ours, if we made the check run: the build's id
	} `json:"check_run"`
	RequestedAction struct {
		Identifier string `json:"identifier"`
	} `json:"requested_action"`
}

// Identifiers of the buttons on our check runs.
const (
	retryAction  = "retry"
	cancelAction = "cancel"
)

func decodeCheckRun(payload []byte) (core.Event, error) {
	var p checkRunPayload
	if err := parse("check_run", payload, &p); err != nil {
		return core.Event{}, err
	}
	e := p.event()
	if e.RepositoryID == "" || !fullSHA.MatchString(p.CheckRun.HeadSHA) {
		return core.Event{}, undocumented("check_run", "repository.id or head_sha is missing")
	}
	e.SHA = p.CheckRun.HeadSHA
	switch p.Action {
	case "rerequested":
		e.Rerun = &core.Rerun{SHA: e.SHA, BuildID: p.CheckRun.ExternalID}
		return e, nil
	case "requested_action":
		return p.pressed(e), nil
	}
	return ignored(e, core.WhyAction, "Check run action %q asks for nothing.", p.Action), nil
}

// pressed tells what a button of the check run asks for.
func (p checkRunPayload) pressed(e core.Event) core.Event {
	build, button := p.CheckRun.ExternalID, p.RequestedAction.Identifier
	switch {
	case button == retryAction:
		e.Rerun = &core.Rerun{SHA: e.SHA, BuildID: build}
	case button == cancelAction && build != "":
		e.Cancel = &core.Cancel{BuildID: build}
	case button == cancelAction:
		return ignored(e, core.WhyAction, "The check run to cancel belongs to no build.")
	default:
		return ignored(e, core.WhyAction, "Oore has no button %q on check runs.", button)
	}
	return e
}
