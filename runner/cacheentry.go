package runner

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"time"
)

const (
	// cacheMagic begins the file of an entry; another format gets another number.
	cacheMagic   = "oore cache 1\n"
	maxCacheHead = 1 << 20 // bytes
	newCacheFile = ".new-" // and what is not an entry yet
)

var (
	errCacheKept  = errors.New("another build has saved it meanwhile")
	errCacheLarge = errors.New("it is larger than half of what this runner keeps (OORE_CACHE_LIMIT)")
	errCacheFull  = errors.New("all that this runner keeps is in use (OORE_CACHE_LIMIT)")
	errDiskFull   = errors.New("the disk is almost full")
)

// cacheHead says what an entry is. An entry never changes.
type cacheHead struct {
	Project string
	Scope   string // as whose it was kept
	Key     string
	Paths   []string // as configured: the same key for other paths is another entry
	Made    time.Time
}

// name is that of the entry's file.
func (h cacheHead) name() string {
	parts, _ := json.Marshal([]any{h.Project, h.Scope, h.Key, h.Paths}) // strings alone
	sum := sha256.Sum256(parts)
	return hex.EncodeToString(sum[:])
}

// readCacheHead leaves the file where the archive begins.
func readCacheHead(r io.Reader) (head cacheHead, err error) {
	begin := make([]byte, len(cacheMagic)+4)
	if _, err := io.ReadFull(r, begin); err != nil {
		return head, err
	}
	size := binary.BigEndian.Uint32(begin[len(cacheMagic):])
	if string(begin[:len(cacheMagic)]) != cacheMagic || size > maxCacheHead {
		return head, errors.New("this is no entry of a cache")
	}
	data := make([]byte, size)
	if _, err := io.ReadFull(r, data); err != nil {
		return head, err
	}
	return head, json.Unmarshal(data, &head)
}

func (h cacheHead) encode() ([]byte, error) {
	data, err := json.Marshal(h)
	if err == nil && len(data) > maxCacheHead {
		err = errors.New("key and paths are too long")
	}
	return append(binary.BigEndian.AppendUint32([]byte(cacheMagic), uint32(len(data))), data...), err
}

// cacheWriter is an entry that is being written. It is one only when commit succeeds.
type cacheWriter struct {
	head  cacheHead
	store *cacheStore
	file  *os.File
	size  int64
}

// create begins an entry; errCacheKept: it is there.
func (s *cacheStore) create(head cacheHead) (*cacheWriter, error) {
	s.mu.Lock()
	kept := s.entries[head.name()] != nil
	head.Made = s.now()
	s.mu.Unlock()
	if kept {
		return nil, errCacheKept
	}
	begin, err := head.encode()
	if err != nil {
		return nil, err
	}
	w := &cacheWriter{head: head, store: s}
	if w.file, err = os.CreateTemp(s.dir, newCacheFile+"*"); err != nil {
		return nil, err
	}
	if _, err = w.Write(begin); err != nil {
		w.abort()
		return nil, err
	}
	return w, nil
}

// Write makes room first: at no time are there more bytes than the limit allows.
func (w *cacheWriter) Write(p []byte) (int, error) {
	if err := w.reserve(int64(len(p))); err != nil {
		return 0, err
	}
	return w.file.Write(p)
}

func (w *cacheWriter) reserve(n int64) error {
	s := w.store
	s.mu.Lock()
	defer s.mu.Unlock()
	if w.size+n > s.limit/2 { // the last entry must not cost all others
		return errCacheLarge
	}
	if err := s.makeRoom(n); err != nil {
		return err
	}
	s.used += n
	w.size += n
	return nil
}

// commit makes it an entry, at once and whole, unless one is there.
func (w *cacheWriter) commit() error {
	err := w.file.Close()
	s := w.store
	s.mu.Lock()
	name := w.head.name()
	if err == nil && s.entries[name] != nil {
		err = errCacheKept
	}
	if err == nil {
		err = os.Rename(w.file.Name(), s.path(name))
	}
	if err == nil {
		e := &cacheEntry{cacheHead: w.head, size: w.size, lastUse: s.now()}
		_ = os.Chtimes(s.path(name), e.lastUse, e.lastUse)
		s.entries[name] = e
	}
	s.mu.Unlock()
	if err != nil {
		w.abort()
	}
	return err
}

// abort leaves nothing.
func (w *cacheWriter) abort() {
	_ = w.file.Close()
	_ = os.Remove(w.file.Name())
	w.store.mu.Lock()
	defer w.store.mu.Unlock()
	w.store.used -= w.size
}
