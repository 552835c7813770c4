package web

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/templates"
)

// BadgeCommands are those about the pictures of a pipeline's state.
type BadgeCommands interface {
	FindBadge(ctx context.Context, actor core.Actor, projectID, pipelineID, branch string) (app.Badge, error)
}

// Badge is GET /badges/:project/:pipeline.svg?branch=. It has a tag and must be asked for
// anew each time: proxies of pictures, GitHub's too, then show what is, and move few bytes.
func (p *Pages) Badge(c *fiber.Ctx, actor core.Actor) error {
	project := strings.ToLower(param(c, "project"))
	pipeline, isSVG := strings.CutSuffix(strings.ToLower(param(c, "pipeline")), ".svg")
	if !isSVG {
		return core.Errorf(core.KindNotFound, "Project not found")
	}
	badge, err := p.app.FindBadge(c.UserContext(), actor, project, pipeline, query(c, "branch"))
	if err != nil {
		return err
	}
	picture := templates.Badge(badge.Pipeline, badge.Status)
	sum := sha256.Sum256(picture)
	tag := `"` + hex.EncodeToString(sum[:8]) + `"`
	c.Set(fiber.HeaderContentType, "image/svg+xml; charset=utf-8")
	c.Set(fiber.HeaderETag, tag)
	c.Set(fiber.HeaderCacheControl, "no-cache")
	if !badge.Public {
		c.Set(fiber.HeaderCacheControl, "private, no-cache")
	}
	if strings.Contains(c.Get(fiber.HeaderIfNoneMatch), tag) {
		return c.SendStatus(http.StatusNotModified)
	}
	return c.Send(picture)
}
