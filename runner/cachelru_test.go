package runner

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

func TestAnEntryThatIsTooLargeCostsNoOther(t *testing.T) {
	s := newCacheStore(t, 10_000)
	for i := range 8 {
		s.keep(t, headOf("s", fmt.Sprint(i)), strings.Repeat("x", 800))
	}
	w, err := s.create(headOf("s", "large"))
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = w.Write(make([]byte, 1000))
	}
	w.abort()
	if !errors.Is(err, errCacheLarge) {
		t.Error(err)
	}
	if bytes, files := s.onDisk(t); bytes != s.used || files < 4 {
		t.Errorf("%d files of %d bytes, %d counted", files, bytes, s.used)
	}
	none := newCacheStore(t, 0)
	if _, err := none.create(headOf("s", "k")); !errors.Is(err, errCacheLarge) {
		t.Error(err)
	}
}

func TestWhatIsInUseStays(t *testing.T) {
	s := newCacheStore(t, 4000)
	s.keep(t, headOf("s", "a"), strings.Repeat("a", 1500))
	s.keep(t, headOf("s", "b"), strings.Repeat("b", 1500))
	a, b := s.take(wishOf("s", "a")), s.take(wishOf("s", "b"))
	w, err := s.create(headOf("s", "c"))
	if err == nil {
		_, err = w.Write(make([]byte, 1500))
		w.abort()
	}
	if !errors.Is(err, errCacheFull) {
		t.Errorf("%v", err)
	}
	b.close()
	s.keep(t, headOf("s", "c"), strings.Repeat("c", 1500))
	if s.found(t, wishOf("s", "b")) != "" || s.found(t, wishOf("s", "a")) == "" {
		t.Error("not the one that nobody reads has gone")
	}
	a.close()
}

// One after another: the store keeps what a simple model of LRU keeps.
func TestTheLeastRecentlyUsedGoes(t *testing.T) {
	for seed := range uint64(10) {
		r := rand.New(rand.NewPCG(seed, 2))
		s := newCacheStore(t, 20_000)
		var model []string // the least recently used first
		sizes := map[string]int64{}
		total := func() (n int64) {
			for _, key := range model {
				n += sizes[key]
			}
			return n
		}
		for range 200 {
			key := fmt.Sprint(r.IntN(40))
			at := slices.Index(model, key)
			switch {
			case at >= 0:
				if s.found(t, wishOf("s", key)) == "" {
					t.Fatalf("seed %d: %s is gone", seed, key)
				}
				model = append(slices.Delete(model, at, at+1), key)
			case s.found(t, wishOf("s", key)) != "":
				t.Fatalf("seed %d: %s is there", seed, key)
			default:
				s.keep(t, headOf("s", key), strings.Repeat("x", 1+r.IntN(5000)))
				sizes[key] = s.entries[headOf("s", key).name()].size
				model = append(model, key)
				for total() > s.limit {
					model = model[1:]
				}
			}
		}
		if len(s.entries) != len(model) || s.used != total() {
			t.Errorf("seed %d: %d entries of %d bytes, want %d of %d", seed, len(s.entries), s.used, len(model), total())
		}
	}
}

// All at once: never more bytes than the limit, what a reader has is whole to the end,
// and no entry is ever half.
func TestTheLimitHoldsWhateverHappensAtOnce(t *testing.T) {
	const limit = 200_000
	s := newCacheStore(t, limit)
	var done atomic.Bool
	var watching, working sync.WaitGroup
	watching.Go(func() {
		for !done.Load() {
			s.mu.Lock() // nothing is removed or reserved meanwhile
			bytes, _ := s.onDisk(t)
			used := s.used
			s.mu.Unlock()
			if bytes > used || used > limit {
				t.Errorf("%d bytes on the disk, %d in the books, of %d", bytes, used, limit)
				return
			}
		}
	})
	var hits, misses, kept, full atomic.Int64
	for worker := range 8 {
		r := rand.New(rand.NewPCG(uint64(worker), 3))
		working.Go(func() {
			for range 300 {
				key := fmt.Sprint("k", r.IntN(30))
				if hit := s.take(wishOf("s", key, "k")); hit != nil {
					hits.Add(1)
					data, err := io.ReadAll(hit.file)
					_, statErr := os.Stat(hit.file.Name()) // it is not evicted under a reader
					if err != nil || statErr != nil || !wholeContent(hit.Key, data) {
						t.Errorf("%s: %d bytes, %v, %v", hit.Key, len(data), err, statErr)
					}
					if hit.exact != (hit.Key == key) {
						t.Errorf("%s for %s is exact: %t", hit.Key, key, hit.exact)
					}
					hit.close()
					if hit.exact {
						continue
					}
				} else {
					misses.Add(1)
				}
				switch err := s.write(r, key); {
				case err == nil:
					kept.Add(1)
				case errors.Is(err, errCacheFull):
					full.Add(1)
				case !errors.Is(err, errCacheKept) && !errors.Is(err, errGaveUp):
					t.Error(err)
				}
			}
		})
	}
	working.Wait()
	done.Store(true)
	watching.Wait()
	t.Logf("%d hits, %d misses, %d kept, %d times full", hits.Load(), misses.Load(), kept.Load(), full.Load())
	if hits.Load() == 0 || kept.Load() == 0 {
		t.Error("nothing was kept or found")
	}
	bytes, files := s.onDisk(t)
	if bytes != s.used || files != len(s.entries) {
		t.Errorf("%d files of %d bytes on the disk, %d of %d in the books", files, bytes, len(s.entries), s.used)
	}
	for _, e := range s.entries {
		if e.readers != 0 {
			t.Errorf("%s has %d readers", e.Key, e.readers)
		}
	}
	again, err := openCacheStore(s.dir, limit, roomy)
	if err != nil || again.used != s.used || len(again.entries) != len(s.entries) {
		t.Errorf("after a restart: %d entries of %d bytes, %v", len(again.entries), again.used, err)
	}
}

