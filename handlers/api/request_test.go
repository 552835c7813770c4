package api

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

func TestBodiesAreReadStrictly(t *testing.T) {
	s := serve(t, fullCommands())
	pipelines := "/projects/" + projectID + "/pipelines"
	for _, test := range []struct{ name, path, body, says string }{
		{"empty", "/projects", " ", "empty"},
		{"no object", "/projects", `[]`, "must be a JSON object"},
		{"not JSON", "/projects", `{"name":`, "ends too early"},
		{"bad syntax", "/projects", `{"name" "x"}`, "not valid JSON"},
		{"trailing garbage", "/projects", `{"name":"x"} true`, "Something follows"},
		{"trailing brace", "/projects", `{"name":"x"}}`, "Something follows"},
		{"unknown field", "/projects", `{"name":"x","colour":"red"}`, `Unknown field \"colour\"`},
		{"unknown field within", "/projects", `{"repository":{"provider":"github","branch":"x"}}`, `Unknown field \"branch\"`},
		{"wrong type", "/projects", `{"name":1}`, "name must be a string, not number"},
		{"wrong type within", "/projects", `{"repository":{"full_name":true}}`, "repository.full_name must be a string, not bool"},
		{"wrong type of a number", pipelines, `{"timeout_seconds":"60"}`, "timeout_seconds must be a whole number, not string"},
		{"fraction", pipelines, `{"timeout_seconds":1.5}`, "timeout_seconds must be a whole number"},
		{"wrong type of a flag", pipelines, `{"enabled":"yes"}`, "enabled must be true or false, not string"},
		{"wrong type of a list", pipelines, `{"labels":"macos"}`, "labels must be a list, not string"},
		{"wrong type in a list", pipelines, `{"trigger_config":{"branches":[1]}}`, "trigger_config.branches must be a string, not number"},
		{"wrong type of an object", pipelines, `{"execution_config":[]}`, "execution_config must be an object, not array"},
		{"unknown field in a trigger", pipelines, `{"trigger_config":{"branch":["main"]}}`, `Unknown field \"branch\"`},
		{"unknown field in a command", pipelines, `{"execution_config":{"commands":{"build":[{"cmd":"x"}]}}}`, `Unknown field \"cmd\"`},
		{"wrong type of a command", pipelines, `{"execution_config":{"commands":{"build":[7]}}}`, "not number"},
		{"unknown field in build arguments", pipelines, `{"execution_config":{"platform_build_args":{"ios":{"x":1}}}}`, `Unknown field \"x\"`},
		{"wrong type of build arguments", pipelines, `{"execution_config":{"platform_build_args":{"ios":7}}}`, "not number"},
		{"both names of the triggers", pipelines, `{"triggers":{},"trigger_config":{}}`, "trigger_config or triggers, not both"},
		{"both names of canceling", pipelines, `{"concurrency":{"cancel_previous":true,"cancel_in_progress":true}}`, "not both"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := s.ask("POST", test.path, test.body)
			if got.status != 400 || !strings.Contains(string(got.body), `"code":"invalid_input"`) || !strings.Contains(string(got.body), test.says) {
				t.Errorf("got %d %s, want invalid_input that says %s", got.status, got.body, test.says)
			}
		})
	}
	if calls := s.fake.Calls(); len(calls) != 0 {
		t.Errorf("a bad body reached a command: %v", calls)
	}
}

func TestBodyMustBeDeclaredAsJSON(t *testing.T) {
	s := serve(t, fullCommands())
	for _, contentType := range []string{"text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "nonsense;;"} {
		got := s.ask("POST", "/projects", `{"name":"x"}`, "Content-Type: "+contentType)
		if got.status != 400 || !strings.Contains(string(got.body), "application/json") {
			t.Errorf("%s: %d %s", contentType, got.status, got.body)
		}
	}
	if got := s.ask("POST", "/projects", `{"name":"x"}`, "Content-Type: application/json; charset=utf-8"); got.status != 201 {
		t.Errorf("with a charset: %d %s", got.status, got.body)
	}
}

