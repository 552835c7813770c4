package main

import (
	"log/slog"
	"testing"

	"github.com/oore-ci/oore/app/core"
)

// TestEachRoomOfTheProgramHasTheGuard makes the rooms as the program does, with settings
// that all name a cloud's metadata: not even the operator's own word leads there.
func TestEachRoomOfTheProgramHasTheGuard(t *testing.T) {
	const metadata = "https://169.254.169.254/"
	cfg, err := load([]string{
		"HOME=" + t.TempDir(), "OORE_OIDC_ISSUER=" + metadata, "OORE_OIDC_CLIENT_ID=id", "OORE_OIDC_CLIENT_SECRET=secret",
		"OORE_GITHUB_WEB_URL=" + metadata, "OORE_GITHUB_API_URL=" + metadata, "OORE_GITHUB_OAUTH_CLIENT_ID=id", "OORE_GITHUB_OAUTH_CLIENT_SECRET=secret",
		"OORE_GITHUB_ORGANIZATIONS=acme", "OORE_GITLAB_URL=" + metadata, "OORE_GITLAB_OAUTH_CLIENT_ID=id", "OORE_GITLAB_OAUTH_CLIENT_SECRET=secret", "OORE_GITLAB_TOKEN=glpat-1",
		"OORE_SLACK_SIGNING_SECRET=s", "OORE_SLACK_BOT_TOKEN=xoxb-1", "OORE_SLACK_API_URL=" + metadata,
		"OORE_CONNECT_NETWORKS=169.254.0.0/16", "OORE_NOTIFY_NETWORKS=169.254.0.0/16",
	})
	if err != nil {
		t.Fatal(err)
	}
	r, err := newRooms(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	_, err = r.forges[core.ProviderGitHub].(core.AppRegistrar).RegisterApp(ctx, metadata, "code")
	mustRefuse(t, "an App's keys", err)
	_, err = r.forges[core.ProviderGitLab].(core.Granter).Grant(ctx, core.GrantRequest{WebURL: metadata, ClientID: "id"}, "code")
	mustRefuse(t, "GitLab by agreement", err)
	_, err = r.forges[core.ProviderGitLab].(core.Connector).Inspect(ctx, r.environment[0])
	mustRefuse(t, "GitLab by a token", err)
	if len(r.signIn.Rooms) != 3 {
		t.Fatalf("%d ways to sign in", len(r.signIn.Rooms))
	}
	for _, room := range r.signIn.Rooms {
		_, err = room.Identify(ctx, core.SignInRequest{}, core.SignInAnswer{Code: "code"})
		mustRefuse(t, "signing in with "+room.Way().Name, err)
	}
	for _, room := range r.signIn.Rooms {
		if room.Way().ID == "github" { // which has a list
			_, err = room.StillAdmitted(ctx, []byte(`{"access_token":"gho_1"}`))
			mustRefuse(t, "whether they are admitted still", err)
		}
	}
	_, err = r.messenger().Post(ctx, "C1", core.Message{Text: "hello"}, "")
	mustRefuse(t, "Slack", err)
	for kind, notifier := range r.notifiers {
		mustRefuse(t, string(kind), notifier.Notify(ctx, core.Notification{Target: metadata}, metadata, core.Notice{Event: core.NoticePing}))
	}
	if _, _, ok := dateOf(ctx, r.transport, metadata); ok {
		t.Error("the metadata tell their time")
	}
}
