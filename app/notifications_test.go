package app_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store"
	"github.com/oore-ci/oore/store/storetest"
)

// fakeNotifier notes what it is to bring.
type fakeNotifier struct {
	mu      sync.Mutex
	hang    chan struct{} // calls wait until it is closed; nil: they do not
	begun   int           // calls, with those that wait
	fail    []error       // of the next calls
	calls   int
	brought []core.Notice
	secrets []string
}

func (f *fakeNotifier) Notify(_ context.Context, _ core.Notification, secret string, notice core.Notice) error {
	f.mu.Lock()
	f.begun++
	f.mu.Unlock()
	if f.hang != nil {
		<-f.hang
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls++
	if len(f.fail) > 0 {
		err := f.fail[0]
		f.fail = f.fail[1:]
		return err
	}
	f.brought, f.secrets = append(f.brought, notice), append(f.secrets, secret)
	return nil
}

func (f *fakeNotifier) failing(errs ...error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail = errs
}

func (f *fakeNotifier) seen() (calls int, brought []core.Notice) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls, slices.Clone(f.brought)
}

// fakeMessenger notes what is posted where.
type fakeMessenger struct {
	mu     sync.Mutex
	posted []string // "channel text"
	fail   error
}

func (f *fakeMessenger) Respond(context.Context, core.Chat, core.Message) error { return nil }

func (f *fakeMessenger) Post(_ context.Context, channel string, m core.Message, known string) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.posted = append(f.posted, strings.TrimSpace(channel+" "+m.Text+" "+known))
	return "ts", f.fail
}

type notifyHouse struct {
	*house
	notifier  *fakeNotifier
	messenger *fakeMessenger
	shop      core.Project
	android   core.Pipeline
}

// newNotifyHouse can tell by webhook, Mattermost and Slack, and has no mail server.
func newNotifyHouse(t *testing.T) *notifyHouse {
	t.Helper()
	db, err := store.Open(t.Context(), storetest.SQLite(t), store.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	h := &notifyHouse{notifier: &fakeNotifier{}, messenger: &fakeMessenger{}, house: &house{
		store: db, forge: &fakeForge{}, clock: &fakeClock{at: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)},
		owner: core.Actor{Kind: core.ActorUser, Name: "olga", Role: core.RoleOwner},
	}}
	h.App, err = app.New(app.Deps{
		Store: db, Blobs: newBlobs(t), Archive: newArchive(t, newBlobs(t)), Vault: vaultOf(t, 1), Messenger: h.messenger,
		Notifiers: map[core.NotificationKind]core.Notifier{core.NotifyWebhook: h.notifier, core.NotifyMattermost: h.notifier},
		Forges:    map[core.Provider]core.Forge{core.ProviderGitHub: h.forge},
		Reporters: map[core.Provider]core.Reporter{core.ProviderGitHub: h.forge},
		Clock:     h.clock.now, NewID: uuid.NewString, Log: slog.New(slog.DiscardHandler), PublicURL: "https://ci.example.com", LogLimit: 1 << 20,
	})
	if err != nil {
		t.Fatal(err)
	}
	h.embed(t)
	h.shop = h.project(t)
	h.android = h.pipeline(t, h.shop.ID, "Android")
	return h
}

func webhook(change ...func(*app.NotificationInput)) app.NotificationInput {
	kind, target := core.NotifyWebhook, "https://hooks.example.com/ci"
	in := app.NotificationInput{Kind: &kind, Target: &target}
	for _, c := range change {
		c(&in)
	}
	return in
}

func on(s core.SubscribedTo) func(*app.NotificationInput) {
	return func(in *app.NotificationInput) { in.On = &s }
}

