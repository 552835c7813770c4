package app_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store/storetest"
)

// talk is what a fakeForge knows of people and pull requests, and what it was told.
type talk struct {
	permissions map[string]core.Permission // by login
	pull        core.Event                 // every pull request
	fail        error                      // of Permission
	hang        chan struct{}              // Permission waits until it is closed; nil: it does not
	asked       int                        // how often for a permission
	replies     map[string]string          // by key
	reactions   []string
}

func (f *fakeForge) Permission(_ context.Context, _ core.Repository, _, login string) (core.Permission, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.talk.asked++
	if hang := f.talk.hang; hang != nil {
		f.mu.Unlock()
		<-hang
		f.mu.Lock()
	}
	if p, ok := f.talk.permissions[login]; ok {
		return p, f.talk.fail
	}
	return core.PermissionNone, f.talk.fail
}

func (f *fakeForge) FindPullRequest(_ context.Context, _ core.Repository, number int) (core.Event, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.looked++
	switch now, known := f.pulls[number]; {
	case f.silent[now.Branch] || f.silent[""]:
		return core.Event{}, core.Errorf(core.KindUnavailable, "502")
	case known && f.talk.pull.PullRequest == nil && !f.talk.pull.Closed:
		return now, nil
	}
	return f.talk.pull, nil
}

func (f *fakeForge) React(_ context.Context, _ core.Repository, c core.Chat, r core.Reaction) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.talk.reactions = append(f.talk.reactions, c.ID+" "+string(r))
	return nil
}

func (f *fakeForge) Reply(_ context.Context, _ core.Repository, _ int, key, body string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.talk.replies == nil {
		f.talk.replies = map[string]string{}
	}
	f.talk.replies[key] = body
	return nil
}

// personID is somebody's number at the forge.
func personID(login string) string { return fmt.Sprint(100 + len(login) + int(login[0])) }

// comment is a comment on pull request 5 by a person.
func comment(id, author, body string) core.Event {
	return core.Event{
		Provider: core.ProviderGitHub, RepositoryID: "7", RepositoryName: "acme/shop", Action: "created", Ref: "refs/pull/5/head", Actor: author,
		Chat: &core.Chat{ID: id, Body: body, AuthorID: personID(author), Author: author, Number: 5, Open: true, OpenerID: personID("ana"), Reactable: true},
	}
}

// chatHouse has two pipelines, a pull request at shaB, a writer wes, a reader rita and
// the pull request's author ana.
func chatHouse(t *testing.T, fork bool) *house {
	t.Helper()
	return chatHouseOn(t, storetest.SQLite(t), fork)
}

func chatHouseOn(t *testing.T, database string, fork bool) *house {
	t.Helper()
	h := newHouseOn(t, database)
	p := h.project(t)
	h.pipeline(t, p.ID, "Android", triggers(core.Trigger{Events: []core.EventKind{core.EventPullRequest}}))
	h.pipeline(t, p.ID, "iOS release", triggers(core.Trigger{Events: []core.EventKind{core.EventTag}}))
	pull := pullRequest(5, "dev", shaB)
	pull.PullRequest.Number, pull.PullRequest.Fork, pull.Opener, pull.OpenerID = 5, fork, "ana", personID("ana")
	h.forge.talk = talk{permissions: map[string]core.Permission{"wes": core.PermissionWrite, "rita": core.PermissionRead, "ana": core.PermissionRead}, pull: pull}
	return h
}

// say delivers a comment and returns what it came to.
func (h *house) say(t *testing.T, author, body string) core.Delivery {
	t.Helper()
	h.forge.mu.Lock()
	h.forge.talk.reactions = nil
	h.forge.mu.Unlock()
	return h.deliver(t, comment(fmt.Sprint(h.clock.now().UnixNano()), author, body))
}

func TestACommandByAWriterBuildsTheHead(t *testing.T) {
	h := chatHouse(t, false)
	d := h.say(t, "wes", "Looks good.\n/oore build\n")
	if d.Status != core.DeliveryProcessed || d.Reason.Code != core.WhyCommand || d.Reply != "" {
		t.Fatalf("%s %+v, reply %q", d.Status, d.Reason, d.Reply)
	}
	builds := h.builds(t)
	if len(builds) != 1 {
		t.Fatalf("%d builds, want that of the pipeline which the pull request triggers", len(builds))
	}
	if b := builds[0]; b.SHA != shaB || b.PullRequest == nil || b.TriggerType != core.TriggerChat || b.TriggerActor != "wes" || !strings.HasPrefix(b.TriggerRef, "github:pr/5#comment-") {
		t.Errorf("build %+v", b)
	}
	h.work(t, func() bool { h.forge.mu.Lock(); defer h.forge.mu.Unlock(); return len(h.forge.talk.reactions) == 1 })
	if r := h.forge.talk.reactions[0]; !strings.HasSuffix(r, " rocket") {
		t.Errorf("reaction %q", r)
	}
	if d := h.say(t, "wes", "/oore build"); !strings.Contains(d.Reply, "already runs") || len(h.builds(t)) != 1 {
		t.Errorf("the same again: %q, %d builds", d.Reply, len(h.builds(t)))
	}
	h.say(t, "wes", "/oore build fresh=true")
	h.say(t, "wes", "/oore build ios-release branch=main")
	builds = h.builds(t)
	if len(builds) != 3 || builds[2].SHA != shaA || builds[2].Branch != "main" || builds[2].PullRequest != nil {
		t.Errorf("builds %+v", builds)
	}
}

