package app

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// How long what is shared may live.
const (
	defaultShareLife = 24 * time.Hour
	minShareLife     = time.Minute
	maxShareLife     = 7 * 24 * time.Hour
	installLife      = time.Hour
)

// ShareLink describes a new share link.
type ShareLink struct {
	Life      time.Duration // a minute to 7 days; 0: a day
	SingleUse bool          // good for one install
}

// CreateShareLink makes an address at which anybody sees an artifact's install page, loads
// it and installs it, until it expires or is revoked. It is worth no more than who made
// it: it ends when they may no longer see the project.
func (a *App) CreateShareLink(ctx context.Context, actor core.Actor, artifactID string, in ShareLink) (url string, c core.Credential, err error) {
	artifact, err := a.FindArtifact(ctx, actor, artifactID)
	if err != nil {
		return "", c, err
	}
	if in.Life == 0 {
		in.Life = defaultShareLife
	}
	if in.Life < minShareLife || in.Life > maxShareLife {
		return "", c, core.Errorf(core.KindInvalid, "expires_in: a share link may live %d to %d seconds", int(minShareLife.Seconds()), int(maxShareLife.Seconds()))
	}
	var secret string
	err = a.store.InTx(ctx, func(tx core.Store) (err error) {
		secret, c, err = a.issue(ctx, tx, core.Credential{
			Kind: core.CredentialShare, Name: actor.Name, UserID: actor.UserID, Role: actor.Role, ProjectID: actor.OnlyProject, ArtifactID: artifact.ID, SingleUse: in.SingleUse,
		}, in.Life)
		if err != nil {
			return err
		}
		entry := auditShareLink(core.AuditShareCreate, c, artifact)
		entry.Changes = core.AuditChanges{}.With("expires_at", nil, c.ExpiresAt).With("single_use", false, c.SingleUse)
		return a.note(ctx, tx, actor, entry)
	})
	if err != nil {
		return "", c, fmt.Errorf("make a share link: %w", err)
	}
	a.log.Info("share link made", "link", c.ID, "artifact", artifact.ID, "project", artifact.ProjectID, "actor", actor.Name, "expires", c.ExpiresAt, "single_use", c.SingleUse)
	return a.installURL(secret), c, nil
}

// ListShareLinks lists an artifact's share links, oldest first, without their secrets.
func (a *App) ListShareLinks(ctx context.Context, actor core.Actor, artifactID string) ([]core.Credential, error) {
	if _, err := a.FindArtifact(ctx, actor, artifactID); err != nil {
		return nil, err
	}
	return a.store.ListShareLinks(ctx, artifactID)
}

// RevokeShareLink ends a share link, and the installs that came of it, at once.
func (a *App) RevokeShareLink(ctx context.Context, actor core.Actor, id string) error {
	c, err := a.store.FindShareLink(ctx, id)
	if err != nil {
		return err
	}
	artifact, err := a.FindArtifact(ctx, actor, c.ArtifactID)
	if core.KindOf(err) == core.KindNotFound {
		return core.Errorf(core.KindNotFound, "Share link not found")
	}
	if err != nil {
		return err
	}
	err = a.noting(ctx, actor, auditShareLink(core.AuditShareDelete, c, artifact), func(tx core.Store) error {
		return take(ctx, tx, c, core.Errorf(core.KindNotFound, "Share link not found"))
	})
	if err != nil {
		return err
	}
	a.log.Info("share link revoked", "link", id, "artifact", artifact.ID, "project", artifact.ProjectID, "actor", actor.Name, "made_by", c.Name, "uses", c.Uses)
	return nil
}

// CreateInstall makes the secret of an install page for the actor's own phone, which need
// not sign in there. It is good for an hour.
func (a *App) CreateInstall(ctx context.Context, actor core.Actor, artifactID string) (secret string, expires time.Time, err error) {
	artifact, err := a.FindArtifact(ctx, actor, artifactID)
	if err != nil {
		return "", time.Time{}, err
	}
	secret, c, err := a.issue(ctx, a.store, core.Credential{
		Kind: core.CredentialInstall, Name: actor.Name, UserID: actor.UserID, Role: actor.Role, ProjectID: actor.OnlyProject, ArtifactID: artifact.ID,
	}, installLife)
	if err != nil {
		return "", time.Time{}, fmt.Errorf("make an install: %w", err)
	}
	return secret, *c.ExpiresAt, nil
}

// Shared is what the address of an install page shows.
type Shared struct {
	Artifact  core.Artifact
	Build     core.Build
	Project   string // its name
	ExpiresAt time.Time
	SingleUse bool // BeginInstall uses it up
}

