package app_test

import (
	"context"
	"math/rand/v2"
	"reflect"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store/storetest"
)

// Rows or object: nobody who reads can tell.
func TestAnArchivedLogReadsAsItsChunksDid(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		h := s.server(t, nil)
		rng := rand.New(rand.NewPCG(11, 12))
		type view struct {
			after int64
			limit int
			text  string // to search; else a page
		}
		for _, n := range []int{1, 2, 300, 3000} {
			records := randomRecords(rng, n)
			b := h.printed(t, rng, records)
			var views []view
			for range 60 {
				views = append(views, view{after: rng.Int64N(int64(n)+4) - 1, limit: 1 + rng.IntN(400)})
			}
			views = append(views, view{after: int64(n) - 1}, view{after: int64(n) + 7})
			if n < 1000 { // where a page of more than 1 MiB ends is not said
				views = append(views, view{after: -1}, view{after: int64(n) / 2})
			}
			for _, text := range []string{"needle", "NEEDLE Ü", "straße", "\x00 STRA", "nothing such", "e"} {
				views = append(views, view{after: -1, limit: 5000, text: text}, view{after: int64(n) / 3, limit: 3, text: text})
			}
			look := func(v view) any {
				if v.text != "" {
					found, err := h.SearchLog(t.Context(), h.owner, b.ID, app.LogSearch{Text: v.text, After: v.after, Limit: v.limit})
					if err != nil {
						t.Fatal(err)
					}
					return found
				}
				page, err := h.ReadLog(t.Context(), h.owner, b.ID, v.after, v.limit)
				if err != nil {
					t.Fatal(err)
				}
				return page
			}
			var before []any
			for _, v := range views {
				before = append(before, look(v))
			}
			if got := h.whole(t, b, 0); !sameRecords(got, records) {
				t.Fatalf("of %d records the rows give others", n)
			}
			h.archived(t)
			if !h.lies(t, b) {
				t.Fatalf("the log of %d records was not archived", n)
			}
			h = s.server(t, nil) // nothing is remembered
			for i, v := range views {
				if got := look(v); !reflect.DeepEqual(got, before[i]) {
					t.Fatalf("%d records, %+v: it is not what it was", n, v)
				}
			}
			for _, limit := range []int{0, 7, 1000} {
				if got := h.whole(t, b, limit); !sameRecords(got, records) {
					t.Fatalf("of %d records the object gives others, %d at a time", n, limit)
				}
			}
		}
	})
}

func TestABuildWithoutALogHasNoObject(t *testing.T) {
	s := newSite(t, storetest.SQLite(t))
	h := s.server(t, nil)
	b := h.queuedIn(t)
	if _, err := h.CancelBuild(t.Context(), h.owner, b.ID); err != nil {
		t.Fatal(err)
	}
	h.archived(t)
	if page, err := h.ReadLog(t.Context(), h.owner, b.ID, -1, 0); err != nil || !page.Complete || len(page.Records) != 0 {
		t.Errorf("%+v, %v", page, err)
	}
	if files := s.objects(t); len(files) != 0 {
		t.Errorf("there are %q", files)
	}
	if found, err := h.SearchLog(t.Context(), h.owner, b.ID, app.LogSearch{Text: "x", After: -1, Limit: 10}); err != nil || found.Total != 0 {
		t.Errorf("%+v, %v", found, err)
	}
}

func TestALogThatMayGrowIsLeftAlone(t *testing.T) {
	s := newSite(t, storetest.SQLite(t))
	h := s.server(t, nil)
	h.embed(t)
	b := h.queued(t)
	job := h.running(t)
	say := func(seq int64) {
		if err := h.AppendLog(t.Context(), job.Lease, []core.LogChunk{core.EncodeLog(b.ID, []core.LogRecord{line(seq, "x")})}); err != nil {
			t.Fatal(err)
		}
	}
	say(0)
	h.archived(t)
	say(1)
	if _, err := h.CancelBuild(t.Context(), h.owner, b.ID); err != nil {
		t.Fatal(err)
	}
	h.archived(t) // it has ended, and its runner still holds it
	say(2)
	if err := h.Finish(t.Context(), job.Lease, core.Result{Status: core.BuildCanceled}); err != nil {
		t.Fatal(err)
	}
	h.archived(t)
	if got := h.whole(t, b, 0); len(got) != 3 || !h.lies(t, b) {
		t.Errorf("%+v", got)
	}
}

