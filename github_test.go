package main

import (
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/github/githubtest"
	"github.com/oore-ci/oore/store"
)

func TestWhatHappenedWhileTheServerWasDownIsBuilt(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		s := newSite(t, database, workflow("echo ok"))
		project := s.githubProject("acme/shop", nil)
		s.program.pipeline(project.ID, "Android", nil)
		s.program.pipeline(project.ID, "Release", map[string]any{"trigger_config": map[string]any{"events": []string{"tag"}}})
		s.stop()
		s.start() // which is followed by a survey
		eventually(t, "the heads are noted", func() bool { return s.notedHeads(database, core.ProviderGitHub) > 0 })
		s.stop()

		told := s.git.Commit("main", map[string]string{"a": "1"}, "Told, but nobody was there")
		s.gh.Lose(1)
		_, err := s.gh.Deliver(s.url+"/v1/webhooks/github", "push", s.gh.PushPayload(s.repo, "main", s.head, told), githubtest.Delivery{ID: "lost-1"})
		if !errors.Is(err, githubtest.ErrLost) {
			t.Fatal(err)
		}
		untold := s.git.Commit("quiet", map[string]string{"b": "1"}, "Never announced")
		s.git.Tag("v1", told, "Never announced either")

		s.start()
		s.gh.WaitStatus(t, told, "oore/release", "success", patience)
		for _, sha := range []string{told, untold} {
			s.gh.WaitStatus(t, sha, "oore/android", "success", patience)
		}
		if n := len(s.builds("commit_sha=" + told)); n != 2 {
			t.Errorf("%d builds of the commit that two ways led to, want one, and one of its tag", n)
		}
		var list struct {
			Deliveries []struct {
				DeliveryID string `json:"delivery_id"`
				Event      string `json:"event"`
				SHA        string `json:"sha"`
			} `json:"deliveries"`
		}
		s.must("GET", "/v1/deliveries?sha="+untold, nil, &list)
		if len(list.Deliveries) != 1 || list.Deliveries[0].Event != "sweep" {
			t.Errorf("the sweep is not among the deliveries: %+v", list)
		}
	})
}

// notedHeads counts the heads that the server has noted.
func (p *program) notedHeads(database string, provider core.Provider) int {
	p.t.Helper()
	if database == "" {
		database = "sqlite:" + filepath.Join(environment(p.env).lookup("OORE_DATA_DIR"), "oore.db")
	}
	db, err := store.Open(context.Background(), database, store.Options{})
	if err != nil {
		p.t.Fatal(err)
	}
	defer db.Close()
	repos, err := db.ListRepositories(context.Background(), provider)
	if err != nil || len(repos) != 1 {
		p.t.Fatalf("%d repositories, %v", len(repos), err)
	}
	heads, err := db.ListHeads(context.Background(), repos[0].ID)
	if err != nil {
		p.t.Fatal(err)
	}
	return len(heads)
}

func TestAForkIsBuiltWhenExactlyItsCommitWasApproved(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		s := newSite(t, database, workflow("echo ok"))
		s.program.pipeline(s.githubProject("acme/shop", nil).ID, "Android", nil)
		sha := s.git.PullCommit(7, map[string]string{"x": "1"}, "From a fork")
		pull := githubtest.Pull{Number: 7, HeadBranch: "patch", HeadSHA: sha, Author: "mallory", Fork: true}
		id := s.deliver("pull_request", s.gh.PullRequestPayload("opened", s.repo, pull))
		if d := s.decided(id); d.Status != "ignored" || d.Verdicts[0].Code != "fork_blocked" {
			t.Fatalf("delivery %+v", d)
		}
		waiting := s.gh.WaitStatus(t, sha, "oore/android", "pending", patience)
		if !strings.Contains(waiting.Description, sha) || waiting.TargetURL != s.url+"/deliveries/"+id {
			t.Errorf("the waiting status is %+v", waiting)
		}
		var e struct{ Code string }
		if status := s.call("POST", "/v1/deliveries/"+id+"/approve", map[string]any{"sha": s.head}, &e); status != http.StatusConflict || e.Code != "sha_stale" {
			t.Errorf("another commit: %d %s", status, e.Code)
		}
		s.must("POST", "/v1/deliveries/"+id+"/approve", map[string]any{"sha": sha}, nil)
		s.gh.WaitStatus(t, sha, "oore/android", "success", patience)

		next := s.git.PullCommit(7, map[string]string{"x": "2"}, "Another push")
		pull.HeadSHA = next
		d := s.decided(s.deliver("pull_request", s.gh.PullRequestPayload("synchronize", s.repo, pull)))
		if d.Verdicts[0].Code != "fork_blocked" || len(s.builds("commit_sha="+next)) != 0 {
			t.Errorf("the next push: %+v", d)
		}
	})
}

func TestWhyAnswersForWhatArrivedAndWhatDidNot(t *testing.T) {
	s := newSite(t, "", workflow("echo ok"))
	s.program.pipeline(s.githubProject("acme/shop", nil).ID, "Release", map[string]any{"trigger_config": map[string]any{"branches": []string{"release/*"}}})
	var why struct{ Code, Sentence string }
	ask := func() string {
		s.must("GET", "/v1/why?repo=acme/shop&sha="+s.head, nil, &why)
		return why.Code
	}
	if got := ask(); got != "never_sent" {
		t.Errorf("before anything: %s, %s", got, why.Sentence)
	}
	s.gh.Lose(1)
	if _, err := s.gh.Deliver(s.url, "push", s.gh.PushPayload(s.repo, "main", "", s.head), githubtest.Delivery{}); !errors.Is(err, githubtest.ErrLost) {
		t.Fatal(err)
	}
	if got := ask(); got != "unreachable" {
		t.Errorf("after GitHub tried: %s, %s", got, why.Sentence)
	}
	s.decided(s.deliver("push", s.gh.PushPayload(s.repo, "main", "", s.head)))
	if got := ask(); got != "not_built" || !strings.Contains(why.Sentence, "release/*") {
		t.Errorf("after it arrived: %s, %s", got, why.Sentence)
	}
}
