package apitest

import (
	"context"
	"io"
	"strings"
	"time"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

// CreateShareLink answers Secret and Credential.
func (f *Commands) CreateShareLink(_ context.Context, actor core.Actor, artifactID string, in app.ShareLink) (string, core.Credential, error) {
	return f.Secret, f.Credential, f.note("CreateShareLink", actor, artifactID, in)
}

// ListShareLinks answers Credential.
func (f *Commands) ListShareLinks(_ context.Context, actor core.Actor, artifactID string) ([]core.Credential, error) {
	return []core.Credential{f.Credential}, f.note("ListShareLinks", actor, artifactID, nil)
}

// RevokeShareLink answers nothing.
func (f *Commands) RevokeShareLink(_ context.Context, actor core.Actor, id string) error {
	return f.note("RevokeShareLink", actor, id, nil)
}

// CreateInstall answers Secret and Expires.
func (f *Commands) CreateInstall(_ context.Context, actor core.Actor, artifactID string) (string, time.Time, error) {
	return f.Secret, f.Expires, f.note("CreateInstall", actor, artifactID, nil)
}

// FindShared answers Artifact and the build of Detail.
func (f *Commands) FindShared(_ context.Context, secret string) (app.Shared, error) {
	return app.Shared{Artifact: f.Artifact, Build: f.Detail.Build, ExpiresAt: f.Expires}, f.note("FindShared", core.Actor{}, secret, nil)
}

// BeginInstall answers Begun, else the secret.
func (f *Commands) BeginInstall(_ context.Context, secret string) (string, error) {
	if f.Begun != "" && secret != f.Begun {
		return f.Begun, f.note("BeginInstall", core.Actor{}, secret, nil)
	}
	return secret, f.note("BeginInstall", core.Actor{}, secret, nil)
}

// OpenShared answers Artifact and File.
func (f *Commands) OpenShared(_ context.Context, secret string, begins bool) (core.Artifact, io.ReadSeekCloser, error) {
	return f.Artifact, &file{Reader: strings.NewReader(f.File), of: f}, f.note("OpenShared", core.Actor{}, secret, begins)
}

// OpenIcon answers File.
func (f *Commands) OpenIcon(_ context.Context, actor core.Actor, artifactID string) (io.ReadSeekCloser, error) {
	return &file{Reader: strings.NewReader(f.File), of: f}, f.note("OpenIcon", actor, artifactID, nil)
}

// OpenSharedIcon answers File.
func (f *Commands) OpenSharedIcon(_ context.Context, secret string) (io.ReadSeekCloser, error) {
	return &file{Reader: strings.NewReader(f.File), of: f}, f.note("OpenSharedIcon", core.Actor{}, secret, nil)
}

// ListReleases answers Artifact, of the build of Detail.
func (f *Commands) ListReleases(_ context.Context, actor core.Actor, project string) (core.Project, []core.Release, error) {
	return f.Project, []core.Release{{Build: f.Detail.Build, Artifacts: []core.Artifact{f.Artifact}}}, f.note("ListReleases", actor, project, nil)
}
