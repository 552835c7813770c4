package app

import (
	"context"
	"fmt"
	"time"

	"github.com/oore-ci/oore/app/core"
)

const (
	archiveEvery = 5 * time.Second
	// archiveAfter is how long the log of a build that has ended stays in the store:
	// whoever watched it to its end reads it there, and so do the first reports.
	archiveAfter = 10 * time.Second
	// archiveHold is how long one server may take for a log before another tries too,
	// which costs time and nothing else.
	archiveHold = 5 * time.Minute
	// archiveAgain is when a log that cannot be packed is looked at again.
	archiveAgain = time.Hour
	archivePage  = 1 << 20 // bytes of chunks read at a time
	// archiveRest is how many times as long as it took for a log the worker then rests:
	// builds and readers come first, also when thousands of logs wait.
	archiveRest = 3
)

// archiving is what the worker remembers while the blob store fails.
type archiving struct {
	failures int
	pause    time.Time // not before
}

func (a *App) archiveLogs(ctx context.Context) (more bool, err error) {
	start := time.Now()
	more, err = a.archiveNext(ctx)
	if more && err == nil {
		rest := time.NewTimer(archiveRest * time.Since(start))
		defer rest.Stop()
		select {
		case <-ctx.Done():
		case <-rest.C:
		}
	}
	return more, err
}

// archiveNext moves the log of one ended build to the blob store. Its chunks stay
// where they are until the object is there and was read back, so a crash costs at
// most an object that nobody uses, which is swept. A server that finds the object
// recorded and chunks left goes on where another stopped.
func (a *App) archiveNext(ctx context.Context) (more bool, err error) {
	now := a.now()
	if now.Before(a.archiving.pause) {
		return false, nil
	}
	id, err := a.store.TakeEndedLog(ctx, now.Add(-archiveAfter), now, now.Add(archiveHold))
	if core.KindOf(err) == core.KindNotFound {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	err = a.archiveLog(ctx, id)
	switch kind := core.KindOf(err); {
	case err == nil:
		a.archiving.failures = 0
		return true, nil
	case ctx.Err() != nil: // we stop: whoever comes next need not wait for our hold
		return false, a.store.PutOffLog(context.WithoutCancel(ctx), id, a.now())
	case kind == core.KindConflict, kind == core.KindNotFound:
		return true, nil // another server was faster, or the build is gone
	case kind == core.KindUnavailable:
		a.archiving.failures++
		a.archiving.pause = a.now().Add(core.Backoff(a.archiving.failures))
		a.log.Warn("a log stays in the database for now", "build", id, "again", a.archiving.pause, "error", err)
		return false, a.store.PutOffLog(ctx, id, a.archiving.pause)
	}
	a.log.Error("a log stays in the database: it cannot be packed", "build", id, "error", err)
	return true, a.store.PutOffLog(ctx, id, a.now().Add(archiveAgain))
}

func (a *App) archiveLog(ctx context.Context, buildID string) error {
	extent, err := a.store.FindLog(ctx, buildID)
	if err != nil {
		return err
	}
	o := core.LogObject{BuildID: buildID}
	switch {
	case extent.Object != nil:
		o = *extent.Object
	case extent.Next > 0:
		if o, err = a.packLog(ctx, buildID); err != nil {
			return fmt.Errorf("pack the log of build %s: %w", buildID, err)
		}
	}
	core.CrashPoint("log.packed")
	for more := true; more; {
		if more, err = a.store.ArchiveLog(ctx, o); err != nil {
			return err
		}
		core.CrashPoint("log.trimmed")
	}
	a.log.Debug("log archived", "build", buildID, "records", o.Next, "size", o.Size, "sha256", o.SHA256)
	return nil
}

func (a *App) packLog(ctx context.Context, buildID string) (core.LogObject, error) {
	after := int64(-1)
	return a.archive.Pack(ctx, buildID, func() ([]core.LogChunk, error) {
		chunks, err := a.store.ReadLog(ctx, buildID, after, archivePage)
		if n := len(chunks); n > 0 {
			after = chunks[n-1].Next() - 1
		}
		return chunks, err
	})
}
