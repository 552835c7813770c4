package github_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/github"
	"github.com/oore-ci/oore/handlers/github/githubtest"
)

var (
	_ core.Forge         = (*github.Room)(nil)
	_ core.Reporter      = (*github.Room)(nil)
	_ core.CheckReporter = (*github.Room)(nil)
	_ core.Surveyor      = (*github.Room)(nil)
	_ core.Talker        = (*github.Room)(nil)
	_ core.CommitFinder  = (*github.Room)(nil)
	_ core.Connector     = (*github.Room)(nil)
	_ core.AppRegistrar  = (*github.Room)(nil)
)

// made is the connection of an App that somebody made at the world's host.
func (w *world) made(app *githubtest.App, id string) core.Connection {
	c := connection(w)
	c.ID, c.Origin, c.Name, c.ExternalID = id, core.OriginWeb, "Robot "+id, fmt.Sprint(app.AppID)
	c.Secrets = core.Secrets{PrivateKey: string(app.PrivateKeyPEM), WebhookSecret: app.WebhookSecret}
	return c
}

// known is the world's repository as a room that has it by the integration gave it.
func (w *world) known(id string) core.Repository {
	r := w.coreRepository()
	r.IntegrationID = id
	return r
}

func newRoom(t *testing.T, all ...core.Connection) *github.Room {
	t.Helper()
	room := github.New(github.Options{})
	if err := room.Connect(all); err != nil {
		t.Fatal(err)
	}
	return room
}

// twoHosts are two hosts whose App, installation and repository have the same ids and
// the same names, and a room that speaks for both.
func twoHosts(t *testing.T) (a, b *world, room *github.Room) {
	t.Helper()
	a, b = newWorld(t), newWorld(t)
	b.WebhookSecret = "the other host's secret"
	if a.AppID != b.AppID || a.repo.ID != b.repo.ID || a.repo.InstallationID != b.repo.InstallationID {
		t.Fatal("the two hosts are not alike")
	}
	return a, b, newRoom(t, a.made(a.App, "a"), b.made(b.App, "b"))
}

// say gives a description that no other report has.
func say(sha, text string) core.Report {
	r := report(sha, core.ReportSuccess)
	r.Description = text
	return r
}

func TestEachHostIsAskedByItsOwnApp(t *testing.T) {
	a, b, room := twoHosts(t)
	for id, w := range map[string]*world{"a": a, "b": b} {
		w.open(t, 1)
		other := map[string]*world{"a": b, "b": a}[id]
		before := len(other.Requests())
		repo := w.known(id)
		if err := room.SetStatus(t.Context(), repo, say(w.head, "of "+id)); err != nil {
			t.Fatal(err)
		}
		if got := w.Statuses(w.head); len(got) != 1 || got[0].Description != "of "+id {
			t.Errorf("%s: %+v", id, got)
		}
		out, err := room.Checkout(t.Context(), repo)
		if err != nil || !strings.HasPrefix(out.URL, w.URL()) || out.Password == "" {
			t.Errorf("%s: %+v, %v", id, out, err)
		}
		if c, err := room.ResolveRef(t.Context(), repo, "main"); err != nil || c.SHA != w.head {
			t.Errorf("%s: %+v, %v", id, c, err)
		}
		if sha, err := room.PullRequestHead(t.Context(), repo, 1); err != nil || sha == "" {
			t.Errorf("%s: %s, %v", id, sha, err)
		}
		if _, err := room.UpsertComment(t.Context(), repo, sticky(w.head, 1), ""); err != nil {
			t.Error(err)
		}
		if _, err := room.SetCheck(t.Context(), repo, checked(w.head, "of-"+id, core.BuildQueued), ""); err != nil {
			t.Error(err)
		}
		if heads, err := room.Heads(t.Context(), repo); err != nil || len(heads) == 0 {
			t.Errorf("%s: %v, %v", id, heads, err)
		}
		if _, _, err := room.Paths(t.Context(), repo, core.Event{Kind: core.EventPush, Before: w.base, SHA: w.head}); err != nil {
			t.Error(err)
		}
		if n := len(other.Requests()) - before; n != 0 {
			t.Errorf("%d requests about %s went to the other host", n, id)
		}
	}
}

func TestARepositoryThatDoesNotSayByWhom(t *testing.T) {
	a, b, room := twoHosts(t)
	repo := a.known("")
	repo.Host = ""
	if err := room.SetStatus(t.Context(), repo, say(a.head, "the first")); err != nil || len(a.Statuses(a.head)) != 1 {
		t.Errorf("%v; it was not the first that has it", err)
	}
	other := b.AddRepository("acme/other", true, b.git.Dir)
	repo.FullName, repo.ExternalID = "acme/other", fmt.Sprint(other.ID)
	if err := room.SetStatus(t.Context(), repo, say(b.head, "the only that has it")); err != nil || len(b.Statuses(b.head)) != 1 {
		t.Error(err)
	}
	repo = b.known("")
	if err := room.SetStatus(t.Context(), repo, say(b.head, "by its host")); err != nil || len(b.Statuses(b.head)) != 2 {
		t.Error(err)
	}
	repo.ExternalID, repo.Host = "99", ""
	wantError(t, "the name is another's now", room.SetStatus(t.Context(), repo, say(b.head, "nowhere")), core.KindNotFound, core.CodeRepositoryUnknown)
	if err := room.Connect([]core.Connection{b.made(b.App, "b")}); err != nil {
		t.Fatal(err)
	}
	if err := room.SetStatus(t.Context(), repo, say(b.head, "the only App")); err != nil || len(b.Statuses(b.head)) != 3 {
		t.Error(err)
	}
}

