package api

import (
	"context"
	"io"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app/core"
)

// ArtifactCommands are the commands about what builds made.
type ArtifactCommands interface {
	ListArtifacts(ctx context.Context, actor core.Actor, buildID string) ([]core.Artifact, error)
	ListProjectArtifacts(ctx context.Context, actor core.Actor, projectID string, page core.Page) ([]core.Artifact, int, error)
	FindArtifact(ctx context.Context, actor core.Actor, id string) (core.Artifact, error)
	OpenArtifact(ctx context.Context, actor core.Actor, id string) (core.Artifact, io.ReadSeekCloser, error)
	CreateDownloadLink(ctx context.Context, actor core.Actor, id string, life time.Duration) (url string, expires time.Time, err error)
	OpenDownloadLink(ctx context.Context, secret string) (core.Artifact, io.ReadSeekCloser, error)
}

type artifactJSON struct {
	ID        string            `json:"id"`
	BuildID   string            `json:"build_id"`
	Name      string            `json:"name"`
	Kind      core.ArtifactKind `json:"kind"`
	SizeBytes int64             `json:"size_bytes"`
	SHA256    string            `json:"sha256"`
	Metadata  map[string]string `json:"metadata"`
	IconURL   string            `json:"icon_url,omitempty"`
	CreatedAt int64             `json:"created_at"`
	ExpiresAt *int64            `json:"expires_at,omitempty"`
}

func (a *API) renderArtifact(from core.Artifact) artifactJSON {
	out := artifactJSON{
		ID: from.ID, BuildID: from.BuildID, Name: from.Name, Kind: from.Kind, SizeBytes: from.Size, SHA256: from.SHA256, Metadata: from.Metadata,
		CreatedAt: from.CreatedAt.Unix(), ExpiresAt: unix(from.ExpiresAt),
	}
	if from.IconSHA256 != "" {
		out.IconURL = a.publicURL + "/v1/artifacts/" + from.ID + "/icon"
	}
	if out.Metadata == nil {
		out.Metadata = map[string]string{}
	}
	return out
}

// ListBuildArtifacts answers GET /v1/builds/{id}/artifacts.
func (a *API) ListBuildArtifacts(c *fiber.Ctx, actor core.Actor) error {
	return listOf(c, actor, "Build", "artifacts", a.app.ListArtifacts, a.renderArtifact)
}

// ListProjectArtifacts answers GET /v1/projects/{id}/artifacts.
func (a *API) ListProjectArtifacts(c *fiber.Ctx, actor core.Actor) error {
	id, err := pathID(c, "Project")
	if err != nil {
		return err
	}
	p, err := page(c)
	if err != nil {
		return err
	}
	artifacts, total, err := a.app.ListProjectArtifacts(c.UserContext(), actor, id, p)
	if err != nil {
		return err
	}
	return list(c, "artifacts", renderAll(artifacts, a.renderArtifact), total)
}

// Artifact answers GET /v1/artifacts/{id}.
func (a *API) Artifact(c *fiber.Ctx, actor core.Actor) error {
	id, err := pathID(c, "Artifact")
	if err != nil {
		return err
	}
	artifact, err := a.app.FindArtifact(c.UserContext(), actor, id)
	if err != nil {
		return err
	}
	return c.JSON(a.renderArtifact(artifact))
}

type downloadLinkBody struct {
	ExpiresIn *int64 `json:"expires_in"` // seconds
}

type downloadLinkJSON struct {
	URL       string `json:"url"`
	ExpiresAt int64  `json:"expires_at"`
}

// CreateDownloadLink answers POST /v1/artifacts/{id}/download-link. The body may be
// left out.
func (a *API) CreateDownloadLink(c *fiber.Ctx, actor core.Actor) error {
	id, err := pathID(c, "Artifact")
	if err != nil {
		return err
	}
	var in downloadLinkBody
	if len(c.Request().Body()) > 0 {
		if err := body(c, &in); err != nil {
			return err
		}
	}
	life, err := lifeOf(in.ExpiresIn)
	if err != nil {
		return err
	}
	url, expires, err := a.app.CreateDownloadLink(c.UserContext(), actor, id, life)
	if err != nil {
		return err
	}
	return created(c, downloadLinkJSON{url, expires.Unix()})
}