func (h *notifyHouse) notification(t *testing.T, in app.NotificationInput) core.Notification {
	t.Helper()
	n, _, err := h.CreateNotification(t.Context(), h.owner, h.shop.ID, in)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// build runs a build of a branch to its end.
func (h *notifyHouse) build(t *testing.T, pipeline core.Pipeline, branch string, ends core.BuildStatus) core.Build {
	t.Helper()
	b, err := h.TriggerBuild(t.Context(), h.owner, app.TriggerBuild{ProjectID: h.shop.ID, PipelineID: pipeline.ID, Branch: branch})
	if err != nil {
		t.Fatal(err)
	}
	if ends == core.BuildCanceled {
		if b, err = h.CancelBuild(t.Context(), h.owner, b.ID); err != nil {
			t.Fatal(err)
		}
		return b
	}
	job := h.running(t)
	result := core.Result{Status: ends}
	if ends != core.BuildSucceeded {
		result.Reason, result.Message = core.ReasonCommandFailed, "build-1 failed: exit 1"
	}
	if err := h.Finish(t.Context(), job.Lease, result); err != nil {
		t.Fatal(err)
	}
	return h.find(t, b.ID)
}

// wanted tells whether a notification is to tell of a build.
func (h *notifyHouse) wanted(t *testing.T, n core.Notification, b core.Build) bool {
	t.Helper()
	_, err := h.store.FindEffect(t.Context(), core.NotifyKey(n.ID, b.ID))
	if err != nil && core.KindOf(err) != core.KindNotFound {
		t.Fatal(err)
	}
	return err == nil
}

func TestWhoHearsOfWhichEnd(t *testing.T) {
	h := newNotifyHouse(t)
	ios := h.pipeline(t, h.shop.ID, "iOS")
	off := false
	listeners := map[string]core.Notification{
		"broken": h.notification(t, webhook()), "fixed": h.notification(t, webhook(on(core.OnFixed))), "all": h.notification(t, webhook(on(core.OnAll))),
		"main":    h.notification(t, webhook(on(core.OnAll), func(in *app.NotificationInput) { in.Branches = &[]string{"*", "!de?"} })),
		"android": h.notification(t, webhook(on(core.OnAll), func(in *app.NotificationInput) { in.PipelineID = &h.android.ID })),
		"off":     h.notification(t, webhook(on(core.OnAll), func(in *app.NotificationInput) { in.Enabled = &off })),
	}
	for i, step := range []struct {
		pipeline core.Pipeline
		branch   string
		ends     core.BuildStatus
		hear     string
	}{
		{h.android, "main", core.BuildSucceeded, "all android main"},
		{h.android, "main", core.BuildFailed, "all android broken fixed main"},
		{h.android, "main", core.BuildFailed, "all android main"},
		{h.android, "main", core.BuildCanceled, "all android main"},
		{h.android, "dev", core.BuildFailed, "all android broken fixed"}, // the first of its branch
		{ios, "main", core.BuildTimedOut, "all broken fixed main"},
		{ios, "main", core.BuildFailed, "all main"},
		{h.android, "main", core.BuildSucceeded, "all android fixed main"},
		{h.android, "main", core.BuildSucceeded, "all android main"},
		{ios, "main", core.BuildSucceeded, "all fixed main"},
		{h.android, "dev", core.BuildTimedOut, "all android"},
	} {
		b := h.build(t, step.pipeline, step.branch, step.ends)
		var hear []string
		for name, n := range listeners {
			if h.wanted(t, n, b) {
				hear = append(hear, name)
			}
		}
		slices.Sort(hear)
		if got := strings.Join(hear, " "); got != step.hear {
			t.Errorf("%d, %s of %s on %s: heard by %q, want %q", i, step.ends, step.pipeline.Name, step.branch, got, step.hear)
		}
	}
}

func TestANotificationIsBroughtOnceAndTriedAgainUntilItArrives(t *testing.T) {
	h := newNotifyHouse(t)
	n := h.notification(t, webhook())
	h.notifier.failing(core.Errorf(core.KindUnavailable, "hooks.example.com answered 500"), core.Errorf(core.KindUnavailable, "hooks.example.com did not answer in time"))
	b := h.build(t, h.android, "main", core.BuildFailed)
	trouble := func() string {
		stored, err := h.store.FindNotification(t.Context(), n.ID)
		if err != nil {
			t.Fatal(err)
		}
		return stored.LastError
	}
	h.work(t, func() bool { return trouble() == "hooks.example.com answered 500" })
	h.work(t, func() bool {
		h.clock.forward(time.Second)
		return trouble() == "hooks.example.com did not answer in time"
	})
	h.work(t, func() bool {
		h.clock.forward(time.Second)
		return trouble() == ""
	})
	calls, brought := h.notifier.seen()
	if calls != 3 || len(brought) != 1 {
		t.Fatalf("%d calls, %d notices", calls, len(brought))
	}
	got := brought[0]
	if got.Event != core.NoticeFinished || got.Report == nil || got.Report.Build.ID != b.ID || got.Report.Pipeline.ID != h.android.ID || got.Project.ID != h.shop.ID ||
		got.Link != "https://ci.example.com/builds/"+b.ID || got.DeliveryID == "" || got.SettingsURL != "https://ci.example.com/projects/"+h.shop.ID+"/settings/notifications" {
		t.Errorf("notice %+v", got)
	}
	if !strings.HasPrefix(h.notifier.secrets[0], "oore_") {
		t.Errorf("the secret is %q", h.notifier.secrets[0])
	}
	// Wanted anew, as when an event adds a pull request to the build: it was told already.
	e, err := h.store.FindEffect(t.Context(), core.NotifyKey(n.ID, b.ID))
	if err != nil {
		t.Fatal(err)
	}
	if err := h.store.WantEffect(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	h.work(t, func() bool {
		e, err := h.store.FindEffect(t.Context(), e.Key)
		return err == nil && e.Done == e.Wanted
	})
	if calls, _ := h.notifier.seen(); calls != 3 {
		t.Errorf("%d calls", calls)
	}
}

func TestANotificationThatIsRefusedForGoodIsParkedWithItsReason(t *testing.T) {
	h := newNotifyHouse(t)
	n := h.notification(t, webhook())
	h.notifier.failing(core.Errorf(core.KindGone, "hooks.example.com answered 410"))
	b := h.build(t, h.android, "main", core.BuildFailed)
	var e core.Effect
	h.work(t, func() (parked bool) {
		var err error
		e, err = h.store.FindEffect(t.Context(), core.NotifyKey(n.ID, b.ID))
		return err == nil && e.Parked
	})
	if stored, err := h.store.FindNotification(t.Context(), n.ID); err != nil || stored.LastError != "hooks.example.com answered 410" || !strings.Contains(e.LastError, "410") {
		t.Errorf("%+v, %v, effect %+v", stored, err, e)
	}
}

func TestWhoeverIsTakenOffTheListIsToldNothingMore(t *testing.T) {
	h := newNotifyHouse(t)
	deleted, disabled, stays := h.notification(t, webhook()), h.notification(t, webhook()), h.notification(t, webhook())
	b := h.build(t, h.android, "main", core.BuildFailed)
	if err := h.DeleteNotification(t.Context(), h.owner, deleted.ID); err != nil {
		t.Fatal(err)
	}
	off := false
	if _, err := h.UpdateNotification(t.Context(), h.owner, disabled.ID, app.NotificationInput{Enabled: &off}); err != nil {
		t.Fatal(err)
	}
	h.work(t, func() bool {
		for _, n := range []core.Notification{deleted, disabled, stays} {
			if e, err := h.store.FindEffect(t.Context(), core.NotifyKey(n.ID, b.ID)); err != nil || e.Done < e.Wanted || e.Parked {
				return false
			}
		}
		return true
	})
	if calls, _ := h.notifier.seen(); calls != 1 {
		t.Errorf("%d calls", calls)
	}
}

func TestASlackChannelIsToldByTheSlackApp(t *testing.T) {
	h := newNotifyHouse(t)
	kind, target := core.NotifySlack, "C0123ABCD"
	n := h.notification(t, app.NotificationInput{Kind: &kind, Target: &target})
	b := h.build(t, h.android, "main", core.BuildFailed)
	h.work(t, func() bool { h.messenger.mu.Lock(); defer h.messenger.mu.Unlock(); return len(h.messenger.posted) > 0 })
	h.messenger.fail = core.Errorf(core.KindNotFound, "The bot is not in that channel; invite it")
	_, err := h.TestNotification(t.Context(), h.owner, n.ID)
	wantCode(t, err, core.KindInvalid, "not_delivered")
	if got := h.messenger.posted; len(got) != 2 || !strings.HasPrefix(got[0], "C0123ABCD ") || !strings.Contains(got[0], fmt.Sprintf("#%d", b.Number)) || !strings.Contains(got[1], "test message") {
		t.Errorf("posted %q", got)
	}
	if stored, err := h.store.FindNotification(t.Context(), n.ID); err != nil || !strings.Contains(stored.LastError, "invite it") {
		t.Errorf("%+v, %v", stored, err)
	}
}

func TestSecretsOfNotificationsAreSealedAndShownOnce(t *testing.T) {
	h := newNotifyHouse(t)
	n, made, err := h.CreateNotification(t.Context(), h.owner, h.shop.ID, webhook())
	if err != nil || !strings.HasPrefix(made, "oore_") || len(made) < 40 {
		t.Fatalf("made %q, %v", made, err)
	}
	chosen := "0123456789abcdef"
	if _, made, err = h.CreateNotification(t.Context(), h.owner, h.shop.ID, webhook(func(in *app.NotificationInput) { in.Secret = &chosen })); err != nil || made != "" {
		t.Errorf("made %q beside the one that was given, %v", made, err)
	}
	kind, hook := core.NotifyMattermost, "https://chat.example.com/hooks/s3cr3t"
	lab := h.notification(t, app.NotificationInput{Kind: &kind, Target: &hook})
	all, err := h.ListNotifications(t.Context(), h.owner, h.shop.ID)
	if err != nil || len(all) != 3 || lab.Target != "chat.example.com" {
		t.Fatalf("%+v, %v", all, err)
	}
	for _, one := range all {
		if len(one.Sealed) == 0 || strings.Contains(string(one.Sealed), "s3cr3t") || strings.Contains(one.Target, "s3cr3t") {
			t.Errorf("%s is not sealed: %+v", one.Kind, one)
		}
	}
	for _, one := range []core.Notification{n, lab} {
		if _, err := h.TestNotification(t.Context(), h.owner, one.ID); err != nil {
			t.Error(err)
		}
	}
	if !slices.Equal(h.notifier.secrets[1:], []string{hook}) {
		t.Errorf("secrets %q", h.notifier.secrets)
	}
	// Another address and another secret take the old ones' place; what is not named stays.
	other, onAll := "https://chat.example.com/hooks/other", core.OnAll
	if _, err := h.UpdateNotification(t.Context(), h.owner, lab.ID, app.NotificationInput{Target: &other}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.UpdateNotification(t.Context(), h.owner, lab.ID, app.NotificationInput{On: &onAll}); err != nil {
		t.Fatal(err)
	}
	if changed, err := h.TestNotification(t.Context(), h.owner, lab.ID); err != nil || changed.On != core.OnAll || h.notifier.secrets[2] != other {
		t.Errorf("%+v, %v, secrets %q", changed, err, h.notifier.secrets)
	}
}

func TestATestSaysWhyNothingArrived(t *testing.T) {
	h := newNotifyHouse(t)
	n := h.notification(t, webhook())
	h.notifier.failing(core.Errorf(core.KindUnavailable, "hooks.example.com cannot be reached"), core.Errorf(core.KindForbidden, "hooks.example.com answered 403"))
	_, err := h.TestNotification(t.Context(), h.owner, n.ID)
	wantCode(t, err, core.KindUnavailable, core.CodeUnavailable)
	if n, err = h.TestNotification(t.Context(), h.owner, n.ID); n.LastError != "hooks.example.com answered 403" {
		t.Errorf("%+v", n)
	}
	wantCode(t, err, core.KindInvalid, "not_delivered")
	n, err = h.TestNotification(t.Context(), h.owner, n.ID)
	if _, brought := h.notifier.seen(); err != nil || n.LastError != "" || len(brought) != 1 || brought[0].Event != core.NoticePing || brought[0].Report != nil ||
		brought[0].Link != "https://ci.example.com/projects/"+h.shop.ID {
		t.Errorf("%+v, %v, %+v", n, err, brought)
	}
}

func TestNotificationsAreRefusedWithWhatIsWrong(t *testing.T) {
	h := newNotifyHouse(t)
	elsewhere := h.project(t, func(in *app.CreateProject) { in.Name = "Other" })
	foreign := h.pipeline(t, elsewhere.ID, "Foreign")
	kind := func(k core.NotificationKind, target string) app.NotificationInput {
		return app.NotificationInput{Kind: &k, Target: &target}
	}
	secret := "0123456789abcdef"
	for name, in := range map[string]app.NotificationInput{
		"kind is \"\"": {}, "kind is \"fax\"": kind("fax", "1"), "kind needs a mail server": kind(core.NotifyEmail, "ann@example.com"),
		"target must not be empty": {Kind: webhook().Kind}, "target must be an address": kind(core.NotifyMattermost, "chat"), "on is": webhook(on("never")),
		"pipeline_id must be": webhook(func(in *app.NotificationInput) { in.PipelineID = &foreign.ID }),
		"branches[0] must":    webhook(func(in *app.NotificationInput) { in.Branches = &[]string{""} }),
		"secret must have":    webhook(func(in *app.NotificationInput) { s := "short"; in.Secret = &s }),
		"secret signs": func() app.NotificationInput {
			in := kind(core.NotifySlack, "C0123ABCD")
			in.Secret = &secret
			return in
		}(),
	} {
		_, _, err := h.CreateNotification(t.Context(), h.owner, h.shop.ID, in)
		if core.KindOf(err) != core.KindInvalid || !strings.HasPrefix(err.Error(), name) {
			t.Errorf("%v, want %q", err, name)
		}
	}
	n := h.notification(t, webhook())
	_, err := h.UpdateNotification(t.Context(), h.owner, n.ID, kind(core.NotifySlack, "C0123ABCD"))
	wantCode(t, err, core.KindInvalid, core.CodeInvalidInput)

	viewer := core.Actor{Kind: core.ActorUser, Name: "vic", Role: core.RoleViewer}
	_, _, created := h.CreateNotification(t.Context(), viewer, h.shop.ID, webhook())
	_, listed := h.ListNotifications(t.Context(), viewer, h.shop.ID)
	_, found := h.FindNotification(t.Context(), viewer, n.ID)
	_, updated := h.UpdateNotification(t.Context(), viewer, n.ID, webhook())
	_, tested := h.TestNotification(t.Context(), viewer, n.ID)
	for _, err := range []error{created, listed, found, updated, tested, h.DeleteNotification(t.Context(), viewer, n.ID)} {
		wantCode(t, err, core.KindForbidden, core.CodePermissionDenied)
	}
	members := core.VisibleMembers
	if _, err := h.UpdateProject(t.Context(), h.owner, h.shop.ID, app.UpdateProject{Visibility: &members}); err != nil {
		t.Fatal(err)
	}
	wantCode(t, h.DeleteNotification(t.Context(), viewer, n.ID), core.KindNotFound, core.CodeNotFound)
	if got := h.NotificationKinds(); !slices.Equal(got, []core.NotificationKind{core.NotifySlack, core.NotifyMattermost, core.NotifyWebhook}) {
		t.Errorf("kinds %v", got)
	}
}

func TestTargetsThatHangKeepNoStatusWaiting(t *testing.T) {
	h := newNotifyHouse(t)
	h.notifier.hang = make(chan struct{})
	for range 40 { // more than one sender takes at once
		h.notification(t, webhook(on(core.OnAll)))
	}
	b := h.build(t, h.android, "main", core.BuildSucceeded)
	h.work(t, func() bool {
		settled := h.settled(t, b)()
		if settled {
			close(h.notifier.hang)
		}
		return settled
	})
	if states := h.forge.states(); states[len(states)-1] != core.ReportSuccess {
		t.Errorf("the forge was told %v", states)
	}
}

func TestBuildsOfForksDoNotHideHowABranchStood(t *testing.T) {
	h := newNotifyHouse(t)
	n := h.notification(t, webhook(on(core.OnFixed)))
	forks := core.ForksBuild
	if _, err := h.UpdateProject(t.Context(), h.owner, h.shop.ID, app.UpdateProject{Forks: &forks}); err != nil {
		t.Fatal(err)
	}
	ofForks := func(first int) {
		for i := range 25 {
			b := h.build(t, h.android, "main", core.BuildSucceeded)
			b.PullRequest = &core.PullRequest{Number: first + i, Fork: true}
			if err := h.store.UpdateBuild(t.Context(), b, b.Status, b.LeaseToken, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	if b := h.build(t, h.android, "main", core.BuildFailed); !h.wanted(t, n, b) {
		t.Error("nobody heard that main broke")
	}
	ofForks(100)
	if b := h.build(t, h.android, "main", core.BuildFailed); h.wanted(t, n, b) {
		t.Error("that main is broken was told again")
	}
	ofForks(200)
	if b := h.build(t, h.android, "main", core.BuildSucceeded); !h.wanted(t, n, b) {
		t.Error("nobody heard that main was mended")
	}
}
