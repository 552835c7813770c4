package main

import (
	"html"
	"net/http"
	"strings"
	"testing"
)

// TestWhatABuildRanAndItsTestsAreOnItsPages runs a build that writes a report, and reads the
// tabs of its page and the API.
func TestWhatABuildRanAndItsTestsAreOnItsPages(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		s := newSite(t, database, map[string]string{".oore.yaml": `version: 1
env: [{key: FLAVOR, value: value-of-flavor}]
commands:
  build:
    - cp reports/a.xml out.xml; echo app > app.txt
artifacts: {patterns: [app.txt]}
reports: {junit: [out.xml]}
timeout: 20m
`, "reports/a.xml": `<testsuite name="cart"><testcase name="adds" time="0.5"/><testcase name="pays" time="2"><failure message="no"/></testcase><testcase name="later"><skipped/></testcase></testsuite>`})
		s.program.pipeline(s.githubProject("acme/shop", nil).ID, "Android", nil)
		s.deliver("push", s.gh.PushPayload(s.repo, "main", "", s.head))
		b := s.ended(s.next(1).ID)
		var list struct {
			Tests []struct {
				Suite, Name, Status string
				Duration            float64 `json:"duration_seconds"`
			}
			Total int
		}
		s.must("GET", "/v1/builds/"+b.ID+"/tests?status=passed", nil, &list)
		if list.Total != 1 || list.Tests[0].Name != "adds" || list.Tests[0].Suite != "cart" || list.Tests[0].Duration != 0.5 {
			t.Errorf("passed: %+v", list)
		}
		s.must("GET", "/v1/builds/"+b.ID+"/tests?limit=2", nil, &list)
		if list.Total != 3 || len(list.Tests) != 2 || list.Tests[0].Name != "pays" || list.Tests[1].Name != "adds" {
			t.Errorf("all: %+v", list)
		}
		for tab, words := range map[string][]string{
			"tests":  {"1 passed, 1 failed, 1 skipped", "Every test", "adds", "500 ms", "later"},
			"config": {".oore.yaml", "FLAVOR", "No secret was given", "app.txt", "out.xml", "Time limit", "20m", "cp reports/a.xml out.xml"},
		} {
			status, page := s.by(adminToken, "GET", "/builds/"+b.ID+"/"+tab, nil)
			text := html.UnescapeString(string(page))
			for _, word := range words {
				if status != http.StatusOK || !strings.Contains(text, word) {
					t.Errorf("%s (%d) lacks %q", tab, status, word)
				}
			}
			if strings.Contains(text, "value-of-flavor") {
				t.Errorf("%s has the value of a variable", tab)
			}
		}
	})
}
