package gitlab_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi2"
	"github.com/getkin/kin-openapi/openapi2conv"
	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"

	"github.com/oore-ci/oore/handlers/gitlab/gitlabtest"
)

// published are the requests that GitLab's own description of its API allows.
var published = sync.OnceValues(readDescription)

// undescribed are requests that GitLab documents on its pages and not in the description.
var undescribed = regexp.MustCompile(`^(GET /user|(GET|POST) /projects/\d+/merge_requests/\d+/notes|PUT /projects/\d+/merge_requests/\d+/notes/\d+)$`)

// operation is a method and path of the description.
type operation struct {
	*routers.Route
	pattern *regexp.Regexp // one group for each parameter of the path
	names   []string       // of the groups
}

// checkRequests fails the test for every request that GitLab's description does not
// allow. So the double cannot make up an API of its own.
func checkRequests(t *testing.T, requests []gitlabtest.Request) {
	t.Helper()
	operations, err := published()
	if err != nil {
		t.Fatalf("read GitLab's description of its API: %v", err)
	}
	told := map[string]bool{}
	for _, r := range requests {
		if !r.API || undescribed.MatchString(r.Method+" "+r.Path) {
			continue
		}
		if err := checkRequest(operations, r); err != nil && !told[err.Error()] {
			told[err.Error()] = true
			t.Errorf("GitLab documents no such request: %s %s?%s %.200s: %v", r.Method, r.Path, r.Query, r.Body, err)
		}
	}
}

func checkRequest(operations []operation, r gitlabtest.Request) error {
	op, params, found := find(operations, r)
	if !found {
		return fmt.Errorf("no operation %s %s", r.Method, r.Path)
	}
	address := url.URL{Scheme: "https", Host: "gitlab.com", Path: "/api/v4" + r.Path, RawQuery: r.Query}
	request, err := http.NewRequest(r.Method, address.String(), bytes.NewReader(r.Body))
	if err != nil {
		return err
	}
	request.Header = r.Header
	query := request.URL.Query()
	err = openapi3filter.ValidateRequest(request.Context(), &openapi3filter.RequestValidationInput{
		Request: request, PathParams: params, QueryParams: query, Route: op.Route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, SkipSettingDefaults: true},
	})
	if err != nil {
		return err
	}
	for name := range query {
		if op.Operation.Parameters.GetByInAndName("query", name) == nil {
			return fmt.Errorf("no parameter %s", name)
		}
	}
	return knownFields(op.Operation, r.Body)
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
	if op.RequestBody == nil {
		return fmt.Errorf("no body")
	}
	known := op.RequestBody.Value.GetMediaType("application/json").Schema.Value.Properties
	for name := range fields {
		if known[name] == nil {
			return fmt.Errorf("no field %s", name)
		}
	}
	return nil
}

func find(operations []operation, r gitlabtest.Request) (operation, map[string]string, bool) {
	for _, op := range operations {
		values := op.pattern.FindStringSubmatch(r.EscapedPath)
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

func readDescription() ([]operation, error) {
	raw, err := os.ReadFile("testdata/openapi.json")
	if err != nil {
		return nil, err
	}
	var old openapi2.T
	if err := json.Unmarshal(raw, &old); err != nil {
		return nil, err
	}
	doc, err := openapi2conv.ToV3(&old)
	if err != nil {
		return nil, err
	}
	var all []operation
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			o := operation{Route: &routers.Route{Spec: doc, Path: path, PathItem: item, Method: method, Operation: op}}
			pattern := regexp.MustCompile(`\\\{(\w+)\\\}`).ReplaceAllStringFunc(regexp.QuoteMeta(strings.TrimPrefix(path, "/api/v4")), func(s string) string {
				name := strings.Trim(s, `\{}`)
				o.names = append(o.names, name)
				if p := op.Parameters.GetByInAndName("path", name); p != nil && (name == "branch" || name == "tag_name") {
					p.Schema = openapi3.NewStringSchema().NewRef() // the description says integer
				}
				return "([^/]+)"
			})
			o.pattern = regexp.MustCompile("^" + pattern + "$")
			for _, p := range op.Parameters {
				if p.Value.Schema != nil && p.Value.Schema.Value.Type.Is("array") {
					p.Value.Style, p.Value.Explode = "form", openapi3.Ptr(false) // parted by commas, as Swagger 2 has it
				}
			}
			all = append(all, o)
		}
	}
	return all, nil
}

