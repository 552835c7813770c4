package main

import (
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/oore-ci/oore/handlers/github/githubtest"
)

// TestTheFirstStepsBuildAnOwnRepository looks at folders and starts what is proposed.
func TestTheFirstStepsBuildAnOwnRepository(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		p := newProgram(t, database, nil, "OORE_RUNNERS=1").start()
		folder := func(files map[string]string) string {
			git := githubtest.NewGitRepo(t)
			git.Commit("main", files, "First commit")
			return git.Dir
		}
		pubspec := "name: shop\ndependencies:\n  flutter:\n    sdk: flutter\n"
		app := folder(map[string]string{"pubspec.yaml": pubspec, "android/build.gradle.kts": "x", "ios/Runner/Info.plist": "x"})
		mac := folder(map[string]string{"pubspec.yaml": "name: pad\ndependencies:\n  flutter:\n    sdk: flutter\n", "ios/Runner/Info.plist": "x"})
		file := folder(workflow("echo fine"))
		notes := folder(map[string]string{"README": "x"})
		for address, wants := range map[string][]string{
			app:    {"A Flutter app", "<h2 id=\"look-h\">shop</h2>", "flutter build</code> for android", "1 of 1", `action="/setup/repository"`},
			mac:    {"flutter build</code> for ios", "0 of 1", "those with macos"},
			file:   {"what <code>.oore.yaml</code> says", `action="/setup/repository"`},
			notes:  {"No Flutter app"},
			"/etc": {"is no folder inside"},
		} {
			_, page, _ := p.browse("GET", "/setup?repository="+url.QueryEscape(address), nil)
			for _, want := range wants {
				if !strings.Contains(html.UnescapeString(page), want) {
					t.Errorf("%s: the page does not say %s", address, want)
				}
			}
		}
		if n := len(p.projects()); n != 0 {
			t.Errorf("a look has made %d projects", n)
		}
		if status, _, _ := p.browse("POST", "/setup/repository", url.Values{"repository": {notes}}); status != http.StatusBadRequest {
			t.Errorf("nothing to build: %d", status)
		}
		start := func(address string) buildView {
			status, page, to := p.browse("POST", "/setup/repository", url.Values{"repository": {address}})
			id, ok := strings.CutPrefix(to, "/builds/")
			if status != http.StatusSeeOther || !ok {
				t.Fatalf("%s: %d to %s: %.300s", address, status, to, page)
			}
			return p.ended(id)
		}
		if b := start(file); b.Status != "succeeded" {
			t.Errorf("build %+v", b)
		}
		b := start(app)
		var pipeline struct {
			ExecutionConfig struct{ Platforms []string } `json:"execution_config"`
		}
		p.must("GET", "/v1/pipelines/"+b.PipelineID, nil, &pipeline)
		if got := pipeline.ExecutionConfig.Platforms; len(got) != 1 || got[0] != "android" {
			t.Errorf("the pipeline builds %v", got)
		}
		if status, page, _ := p.browse("POST", "/setup/repository", url.Values{"repository": {app}}); status != http.StatusConflict || !strings.Contains(page, "repository-e") {
			t.Errorf("twice: %d", status)
		}
	})
}
