package app

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/oore-ci/oore/app/core"
)

const (
	disksEvery  = time.Second
	topicDisks  = "disks"
	topicSurvey = "survey"
	// surveyPause keeps a disk that is full and has room by turns from asking the forges
	// all the time what was refused meanwhile.
	surveyPause = time.Minute
)

// disk is one that the server writes to, as it was when somebody last looked. What runs may
// fill it further; what is new is refused before it comes to that.
type disk struct {
	holds       string                               // what is on it, for people
	space       core.Space                           // nil: it is not this server's
	spare       func(context.Context) (int64, error) // bytes that what is on it has free within; nil: none
	free, total atomic.Int64
	full        atomic.Bool
	rung        time.Time // the survey, since there was room again; used by the look alone
}

// room is KindUnavailable while the disk has not its reserve.
func (d *disk) room() error {
	if d.full.Load() {
		return core.NoRoom(d.holds, d.free.Load(), d.total.Load())
	}
	return nil
}

// look tells whether the disk has become full, or has room again. One that cannot be asked
// is not full; what cannot be asked for room within has none.
func (d *disk) look(ctx context.Context) (changed bool) {
	if d.space == nil {
		return false
	}
	free, total, err := d.space()
	if err == nil && d.spare != nil && free < core.Reserve(total) {
		inTime, cancel := context.WithTimeout(ctx, disksEvery)
		defer cancel()
		if spare, err := d.spare(inTime); err == nil {
			free = core.Usable(free, spare, total)
		}
	}
	full := err == nil && free < core.Reserve(total)
	d.free.Store(free)
	d.total.Store(total)
	return d.full.Swap(full) != full
}

// lookAt is the one look at a disk for all who ask whether there is room. When there is
// again, what was refused is asked for at once, and runners may claim. Each disk has a worker
// of its own: one on a network that hangs must not keep the other unseen.
func (a *App) lookAt(ctx context.Context, d *disk) (more bool, err error) {
	if !d.look(ctx) {
		return false, nil
	}
	if err := d.room(); err != nil {
		a.log.Error("a disk is almost full: webhooks, new builds or artifacts are refused", "error", err)
		return false, nil
	}
	a.log.Info("there is room on the disk again", "holds", d.holds, "free", core.HumanSize(d.free.Load()))
	a.bell.ring(topicQueue)
	if time.Since(d.rung) > surveyPause {
		d.rung = time.Now()
		a.bell.ring(topicSurvey)
	}
	return false, nil
}
