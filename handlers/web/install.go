package web

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/templates"
)

// InstallCommands are those about putting what builds made on phones.
type InstallCommands interface {
	FindArtifact(ctx context.Context, actor core.Actor, id string) (core.Artifact, error)
	ListReleases(ctx context.Context, actor core.Actor, project string) (core.Project, []core.Release, error)
	CreateInstall(ctx context.Context, actor core.Actor, artifactID string) (secret string, expires time.Time, err error)
	CreateShareLink(ctx context.Context, actor core.Actor, artifactID string, in app.ShareLink) (url string, c core.Credential, err error)
	ListShareLinks(ctx context.Context, actor core.Actor, artifactID string) ([]core.Credential, error)
	RevokeShareLink(ctx context.Context, actor core.Actor, id string) error
	FindShared(ctx context.Context, secret string) (app.Shared, error)
	BeginInstall(ctx context.Context, secret string) (string, error)
}

// Apps is GET /apps/:project: what testers may install, the default branch's first.
func (p *Pages) Apps(c *fiber.Ctx, actor core.Actor) error {
	ctx := c.UserContext()
	project, releases, err := p.app.ListReleases(ctx, actor, param(c, "project"))
	if err != nil {
		return err
	}
	v := templates.AppsView{
		Page: page(c, actor, "Apps of "+project.Name, "projects", "/v1/projects/"+project.ID+"/artifacts"), Project: project,
	}
	n := p.names(actor, project)
	for _, r := range releases {
		pipeline, err := n.pipeline(ctx, r.Build.PipelineID)
		if core.KindOf(err) == core.KindNotFound { // deleted just now
			continue
		}
		if err != nil {
			return err
		}
		isDefault := r.Build.Tag == "" && r.Build.Branch == project.Branch()
		for _, a := range r.Artifacts {
			v.Rows = append(v.Rows, templates.AppRow{Artifact: a, Build: r.Build, Pipeline: pipeline, Default: isDefault})
		}
	}
	return p.send(c, http.StatusOK, func(w io.Writer) error { return p.templates.Apps(w, v) })
}

// Install is GET /i/:id, an artifact's id: the install page for who has signed in.
func (p *Pages) Install(c *fiber.Ctx, actor core.Actor) error {
	return p.install(c, actor, http.StatusOK, nil, templates.SharingView{})
}

// CreateShareLink is POST /i/:id/share-links; the page that answers is the only one that
// shows the link.
func (p *Pages) CreateShareLink(c *fiber.Ctx, actor core.Actor) error {
	seconds, err := strconv.ParseInt(form(c, "expires_in"), 10, 32)
	if err != nil {
		seconds = -1 // which is refused
	}
	in := app.ShareLink{Life: time.Duration(seconds) * time.Second, SingleUse: form(c, "single_use") != ""}
	url, link, err := p.app.CreateShareLink(c.UserContext(), actor, param(c, "id"), in)
	if err == nil {
		return p.install(c, actor, http.StatusOK, nil, templates.SharingView{Made: url, MadeID: link.ID})
	}
	alert, other := refused(err)
	if other != nil {
		return other
	}
	return p.install(c, actor, StatusOf(core.KindOf(err)), alert, templates.SharingView{})
}

// RevokeShareLink is POST /i/:id/share-links/:link/revoke; it comes back to the page.
func (p *Pages) RevokeShareLink(c *fiber.Ctx, actor core.Actor) error {
	err := p.app.RevokeShareLink(c.UserContext(), actor, param(c, "link"))
	if err != nil && core.KindOf(err) != core.KindNotFound { // two have pressed the button
		return err
	}
	return c.Redirect("/i/"+param(c, "id"), http.StatusSeeOther)
}

func (p *Pages) install(c *fiber.Ctx, actor core.Actor, status int, alert *templates.Alert, sharing templates.SharingView) error {
	ctx := c.UserContext()
	artifact, err := p.app.FindArtifact(ctx, actor, strings.ToLower(param(c, "id")))
	if err != nil {
		return err
	}
	v := templates.InstallView{Artifact: artifact, Sharing: &sharing, FileURL: "/artifacts/" + artifact.ID + "/download"}
	v.Page = page(c, actor, "Install "+artifact.Title(), "builds", "/v1/artifacts/"+artifact.ID)
	v.Alert = alert
	if v.Build, err = p.app.FindBuild(ctx, actor, artifact.BuildID); err != nil {
		return err
	}
	project, err := p.app.FindProject(ctx, actor, artifact.ProjectID)
	if err != nil {
		return err
	}
	v.Project = project.Name
	if sharing.Links, err = p.app.ListShareLinks(ctx, actor, artifact.ID); err != nil {
		return err
	}
	if artifact.IconSHA256 != "" {
		v.IconURL = "/artifacts/" + artifact.ID + "/icon"
	}
	if c.Method() != fiber.MethodHead { // which shows nothing to a phone
		phone, expires, err := p.app.CreateInstall(ctx, actor, artifact.ID)
		if err != nil {
			return err
		}
		v.PhoneURL, v.Until = p.installURL(phone), &expires
		p.apple(&v, phone)
	}
	return p.sendInstall(c, status, v)
}