func TestWhatIsNoCommandDoesNothing(t *testing.T) {
	h := chatHouse(t, false)
	for _, body := range []string{"please run /oore build", "> /oore build", "```\n/oore build\n```", "/oore build <!-- oore:report -->", "fine"} {
		if d := h.say(t, "wes", body); d.Status != core.DeliveryIgnored || d.Reason.Code != core.WhyNoCommand {
			t.Errorf("%q: %s %+v", body, d.Status, d.Reason)
		}
	}
	bot := comment("9", "wes", "/oore build")
	bot.Chat.Bot = true
	if d := h.deliver(t, bot); d.Reason.Code != core.WhyOwnComment {
		t.Errorf("a bot: %+v", d.Reason)
	}
	if n := len(h.builds(t)); n != 0 {
		t.Errorf("%d builds", n)
	}
}

// TestRefusalsSayWhatToDo goes through the errors of the grammar's table.
func TestRefusalsSayWhatToDo(t *testing.T) {
	h := chatHouse(t, false)
	for _, test := range []struct{ author, body, code, says string }{
		{"rita", "/oore build", "forbidden", "@rita cannot run `build` here: it needs write access to this repository (you have read)."},
		{"zoe", "/oore approve " + shaB, "forbidden", "it needs write access"},
		{"wes", "/oore biuld", core.CodeUnknownCommand, "Did you mean `build`?"},
		{"wes", "/oore build web", "no_match", "Available: android, ios-release."},
		{"wes", "/oore build branch=nowhere", "ref_not_found", "has no branch"},
		{"wes", "/oore build commit=" + shaA, "commit_not_in_pr", "stands at bbbbbbbbbbbb now"},
		{"wes", "/oore retry", "nothing_to_retry", "Nothing failed on bbbbbbb."},
		{"wes", "/oore cancel", core.WhyNothingToCancel, "No build is running on bbbbbbb."},
		{"wes", "/oore cancel 99", "build_not_found", "There is no build #99 here."},
		{"wes", "/oore approve " + shaB, core.CodeNothingToApprove, "no fork's"},
		{"wes", "/oore use shop", core.CodeUnknownCommand, "in Slack only"},
		{"wes", "/oore build platform=windows", core.CodeInvalidInput, "one of android, ios, macos"},
	} {
		d := h.say(t, test.author, test.body)
		if d.Status != core.DeliveryIgnored || d.Reason.Code != test.code || !strings.Contains(d.Reply, test.says) {
			t.Errorf("%s: %s %+v, reply %q", test.body, d.Status, d.Reason, d.Reply)
		}
		h.clock.forward(chatPause)
	}
	closed := comment("c", "wes", "/oore build")
	closed.Chat.Open = false
	if d := h.deliver(t, closed); d.Reason.Code != "pr_closed" {
		t.Errorf("closed: %+v", d.Reason)
	}
	if n := len(h.builds(t)); n != 0 {
		t.Errorf("%d builds", n)
	}
}

const chatPause = 30e9 // so that no one is limited

