package app

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// appStateLife is how long a person may take to make the App: GitHub's code lives an
// hour as well.
const appStateLife = time.Hour

// IntegrationDetail is an integration with the accounts that it is installed on.
type IntegrationDetail struct {
	core.Integration
	Installations []core.Installation
	InstallURL    string // where a person installs it on more accounts; empty where there is no such thing
	Repositories  int    // that it sees
	ApplicationID string // of the OAuth application by which it is connected; empty: by other means
}

// ListIntegrations lists what is connected, oldest first. For admins.
func (a *App) ListIntegrations(ctx context.Context, actor core.Actor) ([]IntegrationDetail, error) {
	if err := core.Allow(actor, core.ActManageInstance, nil); err != nil {
		return nil, err
	}
	all, err := a.store.ListIntegrations(ctx)
	if err != nil {
		return nil, err
	}
	details := []IntegrationDetail{}
	for _, i := range all {
		d, err := a.integrationDetail(ctx, i)
		if err != nil {
			return nil, err
		}
		details = append(details, d)
	}
	return details, nil
}

// FindIntegration returns one integration. For admins.
func (a *App) FindIntegration(ctx context.Context, actor core.Actor, id string) (IntegrationDetail, error) {
	if err := core.Allow(actor, core.ActManageInstance, nil); err != nil {
		return IntegrationDetail{}, err
	}
	i, err := a.store.FindIntegration(ctx, id)
	if err != nil {
		return IntegrationDetail{}, err
	}
	return a.integrationDetail(ctx, i)
}

func (a *App) integrationDetail(ctx context.Context, i core.Integration) (IntegrationDetail, error) {
	d := IntegrationDetail{Integration: i}
	var err error
	if d.Installations, err = a.store.ListInstallations(ctx, i.ID); err != nil {
		return d, err
	}
	repos, err := a.store.ListRepositories(ctx, i.Provider)
	if err != nil {
		return d, err
	}
	for _, r := range repos {
		if r.IntegrationID == i.ID && r.Unavailable == "" {
			d.Repositories++
		}
	}
	if _, ok := a.forges[i.Provider].(core.Granter); ok {
		if c, err := a.connectionOf(i); err == nil { // else its trouble says so
			d.ApplicationID = c.Secrets.ClientID
		}
	}
	if registrar, ok := a.forges[i.Provider].(core.AppRegistrar); ok && i.Slug != "" {
		d.InstallURL = registrar.InstallURL(i)
	}
	return d, nil
}

// ListIntegrationRepositories lists the repositories that integrations see, by name;
// an empty integrationID means all. For those who create projects.
func (a *App) ListIntegrationRepositories(ctx context.Context, actor core.Actor, integrationID string) ([]core.Repository, error) {
	if err := core.Allow(actor, core.ActCreateProject, nil); err != nil {
		return nil, err
	}
	all := []core.Repository{}
	for _, p := range []core.Provider{core.ProviderGitHub, core.ProviderGitLab} {
		repos, err := a.store.ListRepositories(ctx, p)
		if err != nil {
			return nil, err
		}
		for _, r := range repos {
			if r.Unavailable == "" && (integrationID == "" || r.IntegrationID == integrationID) {
				all = append(all, r)
			}
		}
	}
	return all, nil
}

// StartGitHubApp asks for an App to be made.
type StartGitHubApp struct {
	WebURL       string // of GitHub Enterprise; empty: github.com
	Organization string // who is to own the App; empty: the person
}

