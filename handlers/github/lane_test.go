package github_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/github"
	"github.com/oore-ci/oore/handlers/github/githubtest"
)

// laneWorld has a second installation, and a forge whose clock stands still.
type laneWorld struct {
	*world
	*clock
	forge *github.Forge
	other core.Repository
}

func newLaneWorld(t *testing.T) *laneWorld {
	w := &laneWorld{world: newWorld(t), clock: &clock{now: time.Now().Truncate(time.Second)}}
	w.forge = newForgeAt(t, w.world, w.clock)
	elsewhere := w.AddRepository("globex/shop", true, w.git.Dir)
	w.other = w.coreRepository()
	w.other.FullName, w.other.ExternalID, w.other.InstallationID = "globex/shop", fmt.Sprint(elsewhere.ID), elsewhere.InstallationID
	return w
}

// hurry says that there is little time. Nothing is cut off after it: a busy machine may
// take longer to ask.
type hurry struct{ context.Context }

func (hurry) Deadline() (time.Time, bool) { return time.Now().Add(900 * time.Millisecond), true }

// post sets a status that is a result, and gives up at once if it has to wait.
func (w *laneWorld) post(t *testing.T, repo core.Repository) error {
	t.Helper()
	return w.postState(t, repo, core.ReportSuccess)
}

func (w *laneWorld) postState(t *testing.T, repo core.Repository, state core.ReportState) error {
	t.Helper()
	return w.forge.SetStatus(hurry{t.Context()}, repo, report(w.head, state))
}

func (w *laneWorld) mustPost(t *testing.T, repo core.Repository) {
	t.Helper()
	if err := w.forge.SetStatus(t.Context(), repo, report(w.head, core.ReportSuccess)); err != nil {
		t.Fatal(err)
	}
}

func wantPause(t *testing.T, name string, err error, want time.Duration) {
	t.Helper()
	wantError(t, name, err, core.KindLimited, core.CodeRateLimited)
	var e *core.Error
	if errors.As(err, &e) && e.RetryAfter.Round(time.Millisecond) != want {
		t.Errorf("%s: RetryAfter %s, want %s", name, e.RetryAfter, want)
	}
}

func TestWritesAreSpaced(t *testing.T) {
	w := newLaneWorld(t)
	for range 20 {
		w.mustPost(t, w.coreRepository())
	}
	before := len(w.Requests())
	for n := range 3 {
		wantPause(t, "the burst is used up", w.post(t, w.coreRepository()), time.Duration(1+n)*time.Second)
	}
	if n := len(w.Requests()) - before; n != 0 {
		t.Errorf("%d requests all the same", n)
	}
	w.mustPost(t, w.other)
	w.Advance(time.Second)
	if err := w.post(t, w.coreRepository()); err != nil {
		t.Errorf("a second later: %v", err)
	}
	w.mustPost(t, w.coreRepository()) // waits a second
	if n := len(w.Statuses(w.head)); n != 23 {
		t.Errorf("%d statuses", n)
	}
	if _, err := w.forge.ResolveRef(t.Context(), w.coreRepository(), "main"); err != nil {
		t.Errorf("reads have no turns: %v", err)
	}
}

func TestALongWaitIsTheCallers(t *testing.T) {
	w := newLaneWorld(t)
	results := make(chan error)
	const calls = 30
	for range calls {
		go func() {
			results <- w.forge.SetStatus(t.Context(), w.coreRepository(), report(w.head, core.ReportSuccess))
		}()
	}
	refused := map[time.Duration]bool{}
	for range calls {
		if err := <-results; err != nil {
			var e *core.Error
			if !errors.As(err, &e) || core.KindOf(err) != core.KindLimited {
				t.Fatal(err)
			}
			refused[e.RetryAfter.Round(time.Millisecond)] = true
		}
	}
	for n := range 8 {
		if turn := time.Duration(3+n) * time.Second; !refused[turn] {
			t.Errorf("nobody is told to come in %s: %v", turn, refused)
		}
	}
	if n := len(w.Statuses(w.head)); n != 22 || len(refused) != 8 {
		t.Errorf("%d statuses, %d refused", n, len(refused))
	}
}

