package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/oore-ci/oore/handlers/github/githubtest"
)

// caching is a .oore.yaml whose build prints who made what it finds in its cache.
func caching(lock string) map[string]string {
	return map[string]string{
		"pubspec.lock": lock,
		".oore.yaml": "version: 1\ncache: [{key: \"pub-{{ hashFiles \\\"pubspec.lock\\\" }}\", paths: [.dart_tool], restore_keys: [pub-]}]\n" +
			"commands:\n  pre_build: ['echo \"found: $(cat .dart_tool/by 2>/dev/null)\"']\n  build: ['mkdir -p .dart_tool; echo $OORE_BUILD_NUMBER >.dart_tool/by']\n",
	}
}

// wholeLog is the build's log with our own words.
func (p *program) wholeLog(id string) string {
	p.t.Helper()
	_, body := p.ask("GET", p.url+"/v1/builds/"+id+"/logs", "Authorization: Bearer "+adminToken, "Accept: text/plain")
	return string(body)
}

// says waits for the build's success, and looks for words in its log.
func (p *program) says(id string, words ...string) {
	p.t.Helper()
	b := p.ended(id)
	log := p.wholeLog(id)
	if b.Status != "succeeded" {
		p.t.Errorf("build %d is %s %s", b.Number, b.Status, b.StatusMessage)
	}
	for _, w := range words {
		if !strings.Contains(log, w) {
			p.t.Errorf("build %d does not say %q:\n%s", b.Number, w, log)
		}
	}
	if b.Steps[1].Name != "Restore cache" || b.Steps[len(b.Steps)-1].Name != "Save cache" {
		p.t.Errorf("steps %+v", b.Steps)
	}
}

func TestBuildsFindWhatThoseBeforeThemLeft(t *testing.T) {
	s := newSite(t, "", caching("one"), "OORE_RUNNERS=1", "OORE_CACHE_LIMIT=10MB")
	s.program.pipeline(s.githubProject("acme/shop", map[string]any{"forks": "build"}).ID, "Android", nil)
	n := 0
	push := func(branch string) string {
		n++
		s.deliver("push", s.gh.PushPayload(s.repo, branch, "", s.head))
		return s.next(n).ID
	}
	pull := func(p githubtest.Pull) string {
		n++
		s.deliver("pull_request", s.gh.PullRequestPayload("opened", s.repo, p))
		return s.next(n).ID
	}
	s.says(push("main"), "Cache miss: pub-", "found: \n", "Saved: pub-")
	s.kill()
	s.start()
	s.head = s.git.Commit("main", map[string]string{"lib": "x"}, "Another")
	s.says(push("main"), "Cache hit: pub-", "found: 1\n", "Not saved: pub-")

	feature := s.git.Commit("feature", map[string]string{"pubspec.lock": "two"}, "A feature")
	s.says(pull(githubtest.Pull{Number: 3, HeadBranch: "feature", HeadSHA: feature}), "Cache hit by prefix: pub-", "found: 1\n", "Saved: pub-")
	s.head = s.git.Commit("main", map[string]string{"pubspec.lock": "two"}, "The same, not merged")
	s.says(push("main"), "Cache hit by prefix: pub-", "found: 1\n", "Saved: pub-") // not what the pull request has left

	fork := s.git.PullCommit(4, map[string]string{"pubspec.lock": "three"}, "From a fork")
	s.says(pull(githubtest.Pull{Number: 4, HeadBranch: "main", HeadSHA: fork, Fork: true}), "Cache hit by prefix: pub-", "found: 4\n", "Nothing is saved: pull request #4 comes from a fork\n")
	s.head = s.git.Commit("main", map[string]string{"pubspec.lock": "three"}, "The same again")
	s.says(push("main"), "Cache hit by prefix: pub-", "found: 4\n", "Saved: pub-")
}

func TestARemoteRunnerKeepsCachesOfItsOwn(t *testing.T) {
	p := newProgram(t, "", nil, "OORE_RUNNERS=0").start()
	git := githubtest.NewGitRepo(t)
	git.Commit("main", caching("one"), "First")
	var project projectView
	p.must("POST", "/v1/projects", map[string]any{"name": "Shop", "local_repository_path": git.Dir}, &project)
	y := &yard{program: p, project: project}
	pipeline := p.pipeline(project.ID, "Android", map[string]any{"trigger_config": map[string]any{"events": []string{"tag"}}})
	one := newRemoteRunner(t, p.url, "one", "--cache-limit", "20KiB")
	p.says(y.trigger(pipeline), "Cache miss: pub-", "Saved: pub-")
	p.says(y.trigger(pipeline), "Cache hit: pub-", "found: 1\n")
	one.signal(syscall.SIGKILL)
	one.start()
	p.says(y.trigger(pipeline), "Cache hit: pub-", "found: 1\n")
	if list, err := os.ReadDir(filepath.Join(one.args[8], "cache")); err != nil || len(list) != 1 {
		t.Errorf("%v, %v", list, err)
	}

	large := caching("large")
	large[".oore.yaml"] = strings.Replace(large[".oore.yaml"], "mkdir -p .dart_tool;", "mkdir -p .dart_tool; head -c 15000 /dev/urandom >.dart_tool/large;", 1)
	git.Commit("main", large, "Too large")
	p.says(y.trigger(pipeline), "Not saved: pub-", "larger than half of what this runner keeps (OORE_CACHE_LIMIT)")

	one.signal(syscall.SIGKILL) // and another machine begins with nothing
	p.forget("one")
	newRemoteRunner(t, p.url, "two")
	p.says(y.trigger(pipeline), "Cache miss: pub-", "Saved: pub-")
}