// StartGitHubApp returns the form that the person's browser posts to GitHub to make
// the App. GitHub sends the person back with a code for CompleteGitHubApp.
func (a *App) StartGitHubApp(ctx context.Context, actor core.Actor, in StartGitHubApp) (form core.AppForm, err error) {
	if err := core.Allow(actor, core.ActManageInstance, nil); err != nil {
		return form, err
	}
	registrar, ok := a.forges[core.ProviderGitHub].(core.AppRegistrar)
	if !ok {
		return form, core.Errorf(core.KindInvalid, "This server makes no GitHub Apps")
	}
	if in.WebURL == "" {
		in.WebURL = "https://github.com/"
	}
	if in.WebURL, err = webAddress(in.WebURL); err != nil {
		return form, err
	}
	var state string
	entry := core.AuditEntry{Action: core.AuditIntegrationStart, TargetKind: core.TargetIntegration, Target: "GitHub App at " + in.WebURL}
	err = a.noting(ctx, actor, entry, func(tx core.Store) (err error) {
		state, _, err = a.issue(ctx, tx, core.Credential{Kind: core.CredentialAppState, Name: in.WebURL, UserID: actor.UserID, Role: actor.Role}, appStateLife)
		return err
	})
	if err != nil {
		return form, fmt.Errorf("note that a GitHub App is being made: %w", err)
	}
	return registrar.AppForm(core.AppRequest{
		WebURL: in.WebURL, Organization: strings.TrimSpace(in.Organization), Name: a.appName(), PublicURL: a.publicURL, State: state,
	})
}

// appName is a name that nobody else has: names of Apps are unique in the world.
func (a *App) appName() string {
	var b [3]byte
	rand.Read(b[:])
	host := "ci"
	if u, err := url.Parse(a.publicURL); err == nil {
		host, _, _ = strings.Cut(u.Hostname(), ".")
	}
	name := "Oore " + core.Slug(host)
	return name[:min(len(name), 26)] + " " + hex.EncodeToString(b[:]) // GitHub takes 34 characters
}

// CompleteGitHubApp exchanges the code that GitHub sent the person back with for the
// App's keys, and connects it. The state works once, for who started: codes
// invalid_state, and what the room says of the code.
func (a *App) CompleteGitHubApp(ctx context.Context, actor core.Actor, code, state string) (IntegrationDetail, error) {
	if err := core.Allow(actor, core.ActManageInstance, nil); err != nil {
		return IntegrationDetail{}, err
	}
	registrar, ok := a.forges[core.ProviderGitHub].(core.AppRegistrar)
	if !ok {
		return IntegrationDetail{}, core.Errorf(core.KindInvalid, "This server makes no GitHub Apps")
	}
	started, err := a.takeState(ctx, actor, core.CredentialAppState, state)
	if err != nil {
		return IntegrationDetail{}, err
	}
	c, err := registrar.RegisterApp(ctx, started.Name, code)
	if err != nil {
		return IntegrationDetail{}, err
	}
	return a.connect(ctx, actor, c)
}

// ConnectGitLab connects a GitLab host with a token.
type ConnectGitLab struct {
	WebURL string // with the path prefix if it has one
	Token  string // personal, group or project access token
}

// ConnectGitLab checks address, token and scopes, stores the token sealed and lists
// what it sees. KindInvalid says what is wrong.
func (a *App) ConnectGitLab(ctx context.Context, actor core.Actor, in ConnectGitLab) (IntegrationDetail, error) {
	if err := core.Allow(actor, core.ActManageInstance, nil); err != nil {
		return IntegrationDetail{}, err
	}
	room, ok := a.forges[core.ProviderGitLab].(core.Connector)
	if !ok {
		return IntegrationDetail{}, core.Errorf(core.KindInvalid, "This server connects to no GitLab")
	}
	web, err := webAddress(in.WebURL)
	if err != nil {
		return IntegrationDetail{}, err
	}
	if strings.TrimSpace(in.Token) == "" {
		return IntegrationDetail{}, core.Errorf(core.KindInvalid, "token: make an access token with the scope api in GitLab and give it here")
	}
	c, err := room.Inspect(ctx, core.Connection{
		Integration: core.Integration{Provider: core.ProviderGitLab, WebURL: web}, Secrets: core.Secrets{Token: strings.TrimSpace(in.Token)},
	})
	if err != nil {
		return IntegrationDetail{}, err
	}
	return a.connect(ctx, actor, c)
}

