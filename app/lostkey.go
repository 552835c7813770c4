package app

import (
	"context"
	"fmt"
	"strings"

	"github.com/oore-ci/oore/app/core"
)

// Lost is something that is sealed with a key that is there no more.
type Lost struct {
	Project string // its name; empty: it belongs to the whole server
	What    string // for people: "secret PLAY_TOKEN"
	Again   string // what has to be done so that it works again; empty: nothing
}

// whyLost is what is noted of all that the command takes away.
const whyLost = "The encryption key was lost"

// ListLost lists what has to be given anew if the key that sealed it is lost for good.
// KindConflict: it is not, since the server's key opens some of it, or nothing is sealed.
func (a *App) ListLost(ctx context.Context, actor core.Actor) ([]Lost, error) {
	if err := core.Allow(actor, core.ActManageInstance, nil); err != nil {
		return nil, err
	}
	places, err := a.lostPlaces(ctx, a.store)
	if err != nil {
		return nil, err
	}
	return describeLost(ctx, a.store, places)
}

// ReplaceLostKey forgets what was sealed with a key that is lost for good, all of it or
// nothing, so that the server can work with the key that it has now. It returns what it
// forgot. People who came in by a list are shut out until they sign in there again, for
// nobody can be asked about them. No server may run meanwhile. Errors as of ListLost.
func (a *App) ReplaceLostKey(ctx context.Context, actor core.Actor) (lost []Lost, err error) {
	if err := core.Allow(actor, core.ActManageInstance, nil); err != nil {
		return nil, err
	}
	err = a.store.InTx(ctx, func(tx core.Store) error {
		places, err := a.lostPlaces(ctx, tx)
		if err != nil {
			return err
		}
		if lost, err = describeLost(ctx, tx, places); err != nil {
			return err
		}
		for _, place := range places {
			if err := a.forgetSealed(ctx, tx, actor, place); err != nil {
				return fmt.Errorf("forget %s: %w", place, err)
			}
		}
		entry := core.AuditEntry{Action: core.AuditKeyReplace, TargetKind: core.TargetKey, TargetID: a.vault.KeyID(), Target: "encryption key"}
		entry.Changes = core.AuditChanges{}.With("key_id", "", a.vault.KeyID()).With("forgotten", 0, len(places))
		return a.note(ctx, tx, actor, entry)
	})
	return lost, err
}

// lostPlaces are where something is sealed, none of which the server's key opens.
func (a *App) lostPlaces(ctx context.Context, s core.Store) (places []string, err error) {
	if a.vault == nil {
		return nil, errNoKey()
	}
	fits := 0
	err = eachSealed(ctx, s, func(one core.Sealed) error {
		if a.vault.Sealed(one.Data) {
			fits++
		}
		places = append(places, one.Place)
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case len(places) == 0:
		return nil, core.Errorf(core.KindConflict, "nothing is sealed here, so nothing is lost: start the server")
	case fits > 0:
		return nil, core.Errorf(core.KindConflict, "the encryption key is not lost: it opens %d of the %d things that are sealed. Start the server; what does not open, set or connect anew there", fits, len(places))
	}
	return places, nil
}

func describeLost(ctx context.Context, s core.Store, places []string) (lost []Lost, err error) {
	for _, place := range places {
		one, err := describePlace(ctx, s, place)
		if err != nil {
			return nil, fmt.Errorf("look at %s: %w", place, err)
		}
		if one.What != "" {
			lost = append(lost, one)
		}
	}
	return lost, nil
}

// describePlace says in people's words what a place holds; no What: what ends by itself
// within the hour.
func describePlace(ctx context.Context, s core.Store, place string) (Lost, error) {
	table, key, _ := strings.Cut(place, "/")
	switch table {
	case "secrets":
		project, name, _ := strings.Cut(key, "/")
		return lostOfProject(ctx, s, project, "secret "+name, "set it again; until then builds that name it fail")
	case "notifications":
		n, err := s.FindNotification(ctx, key)
		if err != nil {
			return Lost{}, err
		}
		return lostOfProject(ctx, s, n.ProjectID, fmt.Sprintf("notification by %s to %s", n.Kind, n.Target), "it is switched off: enter its secret or address again, then switch it on")
	case "integrations":
		i, err := s.FindIntegration(ctx, key)
		return Lost{What: fmt.Sprintf("connection %s at %s (%s)", i.Name, i.Host, i.Provider), Again: "connect it again under Settings → Sources"}, err
	case "hook_secrets":
		r, err := s.FindRepository(ctx, key)
		return Lost{What: "webhook secret of " + r.FullName, Again: "made anew when the connection is there; one that was entered at the forge by hand, make and enter again"}, err
	case "standings":
		return Lost{What: "by what a service is asked whether somebody is on its list still", Again: "the person signs in there again; until then they are shut out"}, nil
	}
	return Lost{}, nil
}

func lostOfProject(ctx context.Context, s core.Store, id, what, again string) (Lost, error) {
	p, err := s.FindProject(ctx, id)
	return Lost{Project: p.Name, What: what, Again: again}, err
}

// forgetSealed takes away what nobody can open, and notes it where its people look.
func (a *App) forgetSealed(ctx context.Context, tx core.Store, actor core.Actor, place string) error {
	table, key, _ := strings.Cut(place, "/")
	why := core.AuditChanges{}.With("why", "", whyLost)
	switch table {
	case "integrations":
		i, err := tx.FindIntegration(ctx, key)
		if err != nil {
			return err
		}
		if err := a.dropIntegration(ctx, tx, i, whyLost); err != nil {
			return err
		}
		entry := auditIntegration(core.AuditIntegrationDelete, i)
		entry.Changes = why
		return a.note(ctx, tx, actor, entry)
	case "notifications":
		return a.muteNotification(ctx, tx, actor, key)
	case "standings":
		if err := a.shutOutUnasked(ctx, tx, key); err != nil {
			return err
		}
	case "secrets":
		project, name, _ := strings.Cut(key, "/")
		entry := auditSecret(core.AuditSecretDelete, project, name)
		entry.Changes = why
		if err := a.note(ctx, tx, actor, entry); err != nil {
			return err
		}
	}
	return tx.DropSealed(ctx, place)
}

// muteNotification keeps who is told of what, without the secret, until somebody enters
// it anew.
func (a *App) muteNotification(ctx context.Context, tx core.Store, actor core.Actor, id string) error {
	n, err := tx.FindNotification(ctx, id)
	if err != nil {
		return err
	}
	was := n
	n.Sealed, n.Enabled, n.LastError, n.UpdatedAt = nil, false, whyLost+"; enter the secret or address again", a.now()
	entry := auditNotification(core.AuditNotifyUpdate, n)
	entry.Changes = notificationChanges(was, n, false).With("why", "", whyLost)
	if err := tx.UpdateNotification(ctx, n); err != nil {
		return err
	}
	return a.note(ctx, tx, actor, entry)
}

// shutOutUnasked shuts out whom a service was asked about, signed in just now or not:
// nobody would learn that they have left. They come back by signing in there.
func (a *App) shutOutUnasked(ctx context.Context, tx core.Store, id string) error {
	s, err := tx.FindStanding(ctx, id)
	if err != nil {
		return ignoreMissing(err)
	}
	_, err = a.shutOutIn(ctx, tx, s, core.Errorf(core.KindForbidden, whyLost))
	return err
}
