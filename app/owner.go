package app

import (
	"context"
	"fmt"

	"github.com/oore-ci/oore/app/core"
)

// EnsureOwner makes the first user, an owner, when there is none, and returns a
// one-time sign-in link for it; otherwise the link is empty.
func (a *App) EnsureOwner(ctx context.Context) (link string, err error) {
	err = a.inTurn(ctx, "owner", serverLife, func(ctx context.Context) error {
		link, err = a.ensureOwner(ctx)
		return err
	})
	return link, err
}

func (a *App) ensureOwner(ctx context.Context) (link string, err error) {
	users, err := a.store.ListUsers(ctx)
	if err != nil || len(users) > 0 {
		return "", err
	}
	now := a.now()
	owner := core.User{
		ID: a.newID(), Name: "owner", Email: placeholder, Role: core.RoleOwner, Enabled: true, Invited: true, CreatedAt: now, UpdatedAt: now,
	}
	err = a.store.InTx(ctx, func(tx core.Store) error {
		if err := tx.CreateUser(ctx, owner); err != nil {
			return fmt.Errorf("create the first owner: %w", err)
		}
		made, err := a.signInLink(ctx, tx, owner, ownLinkLife)
		link = made.URL
		return err
	})
	return link, err
}

// CreateSignInLink makes a one-time link for the oldest owner. Only the command
// line calls it: whoever can open the database may.
func (a *App) CreateSignInLink(ctx context.Context, actor core.Actor) (link string, err error) {
	if err := core.Allow(actor, core.ActManageInstance, nil); err != nil {
		return "", err
	}
	link, err = a.EnsureOwner(ctx)
	if err != nil || link != "" {
		return link, err
	}
	users, err := a.store.ListUsers(ctx)
	if err != nil {
		return "", err
	}
	for _, u := range users {
		if u.Role != core.RoleOwner || !u.Enabled {
			continue
		}
		err := a.noting(ctx, actor, auditUser(core.AuditUserLink, u), func(tx core.Store) error {
			made, err := a.signInLink(ctx, tx, u, ownLinkLife)
			link = made.URL
			return err
		})
		return link, err
	}
	return "", core.Errorf(core.KindNotFound, "No enabled owner is left in this database")
}