func TestAForkIsBuiltWhenSomebodyElseApprovesExactlyItsHead(t *testing.T) {
	h := chatHouse(t, true)
	for _, test := range []struct{ author, body, code, says string }{
		{"wes", "/oore build", "needs_approval", "`/oore approve " + shaB + "`"},
		{"wes", "/oore approve", core.CodeSHARequired, "/oore approve " + shaB},
		{"wes", "/oore approve " + shaA, core.CodeSHAStale, "Head moved to bbbbbbb"},
		{"rita", "/oore approve " + shaB, "forbidden", "write access"},
	} {
		if d := h.say(t, test.author, test.body); d.Reason.Code != test.code || !strings.Contains(d.Reply, test.says) {
			t.Errorf("%s: %+v, reply %q", test.body, d.Reason, d.Reply)
		}
	}
	h.forge.talk.permissions["ana"] = core.PermissionWrite
	if d := h.say(t, "ana", "/oore approve "+shaB); d.Reason.Code != core.CodeSelfApprove {
		t.Errorf("the author: %+v", d.Reason)
	}
	if d := h.say(t, "ana", "/oore retry"); d.Reason.Code != "nothing_to_retry" {
		t.Errorf("an author with write access: %+v", d.Reason)
	}
	d := h.say(t, "wes", "/oore approve "+shaB)
	builds := h.builds(t)
	if d.Status != core.DeliveryProcessed || len(builds) != 1 || builds[0].SHA != shaB {
		t.Fatalf("approved: %+v, %d builds", d.Reason, len(builds))
	}
	if d := h.say(t, "wes", "/oore revoke"); d.Status != core.DeliveryProcessed || h.find(t, builds[0].ID).Status != core.BuildCanceled {
		t.Errorf("revoked: %+v", d.Reason)
	}
	h.clock.forward(2 * chatPause)
	if d := h.say(t, "wes", "/oore build"); d.Reason.Code != "needs_approval" {
		t.Errorf("after the approval was taken back: %+v", d.Reason)
	}
}

// Names change hands: the number decides who may not approve.
func TestWhoOpenedAForksPullRequestIsKnownByNumber(t *testing.T) {
	for _, test := range []struct{ name, opener, number, code string }{
		{"the opener under another name", "mallory-2", personID("wes"), core.CodeSelfApprove},
		{"somebody else under the opener's old name", "wes", personID("ana"), core.WhyCommand},
		{"the forge does not say who", "wes", "", "unverified"},
	} {
		h := chatHouse(t, true)
		h.forge.talk.pull.Opener, h.forge.talk.pull.OpenerID = test.opener, test.number
		if d := h.say(t, "wes", "/oore approve "+shaB); d.Reason.Code != test.code || (len(h.builds(t)) > 0) != (test.code == core.WhyCommand) {
			t.Errorf("%s: %+v, %d builds", test.name, d.Reason, len(h.builds(t)))
		}
	}
}

// Once the second account of who had connected both let the first one's fork be built.
func TestWhoHasTwoAccountsApprovesWithNeither(t *testing.T) {
	h := chatHouse(t, true)
	h.forge.talk.pull.Opener, h.forge.talk.pull.OpenerID = "ana", personID("ana")
	user := h.invite(t, "ana", core.RoleViewer)
	for _, login := range []string{"ana", "wes"} {
		if err := h.store.SaveIdentity(t.Context(), core.Identity{Provider: "github:", Subject: personID(login), UserID: user.ID, Login: login, CreatedAt: h.clock.now()}); err != nil {
			t.Fatal(err)
		}
	}
	if d := h.say(t, "wes", "/oore approve "+shaB); d.Reason.Code != core.CodeSelfApprove || len(h.builds(t)) > 0 {
		t.Errorf("%+v, %d builds", d.Reason, len(h.builds(t)))
	}
}

func TestReadingAndRetryingAndCanceling(t *testing.T) {
	h := chatHouse(t, false)
	h.say(t, "wes", "/oore build")
	job := h.running(t)
	if d := h.say(t, "rita", "/oore status"); !strings.Contains(d.Reply, "Android #1: **running**") || !strings.Contains(d.Reply, "/builds/"+job.Build.ID) {
		t.Errorf("status %q", d.Reply)
	}
	if d := h.say(t, "ana", "/oore cancel"); d.Status != core.DeliveryProcessed || h.find(t, job.Build.ID).Status != core.BuildCanceled {
		t.Errorf("its author cancels: %+v", d.Reason)
	}
	if d := h.say(t, "wes", "/oore cancel 1"); d.Reason.Code != core.CodeInvalidTransition || !strings.Contains(d.Reply, "already finished (canceled)") {
		t.Errorf("canceled twice: %q", d.Reply)
	}
	h.clock.forward(chatPause)
	if d := h.say(t, "wes", "/oore retry"); d.Status != core.DeliveryProcessed || len(h.builds(t)) != 2 || h.builds(t)[1].SourceBuildID != job.Build.ID {
		t.Errorf("retry: %+v", d.Reason)
	}
	for body, says := range map[string]string{
		"/oore list": "**android** (Android): pull_request on any branch. Matches", "/oore list builds": "2 of 2 builds", "/oore ping": "is here",
		"/oore logs": "Android #2", "/oore artifacts 2": "on its page", "/oore why": "It arrived and was built", "/oore help": "/oore build",
		"/oore list projects": "shop",
	} {
		if d := h.say(t, "rita", body); d.Status != core.DeliveryProcessed || !strings.Contains(d.Reply, says) {
			t.Errorf("%s: %s %+v, reply %q", body, d.Status, d.Reason, d.Reply)
		}
		h.clock.forward(chatPause)
	}
}

