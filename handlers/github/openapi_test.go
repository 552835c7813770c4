package github_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"

	"github.com/oore-ci/oore/handlers/github/githubtest"
)

// published are the requests that GitHub's own description of its API allows.
var published = sync.OnceValues(readDescription)

// operation is a method and path of the description.
type operation struct {
	*routers.Route
	pattern *regexp.Regexp // one group for each parameter of the path
	names   []string       // of the groups
}

// checkRequests fails the test for every request that GitHub's description does not
// allow. So the double cannot make up an API of its own.
func checkRequests(t *testing.T, requests []githubtest.Request) {
	t.Helper()
	operations, err := published()
	if err != nil {
		t.Fatalf("read GitHub's description of its API; `make deps` installs it: %v", err)
	}
	told := map[string]bool{}
	for _, r := range requests {
		if !r.API {
			continue
		}
		if err := checkRequest(operations, r); err != nil && !told[err.Error()] {
			told[err.Error()] = true
			t.Errorf("GitHub documents no such request: %s %s?%s %.200s: %v", r.Method, r.Path, r.Query, r.Body, err)
		}
	}
}

func checkRequest(operations []operation, r githubtest.Request) error {
	op, params, found := find(operations, r)
	if !found {
		return fmt.Errorf("no operation %s %s", r.Method, r.Path)
	}
	body := r.Body
	if strings.HasSuffix(op.Path, "/access_tokens") && string(bytes.TrimSpace(body)) == "null" {
		body = nil // how ghinstallation says that there is no body; GitHub takes it
	}
	address := url.URL{Scheme: "https", Host: "api.github.com", Path: r.Path, RawQuery: r.Query}
	request, err := http.NewRequest(r.Method, address.String(), bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header = r.Header
	query := request.URL.Query()
	err = openapi3filter.ValidateRequest(request.Context(), &openapi3filter.RequestValidationInput{
		Request: request, PathParams: params, QueryParams: query, Route: op.Route,
		Options: &openapi3filter.Options{
			AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, RejectWhenRequestBodyNotSpecified: true, SkipSettingDefaults: true,
		},
	})
	if err != nil {
		return err
	}
	for name := range query {
		if op.Operation.Parameters.GetByInAndName("query", name) == nil {
			return fmt.Errorf("no parameter %s", name)
		}
	}
	return knownFields(op.Operation, body)
}

// knownFields refuses fields of a body that the description does not name.
func knownFields(op *openapi3.Operation, body []byte) error {
	if len(body) == 0 {
		return nil
	}
	var fields map[string]any
	if err := json.Unmarshal(body, &fields); err != nil {
		return err
	}
	known := op.RequestBody.Value.GetMediaType("application/json").Schema.Value.Properties
	for name := range fields {
		if known[name] == nil {
			return fmt.Errorf("no field %s", name)
		}
	}
	return nil
}

func find(operations []operation, r githubtest.Request) (operation, map[string]string, bool) {
	for _, op := range operations {
		values := op.pattern.FindStringSubmatch(r.Path)
		if op.Method != r.Method || values == nil {
			continue
		}
		params := map[string]string{}
		for i, name := range op.names {
			params[name] = values[i+1]
		}
		return op, params, true
	}
	return operation{}, nil, false
}

// readDescription reads what the file says about requests to /app, /installation and
// /repos: with the answers and the rest it would take far longer.
func readDescription() ([]operation, error) {
	raw, err := os.ReadFile(filepath.Join("testdata", "node_modules", "@octokit", "openapi", "generated", "api.github.com.json"))
	if err != nil {
		return nil, err
	}
	var whole struct {
		Paths      map[string]json.RawMessage            `json:"paths"`
		Components map[string]map[string]json.RawMessage `json:"components"`
	}
	if err := json.Unmarshal(raw, &whole); err != nil {
		return nil, err
	}
	paths := map[string]map[string]map[string]json.RawMessage{} // by path, method, field
	for path, raw := range whole.Paths {
		if !strings.HasPrefix(path, "/app") && !strings.HasPrefix(path, "/installation/") && !strings.HasPrefix(path, "/repos/") {
			continue
		}
		var methods map[string]map[string]json.RawMessage
		if err := json.Unmarshal(raw, &methods); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		for _, op := range methods {
			op["responses"] = json.RawMessage(`{"default":{"description":"left out"}}`)
		}
		paths[path] = methods
	}
	small, err := json.Marshal(map[string]any{
		"openapi": "3.0.3", "info": map[string]string{"title": "GitHub", "version": "1"}, "paths": paths,
		"components": map[string]any{
			"parameters": whole.Components["parameters"], "schemas": whole.Components["schemas"], "examples": whole.Components["examples"],
		},
	})
	if err != nil {
		return nil, err
	}
	doc, err := openapi3.NewLoader().LoadFromData(small)
	if err != nil {
		return nil, err
	}
	return operationsOf(doc), nil
}

// operationsOf lists paths with fewer parameters first: they are the better match.
func operationsOf(doc *openapi3.T) []operation {
	var all []operation
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			o := operation{Route: &routers.Route{Spec: doc, Path: path, PathItem: item, Method: method, Operation: op}}
			pattern := regexp.MustCompile(`\\\{(\w+)\\\}`).ReplaceAllStringFunc(regexp.QuoteMeta(path), func(s string) string {
				name := strings.Trim(s, `\{}`)
				o.names = append(o.names, name)
				if p := op.Parameters.GetByInAndName("path", name); p != nil && p.Extensions["x-multi-segment"] == true {
					return "(.+)"
				}
				return "([^/]+)"
			})
			o.pattern = regexp.MustCompile("^" + pattern + "$")
			all = append(all, o)
		}
	}
	slices.SortFunc(all, func(a, b operation) int {
		return cmp.Or(cmp.Compare(len(a.names), len(b.names)), cmp.Compare(len(b.Path), len(a.Path)))
	})
	return all
}

