package core

import (
	"context"
	"time"
)

// Integration is what we are at a Git host: a GitHub App, or a token at GitLab.
type Integration struct {
	ID         string
	Provider   Provider
	Name       string // for people: the App's name, the GitLab user's
	Host       string // where its pages are, without scheme: github.com, git.acme.dev/gitlab
	WebURL     string // https://github.com/
	APIURL     string // https://api.github.com/
	ExternalID string // GitHub: the App's numeric id; GitLab: the user's
	Slug       string // GitHub: the App's name in addresses
	Origin     Origin
	Trouble    string // what is wrong with it, in a sentence; empty: nothing that we know of
	Sealed     []byte // its Secrets, readable for the vault alone; none for OriginEnvironment
	CreatedAt  time.Time
	UpdatedAt  time.Time
}

// Origin says who gave an integration.
type Origin string

// The origins.
const (
	OriginEnvironment Origin = "environment" // the operator, by OORE_… settings
	OriginWeb         Origin = "web"         // somebody, by page or API
)

// Secrets are an integration's keys. They are stored sealed, and shown to nobody.
type Secrets struct {
	PrivateKey    string       `json:"private_key,omitempty"`    // GitHub: RSA, PEM
	WebhookSecret string       `json:"webhook_secret,omitempty"` // GitHub: required; GitLab: the host-wide one, may be empty
	ClientID      string       `json:"client_id,omitempty"`      // of an OAuth application; at GitLab empty where Token was given by hand
	ClientSecret  string       `json:"client_secret,omitempty"`
	Token         string       `json:"token,omitempty"`         // GitLab
	RefreshToken  string       `json:"refresh_token,omitempty"` // works once; empty: Token cannot be renewed
	TokenExpires  time.Time    `json:"token_expires,omitzero"`  // zero: not known
	Renewal       TokenRenewal `json:"renewal,omitzero"`
}

// TokenRenewal says how it stands with the renewal of a token. It lies with the secrets, so
// that one comparison decides which of several servers may renew.
type TokenRenewal struct {
	Began   time.Time `json:"began,omitzero"`   // a server uses the refresh token; zero: none does
	Done    time.Time `json:"done,omitzero"`    // the last that succeeded
	Refused time.Time `json:"refused,omitzero"` // the host refused the refresh token for good
}

// Connection is an integration ready for use.
type Connection struct {
	Integration
	Secrets Secrets
	Tokens  TokenSource // gives the token where it is renewed; nil: Secrets.Token is it
}

// TokenSource gives the tokens of a connection whose tokens live for a short time.
// Implementations are safe for concurrent use.
type TokenSource interface {
	// Token is one that is good now and for some minutes. refused is one that the host did
	// not take just now; empty: none. KindUnavailable says what to do.
	Token(ctx context.Context, refused string) (string, error)
}

// Installation is an account's permission to an integration to see repositories.
// GitHub has many for an App; a GitLab token is one, with ExternalID 0.
type Installation struct {
	IntegrationID string
	ExternalID    int64
	Account       string
	AccountType   string   // the forge's word: User, Organization
	All           bool     // it sees all repositories of the account, not a selection
	Suspended     bool     // by the account's owner
	Missing       []string // permissions and events that we need and do not have, in the forge's words
	SettingsURL   string   // where its owner changes it
	UpdatedAt     time.Time
}

// Inventory is an installation with what it sees.
type Inventory struct {
	Installation
	Repositories []Repository
}

// Connector is a room that speaks for several integrations of its provider.
type Connector interface {
	// Connect replaces all that the room speaks for. One that cannot work is left out
	// and named in the error (KindInvalid, errors.Join); the others work all the same.
	Connect(all []Connection) error
	// Inspect asks the host who we are there and fills in Name, Host, APIURL, ExternalID
	// and Slug. KindInvalid says what is wrong with address, key or token and how to put
	// it right; a token that lacks scopes is refused by their names.
	Inspect(ctx context.Context, c Connection) (Connection, error)
	// Inventory lists all that an integration sees now. Errors as with Forge.
	Inventory(ctx context.Context, integrationID string) ([]Inventory, error)
}

// AppRequest describes a GitHub App that somebody wants to be made for us.
type AppRequest struct {
	WebURL       string // of GitHub or GitHub Enterprise, with a trailing slash
	Organization string // who is to own it; empty: the person
	Name         string
	PublicURL    string // ours, without a trailing slash
	State        string // comes back with the code
}

