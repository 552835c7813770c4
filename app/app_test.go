package app_test

import (
	"cmp"
	"context"
	"encoding/json"
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
	"github.com/oore-ci/oore/store"
	"github.com/oore-ci/oore/store/blob"
	"github.com/oore-ci/oore/store/storetest"
)

// house is an App on a real SQLite store, with a forge and a clock that tests set.
type house struct {
	*app.App
	store   *store.Store
	blobs   *blob.Local
	blobDir string
	forge   *fakeForge
	clock   *fakeClock
	owner   core.Actor
	free    atomic.Int64 // on the disk of database and blobs, of which total is the size
	total   atomic.Int64
}

type fakeClock struct {
	mu sync.Mutex
	at time.Time
}

func (c *fakeClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(time.Millisecond) // so that order by time is the order of calls
	return c.at
}

func (c *fakeClock) forward(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func (c *fakeClock) set(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = at
}

const (
	shaA = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	shaB = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

// fakeForge knows one repository, acme/shop with id 7, and notes what it is told.
type fakeForge struct {
	mu       sync.Mutex
	fail     error  // returned by every report
	telling  func() // called by each SetStatus, if set, whose answer stands by then
	head     string // of every pull request
	statuses []core.Report
	comments []core.Comment
	heads    []core.Event
	missed   []core.MissedDelivery
	asked    []string           // delivery ids that were asked for again
	refusals map[string]error   // of those
	clone    string             // address; empty: one of https
	paths    []string           // changed files of everything
	message  string             // of every commit, if set
	down     int                // calls of ResolveRef that will fail
	stands   map[string]string  // branches
	pulls    map[int]core.Event // as they are now, if talk.pull is not set
	silent   map[string]bool    // by branch: it does not say where that stands; "" is all
	looked   int                // how often it was asked for that
	meet     func()             // called by each ResolveRef, if set
	asking   func()             // called by each question where a branch stands, if set
	talk     talk

	main    string            // where the branch main stands, if not at shaA
	files   map[string]string // by "<sha>:<path>"
	reading func()            // called by each ReadFile, if set
	refused error             // returned by each ReadFile, if set
}

func (f *fakeForge) ReadFile(_ context.Context, _ core.Repository, sha, path string) ([]byte, error) {
	if f.reading != nil {
		f.reading()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	content, ok := f.files[sha+":"+path]
	if f.refused != nil {
		return nil, f.refused
	}
	if !ok {
		return nil, core.Errorf(core.KindNotFound, "no %s at %s", path, sha)
	}
	return []byte(content), nil
}

// standsAt moves the branch main to a commit with a file `.oore.yaml`; "" is no file.
func (f *fakeForge) standsAt(sha, file string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.files == nil {
		f.files = map[string]string{}
	}
	if f.main = sha; file != "" {
		f.files[sha+":.oore.yaml"] = file
	}
}

func (f *fakeForge) FindRepository(_ context.Context, name string) (core.Repository, error) {
	if name == "acme/lab" {
		return core.Repository{Provider: core.ProviderGitLab, Host: "git.example.com", ExternalID: "8", FullName: name, DefaultBranch: "main"}, nil
	}
	if name != "acme/shop" {
		return core.Repository{}, core.Codef(core.KindNotFound, core.CodeRepositoryUnknown, "%s is not there", name)
	}
	return core.Repository{Provider: core.ProviderGitHub, ExternalID: "7", FullName: name, DefaultBranch: "main", InstallationID: 3}, nil
}

func (f *fakeForge) setMessage(message string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.message = message
}

func (f *fakeForge) ResolveRef(_ context.Context, _ core.Repository, ref string) (core.Commit, error) {
	if branch, ok := strings.CutPrefix(ref, "refs/heads/"); ok {
		return f.branchHead(branch)
	}
	if f.meet != nil {
		f.meet()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.down > 0 {
		f.down--
		return core.Commit{}, core.Errorf(core.KindUnavailable, "502")
	}
	if f.message != "" {
		return core.Commit{SHA: shaA, Message: f.message}, nil
	}
	if ref == "main" && f.main != "" {
		return core.Commit{SHA: f.main, Message: "Now", Author: "ana"}, nil
	}
	switch ref {
	case "main", shaA:
		return core.Commit{SHA: shaA, Message: "First", Author: "ana"}, nil
	case "dev", shaB:
		return core.Commit{SHA: shaB, Message: "Second", Author: "ben"}, nil
	}
	return core.Commit{}, core.Codef(core.KindNotFound, core.CodeInvalidRef, "no ref %s", ref)
}

func (f *fakeForge) branchHead(branch string) (core.Commit, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.looked++
	if f.asking != nil {
		f.asking()
	}
	if f.silent[branch] || f.silent[""] {
		return core.Commit{}, core.Errorf(core.KindUnavailable, "502")
	}
	if sha := f.stands[branch]; sha != "" {
		return core.Commit{SHA: sha}, nil
	}
	return core.Commit{}, core.Codef(core.KindNotFound, core.CodeInvalidRef, "no branch %s", branch)
}

// hush keeps the forge from saying where a branch, or any, stands.
func (f *fakeForge) hush(branch string, silent bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.silent == nil {
		f.silent = map[string]bool{}
	}
	f.silent[branch] = silent
}

// happen lets what an event tells of be so.
func (f *fakeForge) happen(e core.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.stands == nil {
		f.stands, f.pulls = map[string]string{}, map[int]core.Event{}
	}
	switch p := e.PullRequest; {
	case p != nil:
		f.pulls[p.Number] = e
		if e.SHA != "" && !p.Fork {
			f.stands[e.Branch] = e.SHA
		}
	case e.Kind == core.EventPush:
		f.stands[e.Branch] = e.SHA
		for n, now := range f.pulls {
			if now.Branch == e.Branch && !now.PullRequest.Fork && !now.Closed {
				now.SHA = e.SHA
				f.pulls[n] = now
			}
		}
	case e.Ignored != nil && e.Ignored.Code == core.WhyBranchDeleted:
		delete(f.stands, e.Branch)
	}
}

func (f *fakeForge) FindCommit(ctx context.Context, repo core.Repository, short string) (core.Commit, error) {
	for _, sha := range []string{shaA, shaB} {
		if strings.HasPrefix(sha, short) {
			return f.ResolveRef(ctx, repo, sha)
		}
	}
	return core.Commit{}, core.Codef(core.KindNotFound, core.CodeInvalidRef, "no commit %s", short)
}

func (f *fakeForge) PullRequestHead(context.Context, core.Repository, int) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.head, nil
}

func (f *fakeForge) setHead(sha string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.head = sha
}

func (f *fakeForge) Heads(context.Context, core.Repository) ([]core.Event, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.heads, nil
}

func (f *fakeForge) Missed(context.Context, core.Lookback) ([]core.MissedDelivery, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.missed, nil
}

func (f *fakeForge) Redeliver(_ context.Context, m core.MissedDelivery) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, m.DeliveryID)
	return f.refusals[m.DeliveryID]
}

func (f *fakeForge) Paths(context.Context, core.Repository, core.Event) ([]string, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.paths, f.paths != nil, nil
}

func (f *fakeForge) setHeads(heads ...core.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.heads = heads
}

func (f *fakeForge) Checkout(context.Context, core.Repository) (core.Checkout, error) {
	return core.Checkout{URL: cmp.Or(f.clone, "https://example.com/acme/shop.git"), Username: "x", Password: "secret"}, nil
}

func (f *fakeForge) SetStatus(_ context.Context, _ core.Repository, r core.Report) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	fail := f.fail
	if fail == nil {
		f.statuses = append(f.statuses, r)
	}
	if f.telling != nil {
		f.mu.Unlock()
		f.telling()
		f.mu.Lock()
	}
	return fail
}

