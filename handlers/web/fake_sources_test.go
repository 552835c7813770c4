package web

import (
	"context"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

func (f *fake) ListIntegrations(_ context.Context, actor core.Actor) ([]app.IntegrationDetail, error) {
	return f.integrations, core.Allow(actor, core.ActManageInstance, nil)
}

func (f *fake) ListIntegrationRepositories(_ context.Context, actor core.Actor, _ string) ([]core.Repository, error) {
	return f.repositories, core.Allow(actor, core.ActCreateProject, nil)
}

// change is the answer of a changing command: the actor must be an admin.
func (f *fake) change(actor core.Actor, asked string) error {
	if err := core.Allow(actor, core.ActManageInstance, nil); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, asked)
	return f.refuse
}

func (f *fake) StartGitHubApp(_ context.Context, actor core.Actor, in app.StartGitHubApp) (core.AppForm, error) {
	f.made = append(f.made, in)
	return f.form, f.change(actor, "start")
}

func (f *fake) CompleteGitHubApp(_ context.Context, actor core.Actor, code, state string) (app.IntegrationDetail, error) {
	return app.IntegrationDetail{Integration: core.Integration{ID: "i1"}}, f.change(actor, "complete "+code+" "+state)
}

func (f *fake) ConnectGitLab(_ context.Context, actor core.Actor, in app.ConnectGitLab) (app.IntegrationDetail, error) {
	f.gitLabs = append(f.gitLabs, in)
	return app.IntegrationDetail{}, f.change(actor, "gitlab")
}

func (f *fake) StartGitLabGrant(_ context.Context, actor core.Actor, in app.StartGitLabGrant) (string, error) {
	f.grants = append(f.grants, in)
	return "https://gitlab.example/oauth/authorize?client_id=a&state=s1", f.change(actor, "grant")
}

func (f *fake) CompleteGitLabGrant(_ context.Context, actor core.Actor, code, state string) (app.IntegrationDetail, error) {
	return app.IntegrationDetail{Integration: core.Integration{ID: "i3"}}, f.change(actor, "complete "+code+" "+state)
}

func (f *fake) SyncIntegration(_ context.Context, actor core.Actor, id string) (app.IntegrationDetail, error) {
	return app.IntegrationDetail{}, f.change(actor, "sync "+id)
}

func (f *fake) DeleteIntegration(_ context.Context, actor core.Actor, id string) error {
	return f.change(actor, "disconnect "+id)
}

func (f *fake) RenewHookSecret(_ context.Context, actor core.Actor, id string) (string, string, error) {
	return "http://127.0.0.1:8787/v1/webhooks/gitlab", "oore_once", f.change(actor, "secret "+id)
}

// fillSources connects a new App, one with all that can be wrong, a GitLab host, and
// one with hostile names.
func (f *fake) fillSources() {
	f.form = core.AppForm{Action: "https://github.example/settings/apps/new?state=s1", Manifest: `{"name":"Oore \"ci\""}`}
	f.integrations = []app.IntegrationDetail{
		{
			Integration: core.Integration{ID: "i1", Provider: core.ProviderGitHub, Name: "Oore ci 1a2b3c", Host: "github.com", WebURL: "https://github.com/", Origin: core.OriginWeb},
			InstallURL:  "https://github.com/apps/oore-ci-1a2b3c/installations/new",
		},
		{
			Integration: core.Integration{
				ID: "i2", Provider: core.ProviderGitHub, Name: "Acme builds", Host: "git.acme.example", WebURL: "https://git.acme.example/", Origin: core.OriginEnvironment,
				Trouble: "git.acme.example knows no App 12 with this key; check the key",
			},
			InstallURL: "https://git.acme.example/github-apps/acme-builds/installations/new", Repositories: 12,
			Installations: []core.Installation{
				{ExternalID: 1, Account: "acme", AccountType: "Organization", All: true, Missing: []string{"checks: write", "merge_group"}, SettingsURL: "https://git.acme.example/settings/1"},
				{ExternalID: 2, Account: "kim", AccountType: "User", Suspended: true, SettingsURL: "https://git.acme.example/settings/2"},
			},
		},
		{
			Integration:   core.Integration{ID: "i3", Provider: core.ProviderGitLab, Name: "oore-bot", Host: "gitlab.example", WebURL: "https://gitlab.example/", Origin: core.OriginWeb},
			Installations: []core.Installation{{Account: "oore-bot"}}, Repositories: 2,
		},
		{
			Integration: core.Integration{ID: "i4", Provider: core.ProviderGitHub, Name: hostile, Host: hostile, WebURL: "javascript:alert(1)", Origin: core.OriginWeb, Trouble: hostile},
			InstallURL:  "javascript:alert(1)", Repositories: 1,
			Installations: []core.Installation{{Account: hostile, AccountType: hostile, Missing: []string{hostile}, SettingsURL: "javascript:alert(1)"}},
		},
		{
			Integration: core.Integration{
				ID: "i5", Provider: core.ProviderGitLab, Name: "ci-user", Host: "gitlab.example", WebURL: "https://gitlab.example/", Origin: core.OriginWeb,
				Trouble: "gitlab.example does not renew the access that was granted. Connect it again under Settings → Sources.",
			},
			Installations: []core.Installation{{Account: "ci-user"}}, Repositories: 1, ApplicationID: "app-1",
		},
	}
	f.repositories = []core.Repository{
		{ID: "r1", Provider: core.ProviderGitHub, Host: "github.com", FullName: "acme/shop"},
		{ID: "r2", Provider: core.ProviderGitHub, Host: "git.acme.example", FullName: "acme/shop"},
		{ID: "r3", Provider: core.ProviderGitHub, Host: "github.com", FullName: "acme/site"},
		{ID: "r4", Provider: core.ProviderGitLab, Host: "gitlab.example", FullName: "kit/mobile"},
		{ID: "r5", Provider: core.ProviderGitLab, Host: "gitlab.example", FullName: hostile},
	}
}