// Hundreds that wait come again one after another, those far behind about once a minute,
// and leave hardly a turn unused.
func TestWhoWaitsIsToldATurnOfTheirOwn(t *testing.T) {
	w := newLaneWorld(t)
	for range 20 {
		w.mustPost(t, w.coreRepository())
	}
	const waiting = 300
	due, asked, start := make([]time.Time, waiting), 0, w.Now()
	for left := waiting; left > 0 && w.Now().Before(start.Add(2*waiting*time.Second)); w.Advance(time.Second) {
		for i, at := range due {
			if at.After(w.Now()) {
				continue
			}
			asked++
			var e *core.Error
			switch err := w.post(t, w.coreRepository()); {
			case err == nil:
				left, due[i] = left-1, w.Now().Add(time.Hour)
			case errors.As(err, &e):
				due[i] = w.Now().Add(e.RetryAfter)
			default:
				t.Fatal(err)
			}
		}
	}
	if n, took := len(w.Statuses(w.head)), w.Now().Sub(start); n != 20+waiting || took > (waiting+40)*time.Second || asked > 8*waiting {
		t.Errorf("%d statuses in %s, asked %d times", n, took, asked)
	}
}

func TestCommentsHaveAnHourlyLimit(t *testing.T) {
	w := newLaneWorld(t)
	w.open(t, 3)
	id, sent := "", 0
	var err error
	for ; sent < 100; sent++ {
		w.Advance(time.Second)
		var made string
		made, err = w.forge.UpsertComment(hurry{t.Context()}, w.coreRepository(), sticky(w.head, 3), id)
		if err != nil {
			break
		}
		id = made
	}
	wantError(t, "too many comments", err, core.KindLimited, core.CodeRateLimited)
	if sent < 40 || sent > 60 {
		t.Errorf("%d comments in %d seconds", sent, sent)
	}
	if err := w.post(t, w.coreRepository()); err != nil {
		t.Errorf("a status beside them: %v", err)
	}
}

// Somebody who floods a pull request with commands uses up what replies may.
func TestTheReportDoesNotWaitForReplies(t *testing.T) {
	w := newLaneWorld(t)
	w.open(t, 3)
	var err error
	for i := 0; err == nil && i < 100; i++ {
		w.Advance(time.Second)
		err = w.forge.Reply(t.Context(), w.coreRepository(), 3, strconv.Itoa(i), "No.")
	}
	wantError(t, "too many replies", err, core.KindLimited, core.CodeRateLimited)
	if _, err := w.forge.UpsertComment(t.Context(), w.coreRepository(), sticky(w.head, 3), ""); err != nil {
		t.Errorf("the report: %v", err)
	}
}

func TestALimitClosesTheLane(t *testing.T) {
	for name, failure := range map[string]githubtest.Failure{
		"secondary, 403": githubtest.SecondaryLimit(403, 30*time.Second),
		"secondary, 429": githubtest.SecondaryLimit(429, 30*time.Second),
	} {
		w := newLaneWorld(t)
		w.mustPost(t, w.coreRepository())
		w.FailNext(failure)
		wantPause(t, name, w.post(t, w.coreRepository()), 30*time.Second)
		before := len(w.Requests())
		w.Advance(10 * time.Second)
		wantPause(t, name+", then a status", w.post(t, w.coreRepository()), 20*time.Second)
		_, err := w.forge.UpsertComment(t.Context(), w.coreRepository(), sticky(w.head, 3), "1")
		wantPause(t, name+", then a comment", err, 20*time.Second)
		_, err = w.forge.ResolveRef(t.Context(), w.coreRepository(), "main")
		wantPause(t, name+", then a read", err, 20*time.Second)
		if n := len(w.Requests()) - before; n != 0 {
			t.Errorf("%s: %d requests into a closed lane", name, n)
		}
		w.mustPost(t, w.other)
		if _, err := w.forge.Checkout(t.Context(), w.coreRepository()); err != nil {
			t.Errorf("%s: builds must go on: %v", name, err)
		}
		w.Advance(20 * time.Second)
		w.mustPost(t, w.coreRepository())
	}
}