// SharedInstall is GET /i/:secret: the install page for who has a link. Opening it uses
// nothing up: previews and scanners open it, too.
func (p *Pages) SharedInstall(c *fiber.Ctx) error {
	secret := param(c, "secret")
	shared, err := p.app.FindShared(c.UserContext(), secret)
	if core.KindOf(err) == core.KindNotFound {
		return p.endedLink(c)
	}
	if err != nil {
		return err
	}
	base := "/i/" + secret
	v := templates.InstallView{
		Page:     templates.Page{Look: look(c), Title: "Install " + shared.Artifact.Title(), Bare: true, Now: time.Now()},
		Artifact: shared.Artifact, Build: shared.Build, Project: shared.Project, Until: &shared.ExpiresAt, PhoneURL: p.installURL(secret),
	}
	if shared.Artifact.IconSHA256 != "" {
		v.IconURL = base + "/icon"
	}
	if shared.SingleUse {
		v.Begin = base + "/install"
	} else {
		v.FileURL = base + "/app"
		p.apple(&v, secret)
	}
	return p.sendInstall(c, http.StatusOK, v)
}

// BeginInstall is POST /i/:secret/install: uses a link of a single use up and goes on to
// the page of the install that it was good for.
func (p *Pages) BeginInstall(c *fiber.Ctx) error {
	begun, err := p.app.BeginInstall(c.UserContext(), param(c, "secret"))
	if core.KindOf(err) == core.KindNotFound {
		return p.endedLink(c)
	}
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderCacheControl, "no-store")
	return c.Redirect("/i/"+begun, http.StatusSeeOther)
}

// InstallManifest is GET /i/:secret/manifest.plist: what an iPhone loads before the file.
// It sends no cookies, and is given all it needs in the address.
func (p *Pages) InstallManifest(c *fiber.Ctx) error {
	ctx, secret := c.UserContext(), param(c, "secret")
	shared, err := p.app.FindShared(ctx, secret)
	if err != nil {
		return err
	}
	a := shared.Artifact
	if a.Kind != core.ArtifactIPA {
		return core.Errorf(core.KindNotFound, "%s is no IPA, so there is no manifest", a.Name)
	}
	if faults := a.InstallFaults(secure(p.publicURL), time.Now()); len(faults) > 0 {
		return core.Errorf(core.KindConflict, "%s", faults[0])
	}
	if c.Method() != fiber.MethodHead {
		if secret, err = p.app.BeginInstall(ctx, secret); err != nil {
			return err
		}
	}
	base := p.installURL(secret)
	m := templates.AppleManifest{FileURL: base + "/app", BundleID: a.Metadata[core.MetaBundleID], Version: a.BundleVersion(), Title: a.Title()}
	if a.IconSHA256 != "" {
		m.IconURL = base + "/icon"
	}
	c.Set(fiber.HeaderContentType, fiber.MIMEApplicationXMLCharsetUTF8)
	c.Set(fiber.HeaderCacheControl, "no-store")
	return m.Write(c)
}

func (p *Pages) installURL(idOrSecret string) string { return p.publicURL + "/i/" + idOrSecret }

// apple fills in how an iPhone installs, or why it cannot.
func (p *Pages) apple(v *templates.InstallView, secret string) {
	if v.Artifact.Kind != core.ArtifactIPA {
		return
	}
	if v.Faults = v.Artifact.InstallFaults(secure(p.publicURL), v.Now); len(v.Faults) == 0 {
		v.Manifest = p.installURL(secret) + "/manifest.plist"
	}
}

// sendInstall sends a page that holds an address which opens without a sign-in.
func (p *Pages) sendInstall(c *fiber.Ctx, status int, v templates.InstallView) error {
	err := p.send(c, status, func(w io.Writer) error { return p.templates.Install(w, v) })
	c.Set(fiber.HeaderReferrerPolicy, "strict-origin")
	c.Set(fiber.HeaderCacheControl, "no-store")
	c.Set("X-Robots-Tag", "noindex")
	return err
}

// endedLink is one and the same for what never was, has ended and was used.
func (p *Pages) endedLink(c *fiber.Ctx) error {
	v := templates.ErrorView{
		Page:    templates.Page{Look: look(c), Title: "This link is not good any more", Bare: true, Now: time.Now()},
		Heading: "This link is not good any more", Text: "It was used, has expired, was revoked, or is not whole. Ask whoever sent it for another.",
	}
	return p.send(c, http.StatusNotFound, func(w io.Writer) error { return p.templates.Error(w, v) })
}
