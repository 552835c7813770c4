package handlers

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/oore-ci/oore/handlers/api"
)

// described loads the file as the server gives it, checked by a library that knows the
// specification.
func described(t *testing.T, s *testServer) *openapi3.T {
	t.Helper()
	file := s.ask("GET", "/v1/openapi.json", "")
	doc, err := openapi3.NewLoader().LoadFromData([]byte(file.body))
	if err != nil {
		t.Fatalf("%v: %.500s", err, file.body)
	}
	if err := doc.Validate(t.Context()); err != nil {
		t.Error(err)
	}
	return doc
}

func TestEveryRouteIsDescribedAndEveryDescriptionHasItsRoute(t *testing.T) {
	s := serve(t, nil)
	s.ask("GET", "/healthz", "") // it serves, so that it can be shut down
	var routes, operations []string
	for _, r := range s.http.GetRoutes(true) {
		path := regexp.MustCompile(`:(\w+)`).ReplaceAllString(r.Path, "{$1}")
		if r.Method != http.MethodHead && (strings.HasPrefix(path, "/v1/") || path == "/healthz" || path == "/readyz" || path == "/metrics") {
			routes = append(routes, r.Method+" "+path)
		}
		if path == "/badges/{project}/{pipeline}" {
			routes = append(routes, "GET /badges/{project_id}/{pipeline_id}.svg")
		}
	}
	routes = append(routes, "GET /metrics") // which is there where somebody measures: TestEveryRouteIsOfTheMatrix
	for _, o := range api.Routes() {
		operations = append(operations, o.Method+" "+o.Path)
	}
	for _, route := range routes {
		if !slices.Contains(operations, route) {
			t.Errorf("%s is not described: add it to handlers/api/operations*.go", route)
		}
	}
	for i, operation := range operations {
		if !slices.Contains(routes, operation) {
			t.Errorf("%s is described, and there is no such route", operation)
		}
		if slices.Contains(operations[:i], operation) {
			t.Errorf("%s is described twice", operation)
		}
	}
	if len(routes) < 90 {
		t.Errorf("only %d routes were found", len(routes))
	}
}

func TestTheDescriptionIsSoundAndNamesNoVersionOfTheProgram(t *testing.T) {
	s := serve(t, nil)
	doc := described(t, s)
	if doc.OpenAPI != "3.1.0" || doc.Info.Version != "v1" || doc.Servers[0].URL != publicURL {
		t.Errorf("%s, version %s of %s", doc.OpenAPI, doc.Info.Version, doc.Servers[0].URL)
	}
	if scheme := doc.Components.SecuritySchemes["session"]; scheme == nil || scheme.Value.Name != "__Host-oore" {
		t.Errorf("the session: %+v", scheme)
	}
	ids := map[string]bool{}
	for path, item := range doc.Paths.Map() {
		for method, o := range item.Operations() {
			if ids[o.OperationID] {
				t.Errorf("%s is the id of two operations", o.OperationID)
			}
			ids[o.OperationID] = true
			if o.Summary == "" || o.Description == "" || len(o.Tags) != 1 || o.Security == nil {
				t.Errorf("%s %s is not told of: %+v", method, path, o)
			}
		}
	}
	if answer := s.ask("GET", "/v1/openapi.json", ""); answer.header.Get("Access-Control-Allow-Origin") != "*" || answer.header.Get("ETag") == "" || strings.Contains(answer.body, "1.2.3") {
		t.Errorf("%v", answer.header)
	}
}

