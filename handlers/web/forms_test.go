package web

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

func TestStartBuild(t *testing.T) {
	f := filled()
	a := site(t, f, owner(), "http://127.0.0.1:8787")
	sha := strings.Repeat("AB", 20)
	answer, _ := post(t, a, "/projects/p1/run", url.Values{"pipeline_id": {"l1"}, "branch": {" main "}, "commit_sha": {sha}})
	if answer.StatusCode != http.StatusSeeOther || answer.Header.Get("Location") != "/builds/new" {
		t.Fatalf("%d %s", answer.StatusCode, answer.Header.Get("Location"))
	}
	want := app.TriggerBuild{ProjectID: "p1", PipelineID: "l1", Branch: "main", SHA: strings.ToLower(sha), Type: core.TriggerManual}
	if len(f.triggered) != 1 || !reflect.DeepEqual(f.triggered[0], want) {
		t.Errorf("asked for %+v", f.triggered)
	}
}

// besideField is the message in a field's error place.
func besideField(body, field string) string {
	m := regexp.MustCompile(`(?s)<div id="` + field + `-e">(.*?)</div>`).FindStringSubmatch(body)
	if m == nil {
		return "no place"
	}
	return strings.TrimSpace(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(m[1], ""))
}

func TestRefusedBuildSaysSoBesideTheField(t *testing.T) {
	f := filled()
	a := site(t, f, owner(), "http://127.0.0.1:8787")
	for _, test := range []struct {
		err          error
		commit       string
		field, shown string
		status       int
	}{
		{core.Codef(core.KindInvalid, core.CodeInvalidRef, "commit_sha: give the full commit id"), "abc", "commit_sha", "Give the full commit id", 400},
		{core.Codef(core.KindInvalid, core.CodeInvalidRef, "acme/shop has no branch, tag or commit nope"), "", "branch", "acme/shop has no branch, tag or commit nope", 400},
		{core.Codef(core.KindInvalid, core.CodeInvalidRef, "acme/shop has no branch, tag or commit 0123"), "0123", "commit_sha", "acme/shop has no branch, tag or commit 0123", 400},
		{core.Codef(core.KindConflict, core.CodePipelineDisabled, "The pipeline is disabled; enable it to run builds"), "", "pipeline_id", "The pipeline is disabled; enable it to run builds", 409},
	} {
		f.refuse = test.err
		answer, body := post(t, a, "/projects/p1/run", url.Values{"pipeline_id": {"l1"}, "branch": {"nope"}, "commit_sha": {test.commit}})
		if answer.StatusCode != test.status || besideField(body, test.field) != test.shown {
			t.Errorf("%v: status %d, beside %s: %q", test.err, answer.StatusCode, test.field, besideField(body, test.field))
		}
		if !strings.Contains(body, `value="nope"`) {
			t.Errorf("%v: what was typed is gone", test.err)
		}
		if !strings.Contains(body, `aria-describedby="`+test.field) || !strings.Contains(body, `aria-invalid="true"`) {
			t.Errorf("%v: the field is not tied to its message", test.err)
		}
	}
	f.refuse = core.Errorf(core.KindConflict, "Nothing can be built now")
	if _, body := post(t, a, "/projects/p1/run", url.Values{"pipeline_id": {"l1"}}); !strings.Contains(body, "Nothing can be built now") {
		t.Error("a refusal without a field is not shown above the form")
	}
}

func TestCreateProject(t *testing.T) {
	f := filled()
	a := site(t, f, owner(), "http://127.0.0.1:8787")
	for kind, want := range map[string]app.CreateProject{
		"local":  {Name: "n", LocalPath: "x"},
		"git":    {Name: "n", Provider: core.ProviderGit, CloneURL: "x"},
		"github": {Name: "n", Provider: core.ProviderGitHub, FullName: "x"},
		"gitlab": {Name: "n", Provider: core.ProviderGitLab, FullName: "x"},
	} {
		answer, _ := post(t, a, "/projects", url.Values{"name": {"n"}, "kind": {kind}, "repository": {"x"}})
		if got := f.created[len(f.created)-1]; got != want || answer.Header.Get("Location") != "/projects/new" {
			t.Errorf("%s asked for %+v, went to %s", kind, got, answer.Header.Get("Location"))
		}
	}
	for message, field := range map[string]string{
		"name must not be empty": "name", "repository.full_name: say which repository": "repository", "default_branch must be UTF-8": "default_branch",
	} {
		f.refuse = core.Errorf(core.KindInvalid, "%s", message)
		answer, body := post(t, a, "/projects", url.Values{"name": {"n"}, "kind": {"git"}, "repository": {"x"}})
		if answer.StatusCode != http.StatusBadRequest || !strings.Contains(strings.ToLower(message), strings.ToLower(besideField(body, field))) {
			t.Errorf("%s: beside %s: %q", message, field, besideField(body, field))
		}
	}
	f.refuse = core.Codef(core.KindInvalid, core.CodeRepositoryUnknown, "There is no repository x")
	if _, body := post(t, a, "/projects", url.Values{"repository": {"x"}}); besideField(body, "repository") != "There is no repository x" {
		t.Errorf("unknown repository: %q", besideField(body, "repository"))
	}
}

