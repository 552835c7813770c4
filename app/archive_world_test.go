package app_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store"
	"github.com/oore-ci/oore/store/archive"
	"github.com/oore-ci/oore/store/blob"
)

func newArchive(tb testing.TB, blobs core.BlobStore) *archive.Logs {
	tb.Helper()
	logs, err := archive.New(blobs)
	if err != nil {
		tb.Fatal(err)
	}
	return logs
}

// site is what servers share: a database, a blob store and a clock.
type site struct {
	url   string
	dir   string // of the blobs
	clock *fakeClock
}

func newSite(tb testing.TB, url string) *site {
	tb.Helper()
	return &site{url: url, dir: tb.TempDir(), clock: &fakeClock{at: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)}}
}

// server starts a server on the site.
func (s *site) server(tb testing.TB, f *fault) *house {
	tb.Helper()
	db, err := store.Open(tb.Context(), s.url, store.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { db.Close() })
	local, err := blob.NewLocal(s.dir)
	if err != nil {
		tb.Fatal(err)
	}
	h := &house{store: db, blobs: local, forge: &fakeForge{}, clock: s.clock, owner: core.Actor{Kind: core.ActorUser, Name: "olga", Role: core.RoleOwner}}
	blobs := faultyBlobs{local, f}
	h.App, err = app.New(app.Deps{
		Store: faultyStore{testTime{db, s.clock}, f}, Blobs: blobs, Archive: newArchive(tb, blobs),
		Forges: map[core.Provider]core.Forge{core.ProviderGitHub: h.forge}, Reporters: map[core.Provider]core.Reporter{core.ProviderGitHub: h.forge},
		Decoders: map[core.Provider]core.Decoder{core.ProviderGitHub: jsonDecoder{}},
		Clock:    h.clock.now, NewID: uuid.NewString, Log: slog.New(slog.DiscardHandler), PublicURL: "https://ci.example.com", LogLimit: 1 << 30,
	})
	if err != nil {
		tb.Fatal(err)
	}
	return h
}

// randomRecords are n records of any bytes, times, streams and steps.
func randomRecords(rng *rand.Rand, n int) []core.LogRecord {
	streams := []core.LogStream{core.StreamStdout, core.StreamStderr, core.StreamSystem}
	at := time.UnixMicro(rng.Int64N(1 << 50)).UTC()
	var all []core.LogRecord
	for i := range n {
		content := make([]byte, rng.IntN(60))
		if rng.IntN(50) == 0 {
			content = make([]byte, core.MaxLogLine)
		}
		for j := range content {
			content[j] = byte(rng.Uint32())
		}
		if rng.IntN(3) == 0 {
			content = append(content, "\x1b[31mNeedle\x1b[0m Über \x00 straße"...)
		}
		at = at.Add(time.Duration(rng.Int64N(1e7)-1e5) * time.Microsecond)
		all = append(all, core.LogRecord{
			Sequence: int64(i), Content: content, Stream: streams[rng.IntN(3)], Step: fmt.Sprintf("step-%d", i*4/n), Time: at, Partial: rng.IntN(5) == 0,
		})
	}
	return all
}

// printed runs a build that prints the records, in chunks of any size, and ends.
func (h *house) printed(tb testing.TB, rng *rand.Rand, records []core.LogRecord) core.Build {
	tb.Helper()
	ctx := tb.Context()
	if err := h.EmbedRunner(ctx, core.Runner{ID: "r1", Name: "mini", Slots: 2}); err != nil {
		tb.Fatal(err)
	}
	b := h.queuedIn(tb)
	job, err := h.Claim(ctx, core.Runner{ID: "r1", Name: "mini"}, patience)
	if err != nil || job == nil || job.Build.ID != b.ID {
		tb.Fatalf("claimed %+v, %v", job, err)
	}
	if err := h.Start(ctx, job.Lease, shaA); err != nil {
		tb.Fatal(err)
	}
	var chunks []core.LogChunk
	for first := 0; first < len(records); {
		end := min(first+1+rng.IntN(60), len(records))
		for i := first; i < end; i++ {
			if records[i].Step != records[first].Step {
				end = i
			}
		}
		chunks = append(chunks, core.EncodeLog(b.ID, records[first:end]))
		first = end
	}
	for len(chunks) > 0 {
		n := 1 + rng.IntN(len(chunks))
		if err := h.AppendLog(ctx, job.Lease, chunks[:n]); err != nil {
			tb.Fatal(err)
		}
		chunks = chunks[n:]
	}
	last := int64(len(records)) - 1
	if err := h.ReportStep(ctx, job.Lease, core.Step{BuildID: b.ID, Name: "build-1", Status: core.StepFailed, LastSequence: &last, StartedAt: time.Unix(1, 0)}); err != nil {
		tb.Fatal(err)
	}
	if err := h.Finish(ctx, job.Lease, core.Result{Status: core.BuildFailed, Reason: core.ReasonCommandFailed}); err != nil {
		tb.Fatal(err)
	}
	return h.found(tb, b.ID)
}

