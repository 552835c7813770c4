package runner

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/oore-ci/oore/app/core"
)

func TestAFolderThatCannotBeDeletedIsSetAside(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "3")
	for range 2 { // two of them do not stand in each other's way
		if err := os.MkdirAll(filepath.Join(dir, "stubborn"), 0o755); err != nil {
			t.Fatal(err)
		}
		aside, err := renewDir(dir, func(string) error { return fs.ErrPermission })
		if err != nil || !errors.Is(aside.cause, fs.ErrPermission) {
			t.Fatalf("%+v, %v", aside, err)
		}
		if _, err := os.Stat(filepath.Join(aside.path, "stubborn")); err != nil || filepath.Dir(aside.path) != filepath.Dir(dir) {
			t.Errorf("set aside as %s: %v", aside.path, err)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
			t.Errorf("the new folder holds %v: %v", left, err)
		}
	}
	if aside, err := renewDir(dir, removeAll); err != nil || aside.path != "" {
		t.Errorf("a common folder: %+v, %v", aside, err)
	}
}

// immutable makes even root unable to change or delete path.
func immutable(t *testing.T, path string, on bool) {
	t.Helper()
	flag := map[bool]string{true: "+i", false: "-i"}[on]
	out, err := exec.Command("chattr", flag, path).CombinedOutput()
	switch {
	case err != nil && on:
		t.Skipf("immutable files need root and a file system that knows them: %v\n%s", err, out)
	case err != nil:
		t.Fatalf("%v\n%s", err, out)
	}
}

func TestAnUndeletableFileFailsNoLaterBuild(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	dir, stop := startPool(t, house, 1)
	gate := filepath.Join(t.TempDir(), "gate")
	house.submit(repo.job("b1", "mkdir sub; echo x > sub/file; echo ready; until test -e "+gate+"; do sleep 0.01; done"))
	house.untilPrinted(t, "b1", "ready\n")
	file := filepath.Join(dir, "workspaces", "0", "sub", "file")
	immutable(t, file, true)
	t.Cleanup(func() { _ = exec.Command("chattr", "-R", "-i", dir).Run() }) // wherever it is by then
	repo.must(os.WriteFile(gate, nil, 0o600))
	mustEnd(t, house.wait(t, "b1"), core.BuildSucceeded, "", "")
	l := house.run(t, repo.job("b2", "ls"))
	mustEnd(t, l, core.BuildSucceeded, "", "")
	if got := string(l.bytes(core.StreamStdout)); got != "README\n" {
		t.Errorf("the next build sees %q", got)
	}
	stop()
	startPoolIn(t, house, 1, dir)() // it starts, though it cannot delete it
	aside, _ := filepath.Glob(filepath.Join(dir, "workspaces", "*"))
	if len(aside) != 1 || !strings.HasPrefix(filepath.Base(aside[0]), ".trash-0-") {
		t.Fatalf("set aside: %v", aside)
	}
	immutable(t, filepath.Join(aside[0], "sub", "file"), false)
	startPoolIn(t, house, 1, dir)()
	if left, _ := os.ReadDir(filepath.Join(dir, "workspaces")); len(left) > 0 {
		t.Errorf("what was set aside is left: %v", left)
	}
}

func TestASlotWhoseFolderCannotBeRenewedClaimsNothing(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	dir := t.TempDir()
	slot := filepath.Join(dir, "workspaces", "0")
	repo.must(os.MkdirAll(slot, 0o700))
	repo.must(os.WriteFile(filepath.Join(slot, "file"), nil, 0o600))
	immutable(t, slot, true)
	t.Cleanup(func() { _ = exec.Command("chattr", "-R", "-i", dir).Run() })
	log := &text{}
	pool, err := newPool(Options{Jobs: house, Runner: testRunner(), Slots: 1, Dir: dir, Log: slog.New(slog.NewTextHandler(log, nil))})
	repo.must(err)
	house.submit(repo.job("b1", "ls"))
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = pool.Run(ctx) })
	defer running.Wait()
	defer cancel()
	// The second time shows that the first was followed by no claim.
	waitFor(t, "the log says twice what to do", func() bool { return strings.Count(log.String(), "Delete the folder yourself") == 2 })
	if len(house.queue) != 1 {
		t.Error("the build was claimed")
	}
	immutable(t, slot, false)
	mustEnd(t, house.wait(t, "b1"), core.BuildSucceeded, "", "")
}

// text gathers what is logged.
type text struct {
	mu sync.Mutex
	b  strings.Builder
}

func (x *text) Write(p []byte) (int, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.b.Write(p)
}

func (x *text) String() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.b.String()
}