// AppForm is a form that the person's browser posts to the host: to Action, with the
// one field "manifest".
type AppForm struct {
	Action   string
	Manifest string
}

// AppRegistrar makes GitHub Apps by GitHub's manifest flow.
type AppRegistrar interface {
	AppForm(r AppRequest) (AppForm, error)
	// RegisterApp exchanges the one-time code that the host gave the person for the
	// App's keys. The connection has no ID yet.
	RegisterApp(ctx context.Context, webURL, code string) (Connection, error)
	// InstallURL is where a person installs the App on an account.
	InstallURL(i Integration) string
}

// GrantRequest describes the access that a person is asked for in the name of an
// OAuth application.
type GrantRequest struct {
	WebURL       string // of the host, with a trailing slash
	ClientID     string
	ClientSecret string
	RedirectURL  string // ours, where the host sends the person back
	State        string // comes back with the code
	Verifier     string // whose hash the host is told first (PKCE)
}

// Granter is a room that is let in by a person's agreement (OAuth), instead of a token
// given by hand.
type Granter interface {
	// GrantURL is where the person's browser goes to agree. KindInvalid: the address.
	GrantURL(r GrantRequest) (string, error)
	// Grant exchanges the one-time code that came back. KindInvalid says what is wrong
	// with code or application, or which scope is missing.
	Grant(ctx context.Context, r GrantRequest, code string) (Secrets, error)
	// Renew exchanges a connection's refresh token, once. KindInvalid: the host refuses
	// it for good, and the error says what to do. Any other error leaves open whether it
	// has been used.
	Renew(ctx context.Context, c Connection) (Secrets, error)
}

// Hooker is a room that sets webhooks up, repository by repository.
type Hooker interface {
	// EnsureHook makes the repository's webhook to address exist, with the secret and the
	// events that we read, and switches it on and tries it if the forge had switched it
	// off. KindForbidden: the token may not, and the error says what to do by hand.
	// KindUnavailable: it is off still, because the forge cannot deliver there.
	EnsureHook(ctx context.Context, repo Repository, address, secret string) (HookRepair, error)
	// HookWorks tells whether the webhook is there and switched on.
	HookWorks(ctx context.Context, repo Repository, address string) (bool, error)
}

// HookRepair says how EnsureHook found a webhook. Its zero value: with nothing to mend.
type HookRepair struct {
	Off    bool      // the forge had switched it off, after failed deliveries
	Until  time.Time // when it would have tried it again by itself; zero: never, or it does not say
	Tested bool      // a delivery was asked for and arrived
}

// HookSecret is the webhook secret of one repository.
type HookSecret struct {
	RepositoryID  string
	IntegrationID string
	Secret        string
}

// IntegrationStore keeps integrations and what they see.
type IntegrationStore interface {
	// SaveIntegration inserts or updates by ID.
	SaveIntegration(ctx context.Context, i Integration) error
	// NoteIntegration updates Name, Slug and Trouble, and leaves the keys as they are.
	NoteIntegration(ctx context.Context, i Integration) error
	// SwapKeys stores Sealed and Trouble if Sealed still is old, and tells whether it was.
	SwapKeys(ctx context.Context, i Integration, old []byte) (bool, error)
	FindIntegration(ctx context.Context, id string) (Integration, error)
	ListIntegrations(ctx context.Context) ([]Integration, error) // oldest first
	// DeleteIntegration removes it with its installations. Repositories stay.
	DeleteIntegration(ctx context.Context, id string) error
	// SaveInstallation inserts or updates by (IntegrationID, ExternalID).
	SaveInstallation(ctx context.Context, i Installation) error
	DeleteInstallation(ctx context.Context, integrationID string, externalID int64) error
	ListInstallations(ctx context.Context, integrationID string) ([]Installation, error) // by account
	// SaveHookSecret replaces the sealed webhook secret of a repository.
	SaveHookSecret(ctx context.Context, repositoryID string, sealed []byte) error
	// ListHookSecrets lists the sealed secrets of the repositories of a provider that
	// have this external id, at whatever host: repository id → secret.
	ListHookSecrets(ctx context.Context, p Provider, externalID string) (map[string][]byte, error)
}
