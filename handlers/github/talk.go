package github

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/google/go-github/v60/github"

	"github.com/oore-ci/oore/app/core"
)

// maxReply is how much of an answer is sent, in characters; GitHub takes 65,536.
const maxReply = 65_000

// replyReach is how many pages of comments, newest first, are searched for an answer
// that was given before. It was given soon after the command, so it is near the end
// when it is repeated, and a long talk must not outlast the call.
const replyReach = 5

// Permission implements core.Talker.
func (f *Forge) Permission(ctx context.Context, repo core.Repository, userID, login string) (core.Permission, error) {
	if !repositoryPart.MatchString(login) || strings.Trim(login, ".") == "" { // no login, and not to be let into a path
		return core.PermissionNone, nil
	}
	s, err := f.seat(repo.FullName, repo.InstallationID)
	if err != nil {
		return core.PermissionNone, err
	}
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	var granted struct {
		Permission string `json:"permission"`
		Role       string `json:"role_name"` // unknown to the library
		User       struct {
			ID int64 `json:"id"`
		} `json:"user"`
	}
	err = s.get(ctx, fmt.Sprintf("collaborators/%s/permission", login), &granted)
	switch {
	case statusOf(err) == http.StatusNotFound: // nobody has that login
		return core.PermissionNone, nil
	case err != nil:
		return core.PermissionNone, f.trouble(err, s)
	case strconv.FormatInt(granted.User.ID, 10) != userID:
		return core.PermissionNone, nil
	}
	if p, known := permissionOf(granted.Role); known {
		return p, nil
	}
	p, _ := permissionOf(granted.Permission) // what a role of their own builds on
	return p, nil
}

// permissionOf reads GitHub's names of roles. known is false for those that people
// made up, which grant nothing here.
func permissionOf(role string) (p core.Permission, known bool) {
	switch role {
	case "admin":
		return core.PermissionAdmin, true
	case "maintain", "write":
		return core.PermissionWrite, true
	case "triage", "read":
		return core.PermissionRead, true
	case "none":
		return core.PermissionNone, true
	}
	return core.PermissionNone, false
}

// FindPullRequest implements core.Talker.
func (f *Forge) FindPullRequest(ctx context.Context, repo core.Repository, number int) (core.Event, error) {
	s, err := f.seat(repo.FullName, repo.InstallationID)
	if err != nil {
		return core.Event{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	var p pullRequest
	err = s.get(ctx, fmt.Sprintf("pulls/%d", number), &p)
	switch {
	case statusOf(err) == http.StatusNotFound:
		return core.Event{}, core.Errorf(core.KindNotFound, "%s has no pull request #%d", repo.FullName, number).Because(err)
	case err != nil:
		return core.Event{}, f.trouble(err, s)
	case !p.complete() || p.State == "":
		return core.Event{}, core.Errorf(core.KindUnavailable, "GitHub answered for pull request #%d without its head; try again", number)
	}
	e := p.describe(eventOf(repo, core.EventPullRequest))
	e.Action, e.Actor, e.Closed = "opened", p.User.Login, p.State != "open"
	if e.Closed {
		e.Action = "closed"
	}
	return e, nil
}

// get reads what is at a path within the repository.
func (s seat) get(ctx context.Context, path string, into any) error {
	request, err := s.client.NewRequest(http.MethodGet, fmt.Sprintf("repos/%s/%s/%s", s.owner, s.name, path), nil)
	if err != nil {
		return err
	}
	_, err = s.client.Do(ctx, request, into)
	return err
}

// React implements core.Talker. That a command was seen gives way to results.
func (f *Forge) React(ctx context.Context, repo core.Repository, c core.Chat, r core.Reaction) error {
	if !c.Reactable {
		return nil
	}
	id, err := strconv.ParseInt(c.ID, 10, 64)
	if err != nil {
		return core.Errorf(core.KindInvalid, "%q is no comment at GitHub", c.ID).Because(err)
	}
	s, err := f.seat(repo.FullName, repo.InstallationID)
	if err != nil {
		return err
	}
	state := core.ReportSuccess
	if r == core.ReactionSeen {
		state = core.ReportPending
	}
	ctx, cancel, err := f.reporting(ctx, s, state)
	if err != nil {
		return err
	}
	defer cancel()
	if _, _, err = s.client.Reactions.CreateIssueCommentReaction(ctx, s.owner, s.name, id, string(r)); err != nil {
		return f.trouble(err, s)
	}
	return nil
}

// Reply implements core.Talker with a comment that begins with a hidden line, by which
// it is found again and never read as a command. It gives way to reports.
func (f *Forge) Reply(ctx context.Context, repo core.Repository, number int, key, body string) error {
	s, err := f.seat(repo.FullName, repo.InstallationID)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(asReply(ctx), f.timeout)
	defer cancel()
	bot, err := f.botLogin(ctx)
	if err != nil {
		return f.trouble(err, s)
	}
	marker := fmt.Sprintf("<!-- oore:reply c=%s -->", key)
	w := commentWriter{seat: s, number: number, body: cut(marker+"\n"+body, maxReply)}
	if err := w.reply(ctx, bot, marker); err != nil {
		return f.trouble(err, s)
	}
	return nil
}

func cut(text string, characters int) string {
	if runes := []rune(text); len(runes) > characters {
		return string(runes[:characters-1]) + "…"
	}
	return text
}

// reply makes the comment that begins with the marker what it should be.
func (w commentWriter) reply(ctx context.Context, bot, marker string) error {
	known, err := w.findReply(ctx, bot, marker)
	switch {
	case err != nil:
		return err
	case known != nil && known.GetBody() == w.body:
		return nil
	case known != nil:
		if err := w.edit(ctx, known.GetID()); !gone(err) {
			return err
		}
	}
	_, _, err = w.client.Issues.CreateComment(ctx, w.owner, w.name, w.number, &github.IssueComment{Body: &w.body})
	return err
}

// findReply looks for our comment with the marker; nil: there is none. GitHub lists the
// oldest first, and says on the first page which one is the last.
func (w commentWriter) findReply(ctx context.Context, bot, marker string) (*github.IssueComment, error) {
	options := &github.IssueListCommentsOptions{ListOptions: github.ListOptions{PerPage: perPage}}
	page, resp, err := w.client.Issues.ListComments(ctx, w.owner, w.name, w.number, options)
	if err != nil {
		return nil, err
	}
	first := page
	for number := resp.LastPage; number > max(1, resp.LastPage-replyReach); number-- {
		options.Page = number
		page, _, err := w.client.Issues.ListComments(ctx, w.owner, w.name, w.number, options)
		if err != nil {
			return nil, err
		}
		if found := ours(page, bot, marker); found != nil {
			return found, nil
		}
	}
	return ours(first, bot, marker), nil
}

// ours finds the App's own comment that begins with the marker. Others may quote it.
func ours(page []*github.IssueComment, bot, marker string) *github.IssueComment {
	for _, c := range page {
		if strings.EqualFold(c.GetUser().GetLogin(), bot) && strings.HasPrefix(c.GetBody(), marker) {
			return c
		}
	}
	return nil
}