func (f *fakeForge) UpsertComment(_ context.Context, _ core.Repository, c core.Comment, known string) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fail == nil {
		f.comments = append(f.comments, c)
	}
	if known != "" && known != "c1" {
		return "", fmt.Errorf("unknown comment %q", known)
	}
	return "c1", f.fail
}

func (f *fakeForge) setFail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail = err
}

func (f *fakeForge) states() []core.ReportState {
	f.mu.Lock()
	defer f.mu.Unlock()
	var states []core.ReportState
	for _, r := range f.statuses {
		states = append(states, r.State)
	}
	return states
}

// jsonDecoder reads events that a test has marshaled.
type jsonDecoder struct{}

func (jsonDecoder) Decode(_ string, payload []byte) (core.Event, error) {
	var e core.Event
	if err := json.Unmarshal(payload, &e); err != nil {
		return e, core.Errorf(core.KindInvalid, "The payload is no event")
	}
	if e.Action == "panic" {
		panic("a payload nobody foresaw")
	}
	return e, nil
}

func newHouse(t *testing.T) *house {
	t.Helper()
	return newHouseOn(t, storetest.SQLite(t))
}

// newHouseOver makes one whose blobs are kept by what over returns.
func newHouseOver(t *testing.T, over func(*blob.Local) core.BlobStore) *house {
	t.Helper()
	return newHouseAt(t, storetest.SQLite(t), t.TempDir(), over)
}

