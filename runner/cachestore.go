package runner

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// cacheStore keeps entries of caches, each in a file of its own: the head, then the
// archive. The files are all that there is to know: the time of its last use is a
// file's own. Those used least recently go when there is no room. It owns its folder
// and is safe for concurrent use.
type cacheStore struct {
	dir   string
	limit int64 // bytes
	disk  disk

	mu      sync.Mutex
	entries map[string]*cacheEntry // by the name of the file
	used    int64                  // bytes, with what is being written
	last    time.Time
}

type cacheEntry struct {
	cacheHead
	size    int64
	lastUse time.Time
	readers int // it does not go while there are any
}

// openCacheStore removes what a killed process left, what it cannot read, and what is
// beyond the limit.
func openCacheStore(dir string, limit int64, d disk) (*cacheStore, error) {
	s := &cacheStore{dir: dir, limit: limit, disk: d, entries: map[string]*cacheEntry{}}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		e, err := s.load(f.Name())
		if err != nil {
			_ = os.RemoveAll(s.path(f.Name())) // or the next start does it
			continue
		}
		s.entries[f.Name()] = e
		s.used += e.size
	}
	_ = s.makeRoom(0) // or whoever needs it
	return s, nil
}

func (s *cacheStore) path(name string) string { return filepath.Join(s.dir, name) }

func (s *cacheStore) load(name string) (*cacheEntry, error) {
	file, err := os.Open(s.path(name))
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	head, err := readCacheHead(file)
	if err == nil && head.name() != name {
		err = errors.New("the file is another entry's")
	}
	return &cacheEntry{cacheHead: head, size: info.Size(), lastUse: info.ModTime()}, err
}

// now is later than ever before.
func (s *cacheStore) now() time.Time {
	now := time.Now().Round(0)
	if !now.After(s.last) {
		now = s.last.Add(1)
	}
	s.last = now
	return now
}

// cacheWish is what a build looks for.
type cacheWish struct {
	project  string
	scopes   []string // those that it may read
	paths    []string
	key      string
	prefixes []string // of keys that will do as well
}

// cacheHit is an entry that was found, open where its archive begins.
type cacheHit struct {
	*cacheEntry
	file   *os.File
	exact  bool
	prefix string // by which it was found, if it is not exact

	store *cacheStore
}

// take finds the entry of the key in the first scope that has it, or else the newest
// that begins with the longest prefix that any begins with; nil: there is none. The
// hit must be closed.
func (s *cacheStore) take(w cacheWish) *cacheHit {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		hit := s.find(w)
		if hit == nil {
			return nil
		}
		var err error
		if hit.file, err = os.Open(s.path(hit.name())); err == nil {
			_, err = readCacheHead(hit.file)
		}
		if err == nil {
			hit.readers++
			hit.lastUse = s.now()
			_ = os.Chtimes(hit.file.Name(), hit.lastUse, hit.lastUse) // or it goes a little early
			return hit
		}
		_ = hit.file.Close()
		s.forget(hit.cacheEntry) // somebody has damaged or deleted it
	}
}

func (s *cacheStore) find(w cacheWish) *cacheHit {
	for _, scope := range w.scopes {
		head := cacheHead{Project: w.project, Scope: scope, Key: w.key, Paths: w.paths}
		if e := s.entries[head.name()]; e != nil {
			return &cacheHit{cacheEntry: e, exact: true, store: s}
		}
	}
	longest := slices.Clone(w.prefixes)
	slices.SortStableFunc(longest, func(a, b string) int { return len(b) - len(a) })
	for _, prefix := range longest {
		var newest *cacheEntry
		for _, e := range s.entries {
			mine := e.Project == w.project && slices.Contains(w.scopes, e.Scope) && slices.Equal(e.Paths, w.paths)
			if mine && strings.HasPrefix(e.Key, prefix) && (newest == nil || e.Made.After(newest.Made)) {
				newest = e
			}
		}
		if newest != nil {
			return &cacheHit{cacheEntry: newest, prefix: prefix, store: s}
		}
	}
	return nil
}

func (h *cacheHit) close() {
	_ = h.file.Close()
	h.store.mu.Lock()
	defer h.store.mu.Unlock()
	h.readers--
}

// discard removes an entry that is of no use.
func (h *cacheHit) discard() {
	h.store.mu.Lock()
	defer h.store.mu.Unlock()
	h.store.forget(h.cacheEntry)
}

func (s *cacheStore) forget(e *cacheEntry) {
	if s.entries[e.name()] == e {
		delete(s.entries, e.name())
		s.used -= e.size
		_ = os.Remove(s.path(e.name())) // the next start tries it again
	}
}

// makeRoom removes entries until size bytes more fit, on a disk that has room for them.
func (s *cacheStore) makeRoom(size int64) error {
	for s.used+size > s.limit {
		if _, err := s.dropOldest(); err != nil {
			return err
		}
	}
	return s.spare(size)
}

// spare removes entries until the disk would not be almost full with size bytes more.
func (s *cacheStore) spare(size int64) error {
	free, total, err := s.disk(s.dir)
	for freed := int64(0); err == nil && free+freed-size < LeastFree(total); {
		n, err := s.dropOldest()
		if err != nil {
			return errDiskFull
		}
		freed += n
	}
	return nil
}

// yield gives up entries where the disk is almost full: builds need it more.
func (s *cacheStore) yield() {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.spare(0) // whatever can be given up is
}

// dropOldest removes what was used least recently and is not in use.
func (s *cacheStore) dropOldest() (size int64, err error) {
	var oldest *cacheEntry
	for _, e := range s.entries {
		if e.readers == 0 && (oldest == nil || e.lastUse.Before(oldest.lastUse)) {
			oldest = e
		}
	}
	if oldest == nil {
		return 0, errCacheFull
	}
	if err := os.Remove(s.path(oldest.name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, fmt.Errorf("remove an old entry: %w", err)
	}
	delete(s.entries, oldest.name())
	s.used -= oldest.size
	return oldest.size, nil
}
