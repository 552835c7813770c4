package app

import (
	"context"
	"crypto/subtle"
	"strings"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// touchEvery is how exactly the last use of a credential is known.
const touchEvery = time.Minute

// streamLife is how long a stream token opens streams.
const streamLife = 5 * time.Minute

// Authenticate turns a bearer secret (admin token, API token or session) into an
// actor, without door and address. Unknown or expired, or of somebody who is disabled:
// KindUnauthorized, code invalid_session.
func (a *App) Authenticate(ctx context.Context, secret string) (core.Actor, error) {
	if a.adminToken != "" && subtle.ConstantTimeCompare([]byte(hashSecret(secret)), []byte(hashSecret(a.adminToken))) == 1 {
		return core.Actor{Kind: core.ActorToken, Name: "admin token", Role: core.RoleOwner}, nil
	}
	kind := core.CredentialAPIToken
	if strings.HasPrefix(secret, secretPrefixes[core.CredentialSession]) {
		kind = core.CredentialSession
	}
	c, err := a.credential(ctx, kind, secret)
	if err != nil {
		return core.Actor{}, err
	}
	actor, err := a.actorOf(ctx, c)
	if err != nil {
		return core.Actor{}, err
	}
	if c.LastUsedAt == nil || a.now().Sub(*c.LastUsedAt) > touchEvery {
		if err := a.store.TouchCredential(ctx, c, a.now()); err != nil {
			a.log.Warn("note the use of a credential", "credential", c.ID, "error", err)
		}
	}
	return actor, nil
}

// actorOf is who a live session or API token stands for, or who made what is shared. A token never outgrows its
// owner, nor its owner's memberships the token.
func (a *App) actorOf(ctx context.Context, c core.Credential) (core.Actor, error) {
	actor := core.Actor{Kind: core.ActorToken, Name: c.Name, Role: c.Role, OnlyProject: c.ProjectID, CredentialID: c.ID}
	if c.ExpiresAt != nil {
		actor.Until = *c.ExpiresAt
	}
	if c.UserID == "" {
		actor.SeesAll = c.ProjectID != "" // of the one project that it was made for
		return actor, nil
	}
	user, err := a.store.FindUser(ctx, c.UserID)
	if core.KindOf(err) == core.KindNotFound || err == nil && !user.Enabled {
		return core.Actor{}, errBadCredential()
	}
	if err != nil {
		return core.Actor{}, err
	}
	owner, err := a.actorOfUser(ctx, user)
	if err != nil {
		return core.Actor{}, err
	}
	actor.UserID, actor.SeesAll, actor.Projects = owner.UserID, owner.SeesAll, owner.Projects
	if c.Kind == core.CredentialSession {
		actor.Kind, actor.Name, actor.Role = core.ActorUser, owner.Name, owner.Role
		return actor, nil
	}
	actor.Role = c.Role.Lower(owner.Role)
	for id, role := range actor.Projects {
		actor.Projects[id] = role.Lower(c.Role)
	}
	return actor, nil
}

// actorOfUser is a user of the house with all that they may do.
func (a *App) actorOfUser(ctx context.Context, u core.User) (core.Actor, error) {
	actor := core.Actor{Kind: core.ActorUser, UserID: u.ID, Name: u.Name, Role: u.Role, SeesAll: u.Role.AtLeast(core.RoleAdmin)}
	if actor.SeesAll {
		return actor, nil
	}
	memberships, err := a.store.ListMemberships(ctx, u.ID)
	if err != nil || len(memberships) == 0 {
		return actor, err
	}
	actor.Projects = make(map[string]core.Role, len(memberships))
	for _, m := range memberships {
		actor.Projects[m.ProjectID] = m.Role
	}
	return actor, nil
}

// Recheck is an actor as it is now, for what goes on long after it was let in:
// KindUnauthorized where its session or token was ended or its user disabled.
func (a *App) Recheck(ctx context.Context, actor core.Actor) (core.Actor, error) {
	if actor.CredentialID == "" {
		return actor, nil // the operator's own token
	}
	c, err := a.credentialByID(ctx, actor.CredentialID)
	if err != nil {
		return core.Actor{}, err
	}
	now, err := a.actorOf(ctx, c)
	now.Scope, now.Door, now.Address = actor.Scope, actor.Door, actor.Address
	return now, err
}

// AuthenticateStream is Authenticate for a stream token (`?token=`): the actor may
// read that build's log and nothing else, as long as whoever made the token could.
func (a *App) AuthenticateStream(ctx context.Context, secret string) (core.Actor, error) {
	c, err := a.credential(ctx, core.CredentialStream, secret)
	if err != nil {
		return core.Actor{}, err
	}
	actor := core.Actor{Kind: core.ActorToken, Name: c.Name, Role: core.RoleViewer, SeesAll: true} // the operator's
	if c.ParentID != "" {
		parent, err := a.credentialByID(ctx, c.ParentID)
		if err != nil {
			return core.Actor{}, err
		}
		if actor, err = a.actorOf(ctx, parent); err != nil {
			return core.Actor{}, err
		}
	}
	actor.Scope = c.BuildID
	return actor, nil
}

// CreateStreamToken makes a token for one build's log stream, good for 5 minutes.
func (a *App) CreateStreamToken(ctx context.Context, actor core.Actor, buildID string) (token string, expires time.Time, err error) {
	if _, err := a.FindBuild(ctx, actor, buildID); err != nil {
		return "", time.Time{}, err
	}
	c := core.Credential{
		Kind: core.CredentialStream, Name: actor.Name, UserID: actor.UserID, Role: core.RoleViewer, BuildID: buildID, ParentID: actor.CredentialID,
	}
	token, c, err = a.issue(ctx, a.store, c, streamLife)
	if err != nil {
		return "", time.Time{}, err
	}
	return token, *c.ExpiresAt, nil
}
