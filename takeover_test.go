package main

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/oore-ci/oore/handlers/github/githubtest"
	"github.com/oore-ci/oore/handlers/gitlab/gitlabtest"
)

// followingView is a pipeline with what it has taken over.
type followingView struct {
	Labels        []string
	TriggerConfig struct{ Branches []string } `json:"trigger_config"`
	Concurrency   struct {
		MaxConcurrent int `json:"max_concurrent"`
	}
	FileSettings *struct {
		Path, SHA, Problem string
		Keys               []string
	} `json:"file_settings"`
}

// follower is a pipeline of a repository at one of the forges.
type follower struct {
	*program
	commit   func(branch string, files map[string]string, message string) string
	announce func(branch, before, sha string) // nil: a push is seen by itself
	pipeline string
}

func (f *follower) push(branch, before, file string) string {
	sha := f.commit(branch, map[string]string{".oore.yaml": file}, "Change the settings")
	if f.announce != nil {
		f.announce(branch, before, sha)
	}
	return sha
}

func (f *follower) follows(what string, is func(followingView) bool) {
	f.t.Helper()
	var v followingView
	defer func() {
		if f.t.Failed() {
			f.t.Logf("%s: the pipeline is %+v, %+v", what, v, v.FileSettings)
		}
	}()
	eventually(f.t, what, func() bool {
		v = followingView{}
		f.must("GET", "/v1/pipelines/"+f.pipeline, nil, &v)
		return is(v)
	})
}

func (f *follower) labels(want ...string) {
	f.t.Helper()
	f.follows("labels "+strings.Join(want, ","), func(v followingView) bool { return slices.Equal(v.Labels, want) })
}

// TestThePipelineFollowsItsFileOnTheDefaultBranch pushes to a GitHub, a GitLab and a
// folder, whose doubles ask for the right of reading contents.
func TestThePipelineFollowsItsFileOnTheDefaultBranch(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		gh, gl := githubtest.New(t), gitlabtest.New(t)
		p := newProgram(t, database, gh, "OORE_RUNNERS=0", "OORE_GITLAB_WEBHOOK_SECRET="+labSecret, "OORE_GITLAB_URL="+gl.URL(), "OORE_GITLAB_TOKEN="+gl.Token).start()
		first := map[string]string{"a": "1"}

		t.Run("github", func(t *testing.T) {
			git := githubtest.NewGitRepo(t)
			git.Commit("main", first, "First")
			repo := gh.AddRepository("acme/shop", true, git.Dir)
			s := &site{program: p, gh: gh, git: git, repo: repo}
			project := p.githubProject("acme/shop", nil)
			f := &follower{program: p, commit: git.Commit, announce: func(branch, before, sha string) { s.deliver("push", gh.PushPayload(repo, branch, before, sha)) }}
			f.goes(project)
			f.outOfOrder(git.Commit)

			fork := githubtest.NewGitRepo(t)
			mallory := gh.AddRepository("mallory/shop", true, fork.Dir)
			before := fork.Commit("main", first, "First")
			sha := fork.Commit("main", map[string]string{".oore.yaml": "version: 1\nlabels: [evil]\n"}, "Evil")
			if d := s.decided(s.deliver("push", gh.PushPayload(mallory, "main", before, sha))); d.Status != "ignored" {
				t.Errorf("the push to the fork is %+v", d)
			}
			evil := git.PullCommit(7, map[string]string{".oore.yaml": "version: 1\nlabels: [evil]\n"}, "Evil")
			s.decided(s.deliver("pull_request", gh.PullRequestPayload("opened", repo, githubtest.Pull{Number: 7, HeadBranch: "main", HeadSHA: evil, Author: "mallory", Fork: true})))
			f.labels("newest")
		})
		t.Run("gitlab", func(t *testing.T) {
			git := gitlabtest.NewGitRepo(t)
			git.Commit("main", first, "First")
			l := &lab{program: p, gl: gl, git: git, repo: gl.AddProject("acme/mobile/app", true, git.Dir)}
			var project projectView
			p.must("POST", "/v1/projects", map[string]any{"name": "Lab", "repository": map[string]any{"provider": "gitlab", "full_name": l.repo.FullName}}, &project)
			f := &follower{program: p, commit: git.Commit, announce: func(branch, before, sha string) {
				status, code := l.sendRaw(gl.PushPayload(l.repo, branch, before, sha), gitlabtest.Delivery{Token: labSecret})
				if status != http.StatusOK || code != "" {
					t.Errorf("the push was answered %d %s", status, code)
				}
			}}
			f.goes(project)
			f.outOfOrder(git.Commit)
		})
		t.Run("folder", func(t *testing.T) {
			git := githubtest.NewGitRepo(t)
			git.Commit("main", first, "First")
			var project projectView
			p.must("POST", "/v1/projects", map[string]any{"name": "Folder", "local_repository_path": git.Dir}, &project)
			(&follower{program: p, commit: git.Commit}).goes(project)
		})
	})
}

