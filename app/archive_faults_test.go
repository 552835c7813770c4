package app_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store/storetest"
)

// fault lets a server of a site fail where a test wants it.
type fault struct {
	point string // see fail
	left  int    // times that it passes before
	crash bool   // as if it were killed there; else an error
}

var errInjected = core.Errorf(core.KindUnavailable, "injected")

func (f *fault) fail(point string) error {
	if f == nil || f.point != point {
		return nil
	}
	if f.left--; f.left >= 0 {
		return nil
	}
	if f.crash {
		panic("crash at " + point)
	}
	return errInjected
}

type faultyStore struct {
	core.Store
	fault *fault
}

func (s faultyStore) TakeEndedLog(ctx context.Context, before, now, until time.Time) (string, error) {
	id, err := s.Store.TakeEndedLog(ctx, before, now, until)
	return id, errors.Join(err, s.fault.fail("taken"))
}

func (s faultyStore) ReadLog(ctx context.Context, id string, after int64, maxBytes int) ([]core.LogChunk, error) {
	if err := s.fault.fail("read"); err != nil {
		return nil, err
	}
	return s.Store.ReadLog(ctx, id, after, maxBytes)
}

func (s faultyStore) ArchiveLog(ctx context.Context, o core.LogObject) (bool, error) {
	if err := s.fault.fail("record"); err != nil {
		return false, err
	}
	return s.Store.ArchiveLog(ctx, o)
}

type faultyBlobs struct {
	core.BlobStore
	fault *fault
}

func (b faultyBlobs) Put(ctx context.Context, r io.Reader) (string, int64, error) {
	if err := b.fault.fail("put"); err != nil {
		return "", 0, err
	}
	return b.BlobStore.Put(ctx, io.MultiReader(r, readerFunc(func() error { return b.fault.fail("put's end") })))
}

func (b faultyBlobs) Open(ctx context.Context, sum string) (io.ReadSeekCloser, error) {
	if err := b.fault.fail("open"); err != nil {
		return nil, err
	}
	return b.BlobStore.Open(ctx, sum)
}

// crashed runs one turn of a worker that is killed, and says where.
func crashed(t *testing.T, h *house) (at any) {
	t.Helper()
	defer func() { at = recover() }()
	_, err := h.ArchiveNext(t.Context())
	t.Errorf("it was not killed: %v", err)
	return nil
}

// Wherever a server is killed, or fails, the log is whole, before and after the next
// turn, and at most one object is left over, which the sweep removes.
func TestACrashWhileALogIsArchivedLosesNothing(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		rng := rand.New(rand.NewPCG(21, 22))
		s := newSite(t, url)
		records := randomRecords(rng, 2500) // more chunks than one transaction deletes
		for _, f := range []fault{
			{point: "taken"}, {point: "read"}, {point: "read", left: 2}, {point: "put"}, {point: "put's end"}, {point: "open"}, {point: "record"}, {point: "record", left: 1},
		} {
			for _, f.crash = range []bool{true, false} {
				h := s.server(t, nil)
				b := h.printed(t, rng, records)
				bad := s.server(t, &f)
				h.clock.forward(time.Minute)
				where := fmt.Sprintf("%+v", f)
				if f.crash {
					if at := crashed(t, bad); at != "crash at "+f.point {
						t.Fatalf("killed at %v", at)
					}
				} else if more, err := bad.ArchiveNext(t.Context()); more || err != nil && f.point != "taken" {
					t.Fatalf("%s: more %v, %v", where, more, err)
				}
				if got := h.whole(t, b, 0); !sameRecords(got, records) {
					t.Fatalf("%s: the log is another right after", where)
				}
				h.clock.forward(10 * time.Minute) // past the hold of who was killed
				h.archived(t)
				if !h.lies(t, b) {
					t.Fatalf("%s: it was not archived after all", where)
				}
				if got := h.whole(t, b, 0); !sameRecords(got, records) {
					t.Fatalf("%s: the log is another when it is archived", where)
				}
			}
		}
		h := s.server(t, nil)
		h.clock.set(time.Now().Add(25 * time.Hour))
		if _, err := h.blobs.Sweep(t.Context(), h.clock.now().Add(-3*time.Hour), h.unused); err != nil {
			t.Fatal(err)
		}
		if files := s.objects(t); len(files) != 16 {
			t.Errorf("%d objects for 16 logs", len(files))
		}
	})
}

// While the blob store is down the log is read from its rows, the worker asks seldom,
// and when the store is back everything is archived.
func TestABlobStoreThatIsDownIsWaitedFor(t *testing.T) {
	s := newSite(t, storetest.SQLite(t))
	f := &fault{point: "put"}
	h := s.server(t, f)
	rng := rand.New(rand.NewPCG(1, 2))
	records := randomRecords(rng, 500)
	var builds []core.Build
	for range 3 {
		builds = append(builds, h.printed(t, rng, records))
	}
	h.clock.forward(time.Minute)
	for range 1000 { // turns of five seconds: an hour and more
		if more, err := h.ArchiveNext(t.Context()); more || err != nil {
			t.Fatalf("more %v, %v", more, err)
		}
		h.clock.forward(5 * time.Second)
	}
	if tries := -f.left; tries < 15 || tries > 40 {
		t.Errorf("the blob store was asked %d times in 83 minutes", tries)
	}
	for _, b := range builds {
		if got := h.whole(t, b, 0); !sameRecords(got, records) || h.lies(t, b) {
			t.Error("the log is not in its rows")
		}
	}
	f.point = ""
	h.clock.forward(10 * time.Minute)
	h.archived(t)
	for _, b := range builds {
		if got := h.whole(t, b, 0); !sameRecords(got, records) || !h.lies(t, b) {
			t.Error("the log is not in its object")
		}
	}
}