func TestCreatePipeline(t *testing.T) {
	f := filled()
	a := site(t, f, owner(), "http://127.0.0.1:8787")
	answer, _ := post(t, a, "/projects/p1/pipelines", url.Values{
		"name": {"Checks"}, "events": {"push", "tag"}, "branches": {"main\r\n\r\n release/* \r\n"}, "commands": {"make test\r\nmake lint"}, "timeout": {"30"},
	})
	if answer.StatusCode != http.StatusSeeOther || len(f.piped) != 1 {
		t.Fatalf("status %d", answer.StatusCode)
	}
	in := f.piped[0]
	if *in.Name != "Checks" || *in.Timeout != 30*time.Minute || !slices.Equal(in.Trigger.Events, []core.EventKind{"push", "tag"}) ||
		!slices.Equal(in.Trigger.Branches, []string{"main", "release/*"}) ||
		!slices.Equal(in.Execution.Commands.Build, []core.Command{{Run: "make test"}, {Run: "make lint"}}) {
		t.Errorf("asked for %+v", in)
	}
	answer, body := post(t, a, "/projects/p1/pipelines", url.Values{"name": {"Checks"}, "timeout": {"soon"}})
	if answer.StatusCode != http.StatusBadRequest || besideField(body, "timeout") == "" {
		t.Error("a time that is no number is not refused beside its field")
	}
	f.refuse = core.Codef(core.KindConflict, core.CodeContextTaken, "status_context: oore/checks is used by another pipeline")
	if _, body := post(t, a, "/projects/p1/pipelines", url.Values{"name": {"Checks"}, "timeout": {"30"}}); besideField(body, "name") == "" {
		t.Error("a taken name is not told beside the name")
	}
}

func TestRedeliver(t *testing.T) {
	f := filled()
	a := site(t, f, owner(), "http://127.0.0.1:8787")
	if answer, _ := post(t, a, "/deliveries/d1/redeliver", nil); answer.Header.Get("Location") != "/deliveries/d1" {
		t.Errorf("went to %s", answer.Header.Get("Location"))
	}
}

func TestAForksCommitIsApprovedAsThePageShowedIt(t *testing.T) {
	f := filled()
	f.deliveries[0].Verdicts[0].Code = core.WhyFork
	a := site(t, f, owner(), "http://127.0.0.1:8787")
	sha := f.deliveries[0].SHA
	if _, body := get(t, a, "/deliveries/d1"); !strings.Contains(body, `name="sha" value="`+sha+`"`) || !strings.Contains(body, "Approve commit "+sha[:7]) {
		t.Error("the page has no button that approves its commit")
	}
	if answer, _ := post(t, a, "/deliveries/d1/approve", url.Values{"sha": {sha}}); answer.Header.Get("Location") != "/deliveries/d1" {
		t.Errorf("went to %s", answer.Header.Get("Location"))
	}
	answer, body := post(t, a, "/deliveries/d1/approve", url.Values{"sha": {"other"}})
	if answer.StatusCode != http.StatusConflict || !strings.Contains(body, "moved on") {
		t.Errorf("a stale commit: %d", answer.StatusCode)
	}
	if _, body := get(t, a, "/deliveries/d2"); strings.Contains(body, "Approve commit") {
		t.Error("a delivery that waits for nothing offers an approval")
	}
}

func TestEvaluateAgainShowsBothDecisions(t *testing.T) {
	a := site(t, filled(), owner(), "http://127.0.0.1:8787")
	if _, body := get(t, a, "/deliveries/d1?evaluate=1"); !strings.Contains(body, "Evaluated anew. Nothing was started.") {
		t.Error("the page does not show today's decision")
	}
}

func TestWhyAnswersInASentence(t *testing.T) {
	a := site(t, filled(), owner(), "http://127.0.0.1:8787")
	_, body := get(t, a, "/why?repo=acme/shop&sha=a1b2c3d4e5f60718293a4b5c6d7e8f9012345678")
	for _, want := range []string{"It arrived and was not built.", "Bad Gateway (502)", `href="/deliveries/d1"`, `href="/builds/b143"`} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if _, body := get(t, a, "/why?repo=acme/shop&sha=short"); !strings.Contains(body, "give the whole commit id") {
		t.Error("a short commit id is not explained")
	}
}

func TestChatPayloadsShowNoSecret(t *testing.T) {
	a := site(t, filled(), owner(), "http://127.0.0.1:8787")
	_, body := get(t, a, "/deliveries/d3")
	if strings.Contains(body, "slack-secret") || strings.Contains(body, "hooks.example") {
		t.Error("the page shows Slack's token or the address that answers in Oore's name")
	}
	if !strings.Contains(body, "/oore") {
		t.Error("the page does not show the command")
	}
}

// PostgreSQL refuses them, and the page was a fault of ours.
func TestWhatNoDatabaseTakesIsLeftOutOfQueriesAndForms(t *testing.T) {
	a := fiber.New()
	a.All("/", func(c *fiber.Ctx) error { return c.SendString(query(c, "branch") + "|" + form(c, "name")) })
	r := httptest.NewRequest(http.MethodPost, "/?branch=+re%00lea%FFse+", strings.NewReader("name=ma%00in%C0"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if _, body := do(t, a, r); body != "release|main" {
		t.Errorf("%q", body)
	}
}