// testTime is a database whose clock is the test's: the server sets its own by it.
type testTime struct {
	*store.Store
	clock *fakeClock
}

func (s testTime) BeatServer(ctx context.Context, own core.Server, life time.Duration) ([]core.Server, time.Time, error) {
	others, now, err := s.Store.BeatServer(ctx, own, life)
	if !now.IsZero() {
		now = s.clock.now()
	}
	return others, now, err
}

func newHouseOn(t *testing.T, database string) *house {
	t.Helper()
	return newHouseAt(t, database, t.TempDir(), onItsOwn)
}

// newHouseBeside makes one with a database of its own, and the blobs of another.
func newHouseBeside(t *testing.T, database string, h *house) *house {
	t.Helper()
	return newHouseAt(t, database, h.blobDir, onItsOwn)
}

func onItsOwn(l *blob.Local) core.BlobStore { return l }

func newHouseAt(t *testing.T, database, blobDir string, over func(*blob.Local) core.BlobStore) *house {
	t.Helper()
	blobs, err := blob.NewLocal(blobDir)
	if err != nil {
		t.Fatal(err)
	}
	db, err := store.Open(t.Context(), database, store.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	h := &house{
		store: db, blobs: blobs, blobDir: blobDir, forge: &fakeForge{}, clock: &fakeClock{at: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)},
		owner: core.Actor{Kind: core.ActorUser, Name: "olga", Role: core.RoleOwner},
	}
	h.free.Store(1 << 40)
	h.total.Store(1 << 41)
	space := func() (free, total int64, err error) { return h.free.Load(), h.total.Load(), nil }
	h.App, err = app.New(app.Deps{
		DatabaseDisk: space, BlobDisk: space,
		Store:     testTime{db, h.clock},
		Blobs:     over(h.blobs),
		Archive:   newArchive(t, h.blobs),
		Forges:    map[core.Provider]core.Forge{core.ProviderGitHub: h.forge},
		Reporters: map[core.Provider]core.Reporter{core.ProviderGitHub: h.forge},
		Decoders:  map[core.Provider]core.Decoder{core.ProviderGitHub: jsonDecoder{}},
		Clock:     h.clock.now, NewID: uuid.NewString, Log: slog.New(slog.DiscardHandler),
		PublicURL: "https://ci.example.com", AdminToken: "admin-token-of-32-characters-long", LocalRoots: []string{t.TempDir()}, LogLimit: 1 << 20,
	})
	if err != nil {
		t.Fatal(err)
	}
	h.embed(t)
	return h
}

