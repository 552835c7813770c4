package api

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/api/apitest"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const (
	projectID  = "0b7c3f1e-5a0d-4d3f-9c55-0d6f6d1c0001"
	pipelineID = "0b7c3f1e-5a0d-4d3f-9c55-0d6f6d1c0002"
	buildID    = "0b7c3f1e-5a0d-4d3f-9c55-0d6f6d1c0003"
	deliveryID = "0b7c3f1e-5a0d-4d3f-9c55-0d6f6d1c0004"
)

// testServer is the API over TCP, without the door that the package handlers adds:
// errors are answered as {kind, code, error}.
type testServer struct {
	t    *testing.T
	api  *API
	fake *apitest.Commands
	url  string
	stop chan struct{}
	http *fiber.App
}

func serve(t *testing.T, fake *apitest.Commands, change ...func(*API)) *testServer {
	t.Helper()
	stop := make(chan struct{})
	a := New(Options{
		Commands: fake, PublicURL: "https://ci.example.com", Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Stop: stop,
	})
	for _, f := range change {
		f(a)
	}
	server := fiber.New(fiber.Config{
		DisableStartupMessage: true, Immutable: true, DisablePreParseMultipartForm: true,
		ErrorHandler: func(c *fiber.Ctx, err error) error {
			return c.Status(400).JSON(fiber.Map{"kind": core.KindOf(err), "code": core.CodeOf(err), "error": err.Error()})
		},
	})
	actor := core.Actor{Kind: core.ActorUser, UserID: projectID, Name: "Ada", Role: core.RoleAdmin}
	for pattern, h := range map[string]func(*fiber.Ctx, core.Actor) error{
		"GET /me": a.Me, "GET /api-tokens": a.ListTokens, "POST /api-tokens": a.CreateToken,
		"GET /users": a.ListUsers, "POST /users/invite": a.InviteUser, "GET /users/:id": a.User, "DELETE /users/:id": a.DisableUser,
		"PATCH /users/:id/role": a.SetUserRole, "POST /users/:id/enable": a.EnableUser, "POST /users/:id/sign-in-link": a.RenewSignInLink,
		"GET /projects/:id/members": a.ListMembers, "PUT /projects/:id/members/:user_id": a.SetMember, "DELETE /projects/:id/members/:user_id": a.DeleteMember,
		"GET /sessions": a.ListSessions, "DELETE /sessions/:id": a.DeleteSession, "GET /audit-logs": a.ListAudit,
		"GET /projects": a.ListProjects, "POST /projects": a.CreateProject,
		"GET /projects/:id": a.Project, "PATCH /projects/:id": a.UpdateProject, "DELETE /projects/:id": a.DeleteProject,
		"GET /projects/:id/pipelines": a.ListPipelines, "POST /projects/:id/pipelines": a.CreatePipeline,
		"POST /pipelines/validate": a.ValidateWorkflow, "GET /pipelines/:id": a.Pipeline, "PATCH /pipelines/:id": a.UpdatePipeline, "DELETE /pipelines/:id": a.DeletePipeline,
		"GET /projects/:id/builds": a.ListProjectBuilds, "POST /projects/:id/builds": a.TriggerBuild,
		"GET /queue": a.Queue, "POST /queue/pause": a.PauseQueue, "POST /queue/resume": a.ResumeQueue, "POST /builds/:id/first": a.PutBuildFirst, "GET /builds": a.ListBuilds, "GET /builds/:id": a.Build,
		"POST /builds/:id/cancel": a.CancelBuild, "POST /builds/:id/rerun": a.RerunBuild,
		"POST /builds/:id/stream-token": a.CreateStreamToken,
		"GET /builds/:id/logs":          a.Logs, "GET /builds/:id/logs/search": a.SearchLogs, "GET /builds/:id/logs/stream": a.Stream, "HEAD /builds/:id/logs/stream": a.Stream,
		"GET /deliveries": a.ListDeliveries, "GET /deliveries/:id": a.Delivery, "POST /deliveries/:id/redeliver": a.Redeliver,
		"POST /deliveries/:id/evaluate": a.Evaluate, "POST /deliveries/:id/approve": a.Approve, "GET /why": a.Why, "DELETE /api-tokens/:id": a.DeleteToken,
		"GET /projects/:id/notifications": a.ListNotifications, "POST /projects/:id/notifications": a.CreateNotification,
		"PATCH /notifications/:id": a.UpdateNotification, "DELETE /notifications/:id": a.DeleteNotification, "POST /notifications/:id/test": a.TestNotification,
		"GET /projects/:id/secrets": a.ListSecrets, "PUT /projects/:id/secrets/:name": a.SetSecret, "DELETE /projects/:id/secrets/:name": a.DeleteSecret,
		"GET /integrations": a.ListIntegrations, "GET /integrations/:id": a.Integration, "DELETE /integrations/:id": a.DeleteIntegration,
		"POST /integrations/:id/sync": a.SyncIntegration, "POST /integrations/github/start": a.StartGitHubApp,
		"POST /integrations/github/complete": a.CompleteGitHubApp, "POST /integrations/gitlab": a.ConnectGitLab,
		"POST /integrations/gitlab/start": a.StartGitLabGrant, "POST /integrations/gitlab/complete": a.CompleteGitLabGrant,
		"GET /builds/:id/artifacts": a.ListBuildArtifacts, "GET /builds/:id/tests": a.ListTests, "GET /projects/:id/artifacts": a.ListProjectArtifacts, "GET /artifacts/:id": a.Artifact,
		"GET /artifacts/:id/download": a.DownloadArtifact, "HEAD /artifacts/:id/download": a.DownloadArtifact, "POST /artifacts/:id/download-link": a.CreateDownloadLink,
		"GET /artifacts/:id/icon": a.Icon, "GET /artifacts/:id/share-links": a.ListShareLinks, "POST /artifacts/:id/share-links": a.CreateShareLink, "DELETE /share-links/:id": a.DeleteShareLink,
		"GET /runners": a.ListRunners, "POST /runners/register": a.RegisterRunner, "GET /runners/:id": a.Runner, "PATCH /runners/:id": a.UpdateRunner, "DELETE /runners/:id": a.DeleteRunner,
		"GET /integration-repositories": a.ListIntegrationRepositories, "POST /integration-repositories/:id/webhook-secret": a.RenewHookSecret,
	} {
		method, path, _ := strings.Cut(pattern, " ")
		server.Add(method, path, func(c *fiber.Ctx) error { return h(c, actor) })
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- server.Listener(listener) }()
	t.Cleanup(func() {
		select {
		case <-stop:
		default:
			close(stop)
		}
		if err := server.ShutdownWithTimeout(patience); err != nil {
			t.Error(err)
		}
		<-served
	})
	return &testServer{t: t, api: a, fake: fake, url: "http://" + listener.Addr().String(), stop: stop, http: server}
}

