package api

import (
	"context"
	"io"
	"math"
	"net/http"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

// ShareCommands are the commands about links to what builds made, and about installs.
type ShareCommands interface {
	CreateShareLink(ctx context.Context, actor core.Actor, artifactID string, in app.ShareLink) (url string, c core.Credential, err error)
	ListShareLinks(ctx context.Context, actor core.Actor, artifactID string) ([]core.Credential, error)
	RevokeShareLink(ctx context.Context, actor core.Actor, id string) error
	BeginInstall(ctx context.Context, secret string) (string, error)
	OpenShared(ctx context.Context, secret string, begins bool) (core.Artifact, io.ReadSeekCloser, error)
	OpenIcon(ctx context.Context, actor core.Actor, artifactID string) (io.ReadSeekCloser, error)
	OpenSharedIcon(ctx context.Context, secret string) (io.ReadSeekCloser, error)
}

type shareLinkJSON struct {
	ID         string `json:"id"`
	ArtifactID string `json:"artifact_id"`
	URL        string `json:"url,omitempty"` // only in the answer that made it
	CreatedBy  string `json:"created_by"`
	SingleUse  bool   `json:"single_use"`
	Uses       int    `json:"uses"`
	CreatedAt  int64  `json:"created_at"`
	ExpiresAt  *int64 `json:"expires_at,omitempty"`
	LastUsedAt *int64 `json:"last_used_at,omitempty"`
}

func renderShareLink(c core.Credential) shareLinkJSON {
	return shareLinkJSON{
		ID: c.ID, ArtifactID: c.ArtifactID, CreatedBy: c.Name, SingleUse: c.SingleUse, Uses: c.Uses,
		CreatedAt: c.CreatedAt.Unix(), ExpiresAt: unix(c.ExpiresAt), LastUsedAt: unix(c.LastUsedAt),
	}
}

type shareLinkBody struct {
	ExpiresIn *int64 `json:"expires_in"` // seconds
	SingleUse bool   `json:"single_use"`
}

// CreateShareLink answers POST /v1/artifacts/{id}/share-links. The body may be left out.
func (a *API) CreateShareLink(c *fiber.Ctx, actor core.Actor) error {
	id, err := pathID(c, "Artifact")
	if err != nil {
		return err
	}
	var in shareLinkBody
	if len(c.Request().Body()) > 0 {
		if err := body(c, &in); err != nil {
			return err
		}
	}
	life, err := lifeOf(in.ExpiresIn)
	if err != nil {
		return err
	}
	url, link, err := a.app.CreateShareLink(c.UserContext(), actor, id, app.ShareLink{Life: life, SingleUse: in.SingleUse})
	if err != nil {
		return err
	}
	out := renderShareLink(link)
	out.URL = url
	return created(c, out)
}

// lifeOf reads expires_in; 0: it is left out.
func lifeOf(seconds *int64) (time.Duration, error) {
	if seconds == nil {
		return 0, nil
	}
	if *seconds < 1 || *seconds > math.MaxInt32 {
		return 0, invalid("expires_in: give the seconds that the link is to live")
	}
	return time.Duration(*seconds) * time.Second, nil
}

// ListShareLinks answers GET /v1/artifacts/{id}/share-links.
func (a *API) ListShareLinks(c *fiber.Ctx, actor core.Actor) error {
	return listOf(c, actor, "Artifact", "share_links", a.app.ListShareLinks, renderShareLink)
}

// DeleteShareLink answers DELETE /v1/share-links/{id}: it is good for nothing from now on.
func (a *API) DeleteShareLink(c *fiber.Ctx, actor core.Actor) error {
	id, err := pathID(c, "Share link")
	if err != nil {
		return err
	}
	return noContent(c, a.app.RevokeShareLink(c.UserContext(), actor, id))
}

// SharedFile answers GET /i/{secret}/app to anybody. A link of a single use is used up by
// the first GET, which is sent on to what took its place: that gives the file, and its
// parts, as often as it is asked. HEAD uses nothing up.
func (a *API) SharedFile(c *fiber.Ctx) error {
	ctx, secret := c.UserContext(), c.Params("secret")
	c.Set(fiber.HeaderReferrerPolicy, "no-referrer")
	if c.Method() == fiber.MethodGet {
		begun, err := a.app.BeginInstall(ctx, secret)
		if err != nil {
			return err
		}
		if begun != secret {
			c.Set(fiber.HeaderCacheControl, "no-store")
			return c.Redirect("/i/"+begun+"/app", http.StatusSeeOther)
		}
	}
	wanted := c.Get(fiber.HeaderRange)
	begins := c.Method() == fiber.MethodGet && (wanted == "" || strings.HasPrefix(wanted, "bytes=0-"))
	artifact, file, err := a.app.OpenShared(ctx, secret, begins)
	if err != nil {
		return err
	}
	return a.sendFile(c, artifact, file)
}

// Icon answers GET /v1/artifacts/{id}/icon and the pages' own address of it.
func (a *API) Icon(c *fiber.Ctx, actor core.Actor) error {
	id, err := pathID(c, "Artifact")
	if err != nil {
		return err
	}
	icon, err := a.app.OpenIcon(c.UserContext(), actor, id)
	if err != nil {
		return err
	}
	return sendIcon(c, icon)
}

// SharedIcon answers GET /i/{secret}/icon to anybody.
func (a *API) SharedIcon(c *fiber.Ctx) error {
	c.Set(fiber.HeaderReferrerPolicy, "no-referrer")
	icon, err := a.app.OpenSharedIcon(c.UserContext(), c.Params("secret"))
	if err != nil {
		return err
	}
	return sendIcon(c, icon)
}

// sendIcon answers with an icon, and closes it.
func sendIcon(c *fiber.Ctx, file io.ReadCloser) error {
	defer func() { _ = file.Close() }() // it was only read
	icon, err := io.ReadAll(io.LimitReader(file, core.MaxIcon))
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderContentType, "image/png")
	c.Set(fiber.HeaderCacheControl, "private, max-age=300")
	c.Set(fiber.HeaderContentSecurityPolicy, downloadPolicy)
	c.Set("Cross-Origin-Resource-Policy", "same-site")
	c.Set(fiber.HeaderXContentTypeOptions, "nosniff")
	return c.Send(icon)
}