// The check is worth something only if it can fail.
func TestRequestsThatGitHubDoesNotDocument(t *testing.T) {
	operations, err := published()
	if err != nil {
		t.Fatal(err)
	}
	sha := strings.Repeat("a", 40)
	tests := []struct {
		method, path, query, body string
		good                      bool
	}{
		{"POST", "/repos/a/b/statuses/" + sha, "", `{"state":"success","context":"x","description":"y","target_url":"https://example.com"}`, true},
		{"POST", "/repos/a/b/statuses/" + sha, "", `{"state":"running"}`, false},
		{"POST", "/repos/a/b/statuses/" + sha, "", `{"context":"x"}`, false},
		{"POST", "/repos/a/b/statuses/" + sha, "", `{"state":"success","url":"https://example.com"}`, false},
		{"POST", "/repos/a/b/statuses/" + sha, "", ``, false},
		{"PUT", "/repos/a/b/statuses/" + sha, "", `{"state":"success"}`, false},
		{"POST", "/repos/a/b/check-runs", "", `{"name":"x","head_sha":"y","status":"completed","conclusion":"skipped","actions":[]}`, true},
		{"POST", "/repos/a/b/check-runs", "", `{"name":"x"}`, false},
		{"POST", "/repos/a/b/check-runs", "", `{"name":"x","head_sha":"y","status":"running"}`, false},
		{"POST", "/repos/a/b/check-runs", "", `{"name":"x","head_sha":"y","output":{"title":"z"}}`, false},
		{"PATCH", "/repos/a/b/check-runs/5", "", `{"status":"in_progress","started_at":"2026-01-01T00:00:00Z"}`, true},
		{"PATCH", "/repos/a/b/check-runs/5", "", `{"conclusion":"good"}`, false},
		{"PATCH", "/repos/a/b/check-runs/5", "", `{"head_sha":"y"}`, false},
		{"GET", "/repos/a/b/commits/main/check-runs", "check_name=x&app_id=5&filter=all", ``, true},
		{"GET", "/repos/a/b/commits/main/check-runs", "app_id=x", ``, false},
		{"GET", "/repos/a/b/commits/feature/a/b", "", ``, true},
		{"GET", "/repos/a/b/pulls", "state=open&per_page=100&page=2", ``, true},
		{"GET", "/repos/a/b/pulls", "state=opened", ``, false},
		{"GET", "/repos/a/b/pulls", "per_page=many", ``, false},
		{"GET", "/repos/a/b/pulls", "cursor=x", ``, false},
		{"GET", "/repos/a/b/pulls/7/files", "", ``, true},
		{"GET", "/repos/a/b/pulls/seven/files", "", ``, false},
		{"GET", "/repos/a/b/pull/7", "", ``, false},
		{"PATCH", "/repos/a/b/issues/comments/5", "", `{"body":"x"}`, true},
		{"PATCH", "/repos/a/b/issues/comments/5", "", `{"body":7}`, false},
		{"POST", "/repos/a/b/issues/comments/5/reactions", "", `{"content":"eyes"}`, true},
		{"POST", "/repos/a/b/issues/comments/5/reactions", "", `{"content":"thumbsup"}`, false},
		{"GET", "/repos/a/b/collaborators/mona/permission", "", ``, true},
		{"GET", "/app/hook/deliveries", "per_page=100&cursor=v1_5", ``, true},
		{"GET", "/app/hook/deliveries", "page=2", ``, false},
		{"POST", "/app/hook/deliveries/5/attempts", "", ``, true},
		{"POST", "/app/installations/5/access_tokens", "", "null\n", true},
		{"POST", "/app/installations/5/access_tokens", "", `{"repository_ids":["5"]}`, false},
	}
	for _, tt := range tests {
		err := checkRequest(operations, githubtest.Request{
			Method: tt.method, API: true, Path: tt.path, Query: tt.query, Body: []byte(tt.body), Header: http.Header{"Content-Type": {"application/json"}},
		})
		if (err == nil) != tt.good {
			t.Errorf("%s %s?%s %s: %v", tt.method, tt.path, tt.query, tt.body, err)
		}
	}
}
