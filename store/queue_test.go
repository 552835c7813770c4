package store_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store/storetest"
)

// finish stores a build that ran for so long and ended so.
func (h house) finish(tb testing.TB, status core.BuildStatus, minutes int) {
	tb.Helper()
	start, end := at(0), at(minutes)
	b := h.newBuild()
	b.Status, b.StartedAt, b.FinishedAt = status, &start, &end
	h.queue(tb, b)
}

// work stores a build that a runner works on.
func (h house) work(tb testing.TB, status core.BuildStatus, runner string) core.Build {
	tb.Helper()
	since := at(3)
	b := h.newBuild()
	b.Status, b.RunnerID, b.LeaseToken, b.AssignedAt = status, runner, "lease", &since
	if status == core.BuildRunning {
		started := at(4)
		b.StartedAt = &started
	}
	return h.queue(tb, b)
}

func TestTheQueueIsReadWhole(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h, ctx := furnish(t, url), t.Context()
		empty, err := h.ReadQueue(ctx)
		ok(t, err)
		equal(t, empty, core.Queue{Pipelines: map[string]core.QueuePipeline{}, Runners: []core.Runner{}})

		h.pipeline.Concurrency.MaxConcurrent = 2
		ok(t, h.UpdatePipeline(ctx, h.pipeline))
		idle := h
		idle.pipeline = newPipeline(h.project, "idle")
		ok(t, h.CreatePipeline(ctx, idle.pipeline))
		idle.finish(t, core.BuildSucceeded, 1)
		for minutes := range 12 { // the first two are too old to count
			h.finish(t, []core.BuildStatus{core.BuildSucceeded, core.BuildFailed, core.BuildTimedOut}[minutes%3], 10*minutes)
		}
		for range 30 {
			h.finish(t, core.BuildCanceled, 1)
		}
		young, old := h.newBuild(), h.newBuild()
		old.QueuedAt, old.Labels = at(-9), []string{"macos", "xcode"}
		young, old = h.queue(t, young), h.queue(t, old)
		running, assigned := h.work(t, core.BuildRunning, "r1"), h.work(t, core.BuildAssigned, "r2")
		r := core.Runner{ID: "r1", Name: "one", Labels: []string{"linux"}, Enabled: true, Platform: "linux/x64", Slots: 2, LastSeenAt: at(1), CreatedAt: at(0), UpdatedAt: at(0)}
		ok(t, h.CreateRunner(ctx, r))

		q, err := h.ReadQueue(ctx)
		ok(t, err)
		entry := func(b core.Build) core.QueueEntry {
			return core.QueueEntry{BuildID: b.ID, ProjectID: h.project.ID, PipelineID: h.pipeline.ID, Labels: b.Labels, QueuedAt: b.QueuedAt, RunnerID: b.RunnerID}
		}
		one, two := entry(running), entry(assigned)
		one.BusySince, two.BusySince = at(4), at(3)
		equal(t, q, core.Queue{
			Waiting: []core.QueueEntry{entry(old), entry(young)}, Active: []core.QueueEntry{one, two}, Runners: []core.Runner{r},
			Pipelines: map[string]core.QueuePipeline{h.pipeline.ID: {Name: "android", MaxConcurrent: 2, Usual: 70 * time.Minute}},
		})
	})
}