func TestTheHourlyLimitClosesTheLane(t *testing.T) {
	w := newLaneWorld(t)
	w.FailNext(githubtest.PrimaryLimit(w.Now().Add(40 * time.Minute))) // as an answer to the mint
	wantPause(t, "the limit", w.post(t, w.coreRepository()), 40*time.Minute)
	w.Advance(39 * time.Minute)
	wantPause(t, "a minute before the end", w.post(t, w.coreRepository()), time.Minute)
	w.Advance(time.Minute)
	w.mustPost(t, w.coreRepository())
}

func TestLimitsWithoutAnEndGrow(t *testing.T) {
	w := newLaneWorld(t)
	w.mustPost(t, w.coreRepository())
	minute := time.Minute
	for _, want := range []time.Duration{minute, 2 * minute, 4 * minute, 8 * minute, 16 * minute, 32 * minute, time.Hour, time.Hour} {
		w.FailNext(githubtest.SecondaryLimit(429, 0))
		wantPause(t, "without an end", w.post(t, w.coreRepository()), want)
		w.Advance(want)
	}
	w.mustPost(t, w.coreRepository())
	w.FailNext(githubtest.SecondaryLimit(429, 0))
	wantPause(t, "after a success", w.post(t, w.coreRepository()), minute)
}

func TestLittleBudgetIsKeptForResults(t *testing.T) {
	w := newLaneWorld(t)
	reset := w.Now().Add(25 * time.Minute)
	w.open(t, 3)
	running := sticky(w.head, 3)
	running.Reports[0].State = core.ReportRunning

	w.SetBudget(w.repo.InstallationID, 5000, 1002, reset)
	w.mustPost(t, w.coreRepository()) // 1001 are left
	if err := w.postState(t, w.coreRepository(), core.ReportPending); err != nil {
		t.Errorf("a fifth is left: %v", err)
	}
	w.mustPost(t, w.coreRepository()) // 999
	before := len(w.Requests())
	wantPause(t, "pending", w.postState(t, w.coreRepository(), core.ReportPending), 25*time.Minute)
	wantPause(t, "running", w.postState(t, w.coreRepository(), core.ReportRunning), 25*time.Minute)
	_, err := w.forge.UpsertComment(t.Context(), w.coreRepository(), running, "")
	wantPause(t, "a comment without a result", err, 25*time.Minute)
	if n := len(w.Requests()) - before; n != 0 {
		t.Errorf("%d requests from what is kept", n)
	}
	for _, state := range []core.ReportState{core.ReportSuccess, core.ReportFailure, core.ReportError} {
		if err := w.postState(t, w.coreRepository(), state); err != nil {
			t.Errorf("%s: %v", state, err)
		}
	}
	if _, err := w.forge.UpsertComment(t.Context(), w.coreRepository(), sticky(w.head, 3), ""); err != nil {
		t.Errorf("a comment with a result: %v", err)
	}
	if err := w.postState(t, w.other, core.ReportPending); err != nil {
		t.Errorf("another installation: %v", err)
	}
	w.Advance(25 * time.Minute)
	if err := w.postState(t, w.coreRepository(), core.ReportPending); err != nil {
		t.Errorf("in the next hour: %v", err)
	}
}

// Tokens are asked for as the App, which has a budget of its own.
func TestTheBudgetOfTokensIsAnother(t *testing.T) {
	w := newLaneWorld(t)
	w.FailNext(githubtest.Failure{Status: 201, Body: `{"token":"ghs_wrong","expires_at":"2100-01-01T00:00:00Z"}`, Header: map[string]string{
		"X-RateLimit-Limit": "5000", "X-RateLimit-Remaining": "3", "X-RateLimit-Reset": fmt.Sprint(w.Now().Add(time.Hour).Unix()),
	}})
	err := w.postState(t, w.coreRepository(), core.ReportPending)
	wantError(t, "a wrong token", err, core.KindUnavailable, core.CodeUnavailable)
	if err := w.postState(t, w.coreRepository(), core.ReportPending); err != nil {
		t.Errorf("with a right one: %v", err)
	}
}

