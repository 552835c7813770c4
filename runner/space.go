package runner

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/oore-ci/oore/app/core"
)

const (
	// spaceTick is the time between two looks at how much the disk has left, which cost
	// nothing.
	spaceTick = 2 * time.Second
	// A walk through the workspace comes at most after so many times the last one's
	// length, so that walks take half a percent of a CPU. When the disk has lost as much
	// as the build may still write it comes sooner: with a tenth of one.
	restful    = 200
	suspicious = 10
	// firstWalk is how long the first one is held to take.
	firstWalk = time.Millisecond
)

// disk tells what the file system of a folder still holds for us, and what it holds in
// all, in bytes.
type disk func(dir string) (free, total int64, err error)

// space watches how much a build writes into its workspace.
type space struct {
	dirs  []string
	limit int64 // bytes; 0: no limit
	disk  disk
	meter core.Meter

	mu     sync.Mutex
	size   int64 // at the last walk
	best   int64 // most that was free since then
	walked time.Time
	took   time.Duration // the last walk
}

func newSpace(limit int64, workspace string, d disk, meter core.Meter) *space {
	s := &space{dirs: []string{workspace, scratchOf(workspace)}, limit: limit, disk: d, meter: meter, walked: time.Now(), took: firstWalk}
	s.lost()
	return s
}

// watch ends the build when it has written too much, until ctx ends.
func (s *space) watch(ctx context.Context, stop context.CancelCauseFunc) {
	if s.limit == 0 {
		return
	}
	tick := time.NewTicker(spaceTick)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := s.check(ctx); err != nil {
			stop(err)
			return
		}
	}
}

// check looks whether the build has written too much: then it is a *failure.
func (s *space) check(ctx context.Context) error {
	if s.limit == 0 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.due(time.Since(s.walked)) {
		return nil
	}
	began, size := time.Now(), int64(0)
	for _, dir := range s.dirs {
		size += diskUsage(ctx, dir, s.limit-size)
	}
	if ctx.Err() != nil {
		return nil // it was not walked to the end
	}
	s.meter.Note(core.MetricWorkspaces, float64(size-s.size))
	s.size, s.walked, s.took, s.best = size, time.Now(), time.Since(began), 0
	s.lost()
	if size <= s.limit {
		return nil
	}
	return failf(core.ReasonWorkspaceLimit, "The build has written %s into its folder or more; this runner allows %s (OORE_WORKSPACE_LIMIT)",
		core.HumanSize(size), core.HumanSize(s.limit))
}

// leave counts the workspace no more: the build has ended.
func (s *space) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.meter.Note(core.MetricWorkspaces, -float64(s.size))
	s.size = 0
}

// due tells whether it is time for a walk.
func (s *space) due(since time.Duration) bool {
	times := time.Duration(restful)
	if s.lost() >= s.limit-s.size {
		times = suspicious
	}
	return since >= times*s.took
}

// lost is how much less is free than since the last walk at best. Where it cannot be
// told, it is nothing.
func (s *space) lost() int64 {
	free, _, err := s.disk(s.dirs[0])
	if err != nil {
		return 0
	}
	s.best = max(s.best, free)
	return s.best - free
}

// diskUsage is how much of the disk the files below a folder take, or a little more
// than enough where it is that much. What is there under several names counts once;
// what cannot be looked at does not count.
func diskUsage(ctx context.Context, dir string, enough int64) (size int64) {
	type file struct{ device, number uint64 }
	seen := map[file]bool{}
	_ = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil {
			return nil //nolint:nilerr // the build may have deleted it meanwhile
		}
		info, err := e.Info()
		if err != nil {
			return nil //nolint:nilerr // likewise
		}
		stat, ok := info.Sys().(*syscall.Stat_t)
		if !ok {
			size += info.Size()
			return nil
		}
		if stat.Nlink > 1 && !e.IsDir() {
			f := file{uint64(stat.Dev), stat.Ino} //nolint:unconvert // its type differs between systems
			if seen[f] {
				return nil
			}
			seen[f] = true
		}
		if size += int64(stat.Blocks) * 512; size > enough || ctx.Err() != nil { //nolint:unconvert // likewise
			return fs.SkipAll
		}
		return nil
	})
	return size
}

// DiskSpace tells what the file system of a folder still holds for us, and what it holds
// in all, in bytes.
func DiskSpace(dir string) (free, total int64, err error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, 0, &os.PathError{Op: "statfs", Path: dir, Err: err}
	}
	return int64(s.Bavail) * int64(s.Bsize), int64(s.Blocks) * int64(s.Bsize), nil
}
