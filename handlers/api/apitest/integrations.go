package apitest

import (
	"context"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

// ListIntegrations answers Integration.
func (f *Commands) ListIntegrations(_ context.Context, actor core.Actor) ([]app.IntegrationDetail, error) {
	return []app.IntegrationDetail{f.Integration}, f.note("ListIntegrations", actor, "", nil)
}

// FindIntegration answers Integration.
func (f *Commands) FindIntegration(_ context.Context, actor core.Actor, id string) (app.IntegrationDetail, error) {
	return f.Integration, f.note("FindIntegration", actor, id, nil)
}

// SyncIntegration answers Integration.
func (f *Commands) SyncIntegration(_ context.Context, actor core.Actor, id string) (app.IntegrationDetail, error) {
	return f.Integration, f.note("SyncIntegration", actor, id, nil)
}

// DeleteIntegration answers Err.
func (f *Commands) DeleteIntegration(_ context.Context, actor core.Actor, id string) error {
	return f.note("DeleteIntegration", actor, id, nil)
}

// StartGitHubApp answers a form that goes to example.com.
func (f *Commands) StartGitHubApp(_ context.Context, actor core.Actor, in app.StartGitHubApp) (core.AppForm, error) {
	form := core.AppForm{Action: "https://github.example.com/settings/apps/new?state=s", Manifest: `{"name":"Oore"}`}
	return form, f.note("StartGitHubApp", actor, "", in)
}

// CompleteGitHubApp answers Integration.
func (f *Commands) CompleteGitHubApp(_ context.Context, actor core.Actor, code, state string) (app.IntegrationDetail, error) {
	return f.Integration, f.note("CompleteGitHubApp", actor, code, state)
}

// ConnectGitLab answers Integration.
func (f *Commands) ConnectGitLab(_ context.Context, actor core.Actor, in app.ConnectGitLab) (app.IntegrationDetail, error) {
	return f.Integration, f.note("ConnectGitLab", actor, "", in)
}

// StartGitLabGrant answers an address at GitLab.
func (f *Commands) StartGitLabGrant(_ context.Context, actor core.Actor, in app.StartGitLabGrant) (string, error) {
	return "https://gitlab.example.com/oauth/authorize?state=s", f.note("StartGitLabGrant", actor, "", in)
}

// CompleteGitLabGrant answers Integration.
func (f *Commands) CompleteGitLabGrant(_ context.Context, actor core.Actor, code, state string) (app.IntegrationDetail, error) {
	return f.Integration, f.note("CompleteGitLabGrant", actor, code, state)
}

// ListIntegrationRepositories answers Project's repository.
func (f *Commands) ListIntegrationRepositories(_ context.Context, actor core.Actor, id string) ([]core.Repository, error) {
	return []core.Repository{f.Project.Repository}, f.note("ListIntegrationRepositories", actor, id, nil)
}

// RenewHookSecret answers Secret.
func (f *Commands) RenewHookSecret(_ context.Context, actor core.Actor, id string) (string, string, error) {
	return "https://ci.example.com/v1/webhooks/gitlab", f.Secret, f.note("RenewHookSecret", actor, id, nil)
}
