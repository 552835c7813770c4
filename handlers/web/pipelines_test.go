package web

import (
	"net/http"
	"net/url"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/oore-ci/oore/app/core"
)

// fullPipeline has everything that the API can set.
func fullPipeline() core.Pipeline {
	return core.Pipeline{
		ID: "l9", ProjectID: "p1", Name: "Everything", Slug: "everything", ConfigPath: "ci/all.yaml", ConfigPathExplicit: true, Enabled: true,
		Timeout: 90 * time.Second, StatusContext: "oore/all", Labels: []string{"macos", "xcode"}, Concurrency: core.Concurrency{CancelPrevious: true, MaxConcurrent: 2},
		Trigger: core.Trigger{
			Events: []core.EventKind{core.EventPush, core.EventTag}, Branches: []string{"main", "!old"}, TargetBranches: []string{"main"}, Paths: []string{"lib/**"}, Tags: []string{"v*"},
		},
		Execution: core.ExecutionConfig{
			Platforms: []string{"android", "ios"}, FlutterVersion: "3.24.5",
			Commands: core.Commands{
				PreBuild: []core.Command{{Run: "flutter pub get"}}, Build: []core.Command{{Name: "Size", Run: "ls\n  -la"}, {Run: "# only words"}}, PostBuild: []core.Command{{Run: "true"}},
			},
			PlatformBuildArgs: map[string][]string{"android": {"--split-per-abi", "-v"}}, PlatformCommands: map[string]string{"ios": "make ios"},
			Env: []core.EnvVar{{Key: "FLAVOR", Value: "a=b"}, {Key: "TWO", Value: "x\ny"}}, ArtifactPatterns: []string{"**/*.apk"},
		},
	}
}