var errGaveUp = errors.New("it was canceled")

// write writes an entry in parts, of a content that tells whether it is whole; some are
// given up on the way.
func (s *cacheStore) write(r *rand.Rand, key string) error {
	w, err := s.create(headOf("s", key))
	if err != nil {
		return err
	}
	part := []byte(key + "\n")
	for range 1 + r.IntN(20) {
		if _, err := w.Write(bytes.Repeat(part, 1+r.IntN(500))); err != nil {
			w.abort()
			return err
		}
		if r.IntN(100) == 0 {
			w.abort()
			return errGaveUp
		}
	}
	if _, err := io.WriteString(w, "end"); err != nil {
		w.abort()
		return err
	}
	return w.commit()
}

func wholeContent(key string, data []byte) bool {
	lines, ended := bytes.CutSuffix(data, []byte("end"))
	return ended && bytes.Count(lines, []byte(key+"\n"))*(len(key)+1) == len(lines)
}

// Builds need the disk more than what is kept for them.
func TestCachesYieldWhereTheDiskIsAlmostFull(t *testing.T) {
	s := newCacheStore(t, 1<<20)
	d := &fakeDisk{}
	d.free.Store(3 << 30) // of 100 GiB, and 2 must be left
	s.disk = d.look
	for _, key := range []string{"a", "b", "c"} {
		s.keep(t, headOf("s", key), strings.Repeat("x", 1000))
	}
	s.yield()
	if len(s.entries) != 3 {
		t.Errorf("with room it has %d entries", len(s.entries))
	}
	c := s.take(wishOf("s", "c"))
	d.free.Store(2<<30 - 1500) // which takes two of them
	s.yield()
	if s.found(t, wishOf("s", "a"))+s.found(t, wishOf("s", "b")) != "" || len(s.entries) != 1 {
		t.Errorf("without room it has %d entries", len(s.entries))
	}
	if w, err := s.create(headOf("s", "d")); !errors.Is(err, errDiskFull) {
		t.Errorf("%v, %v", w, err)
	}
	if len(s.entries) != 1 {
		t.Error("what is in use is gone")
	}
	c.close()
	d.free.Store(2<<30 + 500)
	w, err := s.create(headOf("s", "d"))
	if err == nil {
		_, err = w.Write(make([]byte, 1000)) // it takes the place of the last one
		w.abort()
	}
	if err != nil || len(s.entries) != 0 {
		t.Errorf("%v, %d entries", err, len(s.entries))
	}
	if bytes, files := s.onDisk(t); files != 0 || s.used != 0 {
		t.Errorf("%d files of %d bytes, %d counted", files, bytes, s.used)
	}
}

func TestAPoolGivesItsCachesUpBeforeItTakesNoBuilds(t *testing.T) {
	repo, house, dir := newRepository(t), newHouse(), t.TempDir()
	pool, err := newPool(Options{Jobs: house, Runner: testRunner(), Slots: 1, Dir: dir, Log: quiet(), CacheLimit: testCacheLimit})
	repo.must(err)
	d := &fakeDisk{}
	d.free.Store(50 << 30)
	pool.useDisk(d.look)
	runPool(t, pool)
	repo.commit(".oore.yaml", fixedKey+"commands: {build: ['mkdir -p c; echo x >c/x']}\n")
	mustSay(t, house.run(t, repo.job("b1")), "Saved: k: 1 files")
	d.free.Store(2 << 30) // the least
	pool.lookAtDisk()
	mustSay(t, house.run(t, repo.job("b2")), "Cache hit: k: 1 files")
	d.free.Store(2<<30 - 1)
	pool.lookAtDisk()
	mustKeep(t, dir, 0)
}