type answer struct {
	status int
	header http.Header
	body   []byte
}

// ask sends a request; headers are given as "Name: value".
func (s *testServer) ask(method, path, body string, headers ...string) answer {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, data}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs (go test -update rewrites it); got:\n%s\nwant:\n%s", path, got, want)
	}
}

func at(seconds int64) time.Time { return time.Unix(1763800000+seconds, 0).UTC() }

func ptr[T any](v T) *T { return &v }

func fullCommands() *apitest.Commands {
	return &apitest.Commands{
		Secret: "oore_secret", Expires: at(300),
		Credential: core.Credential{
			ID: projectID, Kind: core.CredentialAPIToken, Hash: "never shown", Prefix: "abcdefgh", Name: "deploy", UserID: buildID, Role: core.RoleDeveloper,
			ProjectID: projectID, CreatedBy: "Ada", Address: "192.0.2.7", UserAgent: "Firefox",
			ArtifactID: deliveryID, SourceID: "never shown", Uses: 2, CreatedAt: at(0), ExpiresAt: ptr(at(3600)), LastUsedAt: ptr(at(60)),
		},
		User: core.User{
			ID: buildID, Name: "Ada", Email: "ada@example.com", Role: core.RoleDeveloper, Enabled: true, Password: "never shown", LastSeenAt: ptr(at(60)),
			CreatedAt: at(0), UpdatedAt: at(1),
		},
		Member: app.MemberDetail{
			Member: core.Member{ProjectID: projectID, UserID: buildID, Role: core.RoleMaintainer, CreatedAt: at(0)},
			User:   core.User{ID: buildID, Name: "Ada", Email: "ada@example.com", Enabled: true, Password: "never shown"},
		},
		Audit: []core.AuditEntry{
			{
				ID: deliveryID, Seq: 2, At: at(2), ActorKind: core.ActorUser, ActorID: buildID, Actor: "Ada", CredentialID: pipelineID, Door: core.ViaGitHub, Address: "192.0.2.7",
				Action: core.AuditPipelineUpdate, TargetKind: core.TargetPipeline, TargetID: pipelineID, Target: "Android", ProjectID: projectID,
				Changes: core.AuditChanges{{Field: "name", From: "a", To: "b"}, {Field: "enabled", From: "", To: "true"}}, Delivery: deliveryID,
			},
			{ID: projectID, Seq: 1, At: at(1), ActorKind: core.ActorStranger, Door: core.ViaWeb, Action: core.AuditSignInRefused, TargetKind: core.TargetSession},
		},
		Artifact: core.Artifact{
			ID: deliveryID, BuildID: buildID, ProjectID: projectID, Name: "app-release.apk", Kind: core.ArtifactAPK, Size: 26, SHA256: strings.Repeat("ab", 32), IconSHA256: strings.Repeat("cd", 32),
			Metadata: map[string]string{core.MetaPackage: "com.acme.shop", core.MetaVersionCode: "42"}, CreatedAt: at(60), ExpiresAt: ptr(at(3600)),
		},
		File: "abcdefghijklmnopqrstuvwxyz",
		Runner: app.RunnerDetail{
			Runner: core.Runner{
				ID: pipelineID, Name: "mac-mini-2", Labels: []string{"xcode"}, Enabled: true, Platform: "macos/arm64", Version: "1.2.3", Slots: 2,
				Session: "never shown", LastSeenAt: at(60), CreatedAt: at(0), UpdatedAt: at(1),
			},
			Builds: []core.Build{{ID: buildID, ProjectID: projectID, PipelineID: pipelineID, Number: 142, Status: core.BuildRunning, LeaseToken: "secret of ours"}},
		},
		Project: core.Project{
			ID: projectID, Name: "Shop", Slug: "shop", Description: "The app", RepositoryID: pipelineID,
			Repository: core.Repository{
				ID: pipelineID, Provider: core.ProviderGitHub, Host: "github.com", IntegrationID: deliveryID, ExternalID: "42", FullName: "acme/shop",
				WebURL: "https://github.com/acme/shop", CloneURL: "https://github.com/acme/shop.git",
				DefaultBranch: "main", Private: true, InstallationID: 7,
			},
			Forks: core.ForksApprove, Comments: core.CommentsAlways, TriggerRole: core.RoleViewer, Visibility: core.VisibleInstance, Checks: core.CheckRun, ReportSkipped: true,
			CreatedAt: at(0), UpdatedAt: at(1),
		},
		Pipeline: core.Pipeline{
			ID: pipelineID, ProjectID: projectID, Name: "Android", Slug: "android", ConfigPath: ".oore.yaml",
			Execution: core.ExecutionConfig{
				Platforms: []string{"android"}, FlutterVersion: "3.24.5",
				Commands: core.Commands{
					PreBuild: []core.Command{{Run: "flutter pub get"}},
					Build:    []core.Command{{Run: "flutter build apk"}, {Name: "Size", Run: "ls -la"}},
				},
				PlatformBuildArgs: map[string][]string{"android": {"--split-per-abi"}},
				PlatformCommands:  map[string]string{"ios": "flutter build ipa"},
				Env:               []core.EnvVar{{Key: "FLAVOR", Value: "staging"}},
				ArtifactPatterns:  []string{"**/*.apk"},
			},
			Trigger:     core.Trigger{Events: []core.EventKind{core.EventPush}, Branches: []string{"main"}},
			Concurrency: core.Concurrency{CancelPrevious: true, MaxConcurrent: 2},
			Timeout:     30 * time.Minute, Labels: []string{"macos"}, StatusContext: "oore/android", Enabled: true,
			File: core.FileSettings{
				Path: ".oore.yaml", SHA: "0123456789abcdef0123456789abcdef01234567", Labels: &[]string{},
				Problem: `.oore.yaml at fedcba9 is broken: line 2, column 1: unknown key "label"`,
			},
			CreatedAt: at(0), UpdatedAt: at(1),
		},
		Detail: app.BuildDetail{
			Build: core.Build{
				ID: buildID, ProjectID: projectID, PipelineID: pipelineID, Number: 142, Status: core.BuildFailed,
				StatusReason: core.ReasonCommandFailed, StatusMessage: "build-2 failed: exit 1",
				TriggerType: core.TriggerWebhook, TriggerActor: "ada", TriggerEvent: "pull_request", TriggerRef: "17",
				TriggerUser: "secret of ours", ChatChannel: "secret of ours", Note: "for the testers", Platforms: []string{"android", "ios"},
				Branch: "feature", Tag: "v1", SHA: strings.Repeat("ab", 20), CommitMessage: "Fix <it>", CommitAuthor: "Ada",
				PullRequest: &core.PullRequest{Number: 17, Title: "Fix it", URL: "https://github.com/acme/shop/pull/17", Fork: true},
				DedupeKey:   "secret of ours", DeliveryID: deliveryID, SourceBuildID: projectID, RunnerID: pipelineID, RunnerName: "embedded",
				LeaseToken: "secret of ours", Timeout: time.Hour, ExitCode: ptr(1),
				QueuedAt: at(0), AssignedAt: ptr(at(1)), StartedAt: ptr(at(2)), FinishedAt: ptr(at(66)), CreatedAt: at(0), UpdatedAt: at(66),
				Problems: []core.Annotation{
					{Path: "lib/main.dart", Line: 12, Column: 41, Level: core.LevelError, Title: "Dart", Message: "Expected ';' after this."},
					{Level: core.LevelWarning, Message: "No place"},
				},
				Tests: &core.TestSummary{
					Passed: 12, Failed: 1, Duration: 2512 * time.Millisecond,
					Failures: []core.TestFailure{{Suite: "test/cart_test.dart", Name: "adds", Message: "Expected: <2>", Path: "test/cart_test.dart", Line: 14}},
				},
			},
			Events: []core.BuildEvent{
				{To: core.BuildQueued, Actor: "ada", Reason: "webhook", At: at(0)},
				{From: core.BuildQueued, To: core.BuildAssigned, At: at(1)},
			},
			Steps: []core.Step{
				{Index: 0, Name: "checkout", Status: core.StepSucceeded, ExitCode: ptr(0), FirstSequence: 0, LastSequence: ptr(int64(3)), StartedAt: at(2), FinishedAt: ptr(at(3))},
				{Index: 1, Name: "build-1", Command: "make", Status: core.StepRunning, FirstSequence: 4, StartedAt: at(3)},
			},
		},
		Queue: app.Queue{
			Paused: &core.QueuePause{By: "sam", At: at(2)},
			Waiting: []app.QueuedBuild{{
				Build: core.Build{ID: buildID, ProjectID: projectID, PipelineID: pipelineID, Number: 144, Status: core.BuildQueued, TriggerType: core.TriggerAPI, QueuedAt: at(0), CreatedAt: at(0), UpdatedAt: at(0)},
				Place: &core.QueuePlace{Position: 2, Reason: core.Reason{Code: core.WaitSlotsBusy, Text: "All 2 slots are busy."}, EstimatedStart: ptr(at(120))},
			}},
			Active: []app.QueuedBuild{{
				Build:        core.Build{ID: deliveryID, ProjectID: projectID, PipelineID: pipelineID, Number: 143, Status: core.BuildRunning, TriggerType: core.TriggerAPI, StartedAt: ptr(at(0)), QueuedAt: at(0), CreatedAt: at(0), UpdatedAt: at(0)},
				EstimatedEnd: ptr(at(120)),
			}},
			WaitingTotal: 3, ActiveTotal: 2,
		},
		Integration: app.IntegrationDetail{
			Integration: core.Integration{
				ID: deliveryID, Provider: core.ProviderGitHub, Name: "Oore ci", Host: "github.com", WebURL: "https://github.com/",
				APIURL: "https://api.github.com/", ExternalID: "99", Slug: "oore-ci", Origin: core.OriginWeb, Trouble: "A permission is missing",
				Sealed: []byte("never shown"), CreatedAt: at(0), UpdatedAt: at(1),
			},
			Installations: []core.Installation{{
				IntegrationID: deliveryID, ExternalID: 7, Account: "acme", AccountType: "Organization", All: true,
				Missing: []string{"checks: write"}, SettingsURL: "https://github.com/organizations/acme/settings/installations/7",
			}},
			InstallURL: "https://github.com/apps/oore-ci/installations/new", Repositories: 3,
		},
		Delivery: core.Delivery{
			ID: deliveryID, Provider: core.ProviderGitHub, DeliveryID: "72d3162e", Event: "push", Payload: []byte("never shown"),
			Action: "opened", Repository: "acme/shop", Ref: "refs/heads/main", SHA: strings.Repeat("ab", 20), Actor: "ada",
			Status: core.DeliveryProcessed, Reason: core.Reason{Code: core.WhyBuilds, Text: "1 build was started."}, Attempts: 1,
			ReceivedAt: at(0), ProcessedAt: ptr(at(1)),
			Verdicts: []core.DeliveryVerdict{{
				PipelineID: pipelineID, Pipeline: "Android", ProjectID: projectID, Project: "Shop",
				Matched: true, Code: core.WhyMatched, Reason: "The branch main was pushed.", BuildID: buildID,
			}},
		},
	}
}