// An answer with nothing left is no refusal, and the next request would be one.
func TestASpentBudgetIsNotAskedFor(t *testing.T) {
	w := newLaneWorld(t)
	w.SetBudget(w.repo.InstallationID, 5000, 1, time.Now().Add(20*time.Minute))
	w.mustPost(t, w.coreRepository())
	before := len(w.Requests())
	err := w.post(t, w.coreRepository())
	wantError(t, "nothing is left", err, core.KindLimited, core.CodeRateLimited)
	var e *core.Error
	if errors.As(err, &e) && (e.RetryAfter < 19*time.Minute || e.RetryAfter > 20*time.Minute) || len(w.Requests()) != before {
		t.Errorf("RetryAfter %s, %d requests", e.RetryAfter, len(w.Requests())-before)
	}
}

// Rights that come later come with new tokens: the old one must not be kept.
func TestPermissionsThatCameLater(t *testing.T) {
	w := newWorld(t)
	w.SetPermission(w.repo.InstallationID, "statuses", "read")
	f := newForge(t, w)
	err := f.SetStatus(t.Context(), w.coreRepository(), report(w.head, core.ReportSuccess))
	wantError(t, "before", err, core.KindForbidden, core.CodePermissionDenied)
	w.SetPermission(w.repo.InstallationID, "statuses", "write")
	if err := f.SetStatus(t.Context(), w.coreRepository(), report(w.head, core.ReportSuccess)); err != nil {
		t.Errorf("after: %v", err)
	}
}

// A refusal that is no limit keeps its text, though the lane has read it first.
func TestRefusalsKeepTheirText(t *testing.T) {
	w := newWorld(t)
	f := newForge(t, w)
	for _, status := range []int{403, 404, 422} {
		w.Fail(func(r *http.Request) *githubtest.Failure {
			if strings.Contains(r.URL.Path, "/statuses/") {
				return &githubtest.Failure{Status: status, Body: `{"message":"No, thank you","errors":[{"message":"really"}]}`}
			}
			return nil
		})
		err := f.SetStatus(t.Context(), w.coreRepository(), report(w.head, core.ReportSuccess))
		if err == nil || !strings.Contains(err.Error(), "No, thank you; really") {
			t.Errorf("%d: %v", status, err)
		}
		w.Heal()
	}
}

func TestReadingsTellWhatIsLeftAndWhatIsClosed(t *testing.T) {
	w := newLaneWorld(t)
	room := github.New(github.Options{Now: w.clock.Now})
	if err := room.Connect([]core.Connection{connection(w.world)}); err != nil {
		t.Fatal(err)
	}
	say := func() error {
		return room.SetStatus(hurry{t.Context()}, w.coreRepository(), report(w.head, core.ReportSuccess))
	}
	read := func(want ...string) {
		t.Helper()
		all, err := room.Readings(t.Context())
		var got []string
		for _, r := range all {
			got = append(got, fmt.Sprint(r.Metric, r.Labels, " ", r.Value))
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("readings %q, %v; want %q", got, err, want)
		}
	}
	read("oore_outbound_breaker_open[github] 0")
	w.SetBudget(w.repo.InstallationID, 5000, 4000, w.Now().Add(time.Hour))
	if err := say(); err != nil {
		t.Fatal(err)
	}
	read("oore_outbound_breaker_open[github] 0", "oore_outbound_ratelimit_remaining[github] 3999")
	w.FailNext(githubtest.SecondaryLimit(429, 90*time.Second))
	wantPause(t, "a limit", say(), 90*time.Second)
	all, err := room.Readings(t.Context())
	if err != nil || all[0].Value != 1 {
		t.Errorf("a closed lane gives %+v, %v", all, err)
	}
	w.Advance(2 * time.Hour)
	read("oore_outbound_breaker_open[github] 0") // what was left says nothing any more
}