// The check is worth something only if it can fail.
func TestRequestsThatGitLabDoesNotDocument(t *testing.T) {
	operations, err := published()
	if err != nil {
		t.Fatal(err)
	}
	sha := strings.Repeat("a", 40)
	tests := []struct {
		method, path, query, body string
		good                      bool
	}{
		{"POST", "/projects/7/statuses/" + sha, "", `{"state":"success","name":"x","description":"y","target_url":"https://example.com","pipeline_id":5,"ref":"main"}`, true},
		{"POST", "/projects/7/statuses/" + sha, "", `{"state":"failure"}`, false},
		{"POST", "/projects/7/statuses/" + sha, "", `{"name":"x"}`, false},
		{"POST", "/projects/7/statuses/" + sha, "", `{"state":"success","url":"https://example.com"}`, false},
		{"POST", "/projects/7/statuses/" + sha, "", `{"state":"success","pipeline_id":"5"}`, false},
		{"POST", "/projects/7/statuses/" + sha, "", ``, false},
		{"PUT", "/projects/7/statuses/" + sha, "", `{"state":"success"}`, false},
		{"GET", "/projects/7/merge_requests", "state=opened&per_page=100&page=2", ``, true},
		{"GET", "/projects/7/merge_requests", "state=open", ``, false},
		{"GET", "/projects/7/merge_requests", "per_page=many", ``, false},
		{"GET", "/projects/7/merge_requests", "cursor=x", ``, false},
		{"GET", "/projects/a%2Fb", "", ``, true},
		{"GET", "/projects/a/b", "", ``, false},
		{"GET", "/projects", "membership=true&min_access_level=30&id_after=5", ``, true},
		{"GET", "/projects", "min_access_level=31", ``, false},
		{"POST", "/projects/7/hooks", "", `{"url":"https://example.com","push_events":true}`, true},
		{"POST", "/projects/7/hooks", "", `{"push_events":true}`, false},
		{"POST", "/projects/7/hooks", "", `{"url":"https://example.com","events":["push"]}`, false},
		{"PUT", "/projects/7/hooks/5", "", `{"note_events":"yes"}`, false},
		{"GET", "/projects/7/hooks/5/events", "status=client_failure,server_failure&per_page=20", ``, true},
		{"GET", "/projects/7/hooks/5/events", "status=failed", ``, false},
		{"GET", "/projects/7/hooks/5/events", "per_page=100", ``, false},
		{"POST", "/projects/7/hooks/5/events/9/resend", "", ``, true},
		{"POST", "/projects/7/hooks/5/test/push_events", "", ``, true},
		{"POST", "/projects/7/hooks/5/test/pushes", "", ``, false},
		{"GET", "/projects/7/repository/tags", "per_page=100&page=2", ``, true},
		{"GET", "/projects/7/members/all/12", "", ``, true},
		{"GET", "/projects/7/members/all/mona", "", ``, false},
		{"POST", "/projects/7/merge_requests/3/notes/12/award_emoji", "", `{"name":"eyes"}`, true},
		{"POST", "/projects/7/merge_requests/3/notes/12/award_emoji", "", `{"content":"eyes"}`, false},
	}
	for _, tt := range tests {
		err := checkRequest(operations, gitlabtest.Request{
			Method: tt.method, API: true, Path: tt.path, EscapedPath: tt.path, Query: tt.query, Body: []byte(tt.body), Header: http.Header{"Content-Type": {"application/json"}},
		})
		if (err == nil) != tt.good {
			t.Errorf("%s %s?%s %s: %v", tt.method, tt.path, tt.query, tt.body, err)
		}
	}
}
