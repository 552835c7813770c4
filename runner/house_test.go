package runner

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// house is a Jobs in memory. It keeps the rules of the real one: sequences without
// gap, leases, the table of states.
type house struct {
	queue chan string

	mu       sync.Mutex
	asking   int // claims that wait
	builds   map[string]*ledger
	checkout func(core.Job) (core.Checkout, error)
	fault    func(call string) error // consulted before every call that carries a lease
	secrets  []core.SecretValue      // of all builds
}

// ledger is what the house knows of one build.
type ledger struct {
	job       core.Job
	status    core.BuildStatus
	sha       string
	records   []core.LogRecord
	seen      map[int64]int
	steps     map[int]core.Step
	recorded  core.Record
	artifacts map[string]handedIn
	result    core.Result
	checkouts int
	logBytes  int

	changed  chan struct{} // closed and renewed at every change
	canceled chan struct{}
	done     chan struct{}
}

// handedIn is an artifact with its bytes.
type handedIn struct {
	core.Artifact
	content []byte
}

func newHouse() *house {
	return &house{queue: make(chan string, 1000), builds: map[string]*ledger{}, checkout: func(j core.Job) (core.Checkout, error) {
		return core.Checkout{URL: j.Repository.CloneURL}, nil
	}}
}

func (h *house) submit(job core.Job) {
	h.mu.Lock()
	h.builds[job.Build.ID] = &ledger{
		job: job, status: core.BuildQueued, seen: map[int64]int{}, steps: map[int]core.Step{}, artifacts: map[string]handedIn{},
		changed: make(chan struct{}), canceled: make(chan struct{}), done: make(chan struct{}),
	}
	h.mu.Unlock()
	h.queue <- job.Build.ID
}

func (h *house) Heartbeat(context.Context, core.RunnerBeat) error { return nil }

func (h *house) Claim(ctx context.Context, _ core.Runner, wait time.Duration) (*core.Job, error) {
	h.ask(1)
	select {
	case id := <-h.queue:
		h.mu.Lock()
		defer h.mu.Unlock()
		h.asking--
		l := h.builds[id]
		l.status = core.BuildAssigned
		job := l.job
		return &job, nil
	case <-ctx.Done():
		h.ask(-1)
		return nil, ctx.Err()
	case <-time.After(wait):
		h.ask(-1)
		return nil, nil
	}
}

func (h *house) ask(n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.asking += n
}

// letGo tells whether the build was claimed and a slot waits for work again.
func (h *house) letGo(id string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.asking > 0 && h.builds[id].status != core.BuildQueued
}

// enter finds the build and applies the fault; on success the mutex is held.
func (h *house) enter(call string, l core.Lease) (*ledger, error) {
	h.mu.Lock()
	if h.fault != nil {
		if err := h.fault(call); err != nil {
			h.mu.Unlock()
			return nil, err
		}
	}
	b, ok := h.builds[l.BuildID]
	if !ok || b.job.Lease.Token != l.Token {
		h.mu.Unlock()
		return nil, core.Codef(core.KindConflict, core.CodeLeaseLost, "the lease is not yours")
	}
	return b, nil
}

func (h *house) Renew(ctx context.Context, l core.Lease, wait time.Duration) (core.Renewal, error) {
	b, err := h.enter("renew", l)
	if err != nil {
		return core.Renewal{}, err
	}
	canceled := b.canceled
	h.mu.Unlock()
	select {
	case <-canceled:
		return core.Renewal{Canceled: true}, nil
	case <-ctx.Done():
		return core.Renewal{}, ctx.Err()
	case <-time.After(wait):
		return core.Renewal{}, nil
	}
}

func (h *house) Secrets(_ context.Context, l core.Lease, names []string) ([]core.SecretValue, error) {
	if _, err := h.enter("secrets", l); err != nil {
		return nil, err
	}
	defer h.mu.Unlock()
	var given []core.SecretValue
	for _, name := range names {
		i := slices.IndexFunc(h.secrets, func(v core.SecretValue) bool { return v.Name == name })
		if i < 0 {
			return nil, core.Codef(core.KindInvalid, core.ReasonSecretMissing, "This project has no secret %s", name)
		}
		given = append(given, h.secrets[i])
	}
	return given, nil
}

func (h *house) Checkout(_ context.Context, l core.Lease) (core.Checkout, error) {
	b, err := h.enter("checkout", l)
	if err != nil {
		return core.Checkout{}, err
	}
	defer h.mu.Unlock()
	b.checkouts++
	return h.checkout(b.job)
}

func (h *house) Start(_ context.Context, l core.Lease, sha string) error {
	b, err := h.enter("start", l)
	if err != nil {
		return err
	}
	defer h.mu.Unlock()
	if !b.status.CanBecome(core.BuildRunning) {
		return core.Codef(core.KindConflict, core.CodeInvalidTransition, "build is %s", b.status)
	}
	b.status, b.sha = core.BuildRunning, sha
	b.bell()
	return nil
}