func TestCommandsOfACommentRunInOrderUntilOneIsRefused(t *testing.T) {
	h := chatHouse(t, false)
	d := h.say(t, "wes", "/oore build android\n/oore build nothing\n/oore status")
	if len(h.builds(t)) != 1 || !strings.Contains(d.Reply, "No enabled pipeline matches `nothing`") || !strings.Contains(d.Reply, "1 of 3 commands were not run") {
		t.Errorf("reply %q, %d builds", d.Reply, len(h.builds(t)))
	}
}

func TestACommandIsRunOnceHoweverOftenItIsProcessed(t *testing.T) {
	h := chatHouse(t, false)
	d := h.say(t, "wes", "/oore build all branch=main")
	for range 3 {
		if _, err := h.RedeliverDelivery(t.Context(), h.owner, d.ID); err != nil {
			t.Fatal(err)
		}
		h.decided(t, d.ID)
	}
	if n := len(h.builds(t)); n != 2 {
		t.Errorf("%d builds, want one for each pipeline", n)
	}
}

func TestNobodyIsBelievedWhomTheForgeCannotVouchFor(t *testing.T) {
	h := chatHouse(t, false)
	h.forge.talk.fail = core.Errorf(core.KindUnavailable, "GitHub does not answer")
	id := ""
	d := h.deliverRawLater(t, comment("7", "wes", "/oore build"))
	id = d
	for range 4 { // the clock passes over the pauses
		h.clock.forward(10 * 60e9)
		h.work(t, func() bool {
			got, err := h.store.FindDelivery(t.Context(), id)
			return err == nil && (got.Status != core.DeliveryReceived || got.NotBefore.After(h.clock.now()))
		})
	}
	got := h.decided(t, id)
	if got.Reason.Code != "unverified" || len(h.builds(t)) != 0 {
		t.Errorf("%+v, %d builds", got.Reason, len(h.builds(t)))
	}
	h.work(t, func() bool {
		h.clock.forward(time.Second) // over the hold of what the workers began when they were stopped last
		h.forge.mu.Lock()
		defer h.forge.mu.Unlock()
		return len(h.forge.talk.reactions) >= 2
	})
	if want := []string{"7 eyes", "7 -1"}; !slices.Equal(h.forge.talk.reactions, want) {
		t.Errorf("reactions %v, want %v", h.forge.talk.reactions, want)
	}
}

func TestTenCommandsInAMinuteAreEnough(t *testing.T) {
	h := chatHouse(t, false)
	last := core.Delivery{}
	for range 11 {
		last = h.say(t, "wes", "/oore ping")
	}
	if last.Reason.Code != core.CodeRateLimited {
		t.Errorf("the eleventh: %+v", last.Reason)
	}
	h.clock.forward(61e9)
	if d := h.say(t, "wes", "/oore ping"); d.Status != core.DeliveryProcessed {
		t.Errorf("a minute later: %+v", d.Reason)
	}
}

// What waited while no server ran is decided about all at once, and was not written so.
func TestCommandsThatWaitedAreNotTooMany(t *testing.T) {
	h := chatHouse(t, false)
	var ids []string
	for n := range 15 {
		ids = append(ids, h.deliverRawLater(t, comment(fmt.Sprint("waits-", n), "wes", "/oore ping")))
		h.clock.forward(10 * time.Second)
	}
	for _, id := range ids {
		if d := h.decided(t, id); d.Status != core.DeliveryProcessed {
			t.Errorf("%+v", d.Reason)
		}
	}
}

func TestACommentThatTwoWebhooksTellOfIsOneCommand(t *testing.T) {
	h := chatHouse(t, false)
	twice := comment("same", "wes", "/oore build all")
	h.deliver(t, twice)
	if d := h.deliver(t, twice); d.Status != core.DeliveryProcessed || len(h.builds(t)) != 2 {
		t.Errorf("%+v, %d builds, want one for each pipeline", d.Reason, len(h.builds(t)))
	}
}

func TestSixtyCommandsOfAllPeopleInAMinuteAreEnough(t *testing.T) {
	h := chatHouse(t, false)
	var last core.Delivery
	for i := range 61 {
		ping := comment(fmt.Sprint("all-", i), "wes", "/oore ping")
		ping.Chat.AuthorID = fmt.Sprint(i) // another person each
		last = h.deliver(t, ping)
	}
	if last.Reason.Code != core.CodeRateLimited {
		t.Errorf("the sixty-first: %+v", last.Reason)
	}
}