// emptyCommands answers with what has just been made and knows little yet.
func emptyCommands() *apitest.Commands {
	return &apitest.Commands{
		Project:  core.Project{ID: projectID, Name: "Shop", Slug: "shop", CreatedAt: at(0), UpdatedAt: at(0)},
		Pipeline: core.Pipeline{ID: pipelineID, ProjectID: projectID, Name: "Android", Slug: "android", CreatedAt: at(0), UpdatedAt: at(0)},
		Detail: app.BuildDetail{Build: core.Build{
			ID: buildID, ProjectID: projectID, PipelineID: pipelineID, Number: 1, Status: core.BuildQueued,
			TriggerType: core.TriggerAPI, QueuedAt: at(0), CreatedAt: at(0), UpdatedAt: at(0),
		}},
		Place:  core.QueuePlace{Position: 1, Reason: core.Reason{Code: core.WaitNoRunner, Text: "Waits for a runner (none is connected)."}},
		Runner: app.RunnerDetail{Runner: core.Runner{ID: pipelineID, Name: "new", Enabled: true, Platform: "linux/x64", Slots: 1, CreatedAt: at(0), UpdatedAt: at(0)}},
		Delivery: core.Delivery{
			ID: deliveryID, Provider: core.ProviderGitHub, DeliveryID: "72d3162e", Event: "push",
			Status: core.DeliveryReceived, ReceivedAt: at(0),
		},
	}
}