// The page must not promise what ClaimBuild does not keep.
func TestTheNextBuildOfTheQueueIsTheOneThatIsClaimed(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		seed := uint64(time.Now().UnixNano())
		t.Logf("seed %d", seed)
		random := rand.New(rand.NewPCG(seed, 0))
		h, ctx := furnish(t, url), t.Context()
		labels := func(most int) (some []string) {
			for range random.IntN(most + 1) {
				some = append(some, []string{"linux", "macos", "fast"}[random.IntN(3)])
			}
			return some
		}
		other := h.beside(t)
		pipelines := []core.Pipeline{h.pipeline, other.pipeline, newPipeline(h.project, "two"), newPipeline(h.project, "three")}
		for _, p := range pipelines[2:] {
			ok(t, h.CreatePipeline(ctx, p))
		}
		claimed, refusals := 0, 0
		for round := range 60 {
			for i, p := range pipelines {
				p.Concurrency.MaxConcurrent = random.IntN(4)
				ok(t, h.UpdatePipeline(ctx, p))
				pipelines[i] = p
			}
			for _, in := range []*house{&h, &other} {
				in.bound(t, core.Quota{MaxConcurrent: random.IntN(5)})
			}
			for range random.IntN(6) {
				in := h
				if in.pipeline = pipelines[random.IntN(len(pipelines))]; in.pipeline.ProjectID == other.project.ID {
					in.project = other.project
				}
				b := in.newBuild()
				b.Labels, b.QueuedAt = labels(2), at(random.IntN(5))
				in.queue(t, b)
			}
			switch q, err := h.ReadQueue(ctx); {
			case err != nil:
				t.Fatal(err)
			case random.IntN(8) == 0:
				_, err = h.PauseQueue(ctx, core.QueuePause{By: "sam", At: at(0)})
				ok(t, err)
			case q.Paused != nil:
				_, err = h.ResumeQueue(ctx, at(1))
				ok(t, err)
			case len(q.Waiting) > 0 && random.IntN(3) == 0:
				ok(t, h.PutFirst(ctx, q.Waiting[random.IntN(len(q.Waiting))].BuildID))
			}
			r := core.Runner{ID: newID("runner"), Name: "one", Labels: labels(3), Enabled: true, Slots: 1, LastSeenAt: at(0)}
			want := h.next(t, r)
			b, err := h.ClaimBuild(ctx, r, fmt.Sprint("lease", round), at(1), at(2))
			if core.KindOf(err) == core.KindNotFound && err != nil {
				err = nil
				refusals++
			} else {
				claimed++
			}
			ok(t, err)
			if b.ID != want {
				t.Fatalf("round %d: a runner with %v was to get %q, and got %q", round, r.Labels, want, b.ID)
			}
			if random.IntN(3) == 0 {
				h.endOne(t)
			}
		}
		if claimed < 10 || refusals < 3 {
			t.Errorf("%d claims and %d refusals show little", claimed, refusals)
		}
	})
}

// next is the build that the queue says a runner alone would start; empty: none.
func (h house) next(tb testing.TB, r core.Runner) string {
	tb.Helper()
	q, err := h.ReadQueue(tb.Context())
	ok(tb, err)
	q.At, q.Runners = at(0), []core.Runner{r}
	i := slices.IndexFunc(q.Places(), func(p core.QueuePlace) bool { return p.Reason.Code == core.WaitStarting })
	if i < 0 {
		return ""
	}
	return q.Waiting[i].BuildID
}

// endOne ends one of the builds that are worked on.
func (h house) endOne(tb testing.TB) {
	tb.Helper()
	held, _, err := h.ListBuilds(tb.Context(), core.BuildFilter{Statuses: []core.BuildStatus{core.BuildAssigned}}, core.Page{Limit: 1})
	ok(tb, err)
	for _, b := range held {
		lease := b.LeaseToken
		event, err := b.Transition(core.BuildCanceled, "x", "", at(2))
		ok(tb, err)
		b.LeaseToken = ""
		ok(tb, h.UpdateBuild(tb.Context(), b, core.BuildAssigned, lease, &event))
	}
}

// BenchmarkQueue reads a queue of 1,000 builds, 100 ended ones of each of ten
// pipelines, and says of all where they stand.
func BenchmarkQueue(b *testing.B) {
	benchEach(b, []int{1}, func(b *testing.B, h house) func(int, int) error {
		for p := range 10 {
			in := h
			in.pipeline = newPipeline(h.project, fmt.Sprint("pipeline", p))
			in.pipeline.Concurrency.MaxConcurrent = p % 3
			ok(b, h.CreatePipeline(b.Context(), in.pipeline))
			for i := range 100 {
				in.finish(b, core.BuildSucceeded, 1+i%9)
				waiting := in.newBuild()
				waiting.Labels = []string{"linux"}
				in.queue(b, waiting)
			}
			ok(b, h.CreateRunner(b.Context(), core.Runner{
				ID: newID("runner"), Name: fmt.Sprint("runner", p), Labels: []string{"linux"}, Enabled: true, Slots: 4, LastSeenAt: at(0),
			}))
		}
		return func(int, int) error {
			q, err := h.ReadQueue(b.Context())
			q.At = at(0)
			if places := q.Places(); err == nil && len(places) != 1000 {
				err = fmt.Errorf("%d places", len(places))
			}
			return err
		}
	})
}

