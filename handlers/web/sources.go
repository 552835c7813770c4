package web

import (
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/templates"
)

// SourceCommands are those about connected Git hosts.
type SourceCommands interface {
	ListIntegrations(ctx context.Context, actor core.Actor) ([]app.IntegrationDetail, error)
	ListIntegrationRepositories(ctx context.Context, actor core.Actor, integrationID string) ([]core.Repository, error)
	StartGitHubApp(ctx context.Context, actor core.Actor, in app.StartGitHubApp) (core.AppForm, error)
	CompleteGitHubApp(ctx context.Context, actor core.Actor, code, state string) (app.IntegrationDetail, error)
	ConnectGitLab(ctx context.Context, actor core.Actor, in app.ConnectGitLab) (app.IntegrationDetail, error)
	StartGitLabGrant(ctx context.Context, actor core.Actor, in app.StartGitLabGrant) (address string, err error)
	CompleteGitLabGrant(ctx context.Context, actor core.Actor, code, state string) (app.IntegrationDetail, error)
	SyncIntegration(ctx context.Context, actor core.Actor, id string) (app.IntegrationDetail, error)
	DeleteIntegration(ctx context.Context, actor core.Actor, id string) error
	RenewHookSecret(ctx context.Context, actor core.Actor, repositoryID string) (address, secret string, err error)
}

const sourcesPath = "/settings/sources"

// Settings is GET /settings; it goes on to the first of the pages that the reader may open.
func (p *Pages) Settings(c *fiber.Ctx, actor core.Actor) error {
	if !may(actor, core.ActManageInstance, nil) {
		return c.Redirect(mePath, http.StatusSeeOther)
	}
	return c.Redirect(generalPath, http.StatusSeeOther)
}

// Sources is GET /settings/sources: what is connected, with what it sees and lacks.
func (p *Pages) Sources(c *fiber.Ctx, actor core.Actor) error {
	return p.sources(c, actor, http.StatusOK, sourceNews(query(c, "done")))
}

// sourceNews words what a form has just done. The address names it and says nothing
// itself: whoever sends somebody a link must not put words into our mouth.
func sourceNews(done string) *templates.Alert {
	text := map[string]string{
		"connected":    "GitLab is connected. What it sees is listed below.",
		"disconnected": "It is disconnected and its keys are forgotten.",
		"installed":    "What the App sees now is listed below.",
		"requested":    "The account’s owner was asked to install the App. It shows here once they agree.",
		"synced":       "It was asked anew; what it sees is listed below.",
	}[done]
	if text == "" {
		return nil
	}
	return &templates.Alert{State: "succeeded", Text: text}
}

func (p *Pages) sources(c *fiber.Ctx, actor core.Actor, status int, alert *templates.Alert) error {
	all, err := p.app.ListIntegrations(c.UserContext(), actor)
	if err != nil {
		return err
	}
	v := templates.SourcesView{Page: settingsPage(c, actor, "Sources", sourcesPath, "/v1/integrations")}
	v.Alert = alert
	for _, d := range all {
		s := templates.Source{Integration: d.Integration, Installations: d.Installations, InstallURL: d.InstallURL, Repositories: d.Repositories, ApplicationID: d.ApplicationID}
		if s.ID == query(c, "made") {
			v.Made = &s
		}
		v.Sources = append(v.Sources, s)
	}
	return p.send(c, status, func(w io.Writer) error { return p.templates.Sources(w, v) })
}

// sourcesAfter shows the list with what went wrong above it.
func (p *Pages) sourcesAfter(c *fiber.Ctx, actor core.Actor, title string, err error) error {
	alert, other := hostTrouble(err)
	if other != nil {
		return other
	}
	alert.Title = title
	return p.sources(c, actor, StatusOf(core.KindOf(err)), alert)
}

// hostTrouble is refused for commands that ask another host: that it is down, or does
// not know us, is something to show where the person is.
func hostTrouble(err error) (*templates.Alert, error) {
	var e *core.Error
	if errors.As(err, &e) && (e.Kind == core.KindUnavailable || e.Kind == core.KindLimited || e.Kind == core.KindUnauthorized) {
		return &templates.Alert{State: "timed_out", Text: e.Message}, nil
	}
	return refused(err)
}

// SyncSource is POST /settings/sources/:id/sync.
func (p *Pages) SyncSource(c *fiber.Ctx, actor core.Actor) error {
	if _, err := p.app.SyncIntegration(c.UserContext(), actor, param(c, "id")); err != nil {
		return p.sourcesAfter(c, actor, "It could not be synced.", err)
	}
	return c.Redirect(sourcesPath+"?done=synced", http.StatusSeeOther)
}

// DisconnectSource is POST /settings/sources/:id/disconnect.
func (p *Pages) DisconnectSource(c *fiber.Ctx, actor core.Actor) error {
	if err := p.app.DeleteIntegration(c.UserContext(), actor, param(c, "id")); err != nil {
		return p.sourcesAfter(c, actor, "It stays connected.", err)
	}
	return c.Redirect(sourcesPath+"?done=disconnected", http.StatusSeeOther)
}