func (h *house) project(t *testing.T, change ...func(*app.CreateProject)) core.Project {
	t.Helper()
	in := app.CreateProject{Name: "Shop", Provider: core.ProviderGitHub, FullName: "acme/shop"}
	for _, c := range change {
		c(&in)
	}
	p, err := h.CreateProject(t.Context(), h.owner, in)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (h *house) pipeline(t *testing.T, projectID, name string, change ...func(*app.PipelineInput)) core.Pipeline {
	t.Helper()
	in := app.PipelineInput{Name: &name}
	for _, c := range change {
		c(&in)
	}
	p, err := h.CreatePipeline(t.Context(), h.owner, projectID, in)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func triggers(trigger core.Trigger) func(*app.PipelineInput) {
	return func(in *app.PipelineInput) { in.Trigger = &trigger }
}

// deliver lets something happen at the forge, receives its event and processes the inbox
// until it is decided.
func (h *house) deliver(t *testing.T, e core.Event) core.Delivery {
	t.Helper()
	h.forge.happen(e)
	return h.deliverLate(t, e)
}

// deliverLate is deliver of something that happened before.
func (h *house) deliverLate(t *testing.T, e core.Event) core.Delivery {
	t.Helper()
	payload, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	return h.deliverRaw(t, payload)
}

func (h *house) deliverRaw(t *testing.T, payload []byte) core.Delivery {
	t.Helper()
	return h.decided(t, h.keep(t, payload))
}

// deliverRawLater lets something happen, receives its event and leaves the deciding to
// the test.
func (h *house) deliverRawLater(t *testing.T, e core.Event) string {
	t.Helper()
	h.forge.happen(e)
	payload, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	return h.keep(t, payload)
}

func (h *house) keep(t *testing.T, payload []byte) string {
	t.Helper()
	id, duplicate, err := h.ReceiveDelivery(t.Context(), app.ReceiveDelivery{
		Provider: core.ProviderGitHub, DeliveryID: uuid.NewString(), Event: "push", Payload: payload,
	})
	if err != nil || duplicate {
		t.Fatalf("receive: duplicate %v, %v", duplicate, err)
	}
	return id
}

// decided runs the workers until the delivery is no longer merely received. Where it is put
// off, time passes.
func (h *house) decided(t *testing.T, id string) core.Delivery {
	t.Helper()
	for {
		var d core.Delivery
		h.work(t, func() bool {
			var err error
			if d, err = h.store.FindDelivery(t.Context(), id); err != nil {
				t.Fatal(err)
			}
			return d.Status != core.DeliveryReceived || d.NotBefore.After(h.clock.now())
		})
		if d.Status != core.DeliveryReceived {
			return d
		}
		h.clock.forward(core.Backoff(d.Attempts))
	}
}

// work runs the workers until done says so.
func (h *house) work(t *testing.T, done func() bool) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- h.RunWorkers(ctx) }()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	waitFor(t, done)
}

// patience is how long a test waits for what must happen: a machine may have more to do than
// our tests, so only what never happens may outlast it.
const patience = 3 * time.Minute

func waitFor(t *testing.T, done func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !done(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it did not happen within ", patience)
		}
	}
}

func push(branch, sha string) core.Event {
	return core.Event{
		Kind: core.EventPush, Provider: core.ProviderGitHub, RepositoryID: "7", RepositoryName: "acme/shop", InstallationID: 3,
		Ref: "refs/heads/" + branch, Branch: branch, SHA: sha, Message: "Change " + branch, Actor: "sam",
	}
}

func pullRequest(number int, branch, sha string) core.Event {
	e := push(branch, sha)
	e.Kind, e.Action, e.TargetBranch = core.EventPullRequest, "opened", "main"
	e.PullRequest = &core.PullRequest{Number: number, Title: "Better", URL: "https://github.com/acme/shop/pull/1"}
	return e
}

// builds lists all builds, oldest first.
func (h *house) builds(t *testing.T) []core.Build {
	t.Helper()
	list, _, err := h.store.ListBuilds(t.Context(), core.BuildFilter{}, core.Page{Limit: 200})
	if err != nil {
		t.Fatal(err)
	}
	for i, j := 0, len(list)-1; i < j; i, j = i+1, j-1 {
		list[i], list[j] = list[j], list[i]
	}
	return list
}

func (h *house) claim(t *testing.T) *core.Job {
	t.Helper()
	job, err := h.Claim(t.Context(), core.Runner{ID: "r1", Name: "mini"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	return job
}

// running claims and starts the next build.
func (h *house) running(t *testing.T) *core.Job {
	t.Helper()
	job := h.claim(t)
	if job == nil {
		t.Fatal("no build to claim")
	}
	if err := h.Start(t.Context(), job.Lease, ""); err != nil {
		t.Fatal(err)
	}
	return job
}

func (h *house) find(t *testing.T, id string) core.Build {
	t.Helper()
	b, err := h.store.FindBuild(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func wantCode(t *testing.T, err error, kind core.Kind, code string) {
	t.Helper()
	if err == nil || core.KindOf(err) != kind || core.CodeOf(err) != code {
		t.Errorf("error %v (kind %v, code %s), want kind %v, code %s", err, core.KindOf(err), core.CodeOf(err), kind, code)
	}
}

func marshaled(t *testing.T, e core.Event) []byte {
	t.Helper()
	payload, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	return payload
}
