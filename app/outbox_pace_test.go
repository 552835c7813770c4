package app_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

// Ten pushes to a pull request, each of which is built to its end, within five seconds: what
// the comment says first and that it has ended is written at once, all else waits its turn,
// and what stands there in the end is the last.
func TestACommentIsEditedSeldomHoweverMuchHappens(t *testing.T) {
	h := newHouse(t)
	h.pipeline(t, h.project(t).ID, "Android")
	key := core.CommentKey(h.repositoryID(t), 5)
	effect := func() core.Effect {
		e, err := h.store.FindEffect(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	told := func() bool { e := effect(); return e.Done == e.Wanted }
	const pushes = 10
	for i := range pushes {
		event := pullRequest(5, "feature", fmt.Sprintf("%040x", i+1))
		if i > 0 {
			event.Action = "synchronize"
		}
		h.deliver(t, event)
		h.work(t, func() bool { return told() || effect().LastError != "" })
		job := h.running(t)
		result := core.Result{Status: core.BuildSucceeded}
		if i == pushes-1 {
			result = core.Result{Status: core.BuildFailed, Reason: core.ReasonCommandFailed, Message: "build-1 failed: exit 1"}
		}
		h.clock.forward(250 * time.Millisecond)
		if err := h.Finish(t.Context(), job.Lease, result); err != nil {
			t.Fatal(err)
		}
		h.work(t, func() bool { return told() || effect().LastError != "" })
		h.clock.forward(250 * time.Millisecond)
	}
	if n := len(h.forge.comments); n != 2 {
		t.Errorf("%d edits in five seconds", n)
	}
	h.clock.forward(time.Minute)
	h.work(t, told)
	last := h.forge.comments[len(h.forge.comments)-1]
	if len(h.forge.comments) != 3 || last.SHA != fmt.Sprintf("%040x", pushes) || last.State() != core.ReportFailure {
		t.Errorf("after %d edits the comment speaks of %s: %s", len(h.forge.comments), last.SHA, last.State())
	}
}

// callMeter counts the calls to the outside, by their labels.
type callMeter struct {
	mu    sync.Mutex
	calls map[string]int
}

func (m *callMeter) Note(metric string, value float64, labels ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if metric == core.MetricOutbound {
		m.calls[strings.Join(labels, " ")] += int(value)
	}
}

// Each look at a comment whose turn had not come was counted as a call that the forge
// refused for want of quota.
func TestAWaitOfOurOwnIsNotCountedAsTheForges(t *testing.T) {
	h, meter := newHouse(t), &callMeter{calls: map[string]int{}}
	var err error
	h.App, err = app.New(app.Deps{
		Store: testTime{h.store, h.clock}, Blobs: h.blobs, Archive: newArchive(t, h.blobs), Meter: meter,
		Forges: map[core.Provider]core.Forge{core.ProviderGitHub: h.forge}, Reporters: map[core.Provider]core.Reporter{core.ProviderGitHub: h.forge},
		Decoders: map[core.Provider]core.Decoder{core.ProviderGitHub: jsonDecoder{}},
		Clock:    h.clock.now, NewID: uuid.NewString, Log: slog.New(slog.DiscardHandler), PublicURL: "https://ci.example.com", LogLimit: 1 << 20,
	})
	if err != nil {
		t.Fatal(err)
	}
	h.pipeline(t, h.project(t).ID, "Android")
	effect := func() core.Effect {
		e, err := h.store.FindEffect(t.Context(), core.CommentKey(h.repositoryID(t), 5))
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	told := func() bool { e := effect(); return e.Done == e.Wanted }
	h.deliver(t, pullRequest(5, "feature", shaA))
	h.work(t, told)
	next := pullRequest(5, "feature", shaB)
	next.Action = "synchronize"
	h.deliver(t, next)
	h.work(t, func() bool { return effect().LastError != "" })
	h.clock.forward(time.Minute)
	h.work(t, told)
	meter.mu.Lock()
	defer meter.mu.Unlock()
	if got := meter.calls["forge comment ok"]; got != 2 || meter.calls["forge comment rate_limited"] != 0 {
		t.Errorf("counted are %v", meter.calls)
	}
}

// noProjects is a store that does not find projects for a while.
type noProjects struct {
	core.Store
	away *atomic.Bool
}

func (s noProjects) FindProject(ctx context.Context, id string) (core.Project, error) {
	if s.away.Load() {
		return core.Project{}, context.Canceled
	}
	return s.Store.FindProject(ctx, id)
}

// A server that was stopped in the middle took the comment for one that nobody wants, and
// noted that it was made.
func TestACommentIsNotTakenForUnwantedByAServerThatStops(t *testing.T) {
	h := newHouse(t)
	h.pipeline(t, h.project(t).ID, "Android")
	h.forge.setFail(core.Errorf(core.KindUnavailable, "not yet"))
	h.deliver(t, pullRequest(5, "feature", shaA))
	h.forge.setFail(nil)
	var away atomic.Bool
	away.Store(true)
	stops := &house{store: h.store, forge: h.forge, clock: h.clock}
	var err error
	stops.App, err = app.New(app.Deps{
		Store: noProjects{testTime{h.store, h.clock}, &away}, Blobs: h.blobs, Archive: newArchive(t, h.blobs), Reporters: map[core.Provider]core.Reporter{core.ProviderGitHub: h.forge},
		Decoders: map[core.Provider]core.Decoder{core.ProviderGitHub: jsonDecoder{}},
		Clock:    h.clock.now, NewID: uuid.NewString, Log: slog.New(slog.DiscardHandler), PublicURL: "https://ci.example.com", LogLimit: 1 << 20,
	})
	if err != nil {
		t.Fatal(err)
	}
	comment := func() core.Effect {
		e, err := h.store.FindEffect(t.Context(), core.CommentKey(h.repositoryID(t), 5))
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	before := comment()
	h.clock.forward(time.Hour)
	stops.work(t, func() bool { e := comment(); return e.Done == e.Wanted || e.Attempts > before.Attempts })
	away.Store(false)
	h.clock.forward(time.Hour)
	h.work(t, func() bool { e := comment(); return e.Done == e.Wanted })
	if n := len(h.forge.comments); n != 1 {
		t.Errorf("%d comments", n)
	}
}