func TestShapesAreThoseOfTheContract(t *testing.T) {
	clock := func(a *API) { a.now = func() time.Time { return at(70) } }
	full, empty := serve(t, fullCommands(), clock), serve(t, emptyCommands(), clock)
	trigger := `{"pipeline_id":"` + pipelineID + `"}`
	for _, test := range []struct {
		name, method, path, body string
		status                   int
	}{
		{"me", "GET", "/me", "", 200},
		{"api_tokens", "GET", "/api-tokens", "", 200},
		{"api_token_created", "POST", "/api-tokens", `{"name":"deploy"}`, 201},
		{"projects", "GET", "/projects", "", 200},
		{"project", "GET", "/projects/" + projectID, "", 200},
		{"project", "POST", "/projects", `{"name":"Shop"}`, 201},
		{"project", "PATCH", "/projects/" + projectID, `{"name":"Shop"}`, 200},
		{"no_content", "DELETE", "/projects/" + projectID, "", 204},
		{"pipelines", "GET", "/projects/" + projectID + "/pipelines?limit=1", "", 200},
		{"pipeline", "GET", "/pipelines/" + pipelineID, "", 200},
		{"pipeline", "POST", "/projects/" + projectID + "/pipelines", `{"name":"Android"}`, 201},
		{"pipeline", "PATCH", "/pipelines/" + pipelineID, `{"enabled":true}`, 200},
		{"no_content", "DELETE", "/pipelines/" + pipelineID, "", 204},
		{"validate_good", "POST", "/pipelines/validate", `{"content":"version: 1\ncommands: {build: [make]}\n"}`, 200},
		{"validate_file", "POST", "/pipelines/validate", `{"project_id":"` + projectID + `","ref":"main"}`, 200},
		{"validate_bad", "POST", "/pipelines/validate", `{"content":"version: 2\nplatform: []\n"}`, 200},
		{"builds", "GET", "/builds", "", 200},
		{"builds", "GET", "/projects/" + projectID + "/builds", "", 200},
		{"build_detail", "GET", "/builds/" + buildID, "", 200},
		{"queue", "GET", "/queue", "", 200},
		{"queue", "POST", "/queue/pause", "", 200},
		{"queue", "POST", "/queue/resume", "", 200},
		{"build", "POST", "/builds/" + buildID + "/first", "", 200},
		{"build", "POST", "/projects/" + projectID + "/builds", trigger, 200},
		{"build", "POST", "/builds/" + buildID + "/cancel", "", 200},
		{"build", "POST", "/builds/" + buildID + "/rerun", "", 200},
		{"stream_token", "POST", "/builds/" + buildID + "/stream-token", "", 201},
		{"build_tests", "GET", "/builds/" + buildID + "/tests?status=failed&q=cart&sort=slowest&limit=2", "", 200},
		{"build_artifacts", "GET", "/builds/" + buildID + "/artifacts", "", 200},
		{"project_artifacts", "GET", "/projects/" + projectID + "/artifacts", "", 200},
		{"artifact", "GET", "/artifacts/" + deliveryID, "", 200},
		{"download_link", "POST", "/artifacts/" + deliveryID + "/download-link", "", 201},
		{"share_link_created", "POST", "/artifacts/" + deliveryID + "/share-links", `{"expires_in":3600,"single_use":true}`, 201},
		{"share_links", "GET", "/artifacts/" + deliveryID + "/share-links", "", 200},
		{"no_content", "DELETE", "/share-links/" + deliveryID, "", 204},
		{"deliveries", "GET", "/deliveries", "", 200},
		{"delivery", "GET", "/deliveries/" + deliveryID, "", 200},
		{"delivery", "POST", "/deliveries/" + deliveryID + "/redeliver", "", 200},
		{"delivery", "POST", "/deliveries/" + deliveryID + "/evaluate", "", 200},
		{"delivery", "POST", "/deliveries/" + deliveryID + "/approve", `{"sha":"x"}`, 200},
		{"no_content", "DELETE", "/api-tokens/" + deliveryID, "", 204},
		{"users", "GET", "/users", "", 200},
		{"user", "GET", "/users/" + buildID, "", 200},
		{"user", "PATCH", "/users/" + buildID + "/role", `{"role":"developer"}`, 200},
		{"user", "POST", "/users/" + buildID + "/enable", "", 200},
		{"no_content", "DELETE", "/users/" + buildID, "", 204},
		{"user_linked", "POST", "/users/invite", `{"email":"ada@example.com","role":"developer"}`, 201},
		{"user_linked", "POST", "/users/" + buildID + "/sign-in-link", "", 201},
		{"members", "GET", "/projects/" + projectID + "/members", "", 200},
		{"member", "PUT", "/projects/" + projectID + "/members/" + buildID, `{"role":"maintainer"}`, 200},
		{"no_content", "DELETE", "/projects/" + projectID + "/members/" + buildID, "", 204},
		{"sessions", "GET", "/sessions", "", 200},
		{"no_content", "DELETE", "/sessions/" + projectID, "", 204},
		{"audit_logs", "GET", "/audit-logs", "", 200},
		{"why", "GET", "/why?repo=acme/shop&sha=x", "", 200},
		{"integrations", "GET", "/integrations", "", 200},
		{"integration", "GET", "/integrations/" + deliveryID, "", 200},
		{"integration", "POST", "/integrations/" + deliveryID + "/sync", "", 200},
		{"integration", "POST", "/integrations/github/complete", `{"code":"c","state":"s"}`, 201},
		{"integration", "POST", "/integrations/gitlab", `{"web_url":"https://git.example.com","token":"t"}`, 201},
		{"integration", "POST", "/integrations/gitlab/complete", `{"code":"c","state":"s"}`, 201},
		{"gitlab_grant", "POST", "/integrations/gitlab/start", `{"web_url":"https://git.example.com","application_id":"a","secret":"s"}`, 200},
		{"github_app_form", "POST", "/integrations/github/start", `{"organization":"acme"}`, 200},
		{"no_content", "DELETE", "/integrations/" + deliveryID, "", 204},
		{"integration_repositories", "GET", "/integration-repositories?integration_id=" + deliveryID, "", 200},
		{"webhook_secret", "POST", "/integration-repositories/" + pipelineID + "/webhook-secret", "", 201},
		{"runners", "GET", "/runners", "", 200},
		{"runner", "GET", "/runners/" + pipelineID, "", 200},
		{"runner", "PATCH", "/runners/" + pipelineID, `{"enabled":true,"labels":["xcode"]}`, 200},
		{"runner_registered", "POST", "/runners/register", `{"name":"mac-mini-2","labels":["xcode"],"platform":"macos/arm64","slots":2}`, 201},
		{"no_content", "DELETE", "/runners/" + pipelineID, "", 204},
		{"empty_runner", "GET", "/runners/" + pipelineID, "", 200},
		{"empty_project", "GET", "/projects/" + projectID, "", 200},
		{"empty_pipeline", "GET", "/pipelines/" + pipelineID, "", 200},
		{"empty_queue", "GET", "/queue", "", 200},
		{"empty_builds", "GET", "/builds", "", 200},
		{"empty_build_detail", "GET", "/builds/" + buildID, "", 200},
		{"empty_delivery", "GET", "/deliveries/" + deliveryID, "", 200},
	} {
		t.Run(test.name+" "+test.method, func(t *testing.T) {
			server := full
			if strings.HasPrefix(test.name, "empty_") {
				server = empty
			}
			got := server.ask(test.method, test.path, test.body)
			if got.status != test.status {
				t.Fatalf("status %d, want %d: %s", got.status, test.status, got.body)
			}
			var pretty bytes.Buffer
			if len(got.body) > 0 {
				if err := json.Indent(&pretty, got.body, "", "  "); err != nil {
					t.Fatal(err)
				}
				pretty.WriteByte('\n')
			}
			golden(t, test.name, pretty.Bytes())
		})
	}
}
