package web

import (
	"context"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

func (f *fake) SetSecret(_ context.Context, actor core.Actor, projectID string, in app.SetSecret) (core.Secret, error) {
	f.kept = append(f.kept, in)
	return core.Secret{}, f.change(actor, "keep "+projectID)
}

func (f *fake) DeleteSecret(_ context.Context, actor core.Actor, projectID, name string) error {
	return f.change(actor, "drop "+projectID+" "+name)
}

func (f *fake) ListSecrets(_ context.Context, _ core.Actor, projectID string) ([]core.Secret, error) {
	var out []core.Secret
	for _, s := range f.secrets {
		if s.ProjectID == projectID {
			out = append(out, s)
		}
	}
	return out, nil
}

func (f *fake) fillSecrets() {
	f.secrets = []core.Secret{
		{ID: "s1", ProjectID: "p1", Name: "PLAY_TOKEN", Sealed: []byte("sealed-value"), UpdatedBy: "olga", UpdatedAt: ago(1)},
		{ID: "s2", ProjectID: "p1", Name: "KEYSTORE", File: true, Branches: []string{"main", "release/*"}, UpdatedBy: hostile, UpdatedAt: ago(1)},
		{ID: "s3", ProjectID: "p2", Name: "OTHERS", Branches: []string{hostile}, UpdatedBy: "olga", UpdatedAt: ago(1)},
	}
}
