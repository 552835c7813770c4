package app

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// Lifetimes of sign-in links: one that is printed on the server is opened at once, one
// that a person is sent waits for them.
const (
	ownLinkLife  = time.Hour
	sentLinkLife = 72 * time.Hour
)

// InviteUser describes a person who is to sign in here.
type InviteUser struct {
	Email string
	Name  string // default: what stands before the @
	Role  core.Role
}

// SignInLink is a link that signs a user in, once.
type SignInLink struct {
	URL     string
	Expires time.Time
}

// InviteUser makes a user and a one-time link that signs them in; it is returned this
// once. An e-mail address in use: KindConflict, code email_exists.
func (a *App) InviteUser(ctx context.Context, actor core.Actor, in InviteUser) (core.User, SignInLink, error) {
	now := a.now()
	u := core.User{
		ID: a.newID(), Name: strings.TrimSpace(in.Name), Email: strings.TrimSpace(in.Email), Role: in.Role, Enabled: true, Invited: true, CreatedAt: now, UpdatedAt: now,
	}
	if err := core.AllowUser(actor, core.User{}, u.Role); err != nil {
		return core.User{}, SignInLink{}, err
	}
	if u.Name == "" {
		u.Name, _, _ = strings.Cut(u.Email, "@")
	}
	if err := u.Validate(); err != nil {
		return core.User{}, SignInLink{}, err
	}
	entry := auditUser(core.AuditUserInvite, u)
	entry.Changes = core.AuditChanges{}.With("email", "", u.Email).With("role", "", u.Role)
	var link SignInLink
	err := a.noting(ctx, actor, entry, func(tx core.Store) (err error) {
		if err := tx.CreateUser(ctx, u); err != nil {
			return err
		}
		link, err = a.signInLink(ctx, tx, u, sentLinkLife)
		return err
	})
	if err != nil {
		return core.User{}, SignInLink{}, err
	}
	a.log.Info("user invited", "user", u.ID, "role", u.Role, "actor", actor.Name)
	return u, link, nil
}

// signInLink makes a link; those that the user had are worth nothing from then on.
func (a *App) signInLink(ctx context.Context, tx core.Store, u core.User, life time.Duration) (SignInLink, error) {
	if err := tx.DeleteCredentialsOf(ctx, u.ID, core.CredentialSignInLink); err != nil {
		return SignInLink{}, err
	}
	secret, c, err := a.issue(ctx, tx, core.Credential{Kind: core.CredentialSignInLink, Name: u.Name, UserID: u.ID, Role: u.Role}, life)
	if err != nil {
		return SignInLink{}, fmt.Errorf("make a sign-in link: %w", err)
	}
	return SignInLink{URL: a.publicURL + "/sign-in/" + secret, Expires: *c.ExpiresAt}, nil
}

// RenewSignInLink makes a new link for a user: for admins, and for owners by owners alone.
// The older ones work no more.
func (a *App) RenewSignInLink(ctx context.Context, actor core.Actor, id string) (core.User, SignInLink, error) {
	if err := core.Allow(actor, core.ActManageInstance, nil); err != nil {
		return core.User{}, SignInLink{}, err
	}
	var u core.User
	var link SignInLink
	err := a.store.InTx(ctx, func(tx core.Store) (err error) {
		if u, err = tx.HoldUser(ctx, id); err != nil {
			return err
		}
		if u.ID != actor.UserID { // whoever has it is that user
			if err := core.AllowUser(actor, u, u.Role); err != nil {
				return err
			}
		} else if !actor.Role.AtLeast(u.Role) {
			return core.Errorf(core.KindForbidden, "You are %s: this token cannot make a link that signs in with the role %s", actor.Role, u.Role)
		}
		if !u.Enabled {
			return core.Codef(core.KindConflict, core.CodeUserDisabled, "%s is disabled; enable them first", u.Name)
		}
		if link, err = a.signInLink(ctx, tx, u, sentLinkLife); err != nil {
			return err
		}
		return a.note(ctx, tx, actor, auditUser(core.AuditUserLink, u))
	})
	return u, link, err
}

// ListUsers lists everybody, oldest first. For admins.
func (a *App) ListUsers(ctx context.Context, actor core.Actor) ([]core.User, error) {
	if err := core.Allow(actor, core.ActManageInstance, nil); err != nil {
		return nil, err
	}
	return a.store.ListUsers(ctx)
}

