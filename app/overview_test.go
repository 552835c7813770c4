package app_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

func (h *house) overview(t *testing.T, actor core.Actor, mine bool) app.Overview {
	t.Helper()
	o, err := h.Overview(t.Context(), actor, mine)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// end runs the next build to its end.
func (h *house) end(t *testing.T, status core.BuildStatus, took time.Duration) core.Build {
	t.Helper()
	job := h.running(t)
	h.clock.forward(took)
	if err := h.Finish(t.Context(), job.Lease, core.Result{Status: status}); err != nil {
		t.Fatal(err)
	}
	return h.find(t, job.Build.ID)
}

func said(o app.Overview, code string) (texts []string) {
	for _, n := range o.Notices {
		if n.Code == code {
			texts = append(texts, n.Text)
		}
	}
	return texts
}

func TestTheOverviewTellsWhatIsRedSinceWhen(t *testing.T) {
	h := newHouse(t)
	if o := h.overview(t, h.owner, false); len(o.Projects) != 0 {
		t.Errorf("an empty house has projects: %+v", o.Projects)
	}
	h.beat(t, "r1", 1)
	h.queued(t)
	h.end(t, core.BuildSucceeded, 2*time.Minute)
	b := h.builds(t)[0]
	again := func() {
		t.Helper()
		if _, err := h.TriggerBuild(t.Context(), h.owner, app.TriggerBuild{ProjectID: b.ProjectID, PipelineID: b.PipelineID, Type: core.TriggerManual}); err != nil {
			t.Fatal(err)
		}
	}
	again()
	first := h.end(t, core.BuildFailed, 4*time.Minute)
	again()
	last := h.end(t, core.BuildTimedOut, 4*time.Minute)
	again()
	o := h.overview(t, h.owner, false)
	if len(o.Breaks) != 1 || o.BreaksTotal != 1 || o.Breaks[0].First.ID != first.ID || o.Breaks[0].Last.ID != last.ID || !o.Breaks[0].Green {
		t.Errorf("breaks %+v", o.Breaks)
	}
	if want := (app.Summary{Judged: 3, Succeeded: 1, Median: o.Summary.Median}); o.Summary != want || o.Summary.Share() != 33 || o.Summary.Median.Round(time.Minute) != 4*time.Minute {
		t.Errorf("summary %+v", o.Summary)
	}
	if len(o.Recent) != 3 || o.Recent[0].ID != last.ID || len(o.Queue.Waiting) != 1 {
		t.Errorf("recent %v, waiting %d", o.Recent, len(o.Queue.Waiting))
	}
	stranger := core.Actor{Kind: core.ActorUser, UserID: "other", Name: "kim", Role: core.RoleViewer}
	if o := h.overview(t, stranger, true); len(o.Recent) != 0 {
		t.Errorf("somebody else's builds: %v", o.Recent)
	}
	if o := h.overview(t, h.owner, true); len(o.Recent) != 3 {
		t.Errorf("own builds: %v", o.Recent)
	}
	members := core.VisibleMembers
	if _, err := h.UpdateProject(t.Context(), h.owner, b.ProjectID, app.UpdateProject{Visibility: &members}); err != nil {
		t.Fatal(err)
	}
	o = h.overview(t, stranger, false)
	if len(o.Projects)+len(o.Breaks)+len(o.Recent)+len(o.Queue.Waiting)+len(o.Notices)+o.Summary.Judged > 0 {
		t.Errorf("what may not be seen: %+v", o)
	}
	if _, err := h.Overview(t.Context(), core.Actor{Scope: "build"}, false); core.KindOf(err) != core.KindNotFound {
		t.Errorf("a stream's token: %v", err)
	}
}

func TestNoticesSayWhatKeepsBuildsFromRunning(t *testing.T) {
	h := newHouse(t)
	h.beat(t, "r1", 1)
	p := h.project(t)
	labels := []string{"ios"}
	ios := h.pipeline(t, p.ID, "iOS", func(in *app.PipelineInput) { in.Labels = &labels })
	want := func(code string, texts ...string) {
		t.Helper()
		if got := said(h.overview(t, h.owner, false), code); !slices.Equal(got, texts) {
			t.Errorf("%s: %q, want %q", code, got, texts)
		}
	}
	want(app.NoticeNoRunner, "No runner with label ios answers. Pipeline iOS of Shop wants one.")
	for range 2 {
		if _, err := h.TriggerBuild(t.Context(), h.owner, app.TriggerBuild{ProjectID: p.ID, PipelineID: ios.ID, Type: core.TriggerManual}); err != nil {
			t.Fatal(err)
		}
	}
	want(app.NoticeNoRunner, "No runner with label ios answers. 2 builds wait.")
	if _, err := h.UpdateRunner(t.Context(), h.owner, "r1", app.UpdateRunner{Labels: &labels}); err != nil {
		t.Fatal(err)
	}
	want(app.NoticeNoRunner)
	h.clock.forward(time.Hour)
	o := h.overview(t, h.owner, false)
	if len(o.Notices) != 1 || o.Notices[0].At == nil || o.RunnersOnline != 0 || o.Runners != 1 {
		t.Errorf("a runner that fell silent: %+v", o)
	}
	h.beat(t, "r1", 0)
	want(app.NoticeDiskFull, "Runner mini has almost no disk space left, so it takes no builds.")
	want(app.NoticeNothing)
	swept := push("main", shaB)
	d := core.Delivery{
		ID: "d1", Provider: core.ProviderGitHub, DeliveryID: "sweep:1", Event: "sweep", Repository: swept.RepositoryName, Status: core.DeliveryIgnored, ReceivedAt: h.clock.now(), NotBefore: h.clock.now(),
	}
	if _, _, err := h.store.ReceiveDelivery(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	want(app.NoticeNothing, "acme/shop: its last change came by no webhook; Oore found it by looking, which takes minutes.")
	repo := p.Repository
	repo.Unavailable = "The App was removed"
	if _, err := h.store.SaveRepository(t.Context(), repo); err != nil {
		t.Fatal(err)
	}
	o = h.overview(t, core.Actor{Kind: core.ActorUser, UserID: "v", Role: core.RoleViewer}, false)
	if got := said(o, app.NoticeRepository); len(got) != 0 {
		t.Errorf("a viewer, who cannot change it, is told %q", got)
	}
	if got := said(h.overview(t, h.owner, false), app.NoticeRepository); len(got) != 1 || !strings.Contains(got[0], "The App was removed") {
		t.Errorf("a repository that cannot be reached: %q", got)
	}
}

func TestTheChecklistIsForThoseWhoCanDoIt(t *testing.T) {
	h := newHouse(t)
	list, err := h.Checklist(t.Context(), h.owner)
	if err != nil || len(list) != 7 || list[0].Done || list[1].Done {
		t.Fatalf("a new house: %+v, %v", list, err)
	}
	h.beat(t, "r1", 1)
	h.queued(t)
	h.end(t, core.BuildSucceeded, time.Minute)
	h.beat(t, "r1", 1)
	if list, err = h.Checklist(t.Context(), h.owner); err != nil || !list[0].Done || !list[1].Done || list[2].Done {
		t.Errorf("after a build: %+v, %v", list, err)
	}
	done := func(code string) bool {
		t.Helper()
		list, err := h.Checklist(t.Context(), h.owner)
		if err != nil {
			t.Fatal(err)
		}
		return slices.Contains(list, app.ToDo{Code: code, Done: true})
	}
	if done(app.ToDoComment) || done(app.ToDoBackup) {
		t.Error("a comment or a backup, before there is one")
	}
	h.deliver(t, pullRequest(12, "feature", shaB))
	h.work(t, func() bool { return done(app.ToDoComment) })
	if list, err := h.Checklist(t.Context(), core.Actor{Kind: core.ActorUser, Role: core.RoleViewer}); list != nil || err != nil {
		t.Errorf("a viewer: %+v, %v", list, err)
	}
}

func TestAProjectIsFoundByItsSlug(t *testing.T) {
	h := newHouse(t)
	p := h.project(t)
	found, err := h.FindProject(t.Context(), h.owner, p.Slug)
	if err != nil || found.ID != p.ID {
		t.Errorf("%+v, %v", found, err)
	}
}
