package core

import "time"

// Role is what a user or a token may do on this instance.
type Role string

// The roles, lowest last.
const (
	RoleOwner     Role = "owner"
	RoleAdmin     Role = "admin"
	RoleDeveloper Role = "developer"
	RoleViewer    Role = "viewer"
	// RoleMaintainer stands only in a project (members and trigger_role).
	RoleMaintainer Role = "maintainer"
)

// rank orders roles; an unknown role ranks below all.
func (r Role) rank() int {
	switch r {
	case RoleOwner:
		return 5
	case RoleAdmin:
		return 4
	case RoleMaintainer:
		return 3
	case RoleDeveloper:
		return 2
	case RoleViewer:
		return 1
	}
	return 0
}

// AtLeast tells whether r may do whatever other may.
func (r Role) AtLeast(other Role) bool { return r.rank() >= other.rank() && r.rank() > 0 }

// InstanceRole tells whether r is a role of users and tokens.
func (r Role) InstanceRole() bool {
	return r == RoleOwner || r == RoleAdmin || r == RoleDeveloper || r == RoleViewer
}

// User is a person who signs in.
type User struct {
	ID        string
	Name      string
	Email     string
	Role      Role
	Enabled   bool
	CreatedAt time.Time
	UpdatedAt time.Time
}

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
	Name       string
	UserID     string // empty for a token made on the command line
	Role       Role
	BuildID    string // stream
	ArtifactID string // download, share, install
	SourceID   string // install: the share link that it came of; it ends with that
	SingleUse  bool   // share: good for one install
	Uses       int    // share: installs and downloads that began
	Sealed     []byte // what a one-time state stands for, readable for the vault alone
	CreatedAt  time.Time
	ExpiresAt  *time.Time
	LastUsedAt *time.Time
}

// Actor is who asks. Doors make it from a credential and hand it to commands as an
// argument; commands decide.
type Actor struct {
	Kind    ActorKind
	UserID  string
	Name    string // for audit and TriggerActor
	Role    Role
	Scope   string // a build's id: may read that build's log and nothing else
	ForgeID string // ActorForge: provider, host and the person's numeric id there
}

// Identity tells people apart, whose names change hands; empty: no person is known. A
// token is its owner.
func (a Actor) Identity() string {
	switch {
	case a.Kind == ActorForge && a.ForgeID != "":
		return "forge:" + a.ForgeID
	case a.Kind != ActorForge && a.UserID != "":
		return "user:" + a.UserID
	}
	return ""
}

// ActorKind says which door the actor came through.
type ActorKind string

// The kinds of actors. ActorSystem is the house itself, acting on an event.
const (
	ActorUser   ActorKind = "user"
	ActorToken  ActorKind = "token"
	ActorSystem ActorKind = "system"
	// ActorForge is a person known by what a forge lets them do in the repository in
	// question, and for that repository alone; Role says it in our words.
	ActorForge ActorKind = "forge"
)
