package app

import (
	"context"
	"strings"

	"github.com/oore-ci/oore/app/core"
)

// admitPerson signs in whom a service vouches for: a user who is known by the account, or
// who was invited by the e-mail address that it has verified, or a new one if the operator
// lets such people in. lasting: an e-mail is the account, so that it names users who have
// signed in before as well.
func (a *App) admitPerson(ctx context.Context, v Visitor, way core.SignInWay, p core.Person, lasting bool) (s NewSession, err error) {
	err = a.store.InTx(ctx, func(tx core.Store) error {
		now := a.now()
		identity := core.Identity{Provider: way.Provider, Subject: p.Subject, Login: p.Login, CreatedAt: now, LastUsedAt: &now}
		known, err := tx.FindIdentity(ctx, way.Provider, p.Subject)
		switch {
		case err == nil:
			identity.UserID = known.UserID
		case core.KindOf(err) == core.KindNotFound:
			if identity.UserID, err = a.welcome(ctx, tx, v, way, p, lasting); err != nil {
				return err
			}
		default:
			return err
		}
		if err := tx.SaveIdentity(ctx, identity); err != nil {
			return err
		}
		if err := a.keepStanding(ctx, tx, v, identity, way, p); err != nil {
			return err
		}
		s, err = a.beginSession(ctx, tx, v, identity.UserID, way)
		return err
	})
	return s, err
}

// welcome finds or makes the user of an account that is seen for the first time.
func (a *App) welcome(ctx context.Context, tx core.Store, v Visitor, way core.SignInWay, p core.Person, lasting bool) (userID string, err error) {
	if p.Email == "" || !ascii(p.Email) {
		return "", core.Codef(core.KindForbidden, core.CodeUnverifiedEmail,
			"Your account has no verified e-mail address at %s; verify one there and sign in again, or sign in with a link and connect the account under Settings → You", way.Name)
	}
	user, err := tx.FindUserByEmail(ctx, p.Email)
	switch {
	case err == nil:
		if user, err = tx.HoldUser(ctx, user.ID); err != nil {
			return "", err
		}
		if !user.Invited && !lasting {
			return "", core.Codef(core.KindConflict, core.CodeEmailExists,
				"A user with the e-mail %s signs in here in another way; sign in that way, then connect your account at %s under Settings → You", p.Email, way.Name)
		}
	case core.KindOf(err) != core.KindNotFound:
		return "", err
	case !p.Admitted && !a.inDomain(p.Email):
		return "", core.Codef(core.KindForbidden, core.CodeUserNotFound, "There is no user with the e-mail %s here; ask an owner or admin to invite that address", p.Email)
	default:
		if user, err = a.join(ctx, tx, v, way, p); err != nil {
			return "", err
		}
	}
	actor := core.Actor{Kind: core.ActorUser, UserID: user.ID, Name: user.Name, Door: v.Door, Address: v.Address}
	return user.ID, a.note(ctx, tx, actor, auditIdentity(core.AuditIdentityAdd, core.Identity{Provider: way.Provider, Subject: p.Subject, Login: p.Login}))
}

// join makes a user of somebody whom nobody had to invite.
func (a *App) join(ctx context.Context, tx core.Store, v Visitor, way core.SignInWay, p core.Person) (core.User, error) {
	now := a.now()
	u := core.User{ID: a.newID(), Name: cutTo(orElse(p.Name, p.Login), core.MaxUserName), Email: p.Email, Role: core.RoleViewer, Enabled: true, Invited: true, CreatedAt: now, UpdatedAt: now}
	if u.Name == "" || u.Name == u.Email {
		u.Name, _, _ = strings.Cut(u.Email, "@")
	}
	if err := u.Validate(); err != nil {
		return u, core.Errorf(core.KindForbidden, "What %s says of you cannot be used here; ask an owner or admin to invite you", way.Name).Because(err)
	}
	if err := tx.CreateUser(ctx, u); err != nil {
		return u, err
	}
	entry := auditUser(core.AuditUserJoin, u)
	entry.Changes = core.AuditChanges{}.With("email", "", u.Email).With("role", "", u.Role).With("by", "", way.Name)
	return u, a.note(ctx, tx, core.Actor{Kind: core.ActorUser, UserID: u.ID, Name: u.Name, Door: v.Door, Address: v.Address}, entry)
}

// ascii keeps letters out that look like others, or become others in lower case.
func ascii(s string) bool {
	for _, r := range s {
		if r <= ' ' || r > '~' {
			return false
		}
	}
	return true
}

// proxyWay is the operator's proxy as one that vouches for people.
func proxyWay() core.SignInWay {
	return core.SignInWay{ID: "proxy", Name: "your organization's proxy", Provider: "proxy:"}
}

// SignInByProxy signs in whom the operator's proxy says to be there. The door has made
// sure that it is the proxy that speaks.
func (a *App) SignInByProxy(ctx context.Context, v Visitor, email string) (NewSession, error) {
	way := proxyWay()
	email = strings.ToLower(strings.TrimSpace(email))
	s, err := a.admitPerson(ctx, v, way, core.Person{Subject: email, Login: email, Email: email}, true)
	if err != nil {
		a.refused(ctx, v, way.Name, err)
		return NewSession{}, err
	}
	a.ringSignedIn(s)
	return s, nil
}

// inDomain tells whether an e-mail address lies in one of the operator's domains. Domains
// below them are others.
func (a *App) inDomain(email string) bool {
	at := strings.LastIndexByte(email, '@')
	for _, domain := range a.signIn.Domains {
		if at > 0 && strings.EqualFold(email[at+1:], domain) {
			return true
		}
	}
	return false
}
