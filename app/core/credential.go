package core

import (
	"context"
	"time"
)

// CredentialKind says what a stored credential is good for.
type CredentialKind string

// The kinds of credentials. All are random, shown once, and stored as SHA-256.
const (
	CredentialAPIToken   CredentialKind = "api_token"
	CredentialSession    CredentialKind = "session"
	CredentialSignInLink CredentialKind = "sign_in_link" // used once
	CredentialStream     CredentialKind = "stream"       // one build's log stream
	CredentialChatLink   CredentialKind = "chat_link"    // links a person in Slack; used once
	CredentialDownload   CredentialKind = "download"     // one artifact's file
	CredentialRunner     CredentialKind = "runner"       // a runner's own, with the runner's id; good for its routes alone
	CredentialAppState   CredentialKind = "app_state"    // a GitHub App is being made; used once
	CredentialShare      CredentialKind = "share"        // a link to one artifact's install page
	CredentialInstall    CredentialKind = "install"      // one install of an artifact, by a person or of a share link
	CredentialGrantState CredentialKind = "grant_state"  // a person is asked to let an application act for them; used once
	// CredentialSignInState is a browser's that is away to sign in elsewhere; used once.
	CredentialSignInState CredentialKind = "sign_in_state"
)

// LastingCredentials lists the kinds that a restored backup keeps. The others are short
// or good for once: one that was used up since the backup would be good again.
func LastingCredentials() []CredentialKind {
	return []CredentialKind{CredentialAPIToken, CredentialRunner, CredentialShare}
}

// Credential is a stored proof of who somebody is.
type Credential struct {
	ID         string
	Kind       CredentialKind
	Hash       string // hex SHA-256 of the secret
	Prefix     string // of the secret, behind its kind's own: tells API tokens apart
	Name       string
	UserID     string // empty for a token made on the command line
	Role       Role   // the most that a token may do
	ProjectID  string // the one project that a token is for; empty: all
	BuildID    string // stream
	ArtifactID string // download, share, install
	ParentID   string // stream: the token or session that it was made with
	SourceID   string // install: the share link that it came of; it ends with that
	SingleUse  bool   // share: good for one install
	Uses       int    // share: installs and downloads that began
	Sealed     []byte // what a one-time state stands for, readable for the vault alone
	CreatedBy  string // name of who made a token, for people; session: the provider at which it was begun, if it was
	Address    string // session: where it was begun
	UserAgent  string // session: by what
	CreatedAt  time.Time
	ExpiresAt  *time.Time
	LastUsedAt *time.Time
}

// Lifetimes of a session.
const (
	SessionLife = 7 * 24 * time.Hour // whatever is done with it
	SessionIdle = 12 * time.Hour     // without a request
	// SessionProof is how long a service's word is believed that can be asked again in the
	// person's own browser alone.
	SessionProof = 4 * time.Hour
)

// MaxUserAgent bounds what is kept of the name that a browser gives itself, in characters.
const MaxUserAgent = 200

// Live tells whether a credential is good at a time.
func (c Credential) Live(now time.Time) bool {
	if c.ExpiresAt != nil && !now.Before(*c.ExpiresAt) {
		return false
	}
	return c.Kind != CredentialSession || now.Sub(c.used()) < SessionIdle
}

func (c Credential) used() time.Time {
	if c.LastUsedAt != nil {
		return *c.LastUsedAt
	}
	return c.CreatedAt
}

// CredentialStore keeps credentials.
type CredentialStore interface {
	CreateCredential(ctx context.Context, c Credential) error
	FindCredential(ctx context.Context, k CredentialKind, hash string) (Credential, error)
	FindCredentialByID(ctx context.Context, id string) (Credential, error)
	// TouchCredential notes that it was used, and that its user was seen.
	TouchCredential(ctx context.Context, c Credential, at time.Time) error
	// DeleteCredential deletes it and what came of it, and tells whether it was there: of
	// two users of a one-time link one wins.
	DeleteCredential(ctx context.Context, id string) (bool, error)
	// DeleteCredentialsOf deletes a user's, of these kinds.
	DeleteCredentialsOf(ctx context.Context, userID string, kinds ...CredentialKind) error
	// ListCredentials lists those of a kind, oldest first: one user's, or all if none is named.
	ListCredentials(ctx context.Context, k CredentialKind, userID string) ([]Credential, error)
	// DeleteExpiredCredentials deletes what is past its end, and sessions that have not been
	// used for SessionIdle.
	DeleteExpiredCredentials(ctx context.Context, now time.Time) error
	FindShareLink(ctx context.Context, id string) (Credential, error)
	ListShareLinks(ctx context.Context, artifactID string) ([]Credential, error) // oldest first
	// UseShareLink counts a use, and tells whether there was one left.
	UseShareLink(ctx context.Context, id string, at time.Time) (bool, error)
}
