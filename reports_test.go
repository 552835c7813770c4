package main

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/github/githubtest"
	"github.com/oore-ci/oore/templates"
)

// reportEvents are what is told of one commit: a build, and its rerun.
var reportEvents = [6]struct {
	rerun  bool
	status core.BuildStatus
}{
	{false, core.BuildQueued},
	{false, core.BuildAssigned},
	{false, core.BuildRunning},
	{false, core.BuildSucceeded},
	{true, core.BuildQueued},
	{true, core.BuildFailed},
}

// Six things happen to a commit, in a fifth of their 720 orders, or in each with
// OORE_TEST_ORDERS=all, while GitHub fails, refuses, drops connections and loses answers,
// and the server stops in the middle of it. Whatever came last is what GitHub shows in the end; there is one comment; and
// GitHub is never asked faster than it wants.
func TestTheLastStateAlwaysWins(t *testing.T) {
	t.Parallel()
	step := 5
	if os.Getenv("OORE_TEST_ORDERS") == "all" {
		step = 1
	}
	for style, orders := range map[core.CheckStyle][][]int{
		core.CheckStatus: every(step, permutations(6)),
		core.CheckRun:    every(7, permutations(6)),
	} {
		t.Run(string(style), func(t *testing.T) {
			w := newReportWorld(t, style, len(orders))
			const atOnce = 48 // twice as many effects as GitHub may be asked to write in a minute
			for from := 0; from < len(orders); from += atOnce {
				w.tell(from, orders[from:min(from+atOnce, len(orders))])
			}
			w.checkPace()
		})
	}
}

func permutations(n int) [][]int {
	if n == 0 {
		return [][]int{nil}
	}
	var all [][]int
	for _, shorter := range permutations(n - 1) {
		for at := range n {
			order := append(append(append([]int{}, shorter[:at]...), n-1), shorter[at:]...)
			all = append(all, order)
		}
	}
	return all
}

// every takes one of n orders, from all over.
func every(n int, orders [][]int) [][]int {
	var some [][]int
	for i := 0; i < len(orders); i += n {
		some = append(some, orders[i])
	}
	return some
}

