package runner

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	sweepMirrorsEvery = time.Hour
	// mirrorLife is how long a mirror, or an object of Git LFS in it, stays without use.
	mirrorLife = 30 * 24 * time.Hour
	// gcEvery is the time between two cleanings of a mirror.
	gcEvery = 7 * 24 * time.Hour

	gcMark      = "oore-gc" // its time is that of the last cleaning
	trashPrefix = ".trash-"
)

// keepMirrors sweeps until ctx ends.
func (p *Pool) keepMirrors(ctx context.Context) {
	for pause(ctx, sweepMirrorsEvery) {
		p.sweepMirrors(ctx, time.Now())
	}
}

// sweepMirrors removes mirrors that no build has used for long, and takes out of the
// others what no branch or tag leads to any more. It touches none that is in use.
func (p *Pool) sweepMirrors(ctx context.Context, now time.Time) {
	entries, err := os.ReadDir(p.mirrors())
	if err != nil {
		p.log.Warn("look at the mirrors", "error", err)
	}
	for _, e := range entries {
		m := &mirror{dir: filepath.Join(p.mirrors(), e.Name())}
		if !e.IsDir() || !strings.HasSuffix(e.Name(), ".git") {
			continue
		}
		p.shelf.clean(ctx, m.dir, func(ctx context.Context) {
			var err error
			switch {
			case now.Sub(m.lastUse()) > mirrorLife:
				err = m.throwAway(now)
			case now.Sub(newest(filepath.Join(m.dir, gcMark), filepath.Join(m.dir, "config"))) > gcEvery:
				err = p.gc(ctx, m, now)
			}
			if err != nil && ctx.Err() == nil {
				p.log.Warn("clean a mirror", "mirror", m.dir, "error", err)
			}
		})
	}
	trash, _ := filepath.Glob(filepath.Join(p.mirrors(), trashPrefix+"*"))
	for _, dir := range trash {
		p.remove(dir)
	}
}

// touch notes that the mirror is used.
func (m *mirror) touch() {
	now := time.Now()
	_ = os.Chtimes(filepath.Join(m.dir, "HEAD"), now, now) // or it goes early, and comes back
}

func (m *mirror) lastUse() time.Time {
	return newest(filepath.Join(m.dir, "HEAD"), filepath.Join(m.dir, "config"), filepath.Join(m.dir, "objects", "pack"))
}

// newest is the latest of the files' times; none is there: the zero.
func newest(files ...string) (latest time.Time) {
	for _, file := range files {
		if info, err := os.Stat(file); err == nil && info.ModTime().After(latest) {
			latest = info.ModTime()
		}
	}
	return latest
}

// throwAway moves the mirror out of the way, at once, to be removed by and by.
func (m *mirror) throwAway(now time.Time) error {
	dir, name := filepath.Split(m.dir)
	err := os.Rename(m.dir, filepath.Join(dir, fmt.Sprintf("%s%s-%d", trashPrefix, name, now.UnixNano())))
	if err == nil {
		_ = os.Remove(m.dir + ".lock") // nobody holds it, since nobody uses the mirror
	}
	return err
}

// gc joins all packs into one of what the branches and tags lead to. What vouched for
// single builds goes too.
func (p *Pool) gc(ctx context.Context, m *mirror, now time.Time) error {
	unlock, err := m.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	m.clearWreckage()
	// Should this be stopped halfway, a graph must not name commits that are gone.
	for _, graph := range []string{"commit-graph", "commit-graphs"} {
		if err := os.RemoveAll(filepath.Join(m.dir, "objects", "info", graph)); err != nil {
			return err
		}
	}
	s, err := startShim(p.exe)
	if err != nil {
		return err
	}
	defer s.release()
	b := &build{pool: p, shim: s, log: newJournal(0, 0)}
	defer b.closeOutputs()
	for _, c := range []gitCall{
		// A fetch of nothing from itself, which prunes our own refs.
		{protocols: "file", args: []string{"fetch", "--quiet", "--prune", "--no-tags", "--no-write-fetch-head", "--", m.dir, "+refs/oore-none/*:refs/oore/*"}},
		{args: []string{"pack-refs", "--all", "--prune"}},
		{args: []string{"repack", "-q", "-a", "-d"}},
		{args: []string{"prune", "--expire=now"}},
		{args: []string{"commit-graph", "write", "--reachable", "--no-progress"}},
	} {
		c.dir = m.dir
		if _, err := b.git(ctx, c); err != nil {
			return err
		}
	}
	if err := m.pruneLFS(now); err != nil {
		return err
	}
	p.log.Info("mirror cleaned", "mirror", m.dir)
	return writeFileAtomically(filepath.Join(m.dir, gcMark), "")
}

// pruneLFS removes the objects of Git LFS that no build has wanted for long.
func (m *mirror) pruneLFS(now time.Time) error {
	return filepath.WalkDir(filepath.Join(m.dir, "lfs", "objects"), func(path string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		info, err := e.Info()
		if err == nil && now.Sub(info.ModTime()) > mirrorLife {
			err = os.Remove(path)
		}
		return err
	})
}