// FindUser returns a user: oneself, and for admins anybody.
func (a *App) FindUser(ctx context.Context, actor core.Actor, id string) (core.User, error) {
	if id != actor.UserID || actor.OnlyProject != "" || actor.Scope != "" {
		if err := core.Allow(actor, core.ActManageInstance, nil); err != nil {
			return core.User{}, err
		}
	}
	return a.store.FindUser(ctx, id)
}

// SetUserRole changes what a user may do. KindForbidden: cannot_change_owner,
// cannot_change_self; KindConflict: last_owner.
func (a *App) SetUserRole(ctx context.Context, actor core.Actor, id string, role core.Role) (core.User, error) {
	if !role.InstanceRole() {
		return core.User{}, core.Errorf(core.KindInvalid, "role must be one of owner, admin, developer, viewer")
	}
	return a.changeUser(ctx, actor, id, core.AuditUserRole, role, func(_ core.Store, u *core.User) error {
		u.Role = role
		return nil
	})
}

// EnableUser lets a user in again, with the API tokens that they had.
func (a *App) EnableUser(ctx context.Context, actor core.Actor, id string) (core.User, error) {
	return a.changeUser(ctx, actor, id, core.AuditUserEnable, "", func(_ core.Store, u *core.User) error {
		u.Enabled, u.Departed = true, ""
		return nil
	})
}

// DisableUser shuts a user out: sessions and links end, API tokens are refused, streams
// end within seconds. Codes cannot_delete_self, cannot_delete_owner (KindForbidden),
// last_owner (KindConflict).
func (a *App) DisableUser(ctx context.Context, actor core.Actor, id string) error {
	_, err := a.changeUser(ctx, actor, id, core.AuditUserDisable, "", func(tx core.Store, u *core.User) error {
		u.Enabled, u.Departed = false, ""
		return endAccess(ctx, tx, id)
	})
	switch core.CodeOf(err) {
	case core.CodeCannotChangeSelf:
		return core.Codef(core.KindForbidden, core.CodeCannotDeleteSelf, "You cannot disable yourself; ask another owner or admin")
	case core.CodeCannotChangeOwner:
		return core.Codef(core.KindForbidden, core.CodeCannotDeleteOwner, "Only an owner can disable an owner")
	}
	return err
}

// endAccess ends what a user has open. API tokens are left: those of who is disabled are
// refused.
func endAccess(ctx context.Context, tx core.Store, id string) error {
	return tx.DeleteCredentialsOf(ctx, id, core.CredentialSession, core.CredentialSignInLink, core.CredentialStream, core.CredentialDownload,
		core.CredentialInstall, core.CredentialAppState, core.CredentialGrantState)
}

// changeUser applies a change to a user whom the actor may change, while nobody else
// changes the owners. A change that changes nothing is not noted.
func (a *App) changeUser(ctx context.Context, actor core.Actor, id string, action core.AuditAction, to core.Role, change func(core.Store, *core.User) error) (core.User, error) {
	if err := core.Allow(actor, core.ActManageInstance, nil); err != nil {
		return core.User{}, err
	}
	var was, is core.User
	err := a.store.InTx(ctx, func(tx core.Store) error {
		owners, err := tx.HoldOwners(ctx) // before the user, so that all hold them in one order
		if err != nil {
			return err
		}
		if was, err = tx.HoldUser(ctx, id); err != nil {
			return err
		}
		if err := core.AllowUser(actor, was, to); err != nil {
			return err
		}
		is = was
		if err := change(tx, &is); err != nil {
			return err
		}
		if is == was {
			return nil
		}
		if lastOwner(owners, was) && (is.Role != core.RoleOwner || !is.Enabled) {
			return core.Codef(core.KindConflict, core.CodeLastOwner, "%s is the last owner; make somebody else an owner first", was.Name)
		}
		is.UpdatedAt = a.now()
		if err := tx.UpdateUser(ctx, is); err != nil {
			return err
		}
		entry := auditUser(action, is)
		entry.Changes = core.AuditChanges{}.With("role", was.Role, is.Role).With("enabled", was.Enabled, is.Enabled)
		return a.note(ctx, tx, actor, entry)
	})
	if err != nil {
		return core.User{}, err
	}
	a.log.Info("user changed", "user", id, "action", action, "actor", actor.Name)
	a.bell.ring(topicAccess(id))
	return is, nil
}

func lastOwner(owners []core.User, u core.User) bool {
	return len(owners) == 1 && owners[0].ID == u.ID
}
