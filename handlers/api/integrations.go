package api

import (
	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

type integrationJSON struct {
	ID            string             `json:"id"`
	Provider      core.Provider      `json:"provider"`
	Name          string             `json:"name"`
	Host          string             `json:"host"`
	WebURL        string             `json:"web_url"`
	APIURL        string             `json:"api_url,omitempty"`
	ExternalID    string             `json:"external_id,omitempty"`
	Origin        core.Origin        `json:"origin"`
	Trouble       string             `json:"trouble,omitempty"`
	InstallURL    string             `json:"install_url,omitempty"`
	Installations []installationJSON `json:"installations"`
	Repositories  int                `json:"repository_count"`
	ApplicationID string             `json:"application_id,omitempty"`
	CreatedAt     int64              `json:"created_at"`
	UpdatedAt     int64              `json:"updated_at"`
}

type installationJSON struct {
	ID          int64    `json:"id"`
	Account     string   `json:"account"`
	AccountType string   `json:"account_type,omitempty"`
	All         bool     `json:"all_repositories"`
	Suspended   bool     `json:"suspended"`
	Missing     []string `json:"missing"`
	SettingsURL string   `json:"settings_url,omitempty"`
}

func renderIntegration(i app.IntegrationDetail) integrationJSON {
	return integrationJSON{
		ID: i.ID, Provider: i.Provider, Name: i.Name, Host: i.Host, WebURL: i.WebURL, APIURL: i.APIURL, ExternalID: i.ExternalID,
		Origin: i.Origin, Trouble: i.Trouble, InstallURL: i.InstallURL, Repositories: i.Repositories, ApplicationID: i.ApplicationID,
		Installations: renderAll(i.Installations, renderInstallation), CreatedAt: i.CreatedAt.Unix(), UpdatedAt: i.UpdatedAt.Unix(),
	}
}

func renderInstallation(i core.Installation) installationJSON {
	return installationJSON{
		ID: i.ExternalID, Account: i.Account, AccountType: i.AccountType, All: i.All, Suspended: i.Suspended,
		Missing: orEmpty(i.Missing), SettingsURL: i.SettingsURL,
	}
}

// integrationRepositoryJSON is a repository that a project may be made of.
type integrationRepositoryJSON struct {
	repositoryJSON
	IntegrationID string `json:"integration_id"`
	Host          string `json:"host"`
	HookTrouble   string `json:"webhook_trouble,omitempty"`
	HookNote      string `json:"webhook_note,omitempty"`
}

func renderIntegrationRepository(r core.Repository) integrationRepositoryJSON {
	return integrationRepositoryJSON{
		repositoryJSON: renderRepository(r), IntegrationID: r.IntegrationID, Host: r.Host, HookTrouble: r.HookTrouble, HookNote: r.HookNote,
	}
}

// ListIntegrations answers GET /v1/integrations.
func (a *API) ListIntegrations(c *fiber.Ctx, actor core.Actor) error {
	all, err := a.app.ListIntegrations(c.UserContext(), actor)
	if err != nil {
		return err
	}
	return list(c, "integrations", renderAll(all, renderIntegration), len(all))
}

// Integration answers GET /v1/integrations/{id}.
func (a *API) Integration(c *fiber.Ctx, actor core.Actor) error {
	id, err := pathID(c, "Integration")
	if err != nil {
		return err
	}
	i, err := a.app.FindIntegration(c.UserContext(), actor, id)
	if err != nil {
		return err
	}
	return c.JSON(renderIntegration(i))
}

// SyncIntegration answers POST /v1/integrations/{id}/sync.
func (a *API) SyncIntegration(c *fiber.Ctx, actor core.Actor) error {
	id, err := bareID(c, "Integration")
	if err != nil {
		return err
	}
	i, err := a.app.SyncIntegration(c.UserContext(), actor, id)
	if err != nil {
		return err
	}
	return c.JSON(renderIntegration(i))
}

// DeleteIntegration answers DELETE /v1/integrations/{id}.
func (a *API) DeleteIntegration(c *fiber.Ctx, actor core.Actor) error {
	id, err := pathID(c, "Integration")
	if err != nil {
		return err
	}
	if err := a.app.DeleteIntegration(c.UserContext(), actor, id); err != nil {
		return err
	}
	return c.SendStatus(fiber.StatusNoContent)
}

type startGitHubAppBody struct {
	WebURL       string `json:"web_url"`
	Organization string `json:"organization"`
}

type appFormJSON struct {
	Action   string `json:"action"`
	Manifest string `json:"manifest"`
}

// StartGitHubApp answers POST /v1/integrations/github/start: the form that the
// person's browser is to post to GitHub.
func (a *API) StartGitHubApp(c *fiber.Ctx, actor core.Actor) error {
	var in startGitHubAppBody
	if err := body(c, &in); err != nil {
		return err
	}
	form, err := a.app.StartGitHubApp(c.UserContext(), actor, app.StartGitHubApp(in))
	if err != nil {
		return err
	}
	return c.JSON(appFormJSON{Action: form.Action, Manifest: form.Manifest})
}

// grantedBody is what a forge gave the person's browser on its way back.
type grantedBody struct {
	Code  string `json:"code"`
	State string `json:"state"`
}

// CompleteGitHubApp answers POST /v1/integrations/github/complete.
func (a *API) CompleteGitHubApp(c *fiber.Ctx, actor core.Actor) error {
	var in grantedBody
	if err := body(c, &in); err != nil {
		return err
	}
	i, err := a.app.CompleteGitHubApp(c.UserContext(), actor, in.Code, in.State)
	if err != nil {
		return err
	}
	return created(c, renderIntegration(i))
}

type connectGitLabBody struct {
	WebURL string `json:"web_url"`
	Token  string `json:"token"`
}

// ConnectGitLab answers POST /v1/integrations/gitlab.
func (a *API) ConnectGitLab(c *fiber.Ctx, actor core.Actor) error {
	var in connectGitLabBody
	if err := body(c, &in); err != nil {
		return err
	}
	i, err := a.app.ConnectGitLab(c.UserContext(), actor, app.ConnectGitLab(in))
	if err != nil {
		return err
	}
	return created(c, renderIntegration(i))
}

type startGitLabGrantBody struct {
	WebURL        string `json:"web_url"`
	ApplicationID string `json:"application_id"`
	Secret        string `json:"secret"`
	IntegrationID string `json:"integration_id"`
}

type grantJSON struct {
	AuthorizeURL string `json:"authorize_url"`
}

// StartGitLabGrant answers POST /v1/integrations/gitlab/start: the address at which the
// person's browser is to ask for access.
func (a *API) StartGitLabGrant(c *fiber.Ctx, actor core.Actor) error {
	var in startGitLabGrantBody
	if err := body(c, &in); err != nil {
		return err
	}
	id, err := optionalID(in.IntegrationID, "Integration")
	if err != nil {
		return err
	}
	in.IntegrationID = id
	address, err := a.app.StartGitLabGrant(c.UserContext(), actor, app.StartGitLabGrant(in))
	if err != nil {
		return err
	}
	return c.JSON(grantJSON{AuthorizeURL: address})
}

// CompleteGitLabGrant answers POST /v1/integrations/gitlab/complete.
func (a *API) CompleteGitLabGrant(c *fiber.Ctx, actor core.Actor) error {
	var in grantedBody
	if err := body(c, &in); err != nil {
		return err
	}
	i, err := a.app.CompleteGitLabGrant(c.UserContext(), actor, in.Code, in.State)
	if err != nil {
		return err
	}
	return created(c, renderIntegration(i))
}

// ListIntegrationRepositories answers GET /v1/integration-repositories.
func (a *API) ListIntegrationRepositories(c *fiber.Ctx, actor core.Actor) error {
	window, err := page(c)
	if err != nil {
		return err
	}
	integration, err := optionalID(c.Query("integration_id"), "Integration")
	if err != nil {
		return err
	}
	all, err := a.app.ListIntegrationRepositories(c.UserContext(), actor, integration)
	if err != nil {
		return err
	}
	from := min(window.Offset, len(all))
	return list(c, "repositories", renderAll(all[from:min(from+window.Limit, len(all))], renderIntegrationRepository), len(all))
}

type hookSecretJSON struct {
	URL    string `json:"url"`
	Secret string `json:"secret"`
}

// RenewHookSecret answers POST /v1/integration-repositories/{id}/webhook-secret. The
// secret is shown this once.
func (a *API) RenewHookSecret(c *fiber.Ctx, actor core.Actor) error {
	id, err := bareID(c, "Repository")
	if err != nil {
		return err
	}
	address, secret, err := a.app.RenewHookSecret(c.UserContext(), actor, id)
	if err != nil {
		return err
	}
	return created(c, hookSecretJSON{URL: address, Secret: secret})
}
