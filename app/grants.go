package app

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// grantLife is how long a person may take to agree; GitLab's code lives for ten minutes
// of that.
const grantLife = time.Hour

// StartGitLabGrant asks for access by an OAuth application.
type StartGitLabGrant struct {
	WebURL        string // with the path prefix if it has one
	ApplicationID string
	Secret        string
	IntegrationID string // an integration that was connected so, in place of all the rest
}

// pendingGrant is what a state stands for until the host has sent the person back.
type pendingGrant struct {
	WebURL       string `json:"web_url"`
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
	Verifier     string `json:"verifier"`
}

func (a *App) grantRequest(p pendingGrant, state string) core.GrantRequest {
	return core.GrantRequest{
		WebURL: p.WebURL, ClientID: p.ClientID, ClientSecret: p.ClientSecret, Verifier: p.Verifier, State: state,
		RedirectURL: a.GrantAddress(core.ProviderGitLab),
	}
}

// GrantAddress is where a host is to send the person back who was asked for access.
func (a *App) GrantAddress(p core.Provider) string {
	return a.publicURL + "/settings/sources/" + string(p) + "/callback"
}

// StartGitLabGrant returns the address at which the person's browser asks GitLab for
// access. GitLab sends the person back with a code for CompleteGitLabGrant.
func (a *App) StartGitLabGrant(ctx context.Context, actor core.Actor, in StartGitLabGrant) (address string, err error) {
	if err := core.Allow(actor, core.ActManageInstance, nil); err != nil {
		return "", err
	}
	room, ok := a.forges[core.ProviderGitLab].(core.Granter)
	if !ok {
		return "", core.Errorf(core.KindInvalid, "This server connects to no GitLab")
	}
	p, err := a.pendingGrant(ctx, in)
	if err != nil {
		return "", err
	}
	p.Verifier, _ = newSecret(core.CredentialGrantState)
	c := core.Credential{ID: a.newID(), Kind: core.CredentialGrantState, Name: p.WebURL, UserID: actor.UserID, Role: actor.Role}
	plain, err := json.Marshal(p) //nolint:gosec // secrets on purpose: the vault seals them in the next statement
	if err != nil {
		return "", err
	}
	if c.Sealed, err = a.vault.Seal(plain, grantSealedAt(c.ID)); err != nil {
		return "", fmt.Errorf("seal the secret of an application: %w", err)
	}
	var state string
	entry := core.AuditEntry{Action: core.AuditIntegrationStart, TargetKind: core.TargetIntegration, Target: "GitLab at " + p.WebURL}
	err = a.noting(ctx, actor, entry, func(tx core.Store) (err error) {
		state, _, err = a.issue(ctx, tx, c, grantLife)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("note that access is asked for: %w", err)
	}
	return room.GrantURL(a.grantRequest(p, state))
}

func grantSealedAt(credentialID string) string { return "credentials/" + credentialID }

// pendingGrant reads which application asks.
func (a *App) pendingGrant(ctx context.Context, in StartGitLabGrant) (p pendingGrant, err error) {
	if in.IntegrationID != "" {
		i, err := a.store.FindIntegration(ctx, in.IntegrationID)
		if err != nil {
			return p, err
		}
		c, err := a.connectionOf(i)
		if err != nil {
			return p, err
		}
		if c.Secrets.ClientID == "" {
			return p, core.Errorf(core.KindInvalid, "%s is connected by a token, not by an application", i.Name)
		}
		return pendingGrant{WebURL: c.WebURL, ClientID: c.Secrets.ClientID, ClientSecret: c.Secrets.ClientSecret}, nil
	}
	p = pendingGrant{ClientID: strings.TrimSpace(in.ApplicationID), ClientSecret: strings.TrimSpace(in.Secret)}
	if p.WebURL, err = webAddress(in.WebURL); err != nil {
		return p, err
	}
	for name, value := range map[string]string{"application_id": p.ClientID, "secret": p.ClientSecret} {
		if value == "" || !plain(value) {
			return p, core.Errorf(core.KindInvalid, "%s: copy it from the application's page in GitLab", name)
		}
	}
	return p, nil
}

// CompleteGitLabGrant exchanges the code that GitLab sent the person back with, and
// connects the host. The state works once, for who started: codes invalid_state, and
// what the room says of the code. If what GitLab granted cannot be stored it is lost,
// and the error says so.
func (a *App) CompleteGitLabGrant(ctx context.Context, actor core.Actor, code, state string) (IntegrationDetail, error) {
	if err := core.Allow(actor, core.ActManageInstance, nil); err != nil {
		return IntegrationDetail{}, err
	}
	forge := a.forges[core.ProviderGitLab]
	granter, ok := forge.(core.Granter)
	room, connects := forge.(core.Connector)
	if !ok || !connects {
		return IntegrationDetail{}, core.Errorf(core.KindInvalid, "This server connects to no GitLab")
	}
	started, err := a.takeState(ctx, actor, core.CredentialGrantState, state)
	if err != nil {
		return IntegrationDetail{}, err
	}
	var p pendingGrant
	sealed, err := a.vault.Open(started.Sealed, grantSealedAt(started.ID))
	if err == nil {
		err = json.Unmarshal(sealed, &p)
	}
	if err != nil {
		return IntegrationDetail{}, err
	}
	secrets, err := granter.Grant(ctx, a.grantRequest(p, state), code)
	if err != nil {
		return IntegrationDetail{}, err
	}
	c, err := room.Inspect(ctx, core.Connection{Integration: core.Integration{Provider: core.ProviderGitLab, WebURL: p.WebURL}, Secrets: secrets})
	if err != nil {
		return IntegrationDetail{}, err
	}
	return a.connect(ctx, actor, c)
}

// takeState uses up a one-time state of who began.
func (a *App) takeState(ctx context.Context, actor core.Actor, kind core.CredentialKind, state string) (core.Credential, error) {
	stale := core.Codef(core.KindInvalid, core.CodeInvalidState,
		"This was not started here by you, is finished already or took longer than an hour; start again under Settings, Sources")
	started, err := a.credential(ctx, kind, state)
	if core.KindOf(err) == core.KindUnauthorized || err == nil && started.UserID != actor.UserID {
		return started, stale
	}
	if err != nil {
		return started, err
	}
	mine, err := a.store.DeleteCredential(ctx, started.ID)
	if err == nil && !mine {
		err = stale
	}
	return started, err
}