// tell lets the orders' events happen side by side, and checks what came of it. The
// first order is of the commit that has the number.
func (w *reportWorld) tell(first int, orders [][]int) {
	w.t.Helper()
	for i := range orders {
		w.gh.PullRequestPayload("opened", w.repo, githubtest.Pull{Number: first + i + 1, HeadBranch: fmt.Sprintf("c%d", first+i), HeadSHA: w.shas[first+i]})
	}
	builds := map[string]string{} // ids by commit and whether it is the rerun
	for round := range reportEvents {
		w.forward(time.Second)
		err := w.store.InTx(w.t.Context(), func(tx core.Store) error {
			for i, order := range orders {
				if err := w.happen(tx, builds, first+i, order[round]); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			w.t.Fatal(err)
		}
		switch w.roll(4) {
		case 0: // the next event comes before the sender looks
		case 1: // or it is stopped while it sends
			w.forward(2 * time.Minute)
			w.wake()
			w.stop()
			w.start()
		default:
			w.send()
		}
	}
	w.setFaults(false)
	eventually(w.t, "the sender comes to an end", func() bool {
		w.send()
		return w.done(first, len(orders))
	})
	w.setFaults(true)
	for i, order := range orders {
		w.check(first+i, order)
	}
}

// happen stores what an event says, with the wish that GitHub be told.
func (w *reportWorld) happen(tx core.Store, builds map[string]string, commit, event int) error {
	ctx, e, now := w.t.Context(), reportEvents[event], w.now
	key := fmt.Sprint(commit, e.rerun)
	b := core.Build{
		ID: builds[key], ProjectID: w.project.ID, PipelineID: w.pipeline.ID, SHA: w.shas[commit], Branch: "main", Status: e.status,
		TriggerType: core.TriggerWebhook, RunnerName: "built-in", PullRequest: &core.PullRequest{Number: commit + 1},
		QueuedAt: now, CreatedAt: now, UpdatedAt: now,
	}
	if e.status.Terminal() {
		b.StartedAt, b.FinishedAt = &now, &now
	}
	if b.ID == "" {
		b.ID = newID()
		builds[key] = b.ID
		if _, _, err := tx.CreateBuild(ctx, b, core.BuildEvent{BuildID: b.ID, To: b.Status, At: now}); err != nil {
			return err
		}
	} else {
		old, err := tx.FindBuild(ctx, b.ID)
		if err != nil {
			return err
		}
		if err := tx.UpdateBuild(ctx, b, old.Status, "", nil); err != nil {
			return err
		}
	}
	err := tx.WantEffect(ctx, core.Effect{
		Key: core.StatusKey(w.pipeline.ID, b.SHA), Kind: core.EffectStatus, RepositoryID: w.stored.ID, PipelineID: w.pipeline.ID, SHA: b.SHA,
		NotBefore: now, UpdatedAt: now,
	})
	if err != nil {
		return err
	}
	return tx.WantEffect(ctx, core.Effect{
		Key: core.CommentKey(w.stored.ID, commit+1), Kind: core.EffectComment, RepositoryID: w.stored.ID, Number: commit + 1, NotBefore: now, UpdatedAt: now,
	})
}

func (w *reportWorld) done(first, n int) bool {
	w.t.Helper()
	for commit := first; commit < first+n; commit++ {
		for _, key := range []string{core.StatusKey(w.pipeline.ID, w.shas[commit]), core.CommentKey(w.stored.ID, commit+1)} {
			e, err := w.store.FindEffect(w.t.Context(), key)
			if err != nil || e.Parked {
				w.t.Fatalf("%s: %+v, %v", key, e, err)
			}
			if e.Done < e.Wanted {
				return false
			}
		}
	}
	return true
}

// check compares what GitHub shows of a commit with its newest build.
func (w *reportWorld) check(commit int, order []int) {
	w.t.Helper()
	sha := w.shas[commit]
	newest, err := w.store.NewestBuild(w.t.Context(), w.pipeline.ID, sha)
	if err != nil {
		w.t.Fatal(err)
	}
	if got, want := w.shown(newest, sha); got != want {
		w.t.Errorf("order %v: GitHub shows %q, and the build is %s: want %q", order, got, newest.Status, want)
	}
	comments := w.gh.Comments(w.repo, commit+1)
	if len(comments) != 1 || !strings.HasPrefix(comments[0].Body, templates.CommentMarker) || !strings.Contains(comments[0].Body, fmt.Sprintf("#%d]", newest.Number)) {
		w.t.Errorf("order %v: %d comments, want one about #%d: %+v", order, len(comments), newest.Number, comments)
	}
}

// shown is how a commit's newest build appears, and how it should.
func (w *reportWorld) shown(b core.Build, sha string) (got, want string) {
	if w.project.Checks == core.CheckStatus {
		last := w.gh.LastStatus(sha, "oore/android")
		want := map[core.BuildStatus]string{core.BuildSucceeded: "success", core.BuildFailed: "failure"}[b.Status]
		if want == "" {
			want = "pending"
		}
		return last.State + " " + last.TargetURL, want + " https://ci.example.com/builds/" + b.ID
	}
	want = map[core.BuildStatus]string{
		core.BuildQueued: "queued", core.BuildAssigned: "queued", core.BuildRunning: "in_progress", core.BuildSucceeded: "success", core.BuildFailed: "failure",
	}[b.Status]
	seen := map[string]bool{}
	runs := w.gh.CheckRuns(sha)
	for i, run := range runs {
		if seen[run.ExternalID] || run.Status != "completed" && i < len(runs)-1 {
			return "a check run too many", want
		}
		seen[run.ExternalID] = true
		got = run.ExternalID + " " + run.Status
		if run.Conclusion != "" {
			got = run.ExternalID + " " + run.Conclusion
		}
	}
	return got, b.ID + " " + want
}

// checkPace looks at every minute that began with a write.
func (w *reportWorld) checkPace() {
	w.t.Helper()
	const mostInAMinute = 80
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.written) < 2*len(w.shas) {
		w.t.Errorf("%d writes for %d commits prove nothing", len(w.written), len(w.shas))
	}
	first := 0
	for i, at := range w.written {
		for at.Sub(w.written[first]) >= time.Minute {
			first++
		}
		if i-first+1 > mostInAMinute {
			w.t.Fatalf("%d writes in the minute before %s", i-first+1, at)
		}
	}
}
