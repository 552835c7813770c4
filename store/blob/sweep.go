package blob

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/oore-ci/oore/app/core"
)

const (
	sweepBatch = 500 // blobs that are asked about at once
	gonePrefix = "gone-"
)

// Sweep is core.BlobStore's.
func (l *Local) Sweep(
	ctx context.Context, t time.Time, unwanted func(ctx context.Context, sums []string) ([]string, error),
) (deleted int, err error) {
	if err := l.sweepTemp(t); err != nil {
		return 0, err
	}
	shards, err := os.ReadDir(l.dir)
	if err != nil {
		return 0, unavailable(err)
	}
	var old []string
	ask := func() error {
		sums, err := unwanted(ctx, old)
		if err != nil {
			return err
		}
		old = old[:0]
		for _, sum := range sums {
			gone, err := l.deleteOld(sum, t)
			if err != nil {
				return err
			}
			core.CrashPoint("sweep.deleted")
			if gone {
				deleted++
			}
		}
		return nil
	}
	for _, shard := range shards {
		if !shard.IsDir() || len(shard.Name()) != 2 {
			continue
		}
		blobs, err := os.ReadDir(filepath.Join(l.dir, shard.Name()))
		if err != nil {
			return deleted, unavailable(err)
		}
		for _, e := range blobs {
			if core.ValidSHA256(e.Name()) && lastPut(e).Before(t) {
				old = append(old, e.Name())
			}
			if len(old) == sweepBatch {
				if err := ask(); err != nil {
					return deleted, err
				}
			}
		}
	}
	if len(old) == 0 {
		return deleted, nil
	}
	return deleted, ask()
}

// lastPut is now for what cannot be looked at: it is left alone.
func lastPut(e fs.DirEntry) time.Time {
	info, err := e.Info()
	if err != nil {
		return time.Now()
	}
	return info.ModTime()
}

// deleteOld moves the blob away before it looks at its age: a Put of the same content
// comes either before, and makes it new, or after, and makes another.
func (l *Local) deleteOld(sum string, t time.Time) (gone bool, err error) {
	away := filepath.Join(l.tmp(), gonePrefix+sum)
	if err := os.Rename(l.path(sum), away); errors.Is(err, fs.ErrNotExist) {
		return false, nil
	} else if err != nil {
		return false, unavailable(err)
	}
	info, err := os.Stat(away)
	if err == nil && !info.ModTime().Before(t) {
		err = os.Rename(away, l.path(sum))
	} else if err == nil {
		err = os.Remove(away)
		gone = err == nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // else another sweep put it back
		return false, unavailable(err)
	}
	return gone, nil
}

// sweepTemp removes what broken Puts left. One that still writes keeps its file new.
func (l *Local) sweepTemp(t time.Time) error {
	left, err := os.ReadDir(l.tmp())
	if err != nil {
		return unavailable(err)
	}
	for _, e := range left {
		path := filepath.Join(l.tmp(), e.Name())
		sum, halfGone := strings.CutPrefix(e.Name(), gonePrefix)
		switch {
		case halfGone && core.ValidSHA256(sum): // the sweep that took it away was killed before it looked
			err = os.Link(path, l.path(sum))
			if errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist) {
				err = nil
			} else if err != nil {
				err = os.Rename(path, l.path(sum)) // a disk without hard links, as exFAT
			}
		case !lastPut(e).Before(t):
			continue
		}
		if err == nil {
			err = os.Remove(path)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return unavailable(err)
		}
	}
	return nil
}
