package app_test

import (
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

const (
	shaC = "cccccccccccccccccccccccccccccccccccccccc"

	threeKeys = "version: 1\ntriggers: {branches: [main]}\nconcurrency: {max_concurrent: 1}\nlabels: [macos]\n"
)

// followed delivers pushes and waits until the pipeline has followed the last.
func (h *house) followed(t *testing.T, p core.Pipeline, events ...core.Event) core.Pipeline {
	t.Helper()
	for _, e := range events {
		h.deliver(t, e)
	}
	effect := func() core.Effect {
		e, err := h.store.FindEffect(t.Context(), core.SettingsKey(p.ID))
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	settled := func(e core.Effect) bool { return e.Done == e.Wanted || e.Parked }
	for e := effect(); !settled(e); e = effect() {
		h.clock.forward(time.Minute) // so that the next try is due
		h.work(t, func() bool { now := effect(); return settled(now) || now.Attempts > e.Attempts })
	}
	return h.stored(t, p)
}

func (h *house) stored(t *testing.T, p core.Pipeline) core.Pipeline {
	t.Helper()
	p, err := h.store.FindPipeline(t.Context(), p.ID)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestAPushToTheDefaultBranchTakesTheFilesSettingsOver(t *testing.T) {
	h := newHouse(t)
	p := h.pipeline(t, h.project(t).ID, "Android", triggers(core.Trigger{Events: []core.EventKind{core.EventPush}}))
	h.forge.standsAt(shaB, threeKeys)
	d := h.deliver(t, push("main", shaB))
	if d.Status != core.DeliveryProcessed {
		t.Fatalf("the push itself is decided by what stood before: %+v", d)
	}
	got := h.followed(t, p)
	if !slices.Equal(got.Trigger.Branches, []string{"main"}) || len(got.Trigger.Events) != 0 || got.Concurrency.MaxConcurrent != 1 || !slices.Equal(got.Labels, []string{"macos"}) {
		t.Errorf("pipeline %+v", got)
	}
	if f := got.File; f.Path != ".oore.yaml" || f.SHA != shaB || f.Problem != "" || len(f.Keys()) != 3 {
		t.Errorf("file %+v", f)
	}
	if d := h.deliver(t, push("dev", shaA)); d.Status != core.DeliveryIgnored || d.Reason.Code != core.WhyBranch {
		t.Errorf("the next event is not decided by the file: %+v", d)
	}
	entries := h.audit(t, core.AuditFilter{Action: core.AuditPipelineUpdate})
	if len(entries) != 1 || entries[0].Actor != ".oore.yaml at bbbbbbb" || entries[0].ActorKind != core.ActorSystem || entries[0].Delivery != d.ID || len(entries[0].Changes) != 3 {
		t.Errorf("audit %+v", entries)
	}
	h.followed(t, p, push("main", shaB))
	if n := len(h.audit(t, core.AuditFilter{Action: core.AuditPipelineUpdate})); n != 1 {
		t.Errorf("%d audit entries after nothing has changed", n)
	}
}

func TestWhatTheFileNoLongerSaysThePipelineGetsBack(t *testing.T) {
	h := newHouse(t)
	own := core.Trigger{Events: []core.EventKind{core.EventPush}, Branches: []string{"main", "dev"}}
	p := h.pipeline(t, h.project(t).ID, "Android", triggers(own), func(in *app.PipelineInput) { in.Labels = &[]string{"linux"} })
	h.forge.standsAt(shaB, threeKeys)
	h.followed(t, p, push("main", shaB))
	h.forge.standsAt(shaC, "version: 1\nlabels: []\n")
	got := h.followed(t, p, push("main", shaC))
	if !slices.Equal(got.Trigger.Branches, own.Branches) || !slices.Equal(got.Trigger.Events, own.Events) || got.Concurrency.MaxConcurrent != 0 {
		t.Errorf("own values are not back: %+v", got)
	}
	if len(got.Labels) != 0 || !slices.Equal(got.File.Keys(), []string{"labels"}) {
		t.Errorf("`labels: []` is taken over too: %v, %v", got.Labels, got.File.Keys())
	}
}

func TestAChangeByHandHoldsUntilTheNextPush(t *testing.T) {
	h := newHouse(t)
	p := h.pipeline(t, h.project(t).ID, "Android")
	h.forge.standsAt(shaB, threeKeys)
	was := h.followed(t, p, push("main", shaB))
	byHand := []string{"linux"}
	now, err := h.UpdatePipeline(t.Context(), h.owner, p.ID, app.PipelineInput{Labels: &byHand, Trigger: &was.Trigger})
	if err != nil || !slices.Equal(now.Labels, byHand) || !slices.Equal(now.File.Keys(), []string{"triggers", "concurrency"}) {
		t.Fatalf("%+v, %v", now, err)
	}
	if got := h.followed(t, p, push("main", shaB)); !slices.Equal(got.Labels, []string{"macos"}) {
		t.Errorf("labels after a push are %v", got.Labels)
	}
	h.forge.standsAt(shaC, "version: 1\n")
	if got := h.followed(t, p, push("main", shaC)); !slices.Equal(got.Labels, byHand) {
		t.Errorf("without the file's they are %v, want what was set by hand", got.Labels)
	}
}

func TestABrokenOrMissingFileChangesNothingAndSaysWhy(t *testing.T) {
	h := newHouse(t)
	p := h.pipeline(t, h.project(t).ID, "Android")
	h.forge.standsAt(shaA, "")
	if got := h.followed(t, p, push("main", shaA)); got.File.Problem != "" {
		t.Errorf("there never was a file, and it is a problem: %q", got.File.Problem)
	}
	h.forge.standsAt(shaB, threeKeys)
	h.followed(t, p, push("main", shaB))
	for _, c := range []struct{ file, problem string }{
		{"version: 1\nlabel: [x]\ntriggers: 7\n", ".oore.yaml at ccccccc is broken: line 2, column 1: unknown key \"label\""},
		{"", "There is no .oore.yaml or .oore.yml at ccccccc"},
	} {
		h.forge.mu.Lock()
		delete(h.forge.files, shaC+":.oore.yaml")
		h.forge.mu.Unlock()
		h.forge.standsAt(shaC, c.file)
		got := h.followed(t, p, push("main", shaC))
		if got.File.SHA != shaB || !slices.Equal(got.Labels, []string{"macos"}) || !strings.HasPrefix(got.File.Problem, c.problem) {
			t.Errorf("file %q: %+v", c.file, got.File)
		}
	}
	h.forge.standsAt(shaB, "")
	if got := h.followed(t, p, push("main", shaB)); got.File.Problem != "" {
		t.Errorf("the problem stays: %q", got.File.Problem)
	}
}

func TestPushesThatArriveInTheWrongOrderLeaveTheNewestFile(t *testing.T) {
	h := newHouse(t)
	p := h.pipeline(t, h.project(t).ID, "Android")
	h.forge.standsAt(shaB, "version: 1\nlabels: [old]\n")
	h.forge.standsAt(shaC, "version: 1\nlabels: [new]\n")
	for _, order := range [][]core.Event{{push("main", shaB), push("main", shaC)}, {push("main", shaC), push("main", shaB)}, {push("main", shaB)}} {
		if got := h.followed(t, p, order...); !slices.Equal(got.Labels, []string{"new"}) || got.File.SHA != shaC {
			t.Errorf("labels %v of %s", got.Labels, got.File.SHA)
		}
	}
}

func TestAForgeThatIsBehindIsAskedAgain(t *testing.T) {
	h := newHouse(t)
	p := h.pipeline(t, h.project(t).ID, "Android")
	h.forge.standsAt(shaA, "version: 1\nlabels: [old]\n")
	h.deliver(t, push("main", shaB))
	key := core.SettingsKey(p.ID)
	h.work(t, func() bool {
		e, err := h.store.FindEffect(t.Context(), key)
		return err == nil && e.Attempts > 0
	})
	if got := h.stored(t, p); len(got.Labels) != 0 {
		t.Fatalf("what stood before the push was taken over: %v", got.Labels)
	}
	h.forge.standsAt(shaB, "version: 1\nlabels: [new]\n")
	if got := h.followed(t, p); !slices.Equal(got.Labels, []string{"new"}) {
		t.Errorf("labels %v", got.Labels)
	}
}

func TestASenderThatWasOvertakenStoresNothing(t *testing.T) {
	h := newHouse(t)
	p := h.pipeline(t, h.project(t).ID, "Android")
	h.forge.standsAt(shaB, "version: 1\nlabels: [old]\n")
	var overtaken atomic.Bool
	h.forge.reading = func() {
		if !overtaken.CompareAndSwap(false, true) {
			return
		}
		for end := time.Now().Add(patience); ; { // the hold ends, and somebody else takes it, unless the sender itself is first
			h.clock.forward(20 * time.Second)
			taken, err := h.store.TakeEffects(t.Context(), h.clock.now(), h.clock.now().Add(time.Second), 10, core.EffectSettings)
			if err == nil && len(taken) == 1 {
				return
			}
			if err != nil || time.Now().After(end) {
				t.Errorf("take: %v, %v", taken, err)
				return
			}
		}
	}
	h.deliver(t, push("main", shaB))
	h.work(t, func() bool {
		if !overtaken.Load() {
			return false
		}
		time.Sleep(200 * time.Millisecond) // what it could store is stored meanwhile
		return true
	})
	if e, err := h.store.FindEffect(t.Context(), core.SettingsKey(p.ID)); err != nil || e.LastError != "" || e.Attempts != 0 {
		t.Errorf("it noted %+v, %v", e, err)
	}
	if got := h.stored(t, p); len(got.Labels) != 0 {
		t.Errorf("it stored %v", got.Labels)
	}
	if got := h.followed(t, p); !slices.Equal(got.Labels, []string{"old"}) {
		t.Errorf("labels %v", got.Labels)
	}
}

func TestOnlyAPushToTheDefaultBranchOfTheRepositoryItselfCounts(t *testing.T) {
	h := newHouse(t)
	project := h.project(t)
	p := h.pipeline(t, project.ID, "Android")
	h.forge.standsAt(shaB, threeKeys)
	fork := pullRequest(1, "main", shaB)
	fork.PullRequest.Fork = true
	ofAnother := push("main", shaB)
	ofAnother.RepositoryID, ofAnother.RepositoryName = "99", "mallory/shop"
	tag := push("main", shaB)
	tag.Kind, tag.Branch, tag.Tag = core.EventTag, "", "main"
	for _, e := range []core.Event{push("dev", shaB), pullRequest(2, "main", shaB), fork, ofAnother, tag} {
		h.deliver(t, e)
		if _, err := h.store.FindEffect(t.Context(), core.SettingsKey(p.ID)); core.KindOf(err) != core.KindNotFound {
			t.Errorf("%s of %s makes the pipeline follow (%v)", e.Kind, e.RepositoryName, err)
		}
	}
}

func TestAFileThatMayNotBeReadIsNamedOnThePipeline(t *testing.T) {
	h := newHouse(t)
	p := h.pipeline(t, h.project(t).ID, "Android")
	h.forge.standsAt(shaB, threeKeys)
	h.forge.refused = core.Errorf(core.KindForbidden, "The App lacks the permission Contents: read")
	got := h.followed(t, p, push("main", shaB))
	if got.File.Problem != "The App lacks the permission Contents: read" || len(got.Labels) != 0 {
		t.Errorf("%+v", got.File)
	}
	h.forge.refused = core.Errorf(core.KindUnavailable, "502")
	h.deliver(t, push("main", shaB))
	h.work(t, func() bool {
		e, err := h.store.FindEffect(t.Context(), core.SettingsKey(p.ID))
		return err == nil && e.Attempts > 0 && !e.Parked
	})
	h.forge.refused = nil
	if got := h.followed(t, p); got.File.Problem != "" || !slices.Equal(got.Labels, []string{"macos"}) {
		t.Errorf("after an outage: %+v", got.File)
	}
}

func TestAnExplicitPathIsTheOnlyOneThatIsRead(t *testing.T) {
	h := newHouse(t)
	path := "ci/oore.yaml"
	p := h.pipeline(t, h.project(t).ID, "Android", func(in *app.PipelineInput) { in.ConfigPath = &path })
	h.forge.standsAt(shaB, threeKeys)
	if got := h.followed(t, p, push("main", shaB)); len(got.Labels) != 0 {
		t.Errorf("labels %v of a file that is not its own", got.Labels)
	}
	h.forge.mu.Lock()
	h.forge.files[shaB+":"+path] = "version: 1\nlabels: [mine]\n"
	h.forge.mu.Unlock()
	if got := h.followed(t, p, push("main", shaB)); !slices.Equal(got.Labels, []string{"mine"}) || got.File.Path != path {
		t.Errorf("labels %v of %s", got.Labels, got.File.Path)
	}
}
