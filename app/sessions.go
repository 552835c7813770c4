package app

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// refusalsNoted bounds how many failed sign-ins of a minute stand in the audit log: more
// are an attack, and say no more.
const refusalsNoted = 30

// Visitor is somebody at the door who has not said who they are.
type Visitor struct {
	Door      core.Door
	Address   string // IP address
	UserAgent string
	Session   string // secret of the session that the browser still has; a sign-in ends it
}

func (v Visitor) stranger() core.Actor {
	return core.Actor{Kind: core.ActorStranger, Door: v.Door, Address: v.Address}
}

// NewSession is a session that has just begun.
type NewSession struct {
	Secret  string
	Expires time.Time // at the latest
	User    core.User
	First   bool   // they have never signed in before
	ended   string // id of the session that it replaces; empty: none
}

// SignIn uses up a one-time sign-in link and begins a session.
func (a *App) SignIn(ctx context.Context, v Visitor, link string) (NewSession, error) {
	used := core.Errorf(core.KindUnauthorized, "This sign-in link was used already or has expired; ask an owner or admin for a new one, or run `oore signin-link` on the server")
	var s NewSession
	c, err := a.credential(ctx, core.CredentialSignInLink, link)
	if core.KindOf(err) == core.KindUnauthorized {
		err = used
	}
	if err == nil {
		err = a.store.InTx(ctx, func(tx core.Store) (err error) {
			if err := take(ctx, tx, c, used); err != nil {
				return err
			}
			s, err = a.beginSession(ctx, tx, v, c.UserID, core.SignInWay{Name: "sign-in link"})
			return err
		})
	}
	if err != nil {
		a.refused(ctx, v, "sign-in link", err)
		return NewSession{}, err
	}
	a.ringSignedIn(s)
	return s, nil
}

// beginSession begins a session of a user, who has proved in some way who they are. The one that
// the browser had is ended: what somebody else put there is worth nothing. Call
// ringSignedIn after the commit, and refused where there is none.
func (a *App) beginSession(ctx context.Context, tx core.Store, v Visitor, userID string, way core.SignInWay) (NewSession, error) {
	s, c, err := a.openSession(ctx, tx, v, userID, way.Provider)
	if err != nil {
		return NewSession{}, err
	}
	entry := auditSession(core.AuditSignIn, c)
	entry.Changes = core.AuditChanges{}.With("by", "", way.Name)
	return s, a.note(ctx, tx, sessionActor(s.User, c, v), entry)
}

func sessionActor(u core.User, c core.Credential, v Visitor) core.Actor {
	return core.Actor{Kind: core.ActorUser, UserID: u.ID, Name: u.Name, CredentialID: c.ID, Door: v.Door, Address: v.Address}
}

// openSession is beginSession for what has an entry of its own in the audit log.
func (a *App) openSession(ctx context.Context, tx core.Store, v Visitor, userID, provider string) (s NewSession, c core.Credential, err error) {
	user, err := tx.HoldUser(ctx, userID)
	if err != nil {
		return s, c, err
	}
	if !user.Enabled {
		return s, c, core.Codef(core.KindForbidden, core.CodeUserDisabled, "This account is disabled; an owner or admin can enable it")
	}
	if s.First = user.Invited; s.First {
		user.Invited, user.UpdatedAt = false, a.now()
		if err := tx.UpdateUser(ctx, user); err != nil {
			return s, c, err
		}
	}
	s.Secret, c, err = a.issue(ctx, tx, core.Credential{
		Kind: core.CredentialSession, Name: user.Name, UserID: user.ID, Role: user.Role, CreatedBy: provider, Address: v.Address, UserAgent: cutTo(v.UserAgent, core.MaxUserAgent),
	}, core.SessionLife)
	if err != nil {
		return s, c, fmt.Errorf("begin a session: %w", err)
	}
	s.Expires, s.User = *c.ExpiresAt, user
	s.ended, err = a.endOld(ctx, tx, sessionActor(user, c, v), v.Session)
	return s, c, err
}