func (h *house) AppendLog(_ context.Context, l core.Lease, chunks []core.LogChunk) error {
	b, err := h.enter("append", l)
	if err != nil {
		return err
	}
	defer h.mu.Unlock()
	for _, c := range chunks {
		if n, ok := b.seen[c.FirstSequence]; ok && n == c.Count {
			continue
		}
		if want := b.job.NextLog + int64(len(b.records)); c.FirstSequence != want {
			return core.Errorf(core.KindInvalid, "chunk starts at %d, not at %d", c.FirstSequence, want)
		}
		records, err := c.Records()
		if err != nil {
			return err
		}
		b.seen[c.FirstSequence] = c.Count
		b.records = append(b.records, records...)
		b.logBytes += len(c.Data)
	}
	b.bell()
	return nil
}

func (h *house) ReportStep(_ context.Context, l core.Lease, s core.Step) error {
	b, err := h.enter("step", l)
	if err != nil {
		return err
	}
	defer h.mu.Unlock()
	b.steps[s.Index] = s
	b.bell()
	return nil
}

func (h *house) Record(_ context.Context, l core.Lease, r core.Record) error {
	b, err := h.enter("record", l)
	if err != nil {
		return err
	}
	defer h.mu.Unlock()
	if r.Ran != nil {
		b.recorded.Ran = r.Ran
	}
	if r.Tests != nil {
		b.recorded.Tests = r.Tests
	}
	return nil
}

func (h *house) PutArtifact(_ context.Context, l core.Lease, a core.Artifact, r io.Reader) error {
	content, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	b, err := h.enter("artifact", l)
	if err != nil {
		return err
	}
	defer h.mu.Unlock()
	if sum := sha256.Sum256(content); a.SHA256 != hex.EncodeToString(sum[:]) || a.Size != int64(len(content)) {
		return core.Errorf(core.KindInvalid, "%s is not as announced", a.Name)
	}
	if err := a.Validate(); err != nil {
		return err
	}
	b.artifacts[a.Name] = handedIn{a, content}
	return nil
}

func (h *house) Finish(_ context.Context, l core.Lease, r core.Result) error {
	b, err := h.enter("finish", l)
	if err != nil {
		return err
	}
	defer h.mu.Unlock()
	if !b.status.CanBecome(r.Status) {
		return core.Codef(core.KindConflict, core.CodeInvalidTransition, "build is %s and cannot become %s", b.status, r.Status)
	}
	b.status, b.result = r.Status, r
	b.bell()
	close(b.done)
	return nil
}

func (l *ledger) bell() {
	close(l.changed)
	l.changed = make(chan struct{})
}

func (h *house) ledger(id string) *ledger {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.builds[id]
}

func (h *house) setFault(f func(call string) error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.fault = f
}

func (h *house) cancel(id string) { close(h.ledger(id).canceled) }

// run submits a build and waits for its end.
func (h *house) run(t testing.TB, job core.Job) *ledger {
	t.Helper()
	h.submit(job)
	return h.wait(t, job.Build.ID)
}

func (h *house) wait(t testing.TB, id string) *ledger {
	t.Helper()
	l := h.ledger(id)
	select {
	case <-l.done:
	case <-time.After(patience):
		t.Fatalf("build %s does not end; log:\n%s", id, h.text(id, ""))
	}
	return l
}

// until waits for a condition of the build that is checked under the lock.
func (h *house) until(t testing.TB, id, what string, ok func(*ledger) bool) {
	t.Helper()
	timeout := time.After(patience)
	for {
		h.mu.Lock()
		l := h.builds[id]
		good, changed := ok(l), l.changed
		h.mu.Unlock()
		if good {
			return
		}
		select {
		case <-changed:
		case <-timeout:
			t.Fatalf("build %s: never %s; log:\n%s", id, what, h.text(id, ""))
		}
	}
}

// untilPrinted waits for a text in the build's log.
func (h *house) untilPrinted(t testing.TB, id, text string) {
	t.Helper()
	h.until(t, id, "printed "+text, func(l *ledger) bool { return strings.Contains(string(l.bytes("")), text) })
}

// bytes puts the log together again; an empty stream: all of them.
func (l *ledger) bytes(stream core.LogStream) []byte {
	var b bytes.Buffer
	for _, r := range l.records {
		if stream != "" && r.Stream != stream {
			continue
		}
		b.Write(r.Content)
		if !r.Partial {
			b.WriteByte('\n')
		}
	}
	return b.Bytes()
}

func (h *house) text(id string, stream core.LogStream) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return string(h.builds[id].bytes(stream))
}

func mustEnd(t testing.TB, l *ledger, status core.BuildStatus, reason, message string) {
	t.Helper()
	if l.result.Status != status || l.result.Reason != reason || !strings.Contains(l.result.Message, message) {
		t.Fatalf("ended as %+v, want %s/%s with %q; log:\n%s", l.result, status, reason, message, l.bytes(""))
	}
}
