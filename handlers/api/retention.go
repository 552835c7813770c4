package api

import (
	"context"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

// RetentionCommands are those about how long things are kept.
type RetentionCommands interface {
	FindRetention(ctx context.Context, actor core.Actor) (core.Retention, error)
	UpdateRetention(ctx context.Context, actor core.Actor, in app.RetentionInput) (core.Retention, error)
	PreviewRetention(ctx context.Context, actor core.Actor, in app.RetentionInput) (core.Retention, core.Reclaims, error)
}

type reclaimJSON struct {
	Count int64 `json:"count"`
	Bytes int64 `json:"bytes"`
}

type retentionJSON struct {
	BuildsDays     int   `json:"builds_days"`
	BuildsCount    int   `json:"builds_count"`
	LogsDays       int   `json:"logs_days"`
	LogsBytes      int64 `json:"logs_bytes"`
	ArtifactsDays  int   `json:"artifacts_days"`
	ArtifactsBytes int64 `json:"artifacts_bytes"`
	DeliveriesDays int   `json:"deliveries_days"`
	AuditDays      int   `json:"audit_days"`
}

type reclaimsJSON struct {
	Builds     reclaimJSON `json:"builds"`
	Logs       reclaimJSON `json:"logs"`
	Artifacts  reclaimJSON `json:"artifacts"`
	Deliveries reclaimJSON `json:"deliveries"`
	Audit      reclaimJSON `json:"audit"`
}

// previewJSON is what would be deleted with these settings.
type previewJSON struct {
	Retention   retentionJSON `json:"retention"`
	WouldDelete reclaimsJSON  `json:"would_delete"`
}

type retentionBody struct {
	BuildsDays     *int   `json:"builds_days"`
	BuildsCount    *int   `json:"builds_count"`
	LogsDays       *int   `json:"logs_days"`
	ArtifactsDays  *int   `json:"artifacts_days"`
	DeliveriesDays *int   `json:"deliveries_days"`
	AuditDays      *int   `json:"audit_days"`
	LogsBytes      *int64 `json:"logs_bytes"`
	ArtifactsBytes *int64 `json:"artifacts_bytes"`
}

func retentionRequest(c *fiber.Ctx) (app.RetentionInput, error) {
	var b retentionBody
	err := body(c, &b)
	return app.RetentionInput{
		BuildsDays: b.BuildsDays, BuildsCount: b.BuildsCount, LogsDays: b.LogsDays, ArtifactsDays: b.ArtifactsDays, DeliveriesDays: b.DeliveriesDays,
		AuditDays: b.AuditDays, LogsBytes: b.LogsBytes, ArtifactsBytes: b.ArtifactsBytes,
	}, err
}

// Retention answers GET /v1/settings/retention.
func (a *API) Retention(c *fiber.Ctx, actor core.Actor) error {
	r, err := a.app.FindRetention(c.UserContext(), actor)
	if err != nil {
		return err
	}
	return c.JSON(retentionJSON(r))
}

// UpdateRetention answers PATCH /v1/settings/retention.
func (a *API) UpdateRetention(c *fiber.Ctx, actor core.Actor) error {
	in, err := retentionRequest(c)
	if err != nil {
		return err
	}
	r, err := a.app.UpdateRetention(c.UserContext(), actor, in)
	if err != nil {
		return err
	}
	return c.JSON(retentionJSON(r))
}

// PreviewRetention answers POST /v1/settings/retention/preview: what these settings would
// delete now. It changes nothing.
func (a *API) PreviewRetention(c *fiber.Ctx, actor core.Actor) error {
	in, err := retentionRequest(c)
	if err != nil {
		return err
	}
	r, found, err := a.app.PreviewRetention(c.UserContext(), actor, in)
	if err != nil {
		return err
	}
	return c.JSON(previewJSON{Retention: retentionJSON(r), WouldDelete: reclaimsJSON{
		Builds: reclaimJSON(found.Builds), Logs: reclaimJSON(found.Logs), Artifacts: reclaimJSON(found.Artifacts),
		Deliveries: reclaimJSON(found.Deliveries), Audit: reclaimJSON(found.Audit),
	}})
}