func TestBadIDsAreNotFoundBeforeAnythingIsAsked(t *testing.T) {
	s := serve(t, fullCommands())
	body := `{"name":"x"}`
	for _, id := range []string{"1", "build_xyz789", strings.ReplaceAll(buildID, "-", ""), "{" + buildID[:34] + "}", buildID + "0", buildID[:35] + "g", "urn:uuid:" + buildID} {
		for _, path := range []string{
			"GET /projects/%", "PATCH /projects/%", "DELETE /projects/%", "GET /projects/%/pipelines", "POST /projects/%/pipelines",
			"GET /pipelines/%", "PATCH /pipelines/%", "DELETE /pipelines/%", "GET /projects/%/builds", "POST /projects/%/builds",
			"GET /builds/%", "POST /builds/%/cancel", "POST /builds/%/rerun", "POST /builds/%/stream-token",
			"GET /builds/%/logs", "GET /builds/%/logs/stream", "GET /deliveries/%", "POST /deliveries/%/redeliver", "POST /deliveries/%/evaluate",
			"GET /builds?project_id=%", "GET /builds?pipeline_id=%",
		} {
			method, path, _ := strings.Cut(strings.ReplaceAll(path, "%", id), " ")
			sent := ""
			if method == "POST" || method == "PATCH" {
				sent = body
			}
			got := s.ask(method, path, sent)
			if got.status != 400 || !strings.Contains(string(got.body), `"code":"not_found"`) {
				t.Errorf("%s %s: %s", method, path, got.body)
			}
		}
	}
	got := s.ask("POST", "/projects/"+projectID+"/builds", `{"pipeline_id":"main"}`)
	if !strings.Contains(string(got.body), `"error":"Pipeline not found"`) {
		t.Errorf("pipeline_id: %s", got.body)
	}
	if calls := s.fake.Calls(); len(calls) != 0 {
		t.Errorf("asked: %v", calls)
	}
}

func TestAnIDInCapitalsIsTheSameID(t *testing.T) {
	s := serve(t, fullCommands())
	s.ask("GET", "/builds/"+strings.ToUpper(buildID), "")
	if got := s.fake.Last(); got.Command != "FindBuildDetail" || got.ID != buildID {
		t.Errorf("got %+v", got)
	}
}

func TestWindowsOfLists(t *testing.T) {
	s := serve(t, fullCommands())
	for _, query := range []string{"limit=0", "limit=201", "limit=-1", "limit=x", "limit=", "limit=1.5", "offset=-1", "offset=x", "offset=99999999999999999999"} {
		for _, path := range []string{"/projects", "/builds", "/deliveries", "/api-tokens", "/projects/" + projectID + "/pipelines"} {
			got := s.ask("GET", path+"?"+query, "")
			name, _, _ := strings.Cut(query, "=")
			if got.status != 400 || !strings.Contains(string(got.body), `"error":"`+name+" must be a whole number") {
				t.Errorf("%s?%s: %d %s", path, query, got.status, got.body)
			}
		}
	}
	for query, want := range map[string]core.Page{"": {Limit: 50}, "?limit=200&offset=7": {Limit: 200, Offset: 7}} {
		s.ask("GET", "/projects"+query, "")
		if got := s.fake.Last().In; got != want {
			t.Errorf("%q: got %v, want %v", query, got, want)
		}
	}
	if got := s.ask("GET", "/projects/"+projectID+"/pipelines?offset=5", ""); string(got.body) != `{"pipelines":[],"total":2}` {
		t.Errorf("past the end: %s", got.body)
	}
}