// filledIn is what a browser would send of the page's form at once.
func filledIn(t *testing.T, body, action string) url.Values {
	t.Helper()
	root, err := html.Parse(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	attr := func(n *html.Node, name string) (string, bool) {
		for _, a := range n.Attr {
			if a.Key == name {
				return a.Val, true
			}
		}
		return "", false
	}
	sent := url.Values{}
	var walk func(n *html.Node, in bool)
	walk = func(n *html.Node, in bool) {
		if to, ok := attr(n, "action"); ok && n.Data == "form" {
			in = to == action
		}
		if name, ok := attr(n, "name"); ok && in {
			value, _ := attr(n, "value")
			kind, _ := attr(n, "type")
			_, checked := attr(n, "checked")
			if n.Data == "textarea" && n.FirstChild != nil {
				value = n.FirstChild.Data
			}
			if kind != "checkbox" || checked {
				sent.Add(name, strings.ReplaceAll(value, "\n", "\r\n"))
			}
		}
		for child := n.FirstChild; child != nil; child = child.NextSibling {
			walk(child, in)
		}
	}
	walk(root, false)
	return sent
}

func TestThePipelineFormChangesNothingThatNobodyTouched(t *testing.T) {
	f, want := filled(), fullPipeline()
	f.pipelines = append(f.pipelines, want)
	a := site(t, f, owner(), "http://127.0.0.1:8787")
	_, body := get(t, a, "/projects/p1/pipelines/l9/edit")
	answer, _ := post(t, a, "/projects/p1/pipelines/l9/edit", filledIn(t, body, "/projects/p1/pipelines/l9/edit"))
	if answer.StatusCode != http.StatusSeeOther || answer.Header.Get("Location") != "/projects/p1/pipelines/l9" || len(f.piped) != 1 {
		t.Fatalf("%d, on to %s", answer.StatusCode, answer.Header.Get("Location"))
	}
	in := f.piped[0]
	got := core.Pipeline{
		ID: want.ID, ProjectID: want.ProjectID, Slug: want.Slug, ConfigPathExplicit: true, Name: *in.Name, ConfigPath: *in.ConfigPath, Enabled: *in.Enabled, Timeout: *in.Timeout,
		StatusContext: *in.StatusContext, Labels: *in.Labels, Concurrency: *in.Concurrency, Trigger: *in.Trigger, Execution: *in.Execution,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestEveryRefusalOfAPipelineIsBesideItsField(t *testing.T) {
	f := filled()
	f.pipelines = append(f.pipelines, fullPipeline())
	a := site(t, f, owner(), "http://127.0.0.1:8787")
	_, body := get(t, a, "/projects/p1/pipelines/l9/edit")
	sent := filledIn(t, body, "/projects/p1/pipelines/l9/edit")
	for message, field := range map[string]string{
		"name must not be empty": "name", "config_path must be relative": "config_path", "labels[0] must not be empty": "labels", "status_context must be one line": "status_context",
		"trigger_config.branches[1] is wrong": "branches", "trigger_config.target_branches[0] is wrong": "target_branches", "trigger_config.paths[0] is wrong": "paths", "trigger_config.tags[0] is wrong": "tags",
		"execution_config.flutter_version is wrong": "flutter_version", "execution_config.commands.pre_build[0] is long": "pre_build", "execution_config.commands.build[2] is long": "commands",
		"execution_config.commands.post_build[0] is long": "post_build", "execution_config.env[0] has the name": "env", "execution_config.artifact_patterns[0] is wrong": "artifact_patterns",
		"execution_config.platform_build_args.ios[0] is wrong": "args_ios", "execution_config.platform_commands.android is long": "command_android",
		"concurrency.max_concurrent must be from 1": "max_concurrent", "timeout_seconds must be shorter": "timeout",
	} {
		f.refuse = core.Errorf(core.KindInvalid, "%s", message)
		answer, body := post(t, a, "/projects/p1/pipelines/l9/edit", sent)
		_, text, _ := strings.Cut(message, " ")
		if answer.StatusCode != http.StatusBadRequest || besideField(body, field) != capital(text) {
			t.Errorf("%s: %d, beside %s: %q", message, answer.StatusCode, field, besideField(body, field))
		}
		if group := regexp.MustCompile(`(?s)<details class="group"( open)?>(?:[^d]|d[^e])*?id="` + field + `"`).FindStringSubmatch(body); group != nil && group[1] == "" {
			t.Errorf("%s: the field is folded away", message)
		}
	}
	f.refuse = core.Codef(core.KindConflict, core.CodeContextTaken, "status_context: oore/all is used by another pipeline")
	if _, body := post(t, a, "/projects/p1/pipelines/l9/edit", sent); besideField(body, "status_context") != "oore/all is used by another pipeline" {
		t.Errorf("a taken context: %q", besideField(body, "status_context"))
	}
	f.refuse = nil
	sent.Set("max_concurrent", "many")
	sent.Set("timeout", "1h30")
	if _, body := post(t, a, "/projects/p1/pipelines/l9/edit", sent); besideField(body, "max_concurrent") == "" || besideField(body, "timeout") == "" {
		t.Error("what is no number is not told beside its field")
	}
}

func TestAPipelineIsDeletedAfterAQuestion(t *testing.T) {
	f := filled()
	a := site(t, f, owner(), "http://127.0.0.1:8787")
	if _, body := get(t, a, "/projects/p1/pipelines/l1/delete"); !strings.Contains(body, "Its 8 builds") || len(f.asked) != 0 {
		t.Errorf("the question: %s, asked %v", body, f.asked)
	}
	answer, _ := post(t, a, "/projects/p1/pipelines/l1/delete", nil)
	if answer.Header.Get("Location") != "/projects/p1" || len(f.asked) != 1 || f.asked[0] != "delete pipeline l1" {
		t.Errorf("went to %s, asked %v", answer.Header.Get("Location"), f.asked)
	}
	for _, path := range []string{"/projects/p2/pipelines/l1", "/projects/p2/pipelines/l1/edit", "/projects/p2/pipelines/l1/delete", "/projects/p1/pipelines/none"} {
		if answer, _ := get(t, a, path); answer.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d", path, answer.StatusCode)
		}
	}
}

func TestWhoMayNotIsNotOffered(t *testing.T) {
	viewer := core.Actor{Kind: core.ActorUser, UserID: "v", Name: "vic", Role: core.RoleViewer}
	a := site(t, filled(), viewer, "http://127.0.0.1:8787")
	_, body := get(t, a, "/projects/p1/pipelines/l1")
	if strings.Contains(body, "/edit") || strings.Contains(body, "/delete") || !strings.Contains(body, "Trigger Build") {
		t.Error("a viewer is offered what only others may do, or not what viewers may")
	}
	for _, path := range []string{"/projects/p1/pipelines/l1/edit", "/projects/p1/pipelines/l1/delete", "/projects/p1/pipelines/new"} {
		if answer, _ := get(t, a, path); answer.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %d", path, answer.StatusCode)
		}
	}
	if answer, _ := post(t, a, "/projects/p1/pipelines/l1/delete", nil); answer.StatusCode != http.StatusForbidden {
		t.Errorf("delete: %d", answer.StatusCode)
	}
}

func TestThePipelinePageSaysWhatWouldRunIt(t *testing.T) {
	_, body := get(t, site(t, filled(), owner(), "http://127.0.0.1:8787"), "/projects/p1/pipelines/l1")
	for _, want := range []string{"Would run", "2 of 3", "5m 40s", "branches: [main, release/*]", `<li><a data-state="failed" href="/builds/b140"`, "#140 Failed, took 2m 25s"} {
		if !strings.Contains(body, want) {
			t.Errorf("it does not say %s", want)
		}
	}
}

func TestProjectsAreReachedByNameAndNumber(t *testing.T) {
	a := site(t, filled(), owner(), "http://127.0.0.1:8787")
	if answer, body := get(t, a, "/projects/fluttershop"); answer.StatusCode != http.StatusOK || !strings.Contains(body, "<h1>FlutterShop</h1>") {
		t.Errorf("by slug: %d", answer.StatusCode)
	}
	if answer, _ := get(t, a, "/projects/fluttershop/builds/140"); answer.Header.Get("Location") != "/builds/b140" {
		t.Errorf("a build by number: on to %s", answer.Header.Get("Location"))
	}
	for _, path := range []string{"/projects/fluttershop/builds/9999", "/projects/fluttershop/builds/x", "/projects/none", "/projects/none/builds/1"} {
		if answer, _ := get(t, a, path); answer.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d", path, answer.StatusCode)
		}
	}
}
