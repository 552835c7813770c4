package app

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// mayRun decides whether the speaker may use the verb here at all; what it may be used
// on is decided with the target.
func (a *App) mayRun(ctx context.Context, c *conversation, name string) error {
	verb, _ := core.FindChatVerb(name)
	if c.door == core.DoorSlack {
		if c.actor.Role == "" && verb.Class != core.ClassNone {
			return core.Codef(core.KindForbidden, "not_linked", "Link your Slack user first: type `/oore link`.")
		}
		return nil
	}
	if !c.chat.Open && !verb.Closed {
		return core.Codef(core.KindConflict, "pr_closed", "This pull request is closed; builds can be started from the branch.")
	}
	switch verb.Class {
	case core.ClassNone:
		return nil
	case core.ClassRead:
		return c.need(core.PermissionRead, name)
	case core.ClassRun, core.ClassCancel:
		if own, err := a.mayRerunOwn(ctx, c, name); err != nil || own {
			return err
		}
		return c.need(core.PermissionWrite, name)
	case core.ClassApprove:
		if err := c.need(core.PermissionWrite, name); err != nil {
			return err
		}
		return a.notTheAuthor(ctx, c)
	case core.ClassAdmin:
	}
	return core.Codef(core.KindInvalid, core.CodeUnknownCommand, "Command `%s` works in Slack only.", name)
}

func (c *conversation) need(p core.Permission, verb string) error {
	if c.actor.Role.AtLeast(p.Role()) {
		return nil
	}
	have := "none"
	if c.actor.Role != "" {
		have = "read"
	}
	return core.Codef(core.KindForbidden, "forbidden", "@%s cannot run `%s` here: it needs %s access to this repository (you have %s).",
		c.chat.Author, verb, p, have)
}

// mayRerunOwn lets the author of a pull request of the repository itself retry and
// cancel its builds. A fork's author may not: its commit may not be approved.
func (a *App) mayRerunOwn(ctx context.Context, c *conversation, verb string) (bool, error) {
	if verb != "retry" && verb != "cancel" || c.chat.OpenerID == "" || c.chat.OpenerID != c.chat.AuthorID {
		return false, nil
	}
	pull, err := a.pullRequest(ctx, c)
	if err != nil {
		return false, err
	}
	return !pull.PullRequest.Fork, nil
}

// notTheAuthor compares who speaks with whom the forge names as the author now, by
// their numbers.
func (a *App) notTheAuthor(ctx context.Context, c *conversation) error {
	pull, err := a.pullRequest(ctx, c)
	switch {
	case err != nil:
		return err
	case pull.OpenerID == "" || c.chat.AuthorID == "":
		return core.Codef(core.KindForbidden, "unverified", "Who opened this pull request is not known, so a comment cannot approve it; approve it on the delivery's page.")
	case pull.OpenerID == c.chat.AuthorID:
		return core.Codef(core.KindForbidden, core.CodeSelfApprove, "The author of a pull request cannot approve it for CI.")
	}
	return nil
}

// pullRequest reads the pull request as it is now, once in a conversation.
func (a *App) pullRequest(ctx context.Context, c *conversation) (core.Event, error) {
	if c.pull != nil {
		return *c.pull, nil
	}
	talker, err := a.talker(c.repo.Provider)
	if err != nil {
		return core.Event{}, err
	}
	e, err := talker.FindPullRequest(ctx, c.repo, c.chat.Number)
	if err != nil {
		return e, err
	}
	c.pull = &e
	return e, nil
}

// trusted tells whether a commit may be built: a fork's only if somebody approved exactly
// that commit, or the project builds all.
func (a *App) trusted(ctx context.Context, s core.Store, p core.Project, e core.Event) error {
	if e.PullRequest == nil || !e.PullRequest.Fork || p.Forks == core.ForksBuild {
		return nil
	}
	if p.Forks == core.ForksIgnore {
		return core.Codef(core.KindForbidden, core.WhyForkIgnored, "This pull request comes from a fork, and this project ignores forks.")
	}
	approver, err := a.approver(ctx, s, p.RepositoryID, e)
	if err != nil || approver != "" {
		return err
	}
	return core.Codef(core.KindForbidden, "needs_approval",
		"This pull request comes from a fork. A maintainer can approve exactly this commit with `/oore approve %s`.", e.SHA)
}

// chatLimits counts messages with commands: ten in a minute of one person in one
// place, sixty of all people in a repository.
type chatLimits struct {
	mu   sync.Mutex
	seen map[string][]time.Time
}

const (
	chatWindow = time.Minute
	chatMost   = 10
	chatAll    = 60
)

// allow counts a message. first: this person was refused none within a minute.
func (l *chatLimits) allow(c conversation, now time.Time) (allowed, first bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.seen == nil || len(l.seen) > 10_000 {
		l.seen = map[string][]time.Time{}
	}
	place := string(c.door) + ":" + c.chat.Team + c.repo.ID
	person := place + ":" + c.chat.AuthorID
	if l.recent(person, now) >= chatMost || l.recent(place, now) >= chatAll {
		told := person + " told"
		if first = l.recent(told, now) == 0; first {
			l.count(told, now)
		}
		return false, first
	}
	l.count(person, now)
	l.count(place, now)
	return true, false
}

func (l *chatLimits) count(who string, now time.Time) { l.seen[who] = append(l.seen[who], now) }

func (l *chatLimits) recent(who string, now time.Time) int {
	l.seen[who] = slices.DeleteFunc(l.seen[who], func(t time.Time) bool { return now.Sub(t) > chatWindow })
	return len(l.seen[who])
}
