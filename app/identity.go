package app

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/oore-ci/oore/app/core"
)

// Lifetimes of what a person is given.
const (
	sessionLife    = 7 * 24 * time.Hour
	signInLinkLife = time.Hour
	streamLife     = 5 * time.Minute
)

// secretPrefixes let people and secret scanners tell the kinds apart.
var secretPrefixes = map[core.CredentialKind]string{
	core.CredentialAPIToken: "oore_", core.CredentialSession: "oores_",
	core.CredentialSignInLink: "oorel_", core.CredentialStream: "oorev_",
	core.CredentialAppState: "oorea_", core.CredentialChatLink: "oorec_",
	core.CredentialDownload: "oored_", core.CredentialRunner: "oorer_",
	core.CredentialShare: "ooreh_", core.CredentialInstall: "oorei_",
	core.CredentialGrantState: "ooreg_",
}

func newSecret(kind core.CredentialKind) (secret, hash string) {
	var b [32]byte
	rand.Read(b[:]) // never fails: it ends the program instead
	secret = secretPrefixes[kind] + base64.RawURLEncoding.EncodeToString(b[:])
	return secret, hashSecret(secret)
}

func hashSecret(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

func (a *App) issue(ctx context.Context, c core.Credential, life time.Duration) (secret string, stored core.Credential, err error) {
	now := a.now()
	secret, c.Hash = newSecret(c.Kind)
	c.ID, c.CreatedAt = orElse(c.ID, a.newID()), now
	if life > 0 {
		expires := now.Add(life)
		c.ExpiresAt = &expires
	}
	return secret, c, a.store.CreateCredential(ctx, c)
}

func errBadCredential() error {
	return core.Errorf(core.KindUnauthorized, "This token or session is unknown or has expired; sign in again or make a new token")
}

// credential finds a live credential by its secret.
func (a *App) credential(ctx context.Context, kind core.CredentialKind, secret string) (core.Credential, error) {
	c, err := a.store.FindCredential(ctx, kind, hashSecret(secret))
	if core.KindOf(err) == core.KindNotFound {
		return c, errBadCredential()
	}
	if err != nil {
		return c, err
	}
	if c.ExpiresAt != nil && !a.now().Before(*c.ExpiresAt) {
		return c, errBadCredential()
	}
	return c, nil
}

// Authenticate turns a bearer secret (admin token, API token or session) into an
// actor. Unknown or expired: KindUnauthorized, code invalid_session.
func (a *App) Authenticate(ctx context.Context, secret string) (core.Actor, error) {
	if a.adminToken != "" && subtle.ConstantTimeCompare([]byte(hashSecret(secret)), []byte(hashSecret(a.adminToken))) == 1 {
		return core.Actor{Kind: core.ActorToken, Name: "admin token", Role: core.RoleOwner}, nil
	}
	kind, actorKind := core.CredentialAPIToken, core.ActorToken
	if strings.HasPrefix(secret, secretPrefixes[core.CredentialSession]) {
		kind, actorKind = core.CredentialSession, core.ActorUser
	}
	c, err := a.credential(ctx, kind, secret)
	if err != nil {
		return core.Actor{}, err
	}
	actor := core.Actor{Kind: actorKind, UserID: c.UserID, Name: c.Name, Role: c.Role}
	if c.UserID != "" {
		user, err := a.store.FindUser(ctx, c.UserID)
		if err != nil || !user.Enabled {
			return core.Actor{}, errBadCredential()
		}
		if kind == core.CredentialSession {
			actor.Name, actor.Role = user.Name, user.Role
		} else if !user.Role.AtLeast(actor.Role) {
			actor.Role = user.Role // a token never outgrows its owner
		}
	}
	if c.LastUsedAt == nil || a.now().Sub(*c.LastUsedAt) > time.Minute {
		if err := a.store.TouchCredential(ctx, c.ID, a.now()); err != nil {
			a.log.Warn("note the use of a credential", "credential", c.ID, "error", err)
		}
	}
	return actor, nil
}

// AuthenticateStream is Authenticate for a stream token (`?token=`): the actor may
// read that build's log and nothing else.
func (a *App) AuthenticateStream(ctx context.Context, secret string) (core.Actor, error) {
	c, err := a.credential(ctx, core.CredentialStream, secret)
	if err != nil {
		return core.Actor{}, err
	}
	return core.Actor{Kind: core.ActorToken, UserID: c.UserID, Name: c.Name, Role: core.RoleViewer, Scope: c.BuildID}, nil
}

// CreateStreamToken makes a token for one build's log stream, good for 5 minutes.
func (a *App) CreateStreamToken(ctx context.Context, actor core.Actor, buildID string) (token string, expires time.Time, err error) {
	if _, err := a.FindBuild(ctx, actor, buildID); err != nil {
		return "", time.Time{}, err
	}
	c := core.Credential{Kind: core.CredentialStream, Name: actor.Name, UserID: actor.UserID, Role: core.RoleViewer, BuildID: buildID}
	token, c, err = a.issue(ctx, c, streamLife)
	if err != nil {
		return "", time.Time{}, err
	}
	return token, *c.ExpiresAt, nil
}

// EnsureOwner makes the first user, an owner, when there is none, and returns a
// one-time sign-in link for it; otherwise the link is empty.
func (a *App) EnsureOwner(ctx context.Context) (link string, err error) {
	users, err := a.store.ListUsers(ctx)
	if err != nil || len(users) > 0 {
		return "", err
	}
	now := a.now()
	owner := core.User{
		ID: a.newID(), Name: "owner", Email: "owner@local", Role: core.RoleOwner, Enabled: true, CreatedAt: now, UpdatedAt: now,
	}
	if err := a.store.CreateUser(ctx, owner); err != nil {
		return "", fmt.Errorf("create the first owner: %w", err)
	}
	return a.signInLink(ctx, owner)
}

// CreateSignInLink makes a one-time link for the oldest owner. Only the command
// line calls it: whoever can open the database may.
func (a *App) CreateSignInLink(ctx context.Context) (link string, err error) {
	link, err = a.EnsureOwner(ctx)
	if err != nil || link != "" {
		return link, err
	}
	users, err := a.store.ListUsers(ctx)
	if err != nil {
		return "", err
	}
	for _, u := range users {
		if u.Role == core.RoleOwner && u.Enabled {
			return a.signInLink(ctx, u)
		}
	}
	return "", core.Errorf(core.KindNotFound, "No enabled owner is left in this database")
}

func (a *App) signInLink(ctx context.Context, u core.User) (string, error) {
	secret, _, err := a.issue(ctx, core.Credential{Kind: core.CredentialSignInLink, Name: u.Name, UserID: u.ID, Role: u.Role}, signInLinkLife)
	if err != nil {
		return "", fmt.Errorf("make a sign-in link: %w", err)
	}
	return a.publicURL + "/sign-in/" + secret, nil
}

// SignIn uses up a one-time sign-in link and returns a session's secret, good for 7 days.
func (a *App) SignIn(ctx context.Context, link string) (session string, expires time.Time, err error) {
	used := core.Errorf(core.KindUnauthorized, "This sign-in link was used already or has expired; run `oore signin-link` on the server for a new one")
	c, err := a.credential(ctx, core.CredentialSignInLink, link)
	if core.KindOf(err) == core.KindUnauthorized {
		return "", time.Time{}, used
	}
	if err != nil {
		return "", time.Time{}, err
	}
	mine, err := a.store.DeleteCredential(ctx, c.ID)
	if err != nil {
		return "", time.Time{}, err
	}
	if !mine {
		return "", time.Time{}, used
	}
	session, c, err = a.issue(ctx, core.Credential{Kind: core.CredentialSession, Name: c.Name, UserID: c.UserID, Role: c.Role}, sessionLife)
	if err != nil {
		return "", time.Time{}, err
	}
	return session, *c.ExpiresAt, nil
}

// SignOut ends a session; an unknown one is no error, what is none is KindInvalid.
func (a *App) SignOut(ctx context.Context, session string) error {
	if !strings.HasPrefix(session, secretPrefixes[core.CredentialSession]) {
		return core.Errorf(core.KindInvalid, "This is no session; an API token ends with DELETE /v1/api-tokens/{id}")
	}
	c, err := a.credential(ctx, core.CredentialSession, session)
	if core.KindOf(err) == core.KindUnauthorized {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = a.store.DeleteCredential(ctx, c.ID)
	return err
}

// CreateAPIToken describes a new API token. Role defaults to the asker's own and may not exceed it.
type CreateAPIToken struct {
	Name string
	Role core.Role
}

// CreateAPIToken makes an API token; its secret is returned once and never stored.
func (a *App) CreateAPIToken(ctx context.Context, actor core.Actor, in CreateAPIToken) (secret string, c core.Credential, err error) {
	if err := core.Allow(actor, core.ActRead, nil); err != nil {
		return "", c, err
	}
	in.Name = strings.TrimSpace(in.Name)
	if in.Name == "" || len(in.Name) > 100 || !plain(in.Name) {
		return "", c, core.Errorf(core.KindInvalid, "name: give the token a name of 1 to 100 printable characters, so that you can tell it from others")
	}
	if in.Role == "" {
		in.Role = actor.Role
	}
	if !in.Role.InstanceRole() {
		return "", c, core.Errorf(core.KindInvalid, "role: %q is none of owner, admin, developer, viewer", in.Role)
	}
	if actor.Kind != core.ActorSystem && !actor.Role.AtLeast(in.Role) {
		return "", c, core.Errorf(core.KindForbidden, "You are %s and cannot make a token for the role %s", actor.Role, in.Role)
	}
	return a.issue(ctx, core.Credential{Kind: core.CredentialAPIToken, Name: in.Name, UserID: actor.UserID, Role: in.Role}, 0)
}

// ListAPITokens lists tokens, without secrets: all for admins, else the asker's own.
func (a *App) ListAPITokens(ctx context.Context, actor core.Actor) ([]core.Credential, error) {
	if err := core.Allow(actor, core.ActRead, nil); err != nil {
		return nil, err
	}
	all, err := a.store.ListCredentials(ctx, core.CredentialAPIToken)
	if err != nil || actor.Role.AtLeast(core.RoleAdmin) {
		return all, err
	}
	own := []core.Credential{}
	for _, c := range all {
		if c.UserID != "" && c.UserID == actor.UserID {
			own = append(own, c)
		}
	}
	return own, nil
}

// DeleteAPIToken revokes a token at once: any for admins, else one's own. What is
// not one's own is not found.
func (a *App) DeleteAPIToken(ctx context.Context, actor core.Actor, id string) error {
	own, err := a.ListAPITokens(ctx, actor)
	if err != nil {
		return err
	}
	for _, c := range own {
		if c.ID == id {
			_, err := a.store.DeleteCredential(ctx, id)
			a.log.Info("API token revoked", "token", c.Name, "actor", actor.Name)
			return err
		}
	}
	return core.Errorf(core.KindNotFound, "Token not found")
}

// plain tells whether every character of s can be seen.
func plain(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}
