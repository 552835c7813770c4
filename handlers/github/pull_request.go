package github

import (
	"fmt"

	"github.com/oore-ci/oore/app/core"
)

type pullRequestPayload struct {
	envelope
	Number      int `json:"number"`
	PullRequest struct {
		Title   string     `json:"title"`
		HTMLURL string     `json:"html_url"`
		Draft   bool       `json:"draft"`
		Head    pullBranch `json:"head"`
		Base    pullBranch `json:"base"`
	} `json:"pull_request"`
}

type pullBranch struct {
	Ref  string `json:"ref"`
	SHA  string `json:"sha"`
	Repo *struct {
		ID int64 `json:"id"`
	} `json:"repo"` // null when the fork has been deleted
}

func decodePullRequest(payload []byte) (core.Event, error) {
	var p pullRequestPayload
	if err := parse("pull_request", payload, &p); err != nil {
		return core.Event{}, err
	}
	e, pull := p.event(), p.PullRequest
	if e.RepositoryID == "" || p.Number <= 0 || pull.Head.Ref == "" || pull.Base.Ref == "" || !fullSHA.MatchString(pull.Head.SHA) {
		return core.Event{}, undocumented("pull_request", "repository.id, number, head or base is missing")
	}
	e.Ref = fmt.Sprintf("refs/pull/%d/head", p.Number)
	e.Branch, e.TargetBranch, e.SHA, e.Draft = pull.Head.Ref, pull.Base.Ref, pull.Head.SHA, pull.Draft
	e.PullRequest = &core.PullRequest{
		Number: p.Number, Title: pull.Title, URL: pull.HTMLURL,
		Fork: pull.Head.Repo == nil || pull.Head.Repo.ID != p.Repository.ID,
	}
	switch p.Action {
	case "opened", "reopened", "synchronize", "ready_for_review":
		e.Kind = core.EventPullRequest
		return e, nil
	}
	return ignored(e, core.WhyAction, "Pull request action %q brings no new commit.", p.Action), nil
}
