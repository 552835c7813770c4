package runner

import (
	"archive/tar"
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/oore-ci/oore/app/core"
)

// plant puts an archive into a pool's store that no build has made.
func plant(t *testing.T, dir string, archive []byte) {
	t.Helper()
	s, err := openCacheStore(filepath.Join(dir, "cache"), testCacheLimit, roomy)
	if err != nil {
		t.Fatal(err)
	}
	s.keep(t, cacheHead{Project: "project-1", Scope: "branch:main", Key: "k", Paths: []string{"c"}}, string(archive))
}

const fixedKey = "version: 1\ncache: [{key: k, paths: [c]}]\n"

func TestADamagedEntryIsThrownAwayAndSavedAnew(t *testing.T) {
	good := tarOf(t, file("repo/c/good", "x"))
	for what, archive := range map[string][]byte{
		"cut short": good[:len(good)-7], "hostile": tarOf(t, file("repo/c/good", "x"), file("repo/README", "planted")), "junk": []byte("junk"), "empty": {},
	} {
		t.Run(what, func(t *testing.T) {
			repo, house := newRepository(t), newHouse()
			repo.commit(".oore.yaml", fixedKey+"commands: {build: ['cat README; ls c || mkdir c; echo x >c/new']}\n")
			dir := t.TempDir()
			plant(t, dir, archive)
			startPoolIn(t, house, 1, dir)
			l := house.run(t, repo.job("b1"))
			mustEnd(t, l, core.BuildSucceeded, "", "")
			mustSay(t, l, "Cache hit: k: it cannot be used, and is thrown away: ", "Saved: k: 1 files")
			if got := string(l.bytes(core.StreamStdout)); got != "hello\n" {
				t.Errorf("printed %q", got)
			}
			l = house.run(t, repo.job("b2"))
			if got := string(l.bytes(core.StreamStdout)); got != "hello\nnew\n" {
				t.Errorf("the second prints %q", got)
			}
		})
	}
}

