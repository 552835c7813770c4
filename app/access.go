package app

import (
	"context"
	"time"

	"github.com/oore-ci/oore/app/core"
)

const (
	// watchAccessEvery is how often this process looks what others have revoked.
	watchAccessEvery = 2 * time.Second
	// lateAudit is how many numbers back an entry is looked for that came late.
	lateAudit = 50
)

// topicAccess rings when what a user, session or token may do has changed.
func topicAccess(id string) string { return "access:" + id }

// AccessChanged returns channels that close when the actor's user or credential is
// changed or revoked next, here or in another process; then Recheck. Take them before
// checking.
func (a *App) AccessChanged(actor core.Actor) (user, credential <-chan struct{}) {
	if actor.UserID != "" {
		user = a.bell.wait(topicAccess(actor.UserID))
	}
	if actor.CredentialID != "" {
		credential = a.bell.wait(topicAccess(actor.CredentialID))
	}
	return user, credential
}

// accessWatch tells this process what others have revoked: all of that stands in the
// audit log. It is used by one worker.
type accessWatch struct {
	begun bool
	last  int64
	seen  map[int64]bool
}

func (a *App) watchAccess(ctx context.Context, w *accessWatch) (more bool, err error) {
	if !w.begun {
		if w.last, err = a.store.LastAudit(ctx); err != nil {
			return false, err
		}
		w.begun, w.seen = true, map[int64]bool{}
	}
	// The number is given before the commit, so a small one may come after a large one.
	entries, err := a.store.ListAuditAfter(ctx, w.last-lateAudit, 1000)
	if err != nil {
		return false, err
	}
	seen := map[int64]bool{}
	for _, e := range entries {
		seen[e.Seq] = true
		if w.last = max(w.last, e.Seq); w.seen[e.Seq] {
			continue
		}
		switch e.TargetKind {
		case core.TargetUser, core.TargetSession, core.TargetToken:
			a.bell.ring(topicAccess(e.TargetID))
		}
	}
	w.seen = seen
	return len(entries) == 1000, nil
}
