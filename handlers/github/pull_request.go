package github

import (
	"fmt"
	"strconv"

	"github.com/oore-ci/oore/app/core"
)

type pullRequestPayload struct {
	envelope
	Before      string      `json:"before"` // synchronize alone
	PullRequest pullRequest `json:"pull_request"`
	Changes     struct {
		Base struct {
			Ref *struct{} `json:"ref"`
		} `json:"base"`
	} `json:"changes"` // edited alone
}

// pullRequest is a pull request as webhooks and the API's lists show it.
type pullRequest struct {
	Number  int        `json:"number"`
	State   string     `json:"state"`
	Title   string     `json:"title"`
	HTMLURL string     `json:"html_url"`
	Draft   bool       `json:"draft"`
	User    author     `json:"user"`
	Head    pullBranch `json:"head"`
	Base    pullBranch `json:"base"`
}

// author is somebody at GitHub; nobody where an account was deleted.
type author struct {
	ID    int64  `json:"id"`
	Login string `json:"login"`
}

func (a author) id() string {
	if a.ID <= 0 {
		return ""
	}
	return strconv.FormatInt(a.ID, 10)
}

type pullBranch struct {
	Ref  string `json:"ref"`
	SHA  string `json:"sha"`
	Repo *struct {
		ID int64 `json:"id"`
	} `json:"repo"` // null when the fork has been deleted
}

// complete tells whether all that a build needs is there.
func (p pullRequest) complete() bool {
	return p.Number > 0 && p.Head.Ref != "" && p.Base.Ref != "" && fullSHA.MatchString(p.Head.SHA)
}

// describe fills an event of the repository with what the pull request says.
func (p pullRequest) describe(e core.Event) core.Event {
	e.Ref = fmt.Sprintf("refs/pull/%d/head", p.Number)
	e.Branch, e.TargetBranch, e.SHA, e.Draft = p.Head.Ref, p.Base.Ref, p.Head.SHA, p.Draft
	e.Opener, e.OpenerID = p.User.Login, p.User.id()
	e.PullRequest = &core.PullRequest{
		Number: p.Number, Title: p.Title, URL: p.HTMLURL,
		Fork: p.Head.Repo == nil || strconv.FormatInt(p.Head.Repo.ID, 10) != e.RepositoryID,
	}
	return e
}

func decodePullRequest(payload []byte) (core.Event, error) {
	var p pullRequestPayload
	if err := parse("pull_request", payload, &p); err != nil {
		return core.Event{}, err
	}
	e := p.event()
	if e.RepositoryID == "" || !p.PullRequest.complete() {
		return core.Event{}, undocumented("pull_request", "repository.id, number, head or base is missing")
	}
	e = p.PullRequest.describe(e)
	e.Before = p.Before
	switch p.Action {
	case "opened", "reopened", "synchronize", "ready_for_review":
		e.Kind = core.EventPullRequest
		return e, nil
	case "edited":
		if p.Changes.Base.Ref != nil { // filters on the target may decide differently now
			e.Kind, e.Retargeted = core.EventPullRequest, true
			return e, nil
		}
	case "closed":
		e = ignored(e, core.WhyAction, "The pull request was closed: its builds that still wait for a runner are ended.")
		e.Kind, e.Closed = core.EventPullRequest, true
		return e, nil
	}
	return ignored(e, core.WhyAction, "Pull request action %q brings no new commit.", p.Action), nil
}