// connect stores a new connection, or the new keys of one that is known, and takes an
// inventory of it.
func (a *App) connect(ctx context.Context, actor core.Actor, c core.Connection) (IntegrationDetail, error) {
	c.ID, c.Origin, c.CreatedAt, c.UpdatedAt = a.newID(), core.OriginWeb, a.now(), a.now()
	known, err := a.store.ListIntegrations(ctx)
	if err != nil {
		return IntegrationDetail{}, err
	}
	for _, i := range known {
		if i.Provider != c.Provider || i.Host != c.Host || i.ExternalID != c.ExternalID {
			continue
		}
		if i.Origin == core.OriginEnvironment {
			return IntegrationDetail{}, core.Errorf(core.KindConflict, "%s at %s is connected by the server's settings already", i.Name, i.Host)
		}
		c.ID, c.CreatedAt = i.ID, i.CreatedAt
	}
	i, err := a.seal(c)
	if err != nil {
		return IntegrationDetail{}, fmt.Errorf("seal the keys of %s: %w", c.Name, err)
	}
	entry := auditIntegration(core.AuditIntegrationSet, i)
	if err := a.noting(ctx, actor, entry, func(tx core.Store) error { return tx.SaveIntegration(ctx, i) }); err != nil {
		return IntegrationDetail{}, core.Errorf(core.KindUnavailable, "%s let us in, but its keys could not be stored: connect it again", i.Host).Because(err)
	}
	a.log.Info("integration connected", "provider", i.Provider, "name", i.Name, "host", i.Host, "actor", actor.Name)
	a.bell.ring(topicSources)
	if err := a.reconnect(ctx); err != nil {
		return IntegrationDetail{}, err
	}
	if err := a.takeInventory(ctx, i); err != nil {
		a.log.Warn("list what a new integration sees", "integration", i.Name, "error", err)
	}
	if err := a.resume(ctx, i.ID, true); err != nil {
		return IntegrationDetail{}, err
	}
	return a.FindIntegration(ctx, actor, i.ID)
}

// SyncIntegration lists anew what an integration sees, and what waited for it is told.
func (a *App) SyncIntegration(ctx context.Context, actor core.Actor, id string) (IntegrationDetail, error) {
	d, err := a.FindIntegration(ctx, actor, id)
	if err != nil {
		return d, err
	}
	if err := a.takeInventory(ctx, d.Integration); err != nil {
		return d, err
	}
	if err := a.resume(ctx, id, true); err != nil {
		return d, err
	}
	if err := a.note(ctx, a.store, actor, auditIntegration(core.AuditIntegrationSync, d.Integration)); err != nil {
		return d, err
	}
	return a.FindIntegration(ctx, actor, id)
}

// DeleteIntegration disconnects it: its keys are forgotten, its repositories stay
// linked and are out of reach until they are connected again.
func (a *App) DeleteIntegration(ctx context.Context, actor core.Actor, id string) error {
	d, err := a.FindIntegration(ctx, actor, id)
	if err != nil {
		return err
	}
	if d.Origin == core.OriginEnvironment {
		return core.Errorf(core.KindConflict, "%s comes from the server's settings; remove it there and restart", d.Name)
	}
	entry := auditIntegration(core.AuditIntegrationDelete, d.Integration)
	err = a.noting(ctx, actor, entry, func(tx core.Store) error {
		return a.dropIntegration(ctx, tx, d.Integration, actor.Name+" disconnected it")
	})
	if err != nil {
		return err
	}
	a.log.Info("integration disconnected", "provider", d.Provider, "name", d.Name, "actor", actor.Name)
	a.bell.ring(topicSources, topicInventory) // another App may reach its repositories
	return a.reconnect(ctx)
}

// webAddress checks the address of a forge and ends it with a slash.
func webAddress(s string) (string, error) {
	u, err := url.Parse(strings.TrimSpace(s))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", core.Errorf(core.KindInvalid, "web_url: give the plain address of the host, for example https://git.example.com/")
	}
	return strings.TrimSuffix(u.String(), "/") + "/", nil
}