func TestFilters(t *testing.T) {
	s := serve(t, fullCommands())
	s.ask("GET", "/builds?project_id="+projectID+"&pipeline_id="+pipelineID+"&status=queued,%20running&branch=main&commit_sha=ABC&trigger_type=api", "")
	want := core.BuildFilter{
		ProjectID: projectID, PipelineID: pipelineID, Statuses: []core.BuildStatus{core.BuildQueued, core.BuildRunning},
		Branch: "main", SHA: "abc", TriggerType: core.TriggerAPI,
	}
	if got := s.fake.Last().In; !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	s.ask("GET", "/deliveries?provider=github&status=ignored&repository=acme/shop&sha=abc", "")
	wanted := core.DeliveryFilter{Provider: core.ProviderGitHub, Status: core.DeliveryIgnored, Repository: "acme/shop", SHA: "abc"}
	if got := s.fake.Last().In; got != wanted {
		t.Errorf("got %+v, want %+v", got, wanted)
	}
	for _, path := range []string{
		"/builds?status=green", "/builds?status=queued,", "/builds?trigger_type=magic", "/deliveries?status=lost", "/deliveries?provider=svn",
		"/builds?branch=%ff", "/builds?commit_sha=%00", "/deliveries?repository=%ff", "/deliveries?sha=%00",
	} {
		if got := s.ask("GET", path, ""); got.status != 400 || !strings.Contains(string(got.body), "invalid_input") {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
}

func TestTriggerTypeFollowsTheCredential(t *testing.T) {
	s := serve(t, fullCommands())
	body := `{"pipeline_id":"` + pipelineID + `","branch":"main","commit_sha":"abc","trigger_ref":"17"}`
	want := app.TriggerBuild{ProjectID: projectID, PipelineID: pipelineID, Branch: "main", SHA: "abc", TriggerRef: "17", Type: core.TriggerManual}
	s.ask("POST", "/projects/"+projectID+"/builds", body)
	if got := s.fake.Last().In; !reflect.DeepEqual(got, want) {
		t.Errorf("by cookie: got %+v", got)
	}
	want.Type = core.TriggerAPI
	s.ask("POST", "/projects/"+projectID+"/builds", body, "Authorization: bearer x")
	if got := s.fake.Last().In; !reflect.DeepEqual(got, want) {
		t.Errorf("by bearer: got %+v", got)
	}
}

func TestAProjectIsReadFromItsBody(t *testing.T) {
	s := serve(t, fullCommands())
	s.ask("POST", "/projects", `{"name":"Shop","description":"d","repository_id":"r","repository":{"provider":"git","full_name":"a/b","clone_url":"u"},
		"local_repository_path":"/srv/shop","default_branch":"main","forks":"build","comments":"off","trigger_role":"developer","visibility":"members"}`)
	want := app.CreateProject{
		Name: "Shop", Description: "d", RepositoryID: "r", Provider: core.ProviderGit, FullName: "a/b", CloneURL: "u", LocalPath: "/srv/shop",
		DefaultBranch: "main", Forks: core.ForksBuild, Comments: core.CommentsOff, TriggerRole: core.RoleDeveloper, Visibility: core.VisibleMembers,
	}
	if got := s.fake.Last().In; got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	s.ask("PATCH", "/projects/"+projectID, `{"description":"","forks":null}`)
	if got, want := s.fake.Last().In, (app.UpdateProject{Description: ptr("")}); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestAPipelineIsReadFromItsBody(t *testing.T) {
	s := serve(t, fullCommands())
	trigger := &core.Trigger{Events: []core.EventKind{"push"}, Branches: []string{"main"}, TargetBranches: []string{"t"}, Paths: []string{"p"}, Tags: []string{"v*"}}
	for _, test := range []struct {
		name, body string
		want       app.PipelineInput
	}{
		{"nothing", `{}`, app.PipelineInput{}},
		{
			"plain fields", `{"name":"A","config_path":"ci.yaml","config_path_explicit":true,"labels":["macos"],"status_context":"ci/a","enabled":false,"timeout_seconds":90}`,
			app.PipelineInput{Name: ptr("A"), ConfigPath: ptr("ci.yaml"), Labels: &[]string{"macos"}, StatusContext: ptr("ci/a"), Enabled: ptr(false), Timeout: ptr(90 * time.Second)},
		},
		{"no chosen path", `{"config_path":".oore.yaml","config_path_explicit":false}`, app.PipelineInput{ConfigPath: ptr("")}},
		{"a time beyond all bounds", `{"timeout_seconds":9223372036854775807}`, app.PipelineInput{Timeout: ptr((1<<31 - 1) * time.Second)}},
		{"a time below all bounds", `{"timeout_seconds":-9223372036854775808}`, app.PipelineInput{Timeout: ptr(-time.Second)}},
		{"trigger_config", `{"trigger_config":{"events":["push"],"branches":["main"],"target_branches":["t"],"paths":["p"],"tags":["v*"]}}`, app.PipelineInput{Trigger: trigger}},
		{"triggers", `{"triggers":{"events":["push"],"branches":["main"],"target_branches":["t"],"paths":["p"],"tags":["v*"]}}`, app.PipelineInput{Trigger: trigger}},
		{"cancel_previous", `{"concurrency":{"cancel_previous":true,"max_concurrent":3}}`, app.PipelineInput{Concurrency: &core.Concurrency{CancelPrevious: true, MaxConcurrent: 3}}},
		{"cancel_in_progress", `{"concurrency":{"cancel_in_progress":true,"max_concurrent":null}}`, app.PipelineInput{Concurrency: &core.Concurrency{CancelPrevious: true}}},
		{
			"execution", `{"execution_config":{"platforms":["android"],"flutter_version":"3","commands":{"pre_build":["a"],"build":[{"name":"n","run":"b"}],"post_build":[]},
			"platform_build_args":{"android":["--x","y z"],"ios":{"extra_args":" --a  --b=c "}},"platform_commands":{"ios":"c"},"env":[{"key":"K","value":"V"}],"artifact_patterns":["*.apk"]}}`,
			app.PipelineInput{Execution: &core.ExecutionConfig{
				Platforms: []string{"android"}, FlutterVersion: "3",
				Commands:          core.Commands{PreBuild: []core.Command{{Run: "a"}}, Build: []core.Command{{Name: "n", Run: "b"}}, PostBuild: []core.Command{}},
				PlatformBuildArgs: map[string][]string{"android": {"--x", "y z"}, "ios": {"--a", "--b=c"}},
				PlatformCommands:  map[string]string{"ios": "c"}, Env: []core.EnvVar{{Key: "K", Value: "V"}}, ArtifactPatterns: []string{"*.apk"},
			}},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := s.ask("PATCH", "/pipelines/"+pipelineID, test.body); got.status != 200 {
				t.Fatalf("%d %s", got.status, got.body)
			}
			if got := s.fake.Last().In; !reflect.DeepEqual(got, test.want) {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

func FuzzBody(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"name":"x"}`, `{"execution_config":{"platform_build_args":{"a":{"extra_args":"x y"}},"commands":{"build":["a",{"name":"n","run":"r"}]}}}`,
		`{"concurrency":null}`, `{"labels":[null]}`, `{"execution_config":{"commands":{"build":[null]}}}`, `{"name":"\ud800"}`, `{"a":1}`, `[`, ``,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var b pipelineBody
		err := decode(data, &b, true)
		if err == nil {
			_, err = b.input()
		}
		if err != nil && core.KindOf(err) != core.KindInvalid {
			t.Errorf("%q: %v is no fault of the sender", data, err)
		}
	})
}

func TestWhatTakesNoFieldsNamesThoseThatItIsGiven(t *testing.T) {
	s := serve(t, fullCommands())
	for _, path := range []string{"/builds/" + buildID + "/cancel", "/builds/" + buildID + "/rerun", "/deliveries/" + deliveryID + "/redeliver", "/deliveries/" + deliveryID + "/evaluate"} {
		if got := s.ask("POST", path, `{"colour":1}`); got.status != 400 || !bytes.Contains(got.body, []byte("colour")) {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
		if got := s.ask("POST", path, "{}"); got.status != 200 {
			t.Errorf("%s with nothing in it: %d %s", path, got.status, got.body)
		}
	}
}
