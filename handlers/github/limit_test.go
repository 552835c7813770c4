package github_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/github/githubtest"
)

// Progress takes none of the last turns and does not queue, so a result never waits
// for it.
func TestResultsGoBeforeProgress(t *testing.T) {
	w := newLaneWorld(t)
	for i := range 15 {
		if err := w.postState(t, w.coreRepository(), core.ReportPending); err != nil {
			t.Fatalf("progress %d: %v", i, err)
		}
	}
	wantPause(t, "progress after that", w.postState(t, w.coreRepository(), core.ReportRunning), time.Second)
	for i := range 5 {
		if err := w.post(t, w.coreRepository()); err != nil {
			t.Fatalf("result %d: %v", i, err)
		}
	}
	wantPause(t, "progress after the last turn", w.postState(t, w.coreRepository(), core.ReportPending), 6*time.Second)
	for i := range 5 {
		w.Advance(time.Second)
		if err := w.postState(t, w.coreRepository(), core.ReportPending); core.KindOf(err) != core.KindLimited {
			t.Errorf("progress %d seconds later: %v", i, err)
		}
		if err := w.post(t, w.coreRepository()); err != nil {
			t.Errorf("a result %d seconds later: %v", i, err)
		}
	}
	w.Advance(6 * time.Second)
	if err := w.postState(t, w.coreRepository(), core.ReportPending); err != nil {
		t.Errorf("when nobody else wants it: %v", err)
	}
	if n := len(w.Statuses(w.head)); n != 26 {
		t.Errorf("%d statuses", n)
	}
}

// GitHub refuses more than a hundred requests of an App at a time.
func TestNotTooManyCallsAtATime(t *testing.T) {
	w := newLaneWorld(t)
	for _, repo := range []core.Repository{w.coreRepository(), w.other} { // with tokens at hand
		if _, err := w.forge.ResolveRef(t.Context(), repo, "main"); err != nil {
			t.Fatal(err)
		}
	}
	arrived, release := make(chan struct{}, 100), make(chan struct{})
	w.Fail(func(*http.Request) *githubtest.Failure {
		arrived <- struct{}{}
		<-release
		return nil
	})
	ask := func(ctx context.Context, i int) error {
		_, err := w.forge.ResolveRef(ctx, []core.Repository{w.coreRepository(), w.other}[i%2], "main")
		return err
	}
	var calls errgroup.Group
	for i := range 80 {
		calls.Go(func() error { return ask(t.Context(), i) })
	}
	for range 80 {
		<-arrived
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if err := ask(ctx, 0); err == nil || len(arrived) != 0 {
		t.Errorf("one more: %v, %d arrived", err, len(arrived))
	}
	close(release)
	if err := calls.Wait(); err != nil {
		t.Errorf("those that were under way: %v", err)
	}
	if err := ask(t.Context(), 0); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}