// FindShared finds what a share link or an install is for and uses nothing up. An unknown,
// expired, revoked or used one is KindNotFound.
func (a *App) FindShared(ctx context.Context, secret string) (Shared, error) {
	c, artifact, err := a.shared(ctx, secret)
	if err != nil {
		return Shared{}, err
	}
	b, err := a.store.FindBuild(ctx, artifact.BuildID)
	if err != nil {
		return Shared{}, err
	}
	project, err := a.store.FindProject(ctx, artifact.ProjectID)
	return Shared{Artifact: artifact, Build: b, Project: project.Name, ExpiresAt: *c.ExpiresAt, SingleUse: c.SingleUse}, err
}

// BeginInstall returns the secret with which page, manifest and file of one install are
// loaded, as often as the phone asks for them. It is the secret itself, but for a link of
// a single use: that is used up, and what takes its place is good for an hour, at the
// longest as long as the link.
func (a *App) BeginInstall(ctx context.Context, secret string) (string, error) {
	link, _, err := a.shared(ctx, secret)
	if err != nil || !link.SingleUse {
		return secret, err
	}
	life := min(installLife, link.ExpiresAt.Sub(a.now()))
	if life <= 0 {
		return "", errUnknownLink()
	}
	begun, c, err := a.begin(ctx, link, life)
	if err != nil {
		return "", err
	}
	a.log.Info("share link used", "link", link.ID, "artifact", link.ArtifactID, "install", c.ID)
	return begun, nil
}

func (a *App) begin(ctx context.Context, link core.Credential, life time.Duration) (secret string, c core.Credential, err error) {
	now := a.now()
	expires := now.Add(life)
	c = core.Credential{
		ID: a.newID(), Kind: core.CredentialInstall, Name: link.Name, UserID: link.UserID, Role: link.Role, ProjectID: link.ProjectID, ArtifactID: link.ArtifactID,
		SourceID: link.ID, CreatedAt: now, ExpiresAt: &expires,
	}
	secret, c.Hash = newSecret(c.Kind)
	err = a.store.InTx(ctx, func(tx core.Store) error {
		mine, err := tx.UseShareLink(ctx, link.ID, now)
		if err != nil {
			return err
		}
		if !mine { // somebody else was first, or it is revoked
			return errUnknownLink()
		}
		return tx.CreateCredential(ctx, c)
	})
	return secret, c, err
}

// OpenShared opens the file that a share link or an install is for. begins: it is a
// download that begins, no rest of one, and counts as a use of the link.
func (a *App) OpenShared(ctx context.Context, secret string, begins bool) (core.Artifact, io.ReadSeekCloser, error) {
	c, artifact, err := a.shared(ctx, secret)
	if err != nil {
		return artifact, nil, err
	}
	artifact, file, err := a.openArtifact(ctx, artifact)
	if err != nil || !begins || c.Kind != core.CredentialShare || c.SingleUse {
		return artifact, file, err
	}
	if _, err := a.store.UseShareLink(ctx, c.ID, a.now()); err != nil {
		_ = file.Close()
		return artifact, nil, err
	}
	a.log.Info("share link used", "link", c.ID, "artifact", artifact.ID)
	return artifact, file, nil
}

func errUnknownLink() error {
	return core.Errorf(core.KindNotFound, "This link is unknown, was used, has expired or was revoked; ask for a new one")
}

// shared finds a live share link or install and its artifact, as far as who made it may
// still see that.
func (a *App) shared(ctx context.Context, secret string) (core.Credential, core.Artifact, error) {
	kind := core.CredentialShare
	if strings.HasPrefix(secret, secretPrefixes[core.CredentialInstall]) {
		kind = core.CredentialInstall
	}
	c, err := a.credential(ctx, kind, secret)
	if core.KindOf(err) == core.KindUnauthorized || err == nil && c.SingleUse && c.Uses > 0 {
		return c, core.Artifact{}, errUnknownLink()
	}
	if err != nil {
		return c, core.Artifact{}, err
	}
	maker, err := a.maker(ctx, c)
	if err != nil {
		return c, core.Artifact{}, err
	}
	artifact, err := a.FindArtifact(ctx, maker, c.ArtifactID)
	if core.KindOf(err) == core.KindNotFound {
		err = errUnknownLink()
	}
	return c, artifact, err
}

// maker is who made a credential, with what they may do today.
func (a *App) maker(ctx context.Context, c core.Credential) (core.Actor, error) {
	actor, err := a.actorOf(ctx, c)
	if core.KindOf(err) == core.KindUnauthorized {
		err = errUnknownLink()
	}
	return actor, err
}
