package app

import (
	"context"
	"strings"
	"time"
	"unicode"

	"github.com/oore-ci/oore/app/core"
)

// maxTokenLife bounds how far away the end of a token may be set.
const maxTokenLife = 10 * 365 * 24 * time.Hour

// CreateAPIToken describes a new API token. Role defaults to all that the asker may give:
// it never exceeds the asker's own.
type CreateAPIToken struct {
	Name      string
	Role      core.Role     // with a project, the role there: maintainer at most
	ProjectID string        // the one project that it is for; empty: all
	Life      time.Duration // 0: it does not end by itself
}

// CreateAPIToken makes an API token; its secret is returned once and never stored. What a
// token makes is never wider than itself, in role, project and time.
func (a *App) CreateAPIToken(ctx context.Context, actor core.Actor, in CreateAPIToken) (secret string, c core.Credential, err error) {
	if err := core.Allow(actor, core.ActRead, nil); err != nil {
		return "", c, err
	}
	in.Name = strings.TrimSpace(in.Name)
	if in.Name == "" || len(in.Name) > 100 || !plain(in.Name) {
		return "", c, core.Errorf(core.KindInvalid, "name: give the token a name of 1 to 100 printable characters, so that you can tell it from others")
	}
	if in.ProjectID == "" {
		in.ProjectID = actor.OnlyProject
	}
	if in.Role, err = a.tokenRole(ctx, actor, in); err != nil {
		return "", c, err
	}
	if in.Life, err = a.tokenLife(actor, in.Life); err != nil {
		return "", c, err
	}
	err = a.store.InTx(ctx, func(tx core.Store) (err error) {
		secret, c, err = a.issue(ctx, tx, core.Credential{
			Kind: core.CredentialAPIToken, Name: in.Name, UserID: actor.UserID, Role: in.Role, ProjectID: in.ProjectID, CreatedBy: actor.Name,
		}, in.Life)
		if err != nil {
			return err
		}
		entry := auditToken(core.AuditTokenCreate, c)
		entry.Changes = core.AuditChanges{}.With("role", "", c.Role).With("expires_at", nil, c.ExpiresAt)
		return a.note(ctx, tx, actor, entry)
	})
	if err != nil {
		return "", core.Credential{}, err
	}
	a.log.Info("API token made", "token", c.Name, "role", c.Role, "actor", actor.Name)
	return secret, c, nil
}

// tokenRole is the role of a new token: what is asked for, if the asker may give it.
func (a *App) tokenRole(ctx context.Context, actor core.Actor, in CreateAPIToken) (core.Role, error) {
	most, valid, choices := actor.Role, core.Role.InstanceRole, "owner, admin, developer, viewer"
	if in.ProjectID != "" {
		p, err := a.projectFor(ctx, a.store, actor, core.ActRead, in.ProjectID)
		if err != nil {
			return "", err
		}
		role, _ := actor.RoleIn(p)
		most, valid, choices = role.Lower(core.RoleMaintainer), core.Role.ProjectRole, "maintainer, developer, viewer"
	}
	switch {
	case in.Role == "":
		return most, nil
	case !valid(in.Role):
		return "", core.Errorf(core.KindInvalid, "role: %q is none of %s", in.Role, choices)
	case !most.AtLeast(in.Role):
		return "", core.Errorf(core.KindForbidden, "You are %s and cannot make a token for the role %s", most, in.Role)
	}
	return in.Role, nil
}

func (a *App) tokenLife(actor core.Actor, life time.Duration) (time.Duration, error) {
	if life < 0 || life > maxTokenLife {
		return 0, core.Errorf(core.KindInvalid, "expires_in: a token may live up to ten years, or without end if you leave it out")
	}
	if actor.Kind != core.ActorToken || actor.Until.IsZero() {
		return life, nil
	}
	left := actor.Until.Sub(a.now())
	if life > left {
		return 0, core.Errorf(core.KindForbidden, "The token that asks ends at %s, and cannot make one that lives longer", actor.Until.UTC().Format(time.RFC3339))
	}
	if life == 0 {
		return left, nil
	}
	return life, nil
}

// ListAPITokens lists tokens, without secrets: all for admins, else the asker's own, and
// for a project's token those of its project.
func (a *App) ListAPITokens(ctx context.Context, actor core.Actor) ([]core.Credential, error) {
	if err := core.Allow(actor, core.ActRead, nil); err != nil {
		return nil, err
	}
	if core.Allow(actor, core.ActManageInstance, nil) == nil {
		return a.store.ListCredentials(ctx, core.CredentialAPIToken, "")
	}
	if actor.UserID == "" {
		return []core.Credential{}, nil
	}
	all, err := a.store.ListCredentials(ctx, core.CredentialAPIToken, actor.UserID)
	own := []core.Credential{}
	for _, c := range all {
		if actor.OnlyProject == "" || actor.OnlyProject == c.ProjectID {
			own = append(own, c)
		}
	}
	return own, err
}

// DeleteAPIToken revokes a token at once: any for admins, else one's own. What is not
// one's own is not found. A token revokes none that may do more than itself.
func (a *App) DeleteAPIToken(ctx context.Context, actor core.Actor, id string) error {
	own, err := a.ListAPITokens(ctx, actor)
	if err != nil {
		return err
	}
	for _, c := range own {
		if c.ID != id {
			continue
		}
		if !covers(actor, c) {
			return core.Errorf(core.KindForbidden, "%s may do more than the token that asks; revoke it after signing in", c.Name)
		}
		err := a.noting(ctx, actor, auditToken(core.AuditTokenDelete, c), func(tx core.Store) error {
			return take(ctx, tx, c, core.Errorf(core.KindNotFound, "Token not found"))
		})
		if err != nil {
			return err
		}
		a.log.Info("API token revoked", "token", c.Name, "actor", actor.Name)
		a.bell.ring(topicAccess(c.ID))
		return nil
	}
	return core.Errorf(core.KindNotFound, "Token not found")
}

// covers tells whether an actor may end a token of its own.
func covers(actor core.Actor, c core.Credential) bool {
	if actor.Kind != core.ActorToken || c.ID == actor.CredentialID {
		return true
	}
	return actor.Role.Higher(actor.Projects[c.ProjectID]).AtLeast(c.Role)
}

// plain tells whether every character of s can be seen.
func plain(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}
