package core

import (
	"context"
	"net/mail"
	"time"
)

// User is a person who signs in.
type User struct {
	ID         string
	Name       string
	Email      string // told apart without regard to upper and lower case
	Role       Role
	Enabled    bool
	Departed   string // the service whose list let them in and that they have left; empty: none
	Invited    bool   // has never signed in
	Password   string // its hash; empty: none, and nothing is one
	LastSeenAt *time.Time
	// PasswordUsedAt is when they last signed in with the password.
	PasswordUsedAt *time.Time
	CreatedAt      time.Time
	UpdatedAt      time.Time
}

// Validate checks what a person may set. The first fault is KindInvalid, and its
// message names the field as the API does.
func (u User) Validate() error {
	return firstError(
		invalid("email", checkEmail(u.Email)),
		invalid("name", checkName(u.Name)),
		invalid("role", checkOneOf(u.Role, RoleOwner, RoleAdmin, RoleDeveloper, RoleViewer)),
	)
}

const maxEmail = 254

// MaxUserName bounds a user's name, in characters.
const MaxUserName = maxNameLength

func checkEmail(s string) string {
	if wrong := checkLine(s, maxEmail); wrong != "" {
		return wrong
	}
	if a, err := mail.ParseAddress(s); err != nil || a.Address != s {
		return "must be an e-mail address, such as ada@example.com"
	}
	return ""
}

// Identity is what a service that people sign in at calls a user of the house.
type Identity struct {
	Provider   string // "oidc:<issuer>", "github:<host>", "gitlab:<host>", "proxy:"
	Subject    string // the service's lasting id of the person: names change hands
	UserID     string
	Login      string // the name there, for people
	CreatedAt  time.Time
	LastUsedAt *time.Time // nil: nobody has signed in with it
}

// ForgeIdentity names a forge as the provider of identities.
func ForgeIdentity(p Provider, host string) string { return string(p) + ":" + host }

// Member is a user's role in one project.
type Member struct {
	ProjectID string
	UserID    string
	Role      Role // maintainer, developer or viewer
	CreatedAt time.Time
}

// UserStore keeps users, who they are elsewhere, and what they are in projects.
type UserStore interface {
	CreateUser(ctx context.Context, u User) error // KindConflict, email_exists, for a used e-mail
	// UpdateUser stores name, e-mail, role, enabled, departed, invited, password and its last use.
	UpdateUser(ctx context.Context, u User) error
	FindUser(ctx context.Context, id string) (User, error)
	FindUserByEmail(ctx context.Context, email string) (User, error) // in upper or lower case
	ListUsers(ctx context.Context) ([]User, error)                   // oldest first
	// HoldUser is FindUser within a transaction, until whose end nobody else changes the
	// user or signs them in.
	HoldUser(ctx context.Context, id string) (User, error)
	// HoldOwners lists the enabled owners, and lets nobody else change one of them until
	// the transaction ends.
	HoldOwners(ctx context.Context) ([]User, error)

	// SaveIdentity inserts, or updates the login and last use of the same user's by
	// (Provider, Subject). KindConflict, identity_taken: it is another user's.
	SaveIdentity(ctx context.Context, i Identity) error
	// DeleteIdentity removes one of the user's own.
	DeleteIdentity(ctx context.Context, userID, provider, subject string) error
	FindIdentity(ctx context.Context, provider, subject string) (Identity, error)
	ListIdentities(ctx context.Context, userID string) ([]Identity, error) // by provider and subject

	// SaveMember inserts or updates by (ProjectID, UserID).
	SaveMember(ctx context.Context, m Member) error
	DeleteMember(ctx context.Context, projectID, userID string) error
	FindMember(ctx context.Context, projectID, userID string) (Member, error)
	ListMembers(ctx context.Context, projectID string) ([]Member, error) // oldest first
	ListMemberships(ctx context.Context, userID string) ([]Member, error)
}
