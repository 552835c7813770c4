package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// locate finds the repository that a comment is about. known is false where it is not
// ours: then there is nobody to answer.
func (a *App) locate(ctx context.Context, c *conversation, u understood) (known bool, err error) {
	if c.door == core.DoorSlack {
		return true, nil
	}
	c.candidates, err = a.candidates(ctx, u)
	if err != nil || len(c.candidates) == 0 {
		return false, err
	}
	c.repo = c.candidates[0].project.Repository
	c.projects, err = a.store.ListProjectsOfRepository(ctx, c.repo.ID)
	return true, err
}

// meet finds out who speaks. A forge that cannot say what somebody may do is asked
// again; in the end nothing is started.
func (a *App) meet(ctx context.Context, c *conversation) (err error) {
	if c.door == core.DoorSlack {
		if c.actor, err = a.slackActor(ctx, c.chat, c.delivery.ID); err != nil {
			return err
		}
		c.projects, c.candidates, err = a.visibleCandidates(ctx, c.actor)
		return err
	}
	c.actor, err = a.forgeActor(ctx, *c)
	switch {
	case err == nil:
		return nil
	case c.delivery.Attempts < unverifiedAfter:
		a.bell.ring(topicOutbox)
		return errors.Join(err, a.wantReaction(ctx, a.store, *c))
	}
	c.fault = core.Codef(core.KindUnavailable, "unverified", "Could not verify your permission just now; nothing was started. Please try again.").Because(err)
	return nil
}

// forgeActor asks the forge what the author of a comment may do.
func (a *App) forgeActor(ctx context.Context, c conversation) (core.Actor, error) {
	talker, err := a.talker(c.repo.Provider)
	if err != nil {
		return core.Actor{}, err
	}
	permission, err := talker.Permission(ctx, c.repo, c.chat.AuthorID, c.chat.Author)
	if err != nil {
		return core.Actor{}, fmt.Errorf("ask what %s may do in %s: %w", c.chat.Author, c.repo.FullName, err)
	}
	if !c.repo.Private && permission == core.PermissionNone {
		permission = core.PermissionRead // everybody reads a public repository
	}
	return a.meetUser(ctx, c, core.Actor{
		Kind: core.ActorForge, Name: c.chat.Author, Role: permission.Role(),
		ForgeID: string(c.repo.Provider) + ":" + c.repo.Host + ":" + c.chat.AuthorID,
		Door:    core.ViaProvider(c.repo.Provider), Delivery: c.delivery.ID,
	})
}

// meetUser finds the user of the house that a person at a forge is known to be, and lets
// them do what that user may do in the projects of the repository, if that is more.
func (a *App) meetUser(ctx context.Context, c conversation, actor core.Actor) (core.Actor, error) {
	known, err := a.store.FindIdentity(ctx, core.ForgeIdentity(c.repo.Provider, c.repo.Host), c.chat.AuthorID)
	if core.KindOf(err) == core.KindNotFound {
		return actor, nil
	}
	if err != nil {
		return actor, err
	}
	user, err := a.store.FindUser(ctx, known.UserID)
	if err != nil || !user.Enabled {
		return actor, err
	}
	house, err := a.actorOfUser(ctx, user)
	if err != nil {
		return actor, err
	}
	least := core.RoleMaintainer // the most that anybody is in a project by way of a forge
	for _, p := range c.projects {
		role, _ := house.RoleIn(p)
		least = least.Lower(role)
	}
	actor.UserID, actor.Role = user.ID, actor.Role.Higher(least)
	return actor, nil
}

func (a *App) talker(p core.Provider) (core.Talker, error) {
	if t, ok := a.forges[p].(core.Talker); ok {
		return t, nil
	}
	return nil, core.Errorf(core.KindInvalid, "%s takes no commands", p)
}

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
	}
	same, err := a.onePerson(ctx, core.ForgeIdentity(c.repo.Provider, c.repo.Host), pull.OpenerID, c.chat.AuthorID)
	if same {
		return core.Codef(core.KindForbidden, core.CodeSelfApprove, "The author of a pull request cannot approve it for CI.")
	}
	return err
}

// onePerson tells whether two accounts at a forge are one, or are known to be of one user,
// enabled or not.
func (a *App) onePerson(ctx context.Context, provider, one, other string) (bool, error) {
	if one == other {
		return true, nil
	}
	var users []string
	for _, subject := range []string{one, other} {
		known, err := a.store.FindIdentity(ctx, provider, subject)
		if core.KindOf(err) == core.KindNotFound {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		users = append(users, known.UserID)
	}
	return users[0] == users[1], nil
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

// allow counts a message by when it came: what waited while no server ran is decided about
// all at once. first: this person was refused none within a minute.
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
	n := 0
	for _, t := range l.seen[who] {
		if t.Sub(now) <= chatWindow {
			n++
		}
	}
	return n
}
