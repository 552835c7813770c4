package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/oore-ci/oore/handlers/github/githubtest"
)

// buildKind is what a commit's commands do.
type buildKind int

const (
	quickBuild   buildKind = iota
	daemonBuild            // leaves daemons behind that only a good killer finds
	failingBuild           // its second command fails
	buildKinds
)

// commanders write commands into pull requests, in turns: each may write ten a minute.
func commanders() []string { return []string{"wes", "wim", "wyn", "wil", "wat", "wol"} }

// chaosLines is how many lines each first command prints.
const chaosLines = 200

// files is the workflow of a commit of this kind. Each command notes its start and
// its stop.
func (k buildKind) files(s *storm) map[string]string {
	first, second := fmt.Sprintf("seq %d", chaosLines), "echo $OORE_COMMIT_SHA > made.txt; echo built $OORE_COMMIT_SHA"
	switch k {
	case daemonBuild:
		first += `
( ( setsid sleep 600 >/dev/null 2>&1 & ) & )
( env -i MARK="$MARK" PATH="$PATH" setsid sh -c 'sleep 600 & sleep 600' & )
sleep 0.3`
	case failingBuild:
		second = "echo broken >&2; false"
	}
	first += "\n" + s.linger
	note := func(n int, command string) string {
		return fmt.Sprintf("echo start $OORE_BUILD_ID %d >> \"$RUNS\"\n%s\ncode=$?\necho stop $OORE_BUILD_ID %d >> \"$RUNS\"\nexit $code", n, command, n)
	}
	return map[string]string{".oore.yaml": fmt.Sprintf(
		"version: 1\nplatforms: []\nartifacts: {patterns: [made.txt]}\nenv: {MARK: %q, RUNS: %q}\ncommands:\n  build:\n    - %q\n    - %q\n", s.marker, s.runs, note(1, first), note(2, second))}
}

// entry is one delivery that was sent.
type entry struct {
	event    string
	branch   string
	sha      string
	pull     int
	command  int64  // the comment with it; 0: none
	accepted bool   // it was answered 200 at least once
	ours     string // the id under which the server says to have stored it
}

// ledger is what the feeders have sent, and what was promised to them.
type ledger struct {
	mu      sync.Mutex
	entries map[string]*entry    // by the id that the sender gave
	kinds   map[string]buildKind // by commit
	lost    int                  // tries that got no answer
	repeats int                  // deliveries that were sent again after their answer
}

// feeder pushes commit after commit to one branch.
type feeder struct {
	*storm
	branch string
	pull   int // 0: none
	ctx    context.Context
	random *rand.Rand
	count  int
}

func (f *feeder) run() {
	before := ""
	for {
		select {
		case <-f.ctx.Done():
			return
		case <-f.tickets:
		}
		kind := buildKind(f.random.IntN(int(buildKinds)))
		f.count++
		sha := f.git.Commit(f.branch, kind.files(f.storm), fmt.Sprintf("Commit %d of %s", f.count, f.branch))
		f.ledger.mu.Lock()
		f.ledger.kinds[sha] = kind
		f.ledger.mu.Unlock()
		f.deliver("push", f.gh.PushPayload(f.repo, f.branch, before, sha), entry{branch: f.branch, sha: sha})
		if f.pull != 0 {
			action := "synchronize"
			if before == "" {
				action = "opened"
			}
			pull := githubtest.Pull{Number: f.pull, HeadBranch: f.branch, HeadSHA: sha}
			f.deliver("pull_request", f.gh.PullRequestPayload(action, f.repo, pull), entry{branch: f.branch, sha: sha, pull: f.pull})
			if f.random.IntN(3) == 0 {
				c := f.gh.AddComment(f.repo, f.pull, commanders()[f.count%len(commanders())], "/oore status")
				f.deliver("issue_comment", f.gh.CommentPayload("created", f.repo, pull, c), entry{pull: f.pull, command: c.ID})
			}
		}
		before = sha
		f.pause(500)
	}
}

// deliver sends a delivery until it is answered. Some pushes it gives up, as GitHub
// does; some deliveries it sends again though they were answered.
func (f *feeder) deliver(event string, payload []byte, e entry) {
	f.count++
	id := fmt.Sprintf("%s-%d", f.branch, f.count)
	e.event = event
	f.ledger.mu.Lock()
	f.ledger.entries[id] = &e
	f.ledger.mu.Unlock()
	for !f.send(event, payload, id) {
		if f.ctx.Err() != nil || event == "push" && f.random.IntN(10) == 0 {
			return
		}
		f.pause(100)
	}
	for f.random.IntN(4) == 0 {
		f.ledger.mu.Lock()
		f.ledger.repeats++
		f.ledger.mu.Unlock()
		f.send(event, payload, id)
	}
}

// send sends a delivery once and tells whether it was accepted.
func (f *feeder) send(event string, payload []byte, id string) bool {
	resp, err := f.gh.Deliver(f.url+"/v1/webhooks/github", event, payload, githubtest.Delivery{
		ID: id, Client: &http.Client{Timeout: 10 * time.Second},
	})
	if err != nil {
		f.ledger.mu.Lock()
		f.ledger.lost++
		f.ledger.mu.Unlock()
		return false
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusServiceUnavailable {
		return false
	}
	if resp.StatusCode != http.StatusOK {
		f.t.Errorf("delivery %s was answered %d", id, resp.StatusCode)
		return false
	}
	var answer struct {
		OK         bool   `json:"ok"`
		DeliveryID string `json:"delivery_id"`
	}
	err = json.NewDecoder(resp.Body).Decode(&answer) // it may have been killed in the middle of it
	f.ledger.mu.Lock()
	defer f.ledger.mu.Unlock()
	e := f.ledger.entries[id]
	e.accepted = true
	switch {
	case err != nil:
	case !answer.OK || e.ours != "" && e.ours != answer.DeliveryID:
		f.t.Errorf("delivery %s was answered %+v, before as %q", id, answer, e.ours)
	default:
		e.ours = answer.DeliveryID
	}
	return true
}

// pause waits for up to so many milliseconds, unless it is over.
func (f *feeder) pause(most int) {
	timer := time.NewTimer(time.Duration(f.random.IntN(most)) * time.Millisecond)
	defer timer.Stop()
	select {
	case <-f.ctx.Done():
	case <-timer.C:
	}
}
