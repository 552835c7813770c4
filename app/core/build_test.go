package core

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
)

// The table of contract section 3, as published.
const stateTable = `
queued    → assigned canceled expired failed
assigned  → running queued canceled
running   → succeeded failed canceled timed_out
succeeded →
failed    →
canceled  →
timed_out →
expired   →
`

func publishedMoves(t *testing.T) map[BuildStatus][]string {
	t.Helper()
	moves := map[BuildStatus][]string{}
	for line := range strings.Lines(strings.TrimSpace(stateTable)) {
		from, to, ok := strings.Cut(line, "→")
		if !ok {
			t.Fatalf("no arrow in %q", line)
		}
		moves[BuildStatus(strings.TrimSpace(from))] = strings.Fields(to)
	}
	return moves
}

func TestEveryPairOfStatesFollowsThePublishedTable(t *testing.T) {
	moves := publishedMoves(t)
	if len(moves) != len(BuildStatuses()) {
		t.Fatalf("the table has %d states, the code %d", len(moves), len(BuildStatuses()))
	}
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, from := range BuildStatuses() {
		if got := from.Terminal(); got != (len(moves[from]) == 0) {
			t.Errorf("%s.Terminal() = %v", from, got)
		}
		for _, to := range BuildStatuses() {
			allowed := strings.Contains(" "+strings.Join(moves[from], " ")+" ", " "+string(to)+" ")
			if from.CanBecome(to) != allowed {
				t.Errorf("%s.CanBecome(%s) = %v, the table says %v", from, to, !allowed, allowed)
			}
			b := Build{ID: "b", Number: 7, Status: from}
			before := b
			event, err := b.Transition(to, "ann", "why", at)
			if allowed {
				want := BuildEvent{BuildID: "b", From: from, To: to, Actor: "ann", Reason: "why", At: at}
				if err != nil || event != want || b.Status != to || b.UpdatedAt != at {
					t.Errorf("%s → %s: event %+v, error %v, build %+v", from, to, event, err, b)
				}
				continue
			}
			if KindOf(err) != KindConflict || CodeOf(err) != CodeInvalidTransition || event != (BuildEvent{}) || !reflect.DeepEqual(b, before) {
				t.Errorf("%s → %s must change nothing and be invalid_transition: %v, %+v", from, to, err, b)
			}
		}
	}
}

func TestWhatIsNoStateGoesNowhere(t *testing.T) {
	odd := BuildStatus("scheduled")
	if odd.Valid() || odd.Terminal() || odd.CanBecome(BuildQueued) || BuildQueued.CanBecome(odd) {
		t.Errorf("%q is taken for a state", odd)
	}
}

func TestTransitionKeepsTheTimesAndTheHolder(t *testing.T) {
	at := func(s int) time.Time { return time.Unix(int64(s), 0) }
	b := Build{Status: BuildQueued}
	move := func(to BuildStatus, reason string, s int) {
		t.Helper()
		if _, err := b.Transition(to, "system", reason, at(s)); err != nil {
			t.Fatal(err)
		}
	}
	move(BuildAssigned, "", 10)
	b.RunnerID, b.RunnerName, b.LeaseToken, b.LeaseExpiresAt = "r", "mac", "token", at(70)
	if b.AssignedAt == nil || !b.AssignedAt.Equal(at(10)) {
		t.Errorf("assigned at %v", b.AssignedAt)
	}
	move(BuildQueued, ReasonRunnerLost, 80)
	if b.AssignedAt != nil || b.RunnerID+b.RunnerName+b.LeaseToken != "" || !b.LeaseExpiresAt.IsZero() || b.StatusReason != "" {
		t.Errorf("a build back in the queue still has a holder: %+v", b)
	}
	move(BuildAssigned, "", 90)
	b.RunnerID, b.LeaseToken = "r2", "token2"
	move(BuildRunning, "", 100)
	if b.StartedAt == nil || !b.StartedAt.Equal(at(100)) || b.Duration(at(130)) != 30*time.Second {
		t.Errorf("started at %v, runs for %v", b.StartedAt, b.Duration(at(130)))
	}
	move(BuildFailed, ReasonCommandFailed, 160)
	if b.FinishedAt == nil || b.Duration(at(999)) != time.Minute || b.StatusReason != ReasonCommandFailed {
		t.Errorf("the end is not kept: %+v", b)
	}
	if b.RunnerID != "r2" || b.LogComplete() {
		t.Error("an ended build keeps its runner, and its log is open while the lease is held")
	}
	b.LeaseToken = ""
	if !b.LogComplete() {
		t.Error("without a lease nobody can append any more")
	}
}

func TestTransitionKeepsAReasonThatIsThere(t *testing.T) {
	b := Build{Status: BuildRunning, StatusReason: ReasonSuperseded}
	if _, err := b.Transition(BuildCanceled, "system", "other", time.Unix(1, 0)); err != nil || b.StatusReason != ReasonSuperseded {
		t.Errorf("reason %q, error %v", b.StatusReason, err)
	}
	b = Build{Status: BuildRunning}
	if _, err := b.Transition(BuildSucceeded, "system", "done", time.Unix(1, 0)); err != nil || b.StatusReason != "" {
		t.Errorf("a success has reason %q, error %v", b.StatusReason, err)
	}
	if (Build{}).Duration(time.Unix(9, 0)) != 0 {
		t.Error("a build that never started took no time")
	}
}

func TestEventsOfOneCommitShareABuildAndTagsDoNot(t *testing.T) {
	push := Event{Kind: EventPush, SHA: "abc", Branch: "main"}
	pull := Event{Kind: EventPullRequest, SHA: "abc", Branch: "main", PullRequest: &PullRequest{Number: 1}}
	tag := Event{Kind: EventTag, SHA: "abc", Tag: "v1"}
	otherTag := Event{Kind: EventTag, SHA: "abc", Tag: "v2"}
	if EventBuildKey("p", push) != EventBuildKey("p", pull) {
		t.Error("push and pull request of one commit must share a build")
	}
	keys := map[string]bool{
		EventBuildKey("p", push): true, EventBuildKey("p", tag): true, EventBuildKey("p", otherTag): true,
		EventBuildKey("q", push): true, EventBuildKey("p", Event{Kind: EventPush, SHA: "def"}): true,
	}
	if len(keys) != 5 {
		t.Errorf("five different things share keys: %v", keys)
	}
}

func TestErrorsTellKindAndCodeThroughWrapping(t *testing.T) {
	cause := errors.New("disk full")
	err := errors.Join(errors.New("x"), Codef(KindNotFound, CodeInvalidRef, "no branch %s", "x").Because(cause))
	if KindOf(err) != KindNotFound || CodeOf(err) != CodeInvalidRef || !errors.Is(err, cause) {
		t.Errorf("kind %v, code %s", KindOf(err), CodeOf(err))
	}
	if KindOf(cause) != KindInternal || CodeOf(cause) != CodeInternal {
		t.Error("what is not ours is internal")
	}
	for kind := KindInternal; kind <= KindUnavailable; kind++ {
		if Errorf(kind, "x").Code == "" {
			t.Errorf("kind %d has no code", kind)
		}
	}
}
