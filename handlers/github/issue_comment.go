package github

import (
	"fmt"
	"strconv"

	"github.com/oore-ci/oore/app/core"
)

type issueCommentPayload struct {
	envelope
	Comment remark `json:"comment"`
	Issue   struct {
		thread
		PullRequest *struct{} `json:"pull_request"` // null: a plain issue
	} `json:"issue"`
}

// remark is what somebody wrote, as comments and reviews show it.
type remark struct {
	ID   int64  `json:"id"`
	Body string `json:"body"`
	User struct {
		ID    int64  `json:"id"`
		Login string `json:"login"`
		Type  string `json:"type"`
	} `json:"user"`
	App *struct{} `json:"performed_via_github_app"`
}

// thread is where it was written, as issues and pull requests show it.
type thread struct {
	Number int    `json:"number"`
	State  string `json:"state"`
	User   author `json:"user"`
}

func decodeIssueComment(payload []byte) (core.Event, error) {
	var p issueCommentPayload
	if err := parse("issue_comment", payload, &p); err != nil {
		return core.Event{}, err
	}
	switch {
	case p.Action != "created":
		return ignored(p.event(), core.WhyAction, "Comment action %q runs nothing: a comment is read once, as it was first written.", p.Action), nil
	case p.Issue.PullRequest == nil:
		return ignored(p.event(), core.WhyNoCommand, "The comment is on an issue; commands are read in pull requests alone."), nil
	}
	e, err := said("issue_comment", p.envelope, p.Issue.thread, p.Comment)
	if err == nil {
		e.Chat.Reactable = true
	}
	return e, err
}

// said is the event of something that may be a command. Under which name the App is
// addressed no payload tells.
func said(event string, by envelope, in thread, what remark) (core.Event, error) {
	e := by.event()
	if e.RepositoryID == "" || in.Number <= 0 || what.ID <= 0 || what.User.ID <= 0 || what.User.Login == "" {
		return core.Event{}, undocumented(event, "repository.id, the pull request's number, the text's id or its author is missing")
	}
	e.Ref = fmt.Sprintf("refs/pull/%d/head", in.Number)
	e.Chat = &core.Chat{
		ID: strconv.FormatInt(what.ID, 10), Body: what.Body,
		AuthorID: strconv.FormatInt(what.User.ID, 10), Author: what.User.Login,
		Bot:    what.User.Type == "Bot" || by.Sender.Type == "Bot" || what.App != nil,
		Number: in.Number, Open: in.State == "open", OpenerID: in.User.id(),
	}
	return e, nil
}