// endOld ends the session that the secret is of, and returns its id; there may be none.
func (a *App) endOld(ctx context.Context, tx core.Store, actor core.Actor, secret string) (id string, err error) {
	if secret == "" {
		return "", nil
	}
	old, err := tx.FindCredential(ctx, core.CredentialSession, hashSecret(secret))
	if core.KindOf(err) == core.KindNotFound {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return old.ID, a.dropSession(ctx, tx, actor, old)
}

func (a *App) ringSignedIn(s NewSession) {
	a.log.Info("signed in", "user", s.User.ID)
	if s.ended != "" {
		a.bell.ring(topicAccess(s.ended))
	}
}

// cutTo cuts a text that a stranger sends, and makes one printable line of it.
func cutTo(s string, most int) string {
	runes := []rune(strings.ToValidUTF8(s, "\uFFFD"))
	line := strings.Map(func(r rune) rune {
		if !plain(string(r)) {
			return ' '
		}
		return r
	}, string(runes[:min(len(runes), most)]))
	return strings.TrimSpace(line)
}

// refusals counts the sign-ins of a minute that failed.
type refusals struct {
	mu    sync.Mutex
	since time.Time
	noted int
}

// count tells whether one more is worth an entry.
func (r *refusals) count(now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now.Sub(r.since) >= time.Minute {
		r.since, r.noted = now, 0
	}
	r.noted++
	return r.noted <= refusalsNoted
}

// refused notes that a sign-in failed, unless that was a fault of ours; a service that does
// not answer is no person's doing, but who runs the server has to hear of it.
func (a *App) refused(ctx context.Context, v Visitor, way string, why error) {
	kind := core.KindOf(why)
	if kind == core.KindUnavailable {
		a.log.Warn("somebody could not sign in", "by", way, "error", why)
	}
	if kind == core.KindInternal || kind == core.KindUnavailable || !a.refusals.count(a.now()) {
		return
	}
	entry := core.AuditEntry{Action: core.AuditSignInRefused, TargetKind: core.TargetSession, Changes: core.AuditChanges{}.With("by", "", way).With("why", "", core.MessageOf(why))}
	if err := a.note(ctx, a.store, v.stranger(), entry); err != nil {
		a.log.Warn("note a failed sign-in", "error", err)
	}
}

// SignOut ends a session; an unknown one is no error, what is none is KindInvalid.
func (a *App) SignOut(ctx context.Context, v Visitor, session string) error {
	if !strings.HasPrefix(session, secretPrefixes[core.CredentialSession]) {
		return core.Errorf(core.KindInvalid, "This is no session; an API token ends with DELETE /v1/api-tokens/{id}")
	}
	c, err := a.store.FindCredential(ctx, core.CredentialSession, hashSecret(session))
	if core.KindOf(err) == core.KindNotFound {
		return nil
	}
	if err != nil {
		return err
	}
	actor := core.Actor{Kind: core.ActorUser, UserID: c.UserID, Name: c.Name, CredentialID: c.ID, Door: v.Door, Address: v.Address}
	return a.endSession(ctx, actor, c)
}

func (a *App) endSession(ctx context.Context, actor core.Actor, c core.Credential) error {
	if err := a.store.InTx(ctx, func(tx core.Store) error { return a.dropSession(ctx, tx, actor, c) }); err != nil {
		return err
	}
	a.log.Info("session ended", "user", c.UserID, "actor", actor.Name)
	a.bell.ring(topicAccess(c.ID))
	return nil
}

func (a *App) dropSession(ctx context.Context, tx core.Store, actor core.Actor, c core.Credential) error {
	mine, err := tx.DeleteCredential(ctx, c.ID)
	if err != nil || !mine {
		return err
	}
	return a.note(ctx, tx, actor, auditSession(core.AuditSignOut, c))
}

// ListSessions lists a user's sessions, oldest first: one's own, and for admins
// anybody's whose id is named.
func (a *App) ListSessions(ctx context.Context, actor core.Actor, userID string) ([]core.Credential, error) {
	if err := core.Allow(actor, core.ActRead, nil); err != nil {
		return nil, err
	}
	switch {
	case userID == "" && actor.UserID == "":
		return nil, nil
	case userID == "":
		userID = actor.UserID
	}
	if userID != actor.UserID || actor.OnlyProject != "" {
		if err := core.Allow(actor, core.ActManageInstance, nil); err != nil {
			return nil, err
		}
	}
	all, err := a.store.ListCredentials(ctx, core.CredentialSession, userID)
	if err != nil {
		return nil, err
	}
	living := all[:0]
	for _, c := range all {
		if c.Live(a.now()) {
			living = append(living, c)
		}
	}
	return living, nil
}

// DeleteSession ends a session at once: one's own, or for admins any. What is not one's
// own is not found. A token, which may be worth less than a session, ends none but an
// admin's.
func (a *App) DeleteSession(ctx context.Context, actor core.Actor, id string) error {
	if err := core.Allow(actor, core.ActRead, nil); err != nil {
		return err
	}
	unknown := core.Errorf(core.KindNotFound, "Session not found")
	c, err := a.store.FindCredentialByID(ctx, id)
	switch {
	case core.KindOf(err) == core.KindNotFound:
		return unknown
	case err != nil:
		return err
	case c.Kind != core.CredentialSession:
		return unknown
	case actor.Kind == core.ActorUser && actor.UserID == c.UserID:
	case core.Allow(actor, core.ActManageInstance, nil) != nil:
		return unknown
	}
	return a.endSession(ctx, actor, c)
}
