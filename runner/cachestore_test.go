package runner

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func newCacheStore(t testing.TB, limit int64) *cacheStore {
	t.Helper()
	s, err := openCacheStore(filepath.Join(t.TempDir(), "cache"), limit, roomy)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func headOf(scope, key string) cacheHead {
	return cacheHead{Project: "p", Scope: scope, Key: key, Paths: []string{"c"}}
}

func wishOf(scope, key string, prefixes ...string) cacheWish {
	return cacheWish{project: "p", scopes: []string{scope}, paths: []string{"c"}, key: key, prefixes: prefixes}
}

func (s *cacheStore) keep(t testing.TB, head cacheHead, content string) {
	t.Helper()
	w, err := s.create(head)
	if err == nil {
		_, err = io.WriteString(w, content)
	}
	if err == nil {
		err = w.commit()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// found is the content of the entry that a wish finds; none: "".
func (s *cacheStore) found(t testing.TB, w cacheWish) string {
	t.Helper()
	hit := s.take(w)
	if hit == nil {
		return ""
	}
	defer hit.close()
	data, err := io.ReadAll(hit.file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// onDisk is the bytes of the store's files.
func (s *cacheStore) onDisk(t testing.TB) (bytes int64, files int) {
	t.Helper()
	list, err := os.ReadDir(s.dir)
	if err != nil {
		t.Error(err)
	}
	for _, f := range list {
		if info, err := f.Info(); err == nil {
			bytes, files = bytes+info.Size(), files+1
		}
	}
	return bytes, files
}

func TestTheExactKeyComesBeforeTheLongestPrefixAndThatBeforeTheNewest(t *testing.T) {
	s := newCacheStore(t, 1<<20)
	for i, key := range []string{"pub-a-1", "pub-a-2", "pub-b-1", "pub", "gradle"} {
		s.keep(t, headOf("branch:main", key), fmt.Sprint(i, " ", key))
	}
	s.keep(t, headOf("branch:x", "pub-a-9"), "another branch's")
	s.keep(t, cacheHead{Project: "q", Scope: "branch:main", Key: "pub-a-9", Paths: []string{"c"}}, "another project's")
	s.keep(t, cacheHead{Project: "p", Scope: "branch:main", Key: "pub-a-9", Paths: []string{"d"}}, "for other paths")
	for _, c := range []struct {
		key      string
		prefixes []string
		want     string
	}{
		{"pub-a-1", []string{"pub-a-"}, "0 pub-a-1"},
		{"pub-a-9", nil, ""},
		{"pub-a-9", []string{"pub-a-"}, "1 pub-a-2"},
		{"pub-a-9", []string{"pub-", "pub-a-"}, "1 pub-a-2"},
		{"pub-c-9", []string{"pub-c-", "pub-"}, "2 pub-b-1"},
		{"x", []string{"pub"}, "3 pub"},
		{"x", []string{""}, "4 gradle"},
		{"x", []string{"y"}, ""},
		{"pub-", nil, ""},
	} {
		if got := s.found(t, wishOf("branch:main", c.key, c.prefixes...)); got != c.want {
			t.Errorf("%s, or %q: %q, want %q", c.key, c.prefixes, got, c.want)
		}
	}
	both := wishOf("branch:x", "pub-a-9")
	both.scopes = append(both.scopes, "branch:main")
	s.keep(t, headOf("branch:main", "pub-a-9"), "the default branch's")
	if got := s.found(t, both); got != "another branch's" {
		t.Errorf("of two scopes it finds %q", got)
	}
}

func TestAnEntryNeverChanges(t *testing.T) {
	s := newCacheStore(t, 1<<20)
	first, err1 := s.create(headOf("s", "k"))
	second, err2 := s.create(headOf("s", "k")) // at once
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(first, "first")
	_, _ = io.WriteString(second, "second")
	if err := errors.Join(first.commit()); err != nil {
		t.Error(err)
	}
	if err := second.commit(); !errors.Is(err, errCacheKept) {
		t.Errorf("%v", err)
	}
	if _, err := s.create(headOf("s", "k")); !errors.Is(err, errCacheKept) {
		t.Errorf("%v", err)
	}
	if got := s.found(t, wishOf("s", "k")); got != "first" {
		t.Errorf("it holds %q", got)
	}
	if bytes, files := s.onDisk(t); files != 1 || bytes != s.used {
		t.Errorf("%d files of %d bytes, %d counted", files, bytes, s.used)
	}
}

func TestAStoreComesBackAfterARestart(t *testing.T) {
	s := newCacheStore(t, 1<<20)
	for _, key := range []string{"a", "b", "c"} {
		s.keep(t, headOf("s", key), key+strings.Repeat("x", 1000))
	}
	s.found(t, wishOf("s", "a")) // so b is what was used least recently
	w, err := s.create(headOf("s", "half"))
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(w, "half an entry") // and the process is killed
	size := s.used / 4
	lay(t, s.dir, map[string]string{"junk": "junk", "folder/x": "junk", headOf("s", "d").name(): cacheMagic + "\x00\x00\x00\x02{}", headOf("s", "e").name(): ""})

	again, err := openCacheStore(s.dir, 1<<20, roomy)
	if err != nil {
		t.Fatal(err)
	}
	if _, files := again.onDisk(t); files != 3 || len(again.entries) != 3 {
		t.Errorf("%d files, %d entries", files, len(again.entries))
	}
	if got := again.found(t, wishOf("s", "half")); got != "" {
		t.Errorf("half an entry: %q", got)
	}
	small, err := openCacheStore(s.dir, 3*size, roomy)
	if err != nil {
		t.Fatal(err)
	}
	for key, there := range map[string]bool{"a": true, "b": false, "c": true} {
		if got := small.found(t, wishOf("s", key)) != ""; got != there {
			t.Errorf("%s is there: %t", key, got)
		}
	}
}

func TestADamagedFileIsAMiss(t *testing.T) {
	s := newCacheStore(t, 1<<20)
	s.keep(t, headOf("s", "k-old"), "old")
	for what, harm := range map[string]func(string) error{
		"deleted":  os.Remove,
		"emptied":  func(path string) error { return os.Truncate(path, 0) },
		"replaced": func(path string) error { return os.WriteFile(path, []byte("junk"), 0o600) },
	} {
		s.keep(t, headOf("s", "k-new"), "new")
		if err := harm(s.path(headOf("s", "k-new").name())); err != nil {
			t.Fatal(err)
		}
		if got := s.found(t, wishOf("s", "k-new", "k-")); got != "old" {
			t.Errorf("%s: %q", what, got)
		}
	}
	if bytes, files := s.onDisk(t); files != 1 || bytes != s.used {
		t.Errorf("%d files of %d bytes, %d counted", files, bytes, s.used)
	}
}
