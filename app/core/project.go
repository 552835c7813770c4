package core

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// Provider names a kind of Git host.
type Provider string

// The providers. ProviderGit is a repository reached by address alone: a folder on
// the server or any git URL; nobody takes statuses or comments for it.
const (
	ProviderGitHub Provider = "github"
	ProviderGitLab Provider = "gitlab"
	ProviderGit    Provider = "git"
	ProviderSlack  Provider = "slack"
)

// Repository is a repository at its host. Its identity is (Provider, Host,
// ExternalID): names change, numeric ids do not. For ProviderGit the external id is
// the clone address, and there is no host.
type Repository struct {
	ID             string
	Provider       Provider
	Host           string // its integration's
	ExternalID     string
	IntegrationID  string // through which we reach it
	FullName       string
	WebURL         string
	CloneURL       string // never with credentials; an absolute path for a local repository
	DefaultBranch  string
	Private        bool
	InstallationID int64  // GitHub: the App's installation that sees it; 0 elsewhere
	Unavailable    string // why it cannot be reached, in a sentence; empty: it can
	HookTrouble    string // why its webhook does not work, in a sentence; empty: it does, or needs none
	HookNote       string // when it was last found switched off by the forge, in sentences; empty: never
	CreatedAt      time.Time
	UpdatedAt      time.Time
}

// FileURL is the page of a file at a commit; line 0: of the whole file. Empty: the
// host has none.
func (r Repository) FileURL(sha, path string, line int) string {
	if r.WebURL == "" || sha == "" || path == "" {
		return ""
	}
	between := ""
	switch r.Provider {
	case ProviderGitHub:
		between = "/blob/"
	case ProviderGitLab:
		between = "/-/blob/"
	case ProviderGit, ProviderSlack:
		return ""
	}
	address := r.WebURL + between + sha + (&url.URL{Path: "/" + path}).EscapedPath()
	if line > 0 {
		address += fmt.Sprintf("#L%d", line)
	}
	return address
}

// ForkPolicy says what a pull request from a fork may start.
type ForkPolicy string

// The fork policies.
const (
	ForksIgnore  ForkPolicy = "ignore"
	ForksApprove ForkPolicy = "approve"
	ForksBuild   ForkPolicy = "build"
)

// CommentPolicy says when the sticky comment is written.
type CommentPolicy string

// The comment policies.
const (
	CommentsAlways    CommentPolicy = "always"
	CommentsOnFailure CommentPolicy = "on_failure"
	CommentsOff       CommentPolicy = "off"
)

// Visibility says who sees a project.
type Visibility string

// The visibilities: every user of the instance, or the members alone. What is public is
// seen by every user, and its badges by everybody.
const (
	VisiblePublic   Visibility = "public"
	VisibleInstance Visibility = "instance"
	VisibleMembers  Visibility = "members"
)

// CheckStyle says how results appear on a commit.
type CheckStyle string

// The check styles. A forge without check runs shows statuses.
const (
	CheckStatus CheckStyle = "status"
	CheckRun    CheckStyle = "check_run"
)

// Project joins a repository with its pipelines and policies.
type Project struct {
	ID            string
	Name          string
	Slug          string
	Description   string
	RepositoryID  string
	Repository    Repository // filled when read
	DefaultBranch string     // empty: the repository's
	Forks         ForkPolicy
	Comments      CommentPolicy
	TriggerRole   Role // the lowest role that may start builds
	Visibility    Visibility
	Checks        CheckStyle
	ReportSkipped bool // a filtered pipeline's check ends as skipped, so that a required check does not wait for ever
	Quota         Quota
	CreatedAt     time.Time
	UpdatedAt     time.Time
}

// Branch is the branch that builds use when nobody names one.
func (p Project) Branch() string {
	if p.DefaultBranch != "" {
		return p.DefaultBranch
	}
	return p.Repository.DefaultBranch
}

var notSlug = regexp.MustCompile(`[^a-z0-9]+`)

// Slug makes the lasting short name of a project or pipeline from its name:
// lower-case letters, digits and single hyphens; never empty.
func Slug(name string) string {
	s := strings.Trim(notSlug.ReplaceAllString(strings.ToLower(name), "-"), "-")
	if len(s) > 60 {
		s = strings.Trim(s[:60], "-")
	}
	if s == "" { // no letter or digit of ASCII: names still need slugs of their own
		sum := sha256.Sum256([]byte(name))
		return "x" + hex.EncodeToString(sum[:4])
	}
	return s
}
