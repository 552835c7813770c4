package github

import "github.com/oore-ci/oore/app/core"

type checkSuitePayload struct {
	envelope
	CheckSuite struct {
		HeadSHA string `json:"head_sha"`
	} `json:"check_suite"`
}

func decodeCheckSuite(payload []byte) (core.Event, error) {
	var p checkSuitePayload
	if err := parse("check_suite", payload, &p); err != nil {
		return core.Event{}, err
	}
	e := p.event()
	if e.RepositoryID == "" || !fullSHA.MatchString(p.CheckSuite.HeadSHA) {
		return core.Event{}, undocumented("check_suite", "repository.id or head_sha is missing")
	}
	e.SHA = p.CheckSuite.HeadSHA
	if p.Action != "rerequested" {
		return ignored(e, core.WhyAction, "Check suite action %q asks for nothing; pushes and pull requests start builds.", p.Action), nil
	}
	e.Rerun = &core.Rerun{SHA: e.SHA}
	return e, nil
}
