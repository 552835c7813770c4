package sse

import (
	"context"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// Access is what tells whether somebody still may what the door let them in for.
type Access interface {
	AccessChanged(actor core.Actor) (user, credential <-chan struct{})
	Recheck(ctx context.Context, actor core.Actor) (core.Actor, error)
}

// Reader is who takes an answer that lasts: the door has looked at the credential once,
// and that is not enough.
type Reader struct {
	Actor            core.Actor
	User, Credential <-chan struct{} // close when what the actor may do has changed

	access  Access
	every   time.Duration
	now     func() time.Time
	checked time.Time // zero: not since the door
}

// NewReader returns the reader that the door has let in, to be looked at again every so
// often.
func NewReader(access Access, actor core.Actor, every time.Duration, now func() time.Time) *Reader {
	return &Reader{Actor: actor, access: access, every: every, now: now}
}

// Check looks whether the session or token still is what it was: at once where something
// has happened to it, and now and then in case that was not heard. KindUnauthorized: it
// is gone. Whether the actor may see what it reads is for the command to decide.
func (r *Reader) Check(ctx context.Context) (err error) {
	if !r.Actor.Until.IsZero() && !r.now().Before(r.Actor.Until) {
		return core.Errorf(core.KindUnauthorized, "The session or token has expired")
	}
	if time.Since(r.checked) < r.every && !closed(r.User) && !closed(r.Credential) {
		return nil
	}
	r.checked = time.Now()
	r.User, r.Credential = r.access.AccessChanged(r.Actor)
	r.Actor, err = r.access.Recheck(ctx, r.Actor)
	return err
}

func closed(bell <-chan struct{}) bool {
	select {
	case <-bell:
		return true
	default:
		return false
	}
}