func TestServersThatArchiveAtOnceDoNoHarm(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		h := s.server(t, nil)
		rng := rand.New(rand.NewPCG(31, 32))
		records := randomRecords(rng, 3000)
		var builds []core.Build
		for range 6 {
			builds = append(builds, h.printed(t, rng, records))
		}
		h.clock.forward(time.Minute)
		// Twice three servers; half of them take the logs that the others hold.
		var group sync.WaitGroup
		for i := range 3 {
			one := s.server(t, nil)
			greedy := s.server(t, nil)
			group.Go(func() {
				for more := true; more; {
					var err error
					if more, err = one.ArchiveNext(context.Background()); err != nil {
						t.Error(err)
					}
				}
			})
			group.Go(func() {
				for _, b := range builds[i:] {
					if err := one.store.PutOffLog(context.Background(), b.ID, time.Unix(1, 0)); err != nil {
						t.Error(err)
					}
					if _, err := greedy.ArchiveNext(context.Background()); err != nil {
						t.Error(err)
					}
				}
			})
		}
		group.Wait()
		h.clock.forward(10 * time.Minute)
		h.archived(t)
		for _, b := range builds {
			if got := h.whole(t, b, 0); !sameRecords(got, records) || !h.lies(t, b) {
				t.Errorf("a log of %d records has %d, archived: %v", len(records), len(got), h.lies(t, b))
			}
		}
	})
}

// Readers go on through the moment in which rows become an object.
func TestReadersSeeNoGapWhileALogIsArchived(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		h := s.server(t, nil)
		rng := rand.New(rand.NewPCG(41, 42))
		records := randomRecords(rng, 4000)
		for range 2 {
			b := h.printed(t, rng, records)
			var stop atomic.Bool
			var group, begun sync.WaitGroup
			for i := range 4 {
				reader := s.server(t, nil) // so that every page is read, not shared
				begun.Add(1)
				once := sync.OnceFunc(begun.Done)
				group.Go(func() {
					defer once()
					for !stop.Load() {
						var got []core.LogRecord
						for complete := false; !complete; {
							page, err := reader.ReadLog(context.Background(), h.owner, b.ID, int64(len(got))-1, 100+i*300)
							if err != nil {
								t.Error(err)
								return
							}
							got, complete = append(got, page.Records...), page.Complete
							if page.Total != int64(len(records)) {
								t.Errorf("the log has %d records", page.Total)
								return
							}
						}
						if !sameRecords(got, records) {
							t.Errorf("%d records were read, of %d", len(got), len(records))
							return
						}
						found, err := reader.SearchLog(context.Background(), h.owner, b.ID, app.LogSearch{Text: "needle", After: -1, Limit: 1})
						if err != nil || found.Total < 1000 {
							t.Errorf("found %d, %v", found.Total, err)
							return
						}
						once()
					}
				})
			}
			begun.Wait()
			h.archived(t)
			stop.Store(true)
			group.Wait()
			if !h.lies(t, b) {
				t.Error("it was not archived")
			}
		}
	})
}

func TestADeletedProjectTakesItsLogsAlong(t *testing.T) {
	s := newSite(t, storetest.SQLite(t))
	h := s.server(t, nil)
	rng := rand.New(rand.NewPCG(1, 2))
	b := h.printed(t, rng, randomRecords(rng, 100))
	h.archived(t)
	if err := h.SweepBlobs(t.Context()); err != nil { // the first round claims the place
		t.Fatal(err)
	}
	h.clock.set(time.Now().Add(25 * time.Hour))
	h.sweepsNothing(t) // it is in use
	if len(s.objects(t)) != 1 {
		t.Fatal("there is no object")
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- h.RunWorkers(ctx) }()
	if err := h.DeleteProject(t.Context(), h.owner, b.ProjectID); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { return len(s.objects(t)) == 0 })
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// Every page that somebody reads through stayed in memory for a second: of a log of 90
// MB, three hundred.
func TestALogThatIsReadThroughIsNotKeptInMemory(t *testing.T) {
	s := newSite(t, storetest.SQLite(t))
	h := s.server(t, nil)
	records, _ := longLog()
	b := h.printed(t, rand.New(rand.NewPCG(1, 1)), records)
	h.archived(t)
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := heap()
	for after := int64(-1); after+1 < int64(len(records)); {
		page, err := h.ReadLog(t.Context(), h.owner, b.ID, after, 0)
		if err != nil {
			t.Fatal(err)
		}
		after = page.Next - 1
	}
	if grown := heap() - before; grown > 24<<20 { // 8 MiB of it are the archive's cache
		t.Errorf("30 MB of log were read, and the memory has grown by %d MB", grown>>20)
	}
	runtime.KeepAlive(records)
}
