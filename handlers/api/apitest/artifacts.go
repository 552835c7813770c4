package apitest

import (
	"context"
	"io"
	"strings"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// ListArtifacts answers Artifact and an empty one.
func (f *Commands) ListArtifacts(_ context.Context, actor core.Actor, buildID string) ([]core.Artifact, error) {
	return []core.Artifact{f.Artifact, {CreatedAt: f.Artifact.CreatedAt}}, f.note("ListArtifacts", actor, buildID, nil)
}

// ListProjectArtifacts answers Artifact, as one of seven.
func (f *Commands) ListProjectArtifacts(_ context.Context, actor core.Actor, projectID string, page core.Page) ([]core.Artifact, int, error) {
	return []core.Artifact{f.Artifact}, 7, f.note("ListProjectArtifacts", actor, projectID, page)
}

// FindArtifact answers Artifact.
func (f *Commands) FindArtifact(_ context.Context, actor core.Actor, id string) (core.Artifact, error) {
	return f.Artifact, f.note("FindArtifact", actor, id, nil)
}

// OpenArtifact answers Artifact and File.
func (f *Commands) OpenArtifact(_ context.Context, actor core.Actor, id string) (core.Artifact, io.ReadSeekCloser, error) {
	return f.Artifact, &file{Reader: strings.NewReader(f.File), of: f}, f.note("OpenArtifact", actor, id, nil)
}

// CreateDownloadLink answers Secret and Expires.
func (f *Commands) CreateDownloadLink(_ context.Context, actor core.Actor, id string, life time.Duration) (string, time.Time, error) {
	return f.Secret, f.Expires, f.note("CreateDownloadLink", actor, id, life)
}

// OpenDownloadLink answers Artifact and File.
func (f *Commands) OpenDownloadLink(_ context.Context, secret string) (core.Artifact, io.ReadSeekCloser, error) {
	return f.Artifact, &file{Reader: strings.NewReader(f.File), of: f}, f.note("OpenDownloadLink", core.Actor{}, secret, nil)
}

// file counts that it was closed.
type file struct {
	*strings.Reader
	of *Commands
}

func (f *file) Close() error {
	f.of.mu.Lock()
	defer f.of.mu.Unlock()
	f.of.closed++
	return nil
}

// Closed says how many files were closed.
func (f *Commands) Closed() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.closed
}
