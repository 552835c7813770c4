package app

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/oore-ci/oore/app/core"
)

const (
	leastPassword = 12   // characters
	mostPassword  = 1024 // bytes
	// freshSession is how long ago somebody may have signed in who changes their password
	// without saying the old one: they may have forgotten it, and come by a sign-in link.
	freshSession = 10 * time.Minute
)

const wayPassword = "password"

// Passwords tells whether people may sign in with one.
func (a *App) Passwords() bool { return a.signIn.Passwords }

func errNoPasswords() error {
	return core.Errorf(core.KindNotFound, "Passwords are switched off on this server (OORE_PASSWORDS)")
}

// SignInWithPassword begins a session. Whoever is unknown, disabled or has no password is
// answered as one whose password is wrong, after the same work: KindUnauthorized, code
// invalid_credentials. KindLimited: too many tries of the account or from the address.
func (a *App) SignInWithPassword(ctx context.Context, v Visitor, email, password string) (NewSession, error) {
	if !a.signIn.Passwords {
		return NewSession{}, errNoPasswords()
	}
	email = strings.TrimSpace(strings.ReplaceAll(email, "\x00", "")) // which PostgreSQL does not take
	account, address := accountKey(email), addressKey(v.Address)
	err := a.beginTry(ctx, address, addressTries)
	if err == nil {
		err = a.beginTry(ctx, account, accountTries)
	}
	if err != nil {
		a.refused(ctx, v, wayPassword, err)
		return NewSession{}, err
	}
	s, err := a.checkPassword(ctx, v, email, password)
	if faultOfOurs(err) { // nobody has learned whether the password is right
		a.undoTry(ctx, account)
		a.undoTry(ctx, address)
	}
	if err != nil {
		a.refused(ctx, v, wayPassword, err)
		return NewSession{}, err
	}
	a.forgetTries(ctx, account)
	a.undoTry(ctx, address)
	a.ringSignedIn(s)
	return s, nil
}

func faultOfOurs(err error) bool {
	kind := core.KindOf(err)
	return err != nil && (kind == core.KindInternal || kind == core.KindUnavailable)
}

func (a *App) checkPassword(ctx context.Context, v Visitor, email, password string) (s NewSession, err error) {
	wrong := core.Codef(core.KindUnauthorized, core.CodeBadCredentials, "This e-mail address and password do not belong together")
	user, err := a.store.FindUserByEmail(ctx, email)
	if err != nil && core.KindOf(err) != core.KindNotFound {
		return s, err
	}
	if len(password) > mostPassword {
		return s, wrong
	}
	right, err := a.hasher.matches(ctx, user.Password, password)
	if err != nil {
		return s, err
	}
	if !right || !user.Enabled {
		return s, wrong
	}
	fresh := user.Password
	if weak(fresh) {
		if fresh, err = a.hasher.hash(ctx, password); err != nil {
			return s, err
		}
	}
	err = a.store.InTx(ctx, func(tx core.Store) error {
		now, err := tx.HoldUser(ctx, user.ID)
		if err != nil {
			return err
		}
		if now.Password != user.Password || !now.Enabled {
			return wrong // changed while we looked
		}
		now.Password = fresh
		used := a.now()
		now.PasswordUsedAt = &used
		if err := tx.UpdateUser(ctx, now); err != nil {
			return err
		}
		s, err = a.beginSession(ctx, tx, v, user.ID, core.SignInWay{Name: wayPassword})
		return err
	})
	return s, err
}

// SetPassword describes a person's new password.
type SetPassword struct {
	Current string // the old one; not asked of who has none or has just signed in
	New     string
}

// SetPassword sets the actor's own password. All their sessions and sign-in links end; the
// session that is returned takes the place of the one that asks. KindInvalid says what is
// wrong with which of the two.
func (a *App) SetPassword(ctx context.Context, actor core.Actor, v Visitor, in SetPassword) (NewSession, error) {
	if err := core.Allow(actor, core.ActRead, nil); err != nil {
		return NewSession{}, err
	}
	switch {
	case !a.signIn.Passwords:
		return NewSession{}, errNoPasswords()
	case actor.Kind != core.ActorUser || actor.UserID == "":
		return NewSession{}, core.Errorf(core.KindForbidden, "Only a person who has signed in sets a password, no token")
	}
	user, err := a.store.FindUser(ctx, actor.UserID)
	if err != nil {
		return NewSession{}, err
	}
	if err := checkNewPassword(in.New, user.Email); err != nil {
		return NewSession{}, err
	}
	if err := a.mayChangePassword(ctx, actor, user, in.Current); err != nil {
		return NewSession{}, err
	}
	hash, err := a.hasher.hash(ctx, in.New)
	if err != nil {
		return NewSession{}, err
	}
	return a.storePassword(ctx, actor, v, user, hash)
}

func (a *App) storePassword(ctx context.Context, actor core.Actor, v Visitor, user core.User, hash string) (s NewSession, err error) {
	err = a.store.InTx(ctx, func(tx core.Store) error {
		now, err := tx.HoldUser(ctx, user.ID)
		if err != nil {
			return err
		}
		if now.Password != user.Password {
			return core.Errorf(core.KindConflict, "Your password was changed just now, elsewhere; sign in with that one")
		}
		now.Password, now.PasswordUsedAt, now.UpdatedAt = hash, nil, a.now()
		if err := tx.UpdateUser(ctx, now); err != nil {
			return err
		}
		if err := tx.DeleteCredentialsOf(ctx, user.ID, core.CredentialSession, core.CredentialSignInLink); err != nil {
			return err
		}
		if err := a.note(ctx, tx, actor, auditUser(core.AuditUserPassword, now)); err != nil {
			return err
		}
		s, _, err = a.openSession(ctx, tx, v, user.ID, "")
		return err
	})
	if err != nil {
		return NewSession{}, err
	}
	a.log.Info("password set", "user", user.ID)
	a.bell.ring(topicAccess(user.ID))
	return s, nil
}

// mayChangePassword asks for the old password, unless there is none or the person has
// proved a moment ago who they are.
func (a *App) mayChangePassword(ctx context.Context, actor core.Actor, user core.User, current string) error {
	if user.Password == "" {
		return nil
	}
	session, err := a.credentialByID(ctx, actor.CredentialID)
	if err != nil {
		return err
	}
	if current == "" && a.now().Sub(session.CreatedAt) < freshSession {
		return nil
	}
	key := accountKey(user.Email)
	if err := a.beginTry(ctx, key, accountTries); err != nil {
		return err
	}
	right, err := a.hasher.matches(ctx, user.Password, current)
	if err != nil {
		a.undoTry(ctx, key)
		return err
	}
	if !right {
		return core.Errorf(core.KindInvalid, "current_password is not the one that you have; if you have forgotten it, sign in again in another way and set a new one within ten minutes")
	}
	a.forgetTries(ctx, key)
	return nil
}

func checkNewPassword(password, email string) error {
	switch {
	case utf8.RuneCountInString(password) < leastPassword:
		return core.Errorf(core.KindInvalid, "new_password must have %d characters or more", leastPassword)
	case len(password) > mostPassword:
		return core.Errorf(core.KindInvalid, "new_password must not be longer than %d bytes", mostPassword)
	case !utf8.ValidString(password):
		return core.Errorf(core.KindInvalid, "new_password must be text")
	case strings.EqualFold(strings.TrimSpace(password), email):
		return core.Errorf(core.KindInvalid, "new_password must not be your e-mail address")
	}
	return nil
}