func TestWhatIsNotConnectedAnyMore(t *testing.T) {
	a, b, room := twoHosts(t)
	if err := room.Connect([]core.Connection{b.made(b.App, "b")}); err != nil {
		t.Fatal(err)
	}
	before := len(a.Requests())
	elsewhere := a.known("")
	for _, repo := range []core.Repository{a.known("a"), elsewhere} {
		err := room.SetStatus(t.Context(), repo, say(a.head, "x"))
		wantError(t, "removed", err, core.KindGone, "gone")
		if !strings.Contains(fmt.Sprint(err), "acme/shop") || !strings.Contains(fmt.Sprint(err), "Settings → Sources") {
			t.Error(err)
		}
	}
	_, err := room.Inventory(t.Context(), "a")
	wantError(t, "inventory", err, core.KindGone, "gone")
	wantError(t, "redeliver", room.Redeliver(t.Context(), core.MissedDelivery{IntegrationID: "a", ID: "1"}), core.KindGone, "gone")
	if len(a.Requests()) != before || len(b.Requests()) != 0 {
		t.Error("somebody was asked")
	}
}

func TestNothingIsConnected(t *testing.T) {
	w := newWorld(t)
	room := github.New(github.Options{})
	_, err := room.FindRepository(t.Context(), "acme/shop")
	wantError(t, "find", err, core.KindInvalid, core.CodeInvalidInput)
	for _, word := range []string{"Settings → Sources", "OORE_GITHUB_APP_ID", "OORE_GITHUB_APP_PRIVATE_KEY", "OORE_GITHUB_APP_WEBHOOK_SECRET"} {
		if !strings.Contains(fmt.Sprint(err), word) {
			t.Errorf("%v does not name %s", err, word)
		}
	}
	wantError(t, "status", room.SetStatus(t.Context(), w.known(""), say(w.head, "x")), core.KindInvalid, core.CodeInvalidInput)
	if missed, err := room.Missed(t.Context(), core.Lookback{Since: time.Now()}); err != nil || len(missed) != 0 {
		t.Errorf("%v, %v", missed, err)
	}
}

func TestConnectKeepsWhatIsTheSame(t *testing.T) {
	w := newWorld(t)
	c := w.made(w.App, "a")
	room := newRoom(t, c)
	send := func(text string) {
		t.Helper()
		if err := room.SetStatus(t.Context(), w.known("a"), say(w.head, text)); err != nil {
			t.Fatal(err)
		}
	}
	send("1")
	c.Name, c.Slug, c.Trouble, c.UpdatedAt, c.Secrets.WebhookSecret = "New name", "new-name", "none", time.Now(), "new secret"
	if err := room.Connect([]core.Connection{c}); err != nil {
		t.Fatal(err)
	}
	send("2")
	if n := w.TokensMinted(); n != 1 {
		t.Errorf("%d tokens: it began anew", n)
	}
	w.Fail(func(*http.Request) *githubtest.Failure { return &githubtest.Failure{Status: 401} })
	if _, err := room.FindRepository(t.Context(), "acme/shop"); !strings.Contains(fmt.Sprint(err), "the GitHub App New name") || strings.Contains(err.Error(), "OORE_") {
		t.Errorf("the error does not use the new name alone: %v", err)
	}
	w.Heal()
	c.Secrets.PrivateKey = string(otherKey(t))
	if err := room.Connect([]core.Connection{c}); err != nil {
		t.Fatal(err)
	}
	err := room.SetStatus(t.Context(), w.known("a"), say(w.head, "3"))
	wantError(t, "another key", err, core.KindUnavailable, core.CodeUnavailable)
}

func TestConnectLeavesOutWhatCannotWork(t *testing.T) {
	a, b := newWorld(t), newWorld(t)
	without, broken, good := a.made(a.App, "without"), a.made(a.App, "broken"), b.made(b.App, "good")
	without.Origin, without.Secrets.WebhookSecret, broken.Secrets.PrivateKey = core.OriginEnvironment, "", "nonsense"
	room := github.New(github.Options{})
	err := room.Connect([]core.Connection{without, broken, good})
	if core.KindOf(err) != core.KindInvalid {
		t.Errorf("%v", err)
	}
	for _, word := range []string{"OORE_GITHUB_APP_WEBHOOK_SECRET", "Robot broken"} {
		if !strings.Contains(fmt.Sprint(err), word) {
			t.Errorf("%v does not name %s", err, word)
		}
	}
	if err := room.SetStatus(t.Context(), b.known("good"), say(b.head, "x")); err != nil {
		t.Error(err)
	}
	wantError(t, "left out", room.SetStatus(t.Context(), a.known("without"), say(a.head, "x")), core.KindGone, "gone")
}

func TestTwoAppsAtOneHost(t *testing.T) {
	w := newWorld(t)
	second := w.AddApp(t, "second")
	theirs := w.AddRepository("globex/app", true, w.git.Dir)
	w.Uninstall(theirs.InstallationID)
	theirs.InstallationID = second.Install("globex")
	room := newRoom(t, w.made(w.App, "a"), w.made(second, "b"))
	got, err := room.FindRepository(t.Context(), "globex/app")
	if err != nil || got.IntegrationID != "b" || got.InstallationID != theirs.InstallationID {
		t.Fatalf("%+v, %v", got, err)
	}
	if err := room.SetStatus(t.Context(), got, say(w.head, "by the second")); err != nil {
		t.Error(err)
	}
	got.IntegrationID = "a"
	err = room.SetStatus(t.Context(), got, say(w.head, "by the first"))
	wantError(t, "another App's installation", err, core.KindNotFound, github.CodeInstallationGone)
}