func (h *house) found(tb testing.TB, id string) core.Build {
	tb.Helper()
	b, err := h.FindBuild(tb.Context(), h.owner, id)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// queuedIn is queued for benchmarks too.
func (h *house) queuedIn(tb testing.TB) core.Build {
	tb.Helper()
	ctx := tb.Context()
	projects, _, err := h.ListProjects(ctx, h.owner, core.Page{Limit: 1})
	if err != nil {
		tb.Fatal(err)
	}
	if len(projects) == 0 {
		p, err := h.CreateProject(ctx, h.owner, app.CreateProject{Name: "Shop", Provider: core.ProviderGitHub, FullName: "acme/shop"})
		if err != nil {
			tb.Fatal(err)
		}
		name := "Android"
		if _, err := h.CreatePipeline(ctx, h.owner, p.ID, app.PipelineInput{Name: &name}); err != nil {
			tb.Fatal(err)
		}
		projects = []core.Project{p}
	}
	pipelines, err := h.ListPipelines(ctx, h.owner, projects[0].ID)
	if err != nil {
		tb.Fatal(err)
	}
	b, err := h.TriggerBuild(ctx, h.owner, app.TriggerBuild{ProjectID: projects[0].ID, PipelineID: pipelines[0].ID})
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// archived lets the worker go until nothing is due.
func (h *house) archived(tb testing.TB) {
	tb.Helper()
	h.clock.forward(time.Minute)
	for more := true; more; {
		var err error
		if more, err = h.ArchiveNext(tb.Context()); err != nil {
			tb.Fatal(err)
		}
	}
}

// sameRecords is reflect.DeepEqual for logs, many times faster.
func sameRecords(a, b []core.LogRecord) bool {
	return slices.EqualFunc(a, b, func(a, b core.LogRecord) bool {
		same := bytes.Equal(a.Content, b.Content) && a.Time.Equal(b.Time)
		return same && a.Sequence == b.Sequence && a.Stream == b.Stream && a.Step == b.Step && a.Partial == b.Partial
	})
}

// lies tells whether the build's log is an object, without chunks left.
func (h *house) lies(tb testing.TB, b core.Build) bool {
	tb.Helper()
	extent, err := h.store.FindLog(tb.Context(), b.ID)
	if err != nil {
		tb.Fatal(err)
	}
	chunks, err := h.store.ReadLog(tb.Context(), b.ID, -1, 1<<40)
	if err != nil {
		tb.Fatal(err)
	}
	return extent.Object != nil && len(chunks) == 0
}

// whole reads a log page by page.
func (h *house) whole(tb testing.TB, b core.Build, limit int) []core.LogRecord {
	tb.Helper()
	var all []core.LogRecord
	for {
		page, err := h.ReadLog(tb.Context(), h.owner, b.ID, int64(len(all))-1, limit)
		if err != nil {
			tb.Fatal(err)
		}
		all = append(all, page.Records...)
		if page.Complete {
			return all
		}
		if len(page.Records) == 0 {
			tb.Fatalf("the log stops after %d of %d records", len(all), page.Total)
		}
	}
}

func (s *site) objects(tb testing.TB) []string {
	tb.Helper()
	files, err := filepath.Glob(filepath.Join(s.dir, "??", "*"))
	if err != nil {
		tb.Fatal(err)
	}
	return files
}
