package api

import (
	"context"
	"io"
	"math"
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
	CreatedAt int64             `json:"created_at"`
	ExpiresAt *int64            `json:"expires_at,omitempty"`
}

func renderArtifact(a core.Artifact) artifactJSON {
	out := artifactJSON{
		ID: a.ID, BuildID: a.BuildID, Name: a.Name, Kind: a.Kind, SizeBytes: a.Size, SHA256: a.SHA256, Metadata: a.Metadata,
		CreatedAt: a.CreatedAt.Unix(), ExpiresAt: unix(a.ExpiresAt),
	}
	if out.Metadata == nil {
		out.Metadata = map[string]string{}
	}
	return out
}

// ListBuildArtifacts answers GET /v1/builds/{id}/artifacts.
func (a *API) ListBuildArtifacts(c *fiber.Ctx, actor core.Actor) error {
	id, err := pathID(c, "Build")
	if err != nil {
		return err
	}
	p, err := page(c)
	if err != nil {
		return err
	}
	all, err := a.app.ListArtifacts(c.UserContext(), actor, id)
	if err != nil {
		return err
	}
	return list(c, "artifacts", renderAll(window(all, p), renderArtifact), len(all))
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
	return list(c, "artifacts", renderAll(artifacts, renderArtifact), total)
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
	return c.JSON(renderArtifact(artifact))
}

type downloadLinkBody struct {
	ExpiresIn *int64 `json:"expires_in"` // seconds
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
	var life time.Duration
	if in.ExpiresIn != nil {
		if *in.ExpiresIn < 1 || *in.ExpiresIn > math.MaxInt32 {
			return invalid("expires_in: give the seconds that the link is to live")
		}
		life = time.Duration(*in.ExpiresIn) * time.Second
	}
	url, expires, err := a.app.CreateDownloadLink(c.UserContext(), actor, id, life)
	if err != nil {
		return err
	}
	return created(c, struct {
		URL       string `json:"url"`
		ExpiresAt int64  `json:"expires_at"`
	}{url, expires.Unix()})
}