// One log that cannot be packed holds up no other, and stays readable as far as it was.
func TestALogThatCannotBePackedStaysWhereItIs(t *testing.T) {
	s := newSite(t, storetest.SQLite(t))
	h := s.server(t, nil)
	rng := rand.New(rand.NewPCG(1, 2))
	bad, good := h.printed(t, rng, randomRecords(rng, 2000)), h.printed(t, rng, randomRecords(rng, 10))
	chunks, err := h.store.ReadLog(t.Context(), bad.ID, -1, 1<<40)
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", strings.TrimPrefix(s.url, "sqlite:"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("DELETE FROM log_chunks WHERE build_id = $1 AND first_sequence = $2", bad.ID, chunks[1].FirstSequence); err != nil {
		t.Fatal(err)
	}
	h.archived(t)
	if h.lies(t, bad) || !h.lies(t, good) {
		t.Errorf("bad archived: %v, good archived: %v", h.lies(t, bad), h.lies(t, good))
	}
	if more, err := h.ArchiveNext(t.Context()); more || err != nil {
		t.Errorf("it is tried again at once: %v, %v", more, err)
	}
}

// A log whose object is gone is an error that says so.
func TestALogWhoseObjectIsMissingIsAnError(t *testing.T) {
	s := newSite(t, storetest.SQLite(t))
	h := s.server(t, nil)
	rng := rand.New(rand.NewPCG(1, 2))
	b := h.printed(t, rng, randomRecords(rng, 100))
	h.archived(t)
	extent, err := h.store.FindLog(t.Context(), b.ID)
	if err != nil {
		t.Fatal(err)
	}
	h = s.server(t, nil)
	if n, err := h.blobs.Sweep(t.Context(), time.Now().Add(time.Minute), func(context.Context, []string) ([]string, error) {
		return []string{extent.Object.SHA256}, nil
	}); err != nil || n != 1 {
		t.Fatalf("%d, %v", n, err)
	}
	_, readErr := h.ReadLog(t.Context(), h.owner, b.ID, -1, 0)
	_, searchErr := h.SearchLog(t.Context(), h.owner, b.ID, app.LogSearch{Text: "x", After: -1, Limit: 10})
	for _, err := range []error{readErr, searchErr} {
		wantCode(t, err, core.KindUnavailable, core.CodeUnavailable)
		if !strings.Contains(err.Error(), "log object missing") {
			t.Error(err)
		}
	}
}

func TestAReportDoesWithoutALogThatCannotBeRead(t *testing.T) {
	s := newSite(t, storetest.SQLite(t))
	f := &fault{}
	h := s.server(t, f)
	h.embed(t)
	h.pipeline(t, h.project(t).ID, "Android")
	h.deliver(t, pullRequest(5, "feature", shaA))
	job := h.running(t)
	id, last := job.Build.ID, int64(0)
	if err := h.AppendLog(t.Context(), job.Lease, []core.LogChunk{core.EncodeLog(id, []core.LogRecord{line(0, "it broke")})}); err != nil {
		t.Fatal(err)
	}
	if err := h.ReportStep(t.Context(), job.Lease, core.Step{BuildID: id, Name: "build-1", Status: core.StepFailed, LastSequence: &last, StartedAt: time.Unix(1, 0)}); err != nil {
		t.Fatal(err)
	}
	if err := h.Finish(t.Context(), job.Lease, core.Result{Status: core.BuildFailed, Reason: core.ReasonCommandFailed}); err != nil {
		t.Fatal(err)
	}
	h.archived(t)
	tail := func() []string {
		if err := h.store.WantEffect(t.Context(), core.Effect{
			Key: core.CommentKey(h.repositoryID(t), 5), Kind: core.EffectComment, RepositoryID: h.repositoryID(t), Number: 5, NotBefore: time.Unix(1, 0), UpdatedAt: time.Unix(1, 0),
		}); err != nil {
			t.Fatal(err)
		}
		h.clock.forward(time.Minute)
		h.work(t, func() bool {
			e, err := h.store.FindEffect(t.Context(), core.CommentKey(h.repositoryID(t), 5))
			return err == nil && e.Done == e.Wanted
		})
		comment := h.forge.comments[len(h.forge.comments)-1]
		if len(comment.Reports) != 1 || comment.Reports[0].State != core.ReportFailure {
			t.Fatalf("the comment says %+v", comment)
		}
		return comment.Reports[0].Tail
	}
	f.point = "open"
	h = s.server(t, f)
	if lines := tail(); len(lines) != 0 {
		t.Errorf("without the object there are %q", lines)
	}
	f.point = ""
	if lines := tail(); len(lines) != 1 || lines[0] != "it broke" {
		t.Errorf("when it is back the comment has %q", lines)
	}
}
