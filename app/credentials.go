package app

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// secretPrefixes let people and secret scanners tell the kinds apart.
var secretPrefixes = map[core.CredentialKind]string{
	core.CredentialAPIToken: "oore_", core.CredentialSession: "oores_",
	core.CredentialSignInLink: "oorel_", core.CredentialStream: "oorev_",
	core.CredentialAppState: "oorea_", core.CredentialChatLink: "oorec_",
	core.CredentialDownload: "oored_", core.CredentialRunner: "oorer_",
	core.CredentialShare: "ooreh_", core.CredentialInstall: "oorei_",
	core.CredentialGrantState: "ooreg_", core.CredentialSignInState: "ooren_",
}

// shownOfToken is how much of an API token's secret its owner is shown later on.
const shownOfToken = 8

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

// issue makes a credential and stores its hash; no life: it does not end by itself.
func (a *App) issue(ctx context.Context, s core.Store, c core.Credential, life time.Duration) (secret string, stored core.Credential, err error) {
	now := a.now()
	secret, c.Hash = newSecret(c.Kind)
	if c.Kind == core.CredentialAPIToken {
		c.Prefix = secret[len(secretPrefixes[c.Kind]):][:shownOfToken]
	}
	c.ID, c.CreatedAt = orElse(c.ID, a.newID()), now
	if life > 0 {
		expires := now.Add(life)
		c.ExpiresAt = &expires
	}
	return secret, c, s.CreateCredential(ctx, c)
}

func errBadCredential() error {
	return core.Errorf(core.KindUnauthorized, "This token or session is unknown or has expired; sign in again or make a new token")
}

// credential finds a live credential by its secret.
func (a *App) credential(ctx context.Context, kind core.CredentialKind, secret string) (core.Credential, error) {
	c, err := a.store.FindCredential(ctx, kind, hashSecret(secret))
	return c, a.live(c, err)
}

// credentialByID is credential for those that are known already.
func (a *App) credentialByID(ctx context.Context, id string) (core.Credential, error) {
	c, err := a.store.FindCredentialByID(ctx, id)
	return c, a.live(c, err)
}

// live makes one and the same error of all that is wrong with a credential.
func (a *App) live(c core.Credential, err error) error {
	if core.KindOf(err) == core.KindNotFound || err == nil && (!c.Live(a.now()) || a.stale(c)) {
		return errBadCredential()
	}
	return err
}

// take uses a one-time credential up; of two who try, one does.
func take(ctx context.Context, tx core.Store, c core.Credential, used error) error {
	mine, err := tx.DeleteCredential(ctx, c.ID)
	if err == nil && !mine {
		return used
	}
	return err
}
