package web

import (
	"context"
	"strings"
	"time"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

func (f *fake) FindArtifact(_ context.Context, _ core.Actor, id string) (core.Artifact, error) {
	for _, artifacts := range f.artifacts {
		for _, a := range artifacts {
			if a.ID == id {
				return a, nil
			}
		}
	}
	return core.Artifact{}, core.Errorf(core.KindNotFound, "Artifact not found")
}

func (f *fake) ListReleases(_ context.Context, _ core.Actor, project string) (core.Project, []core.Release, error) {
	p, err := find(f.projects, "Project", func(p core.Project) bool { return p.Slug == project })
	var releases []core.Release
	for _, b := range f.builds {
		r := core.Release{Build: b}
		for _, a := range f.artifacts[b.ID] {
			if a.Kind.Installable() && a.ProjectID == p.ID {
				r.Artifacts = append(r.Artifacts, a)
			}
		}
		if r.Artifacts != nil {
			releases = append(releases, r)
		}
	}
	return p, releases, err
}

func (f *fake) CreateInstall(_ context.Context, _ core.Actor, artifactID string) (string, time.Time, error) {
	return "oorei_of_" + artifactID, time.Now().Add(time.Hour), nil
}

func (f *fake) CreateShareLink(_ context.Context, _ core.Actor, artifactID string, in app.ShareLink) (string, core.Credential, error) {
	f.sharedNow = append(f.sharedNow, in)
	return "https://ci.example.com/i/ooreh_new_of_" + artifactID, core.Credential{ID: "s1"}, f.refuse
}

func (f *fake) ListShareLinks(_ context.Context, _ core.Actor, artifactID string) ([]core.Credential, error) {
	var out []core.Credential
	for _, c := range f.shareLinks {
		if c.ArtifactID == artifactID {
			out = append(out, c)
		}
	}
	return out, nil
}

func (f *fake) RevokeShareLink(_ context.Context, _ core.Actor, id string) error {
	f.asked = append(f.asked, "revoke "+id)
	return f.refuse
}

func (f *fake) FindShared(ctx context.Context, secret string) (app.Shared, error) {
	s, ok := f.shared[secret]
	if !ok {
		return s, core.Errorf(core.KindNotFound, "This link is unknown")
	}
	var err error
	if s.Build, err = f.FindBuild(ctx, core.Actor{}, s.Artifact.BuildID); err != nil {
		return s, err
	}
	p, err := f.FindProject(ctx, core.Actor{}, s.Artifact.ProjectID)
	s.Project = p.Name
	return s, err
}

// BeginInstall knows that ooreh_once… begins oorei_ipa.
func (f *fake) BeginInstall(ctx context.Context, secret string) (string, error) {
	f.asked = append(f.asked, "begin "+secret)
	if _, err := f.FindShared(ctx, secret); err != nil {
		return "", err
	}
	if strings.HasPrefix(secret, "ooreh_once") {
		return "oorei_ipa", nil
	}
	return secret, nil
}