// zeros is an archive of one file, a good deal smaller than the file.
func zeros(t *testing.T, s *cacheStore, size int64) {
	t.Helper()
	w, err := s.create(cacheHead{Project: "project-1", Scope: "branch:main", Key: "k", Paths: []string{"c"}})
	if err != nil {
		t.Fatal(err)
	}
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	var header bytes.Buffer
	err = tar.NewWriter(&header).WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "repo/c/zeros", Size: size, Mode: 0o644})
	if err != nil {
		t.Fatal(err)
	}
	const piece = 16 << 20 // packed once for all of them
	all := z.EncodeAll(header.Bytes(), nil)
	for packed := z.EncodeAll(make([]byte, piece), nil); size > 0; size -= piece {
		all = append(all, packed...)
	}
	_, err = w.Write(z.EncodeAll(make([]byte, 1024), all)) // with the archive's end
	if err == nil {
		err = w.commit()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// begun waits until a step of the build runs.
func (h *house) begun(t *testing.T, id, step string) {
	t.Helper()
	h.until(t, id, "in "+step, func(l *ledger) bool {
		for _, s := range l.steps {
			if s.Name == step && s.Status == core.StepRunning {
				return true
			}
		}
		return false
	})
}

func mustEndSoon(t *testing.T, h *house, id string) *ledger {
	t.Helper()
	began := time.Now()
	h.cancel(id)
	l := h.wait(t, id)
	if took := time.Since(began); took > 45*time.Second {
		t.Errorf("a cancel takes %s", took)
	}
	return l
}

func TestACancelEndsARestoreAtOnce(t *testing.T) {
	repo, house, dir := newRepository(t), newHouse(), t.TempDir()
	repo.commit(".oore.yaml", fixedKey+"commands: {build: ['echo never']}\n")
	s, err := openCacheStore(filepath.Join(dir, "cache"), testCacheLimit, roomy)
	repo.must(err)
	zeros(t, s, 4<<30)
	startPoolIn(t, house, 1, dir)
	house.submit(repo.job("b1"))
	house.begun(t, "b1", restoreStep)
	waitFor(t, "it unpacks", func() bool {
		found, _ := filepath.Glob(filepath.Join(dir, "workspaces/0", stagePrefix+"*/c/zeros"))
		return len(found) > 0
	})
	l := mustEndSoon(t, house, "b1")
	mustEnd(t, l, core.BuildCanceled, core.ReasonCanceledByUser, "")
	mustSteps(t, l, "checkout succeeded", "Restore cache canceled", "build-1 skipped", "Save cache skipped")
	mustKeep(t, dir, 1) // it is not damaged
}

func TestACancelEndsASaveAtOnce(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	dir, _ := startPool(t, house, 1)
	repo.commit(".oore.yaml", fixedKey+"commands: {build: ['mkdir c; truncate -s 60G c/hole']}\n")
	house.submit(repo.job("b1"))
	house.begun(t, "b1", saveStep)
	waitFor(t, "it packs", func() bool { return halfEntry(dir) > 0 })
	l := mustEndSoon(t, house, "b1")
	mustSteps(t, l, "checkout succeeded", "Restore cache succeeded", "build-1 succeeded", "Save cache canceled")
	mustKeep(t, dir, 0)
}

// halfEntry is the size of what is being saved.
func halfEntry(dir string) int64 {
	found, _ := filepath.Glob(filepath.Join(dir, "cache", newCacheFile+"*"))
	if len(found) == 0 {
		return 0
	}
	info, err := os.Stat(found[0])
	if err != nil {
		return 0
	}
	return info.Size()
}

func TestATimeOutWhileSavingFailsNoBuild(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	dir, _ := startPool(t, house, 1)
	repo.commit(".oore.yaml", fixedKey+"timeout: 8s\ncommands: {build: ['mkdir c; truncate -s 60G c/hole']}\n")
	l := house.run(t, repo.job("b1"))
	mustEnd(t, l, core.BuildSucceeded, "", "")
	mustSay(t, l, "Not saved: k: timed out\n")
	mustKeep(t, dir, 0)
}

func TestACacheBeyondItsLimitsFailsNoBuild(t *testing.T) {
	repo, house, dir := newRepository(t), newHouse(), t.TempDir()
	pool, err := newPool(Options{Jobs: house, Runner: testRunner(), Slots: 1, Dir: dir, Log: quiet(), CacheLimit: 100_000})
	repo.must(err)
	runPool(t, pool)
	repo.commit(".oore.yaml", fixedKey+"commands: {build: ['mkdir c; head -c 60000 /dev/urandom >c/x']}\n")
	l := house.run(t, repo.job("b1"))
	mustEnd(t, l, core.BuildSucceeded, "", "")
	mustSay(t, l, "Not saved: k: it is larger than half of what this runner keeps (OORE_CACHE_LIMIT)\n")
	mustKeep(t, dir, 0)
}

// What is restored counts as what the build writes: an entry beyond that goes.
func TestAnEntryBeyondTheWorkspacesLimitIsThrownAway(t *testing.T) {
	repo, house, dir := newRepository(t), newHouse(), t.TempDir()
	repo.commit(".oore.yaml", fixedKey+"commands: {build: ['ls c || true']}\n")
	plant(t, dir, tarOf(t, file("repo/c/x", strings.Repeat("x", 2_000_000))))
	pool, err := newPool(Options{Jobs: house, Runner: testRunner(), Slots: 1, Dir: dir, Log: quiet(), CacheLimit: testCacheLimit, WorkspaceLimit: 1_000_000})
	repo.must(err)
	runPool(t, pool)
	l := house.run(t, repo.job("b1"))
	mustEnd(t, l, core.BuildSucceeded, "", "")
	mustSay(t, l, "Cache hit: k: it cannot be used, and is thrown away: ", "the archive has more than 1.0 MB")
	mustKeep(t, dir, 0)
}