// Every answer that the golden files of the API hold is as described. A schema must name
// every field: here none may have others.
func TestGoldenAnswersAreAsDescribed(t *testing.T) {
	doc := described(t, serve(t, nil))
	for _, schema := range doc.Components.Schemas {
		if len(schema.Value.Properties) > 0 {
			schema.Value.AdditionalProperties = openapi3.AdditionalProperties{Has: new(bool)}
		}
		for _, property := range schema.Value.Properties {
			if len(property.Value.Enum) > 0 {
				property.Value.Enum = append(property.Value.Enum, "") // some of the values are empty on purpose
			}
		}
	}
	golden := map[string]string{
		"api_token_created": "createToken", "api_tokens": "listTokens", "artifact": "getArtifact", "audit_logs": "listAudit", "build": "triggerBuild",
		"build_artifacts": "listBuildArtifacts", "build_tests": "listTests", "build_detail": "getBuild", "builds": "listBuilds", "deliveries": "listDeliveries", "delivery": "getDelivery",
		"download_link": "createDownloadLink", "empty_build_detail": "getBuild", "empty_builds": "listBuilds", "empty_delivery": "getDelivery", "empty_pipeline": "getPipeline",
		"empty_project": "getProject", "empty_queue": "getQueue", "empty_runner": "getRunner", "github_app_form": "startGitHubApp", "gitlab_grant": "startGitLabGrant",
		"integration": "getIntegration", "integration_repositories": "listIntegrationRepositories", "integrations": "listIntegrations", "logs": "getLog", "me": "getMe",
		"member": "setMember", "members": "listMembers", "pipeline": "getPipeline", "pipelines": "listPipelines", "project": "getProject",
		"project_artifacts": "listProjectArtifacts", "projects": "listProjects", "queue": "getQueue", "runner": "getRunner", "runner_registered": "registerRunner", "runners": "listRunners",
		"sessions": "listSessions", "share_link_created": "createShareLink", "share_links": "listShareLinks", "stream_token": "createStreamToken", "user": "getUser",
		"user_linked": "inviteUser", "users": "listUsers", "validate_bad": "validateWorkflow", "validate_file": "validateWorkflow", "validate_good": "validateWorkflow", "webhook_secret": "renewWebhookSecret", "why": "why",
	}
	files, err := filepath.Glob("api/testdata/*.golden")
	if err != nil || len(files) == 0 {
		t.Fatal(err, files)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".golden")
		if name == "stream" || name == "no_content" { // events, and nothing
			continue
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		at := bytes.IndexByte(data, '{')
		var value any
		if err := json.Unmarshal(data[max(at, 0):], &value); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if golden[name] == "" {
			t.Errorf("which operation answers %s?", file)
			continue
		}
		if err := success(t, doc, golden[name]).VisitJSON(value, openapi3.EnableJSONSchema2020(), openapi3.VisitAsResponse()); err != nil {
			t.Errorf("%s is not what %s describes: %v", file, golden[name], err)
		}
	}
}

// success is the schema of an operation's good answer.
func success(t *testing.T, doc *openapi3.T, id string) *openapi3.Schema {
	t.Helper()
	for _, item := range doc.Paths.Map() {
		for _, o := range item.Operations() {
			if o.OperationID != id {
				continue
			}
			for _, status := range []int{200, 201} {
				if r := o.Responses.Status(status); r != nil {
					return r.Value.Content.Get("application/json").Schema.Value
				}
			}
		}
	}
	t.Fatalf("there is no operation %s", id)
	return nil
}

// TestSpectralFindsNothing has the description read by Spectral, with all rules that its
// makers recommend.
func TestSpectralFindsNothing(t *testing.T) {
	folder := filepath.Join("api", "testdata", "spectral")
	program, err := filepath.Abs(filepath.Join(folder, "node_modules", ".bin", "spectral"))
	if err == nil {
		_, err = os.Stat(program)
	}
	if err != nil {
		t.Fatalf("%v; `make deps` installs it", err)
	}
	file := filepath.Join(t.TempDir(), "openapi.json")
	if err := os.WriteFile(file, []byte(serve(t, nil).ask("GET", "/v1/openapi.json", "").body), 0o600); err != nil {
		t.Fatal(err)
	}
	lint := exec.CommandContext(t.Context(), program, "lint", "--fail-severity=hint", "--quiet=false", "--ruleset", filepath.Join(folder, "ruleset.yaml"), file)
	if out, err := lint.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("No results")) {
		t.Errorf("%v\n%s", err, out)
	}
}
