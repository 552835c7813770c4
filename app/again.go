package app

import (
	"cmp"
	"context"

	"github.com/oore-ci/oore/app/core"
)

// stale tells whether a session is as old as the word of a service is believed. It is good
// for nothing, but the service may be asked again by DepartAgain.
func (a *App) stale(c core.Credential) bool {
	if c.Kind != core.CredentialSession || c.CreatedBy == "" || a.now().Sub(c.CreatedAt) < cmp.Or(a.signIn.Proof, core.SessionProof) {
		return false
	}
	room := a.roomOf(c.CreatedBy)
	return room != nil && room.Way().Again
}

// DepartAgain is Depart for a browser whose session is stale: the service says at once
// whether it knows the person still, and asks them nothing. ok: the browser is to go.
func (a *App) DepartAgain(ctx context.Context, v Visitor, next string) (d Departure, ok bool, err error) {
	if v.Session == "" {
		return d, false, nil
	}
	c, err := a.store.FindCredential(ctx, core.CredentialSession, hashSecret(v.Session))
	if core.KindOf(err) == core.KindNotFound || err == nil && (!c.Live(a.now()) || !a.stale(c)) {
		return d, false, nil
	}
	if err != nil {
		return d, false, err
	}
	if err := a.beginTry(ctx, startKey(v), startsMost); err != nil {
		return d, false, err
	}
	room := a.roomOf(c.CreatedBy)
	d, err = a.depart(ctx, room, journey{Way: room.Way().ID, Next: next, Again: true})
	return d, err == nil, err
}

// notAgain is for a service that does not vouch for the person any more without asking
// them: their session ends. A fault of the service's own ends none.
func (a *App) notAgain(ctx context.Context, v Visitor, way core.SignInWay, code string) error {
	switch code {
	case "login_required", "interaction_required", "consent_required", "account_selection_required", "access_denied":
	default:
		return deniedThere(way.Name, code)
	}
	if v.Session != "" {
		if err := a.SignOut(ctx, v, v.Session); err != nil {
			return err
		}
	}
	return core.Errorf(core.KindUnauthorized, "%s wants you to sign in there again", way.Name)
}
