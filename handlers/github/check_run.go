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

// rerunAction is the identifier of the button that builds again.
const rerunAction = "rerun"

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
	switch {
	case p.Action == "requested_action" && p.RequestedAction.Identifier != rerunAction:
		return ignored(e, core.WhyAction, "Oore has no button %q on check runs; cancel or start builds on their pages.", p.RequestedAction.Identifier), nil
	case p.Action == "requested_action", p.Action == "rerequested":
		e.Rerun = &core.Rerun{SHA: e.SHA, BuildID: p.CheckRun.ExternalID}
		return e, nil
	}
	return ignored(e, core.WhyAction, "Check run action %q asks for nothing.", p.Action), nil
}