func TestABuildThatWasPutFirstGoesFirst(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h, ctx := furnish(t, url), t.Context()
		var builds []core.Build
		for i := range 4 {
			b := h.newBuild()
			b.QueuedAt = at(i)
			builds = append(builds, h.queue(t, b))
		}
		ok(t, h.PutFirst(ctx, builds[2].ID))
		ok(t, h.PutFirst(ctx, builds[3].ID))
		q, err := h.ReadQueue(ctx)
		ok(t, err)
		var order []string
		for i, e := range q.Waiting {
			order = append(order, e.BuildID)
			if first := e.First; first != (i < 2) {
				t.Errorf("entry %d is first: %v", i, first)
			}
		}
		equal(t, order, []string{builds[3].ID, builds[2].ID, builds[0].ID, builds[1].ID})
		r := core.Runner{ID: "r1", Name: "one"}
		for _, want := range order {
			b, err := h.ClaimBuild(ctx, r, "lease-"+want, at(9), at(10))
			ok(t, err)
			equal(t, b.ID, want)
		}
		equal(t, core.KindOf(h.PutFirst(ctx, builds[0].ID)), core.KindConflict)
		equal(t, core.KindOf(h.PutFirst(ctx, newID("build"))), core.KindConflict)
	})
}

func TestAPausedQueueGivesNothingAwayAndSaysWhoPausedIt(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h, ctx := furnish(t, url), t.Context()
		b := h.queue(t, h.newBuild())
		for i, who := range []string{"sam", "tess"} {
			changed, err := h.PauseQueue(ctx, core.QueuePause{By: who, At: at(i)})
			ok(t, err)
			equal(t, changed, i == 0)
		}
		q, err := h.ReadQueue(ctx)
		ok(t, err)
		equal(t, q.Paused, &core.QueuePause{By: "sam", At: at(0)})
		r := core.Runner{ID: "r1", Name: "one"}
		_, err = h.ClaimBuild(ctx, r, "lease", at(1), at(2))
		equal(t, core.KindOf(err), core.KindNotFound)
		for i := range 2 {
			changed, err := h.ResumeQueue(ctx, at(2))
			ok(t, err)
			equal(t, changed, i == 0)
		}
		got, err := h.ClaimBuild(ctx, r, "lease", at(1), at(2))
		ok(t, err)
		equal(t, got.ID, b.ID)
	})
}

// A queue that was paused over a week-end let everything in it expire.
func TestTimeInAPausedQueueDoesNotCountTowardsExpiry(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h, ctx := furnish(t, url), t.Context()
		waited, joined := h.newBuild(), h.newBuild()
		joined.QueuedAt = at(20)
		waited, joined = h.queue(t, waited), h.queue(t, joined)
		expiring := func(before time.Time) (ids []string) {
			stale, err := h.ListQueuedBefore(ctx, before)
			ok(t, err)
			for _, b := range stale {
				ids = append(ids, b.ID)
			}
			return ids
		}
		for _, pause := range []struct{ from, to int }{{10, 30}, {40, 45}} {
			_, err := h.PauseQueue(ctx, core.QueuePause{By: "sam", At: at(pause.from)})
			ok(t, err)
			equal(t, expiring(at(1000)), []string(nil))
			_, err = h.ResumeQueue(ctx, at(pause.to))
			ok(t, err)
		}
		// The first has 25 minutes to its credit, the other, which came within the pause, 15.
		equal(t, expiring(at(25)), []string(nil))
		equal(t, expiring(at(25).Add(time.Second)), []string{waited.ID})
		equal(t, expiring(at(35)), []string{waited.ID})
		equal(t, expiring(at(35).Add(time.Second)), []string{waited.ID, joined.ID})
		// A clock that was set back takes nothing away.
		_, err := h.PauseQueue(ctx, core.QueuePause{By: "sam", At: at(50)})
		ok(t, err)
		_, err = h.ResumeQueue(ctx, at(48))
		ok(t, err)
		equal(t, expiring(at(25).Add(time.Second)), []string{waited.ID})
		found, err := h.FindBuild(ctx, waited.ID)
		ok(t, err)
		equal(t, found.QueuedAt, at(0))
	})
}
