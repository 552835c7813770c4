package api

import (
	"context"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// reader is who takes an answer that lasts: the door has looked at the credential once,
// and that is not enough.
type reader struct {
	api              *API
	actor            core.Actor
	user, credential <-chan struct{} // close when what the actor may do has changed
	checked          time.Time       // zero: not since the door
}

func (a *API) newReader(actor core.Actor) *reader { return &reader{api: a, actor: actor} }

// check looks whether the session or token still is what it was: at once where something
// has happened to it, and now and then in case that was not heard. KindUnauthorized: it
// is gone. Whether the actor may see what it reads is for the command to decide.
func (r *reader) check(ctx context.Context) (err error) {
	if !r.actor.Until.IsZero() && !r.api.now().Before(r.actor.Until) {
		return core.Errorf(core.KindUnauthorized, "The session or token has expired")
	}
	if time.Since(r.checked) < r.api.timing.recheck && !closed(r.user) && !closed(r.credential) {
		return nil
	}
	r.checked = time.Now()
	r.user, r.credential = r.api.app.AccessChanged(r.actor)
	r.actor, err = r.api.app.Recheck(ctx, r.actor)
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