// goes takes a file over, finds another branch's and a broken one refused, and a key
// that is gone given back.
func (f *follower) goes(project projectView) {
	f.t.Helper()
	var made pipelineView
	f.must("POST", "/v1/projects/"+project.ID+"/pipelines", map[string]any{"name": "Android", "labels": []string{"own"}}, &made)
	f.pipeline = made.ID
	one := f.push("main", "", "version: 1\nlabels: [macos, fast]\ntriggers: {branches: [main]}\nconcurrency: {max_concurrent: 2}\n")
	f.labels("macos", "fast")
	f.follows("triggers and concurrency", func(v followingView) bool {
		return slices.Equal(v.TriggerConfig.Branches, []string{"main"}) && v.Concurrency.MaxConcurrent == 2 &&
			v.FileSettings != nil && v.FileSettings.SHA == one && v.FileSettings.Path == ".oore.yaml" && len(v.FileSettings.Keys) == 3
	})
	var audit struct {
		Entries []struct{ Actor, Action, Door string } `json:"audit_logs"`
	}
	f.must("GET", "/v1/audit-logs?action=pipeline.update&target_id="+made.ID, nil, &audit)
	if len(audit.Entries) != 1 || audit.Entries[0].Actor != ".oore.yaml at "+one[:7] || audit.Entries[0].Door != "system" {
		f.t.Errorf("audit %+v", audit)
	}
	f.push("dev", "", "version: 1\nlabels: [dev]\n")
	two := f.push("main", one, "version: 1\nlabels: macos\n")
	f.follows("the broken file's problem", func(v followingView) bool {
		return v.FileSettings.SHA == one && strings.HasPrefix(v.FileSettings.Problem, ".oore.yaml at "+two[:7]+" is broken: line 2, column 9: labels must be a list")
	})
	f.labels("macos", "fast")
	f.push("main", two, "version: 1\ntriggers: {branches: [main]}\n")
	f.labels("own")
	f.follows("no problem", func(v followingView) bool {
		return v.FileSettings.Problem == "" && slices.Equal(v.FileSettings.Keys, []string{"triggers"})
	})
}

// outOfOrder announces the newer of two pushes first.
func (f *follower) outOfOrder(commit func(branch string, files map[string]string, message string) string) {
	f.t.Helper()
	older := commit("main", map[string]string{".oore.yaml": "version: 1\nlabels: [older]\n"}, "Older")
	newest := commit("main", map[string]string{".oore.yaml": "version: 1\nlabels: [newest]\n"}, "Newest")
	f.announce("main", older, newest)
	f.labels("newest")
	f.announce("main", "", older)
	f.follows("the delivery of the older is done with", func(followingView) bool {
		var list deliveriesView
		f.must("GET", "/v1/deliveries?sha="+older, nil, &list)
		return len(list.Deliveries) > 0 && list.Deliveries[0].Status != "received"
	})
	f.labels("newest")
}
