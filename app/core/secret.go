package core

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Secret is a value that a project gives to its builds, without the value.
type Secret struct {
	ID        string
	ProjectID string
	Name      string   // of the variable; unique in the project
	File      bool     // the variable holds the path of a file with the value
	Branches  []string // globs of the branches whose builds get it; empty: all, tags too
	Sealed    []byte   // the value, readable for the vault alone; lists leave it out
	UpdatedAt time.Time
	UpdatedBy string // who set it last
}

// SecretValue is a secret on its way to a build.
type SecretValue struct {
	Name  string
	Value string
	File  bool
	// Branch: it is only for the build's branch, of which the commit must be a part.
	// Empty: for all builds, or a forge has told that the commit is.
	Branch string
}

// String keeps the value out of whatever prints it.
func (v SecretValue) String() string { return v.Name + "=***" }

// GoString is String.
func (v SecretValue) GoString() string { return v.String() }

// Limits of secrets.
const (
	MaxSecretBytes = 64 << 10
	MaxSecrets     = 200 // of a project
	// MinSecretChars: what is shorter cannot be hidden in a log without hiding half of it.
	MinSecretChars = 4
)

// Reasons why a build got no secrets.
const (
	ReasonSecretMissing = "secret_missing"
	ReasonSecretRefused = "secret_refused"
)

// Validate checks name and branches: KindInvalid names the field as the API does.
func (s Secret) Validate() error {
	return firstError(
		invalid("name", checkSecretVariable(s.Name)),
		each("branches", s.Branches, maxListItems, checkRefPattern),
	)
}

func checkSecretVariable(name string) string {
	switch {
	case !validEnvName(name) || name != strings.ToUpper(name) || len(name) > maxEnvKey:
		return fmt.Sprintf("is %q; a secret's name is capital letters, digits and underscores, at most %d, and starts with no digit", truncate(name, 40), maxEnvKey)
	case reservedEnvName(name):
		return fmt.Sprintf("is %s, which a build may not set: it changes how programs are found or loaded, or is Oore's own", name)
	}
	return ""
}

// ValidateValue checks a value for the secret: KindInvalid, without the value.
func (s Secret) ValidateValue(value string) error {
	switch {
	case len(value) > MaxSecretBytes:
		return Errorf(KindInvalid, "value must have at most %d KiB", MaxSecretBytes>>10)
	case utf8.RuneCountInString(strings.TrimSpace(value)) < MinSecretChars:
		return Errorf(KindInvalid, "value must have at least %d characters, or it could not be hidden in logs", MinSecretChars)
	case !s.File && strings.ContainsRune(value, 0):
		return Errorf(KindInvalid, "value must not contain a NUL character, which no variable can hold; give it as a file")
	}
	return nil
}

// GivenTo decides whether a build may have the secret. KindForbidden, code
// secret_refused, says why not.
func (s Secret) GivenTo(b Build) error {
	switch {
	case b.PullRequest != nil && b.PullRequest.Fork:
		return Codef(KindForbidden, ReasonSecretRefused, "The secret %s is not given to this build: pull request #%d comes from a fork", s.Name, b.PullRequest.Number)
	case len(s.Branches) == 0:
		return nil
	case b.Branch == "" || b.Tag != "":
		return Codef(KindForbidden, ReasonSecretRefused, "The secret %s is not given to this build: it is only for the branches %s", s.Name, list(s.Branches))
	case !MatchBranch(s.Branches, b.Branch):
		return Codef(KindForbidden, ReasonSecretRefused, "The secret %s is not given to this build: it is only for the branches %s, not for %s", s.Name, list(s.Branches), b.Branch)
	}
	return nil
}

// SecretStore keeps the secrets of projects.
type SecretStore interface {
	// SaveSecret inserts, or replaces the one of that name in that project, which keeps
	// its id. It returns the stored one, without Sealed.
	SaveSecret(ctx context.Context, s Secret) (Secret, error)
	DeleteSecret(ctx context.Context, projectID, name string) error
	FindSecret(ctx context.Context, projectID, name string) (Secret, error)
	ListSecrets(ctx context.Context, projectID string) ([]Secret, error) // by name, without Sealed
}
