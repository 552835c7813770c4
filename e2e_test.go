package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oore-ci/oore/handlers/github/githubtest"
)

// workflow is a .oore.yaml of one command.
func workflow(command string) map[string]string {
	return map[string]string{".oore.yaml": fmt.Sprintf("version: 1\nplatforms: []\ncommands:\n  build:\n    - %q\n", command)}
}

// site is an installation with a double of GitHub and one private repository.
type site struct {
	*program
	gh   *githubtest.Server
	git  *githubtest.GitRepo
	repo githubtest.Repo
	head string
}

func newSite(t testing.TB, database string, files map[string]string, env ...string) *site {
	t.Helper()
	gh := githubtest.New(t)
	git := githubtest.NewGitRepo(t)
	s := &site{gh: gh, git: git, head: git.Commit("main", files, "First commit")}
	s.repo = gh.AddRepository("acme/shop", true, git.Dir)
	s.program = newProgram(t, database, gh, env...).start()
	return s
}

// send signs a webhook and sends it once, over a connection that is used again.
func (s *site) send(event string, payload []byte, id string) *http.Response {
	s.t.Helper()
	resp, err := s.gh.Deliver(s.url+"/v1/webhooks/github", event, payload, githubtest.Delivery{ID: id})
	if err != nil {
		s.t.Fatal(err)
	}
	return resp
}

// deliver sends a webhook and returns the id under which it was stored.
func (s *site) deliver(event string, payload []byte) string {
	s.t.Helper()
	resp := s.send(event, payload, "")
	defer resp.Body.Close()
	var answer struct {
		OK         bool   `json:"ok"`
		DeliveryID string `json:"delivery_id"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || resp.StatusCode != http.StatusOK || !answer.OK {
		s.t.Fatalf("the webhook was answered %d (%+v, %v)", resp.StatusCode, answer, err)
	}
	return answer.DeliveryID
}

// next is the newest build, once there are n.
func (p *program) next(n int) buildView {
	p.t.Helper()
	var list []buildView
	eventually(p.t, fmt.Sprintf("there are %d builds", n), func() bool {
		list = p.builds("")
		return len(list) >= n
	})
	if len(list) != n {
		p.t.Fatalf("%d builds, want %d", len(list), n)
	}
	return list[0]
}

// states are the states in which a context of a commit was reported, repeats left out.
func (s *site) states(sha, statusContext string) []string {
	var states []string
	for _, status := range s.gh.Statuses(sha) {
		if status.Context == statusContext {
			states = append(states, status.State)
		}
	}
	return slices.Compact(states)
}

func TestAPushBecomesABuildALiveLogAndACommitStatus(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		s := newSite(t, database, workflow(`printf 'out %s\n' "$OORE_COMMIT_SHA"; printf 'err \377\n' >&2; printf 'no line feed'`))
		project := s.githubProject("acme/shop", nil)
		pipeline := s.program.pipeline(project.ID, "Android", nil)

		d := s.decided(s.deliver("push", s.gh.PushPayload(s.repo, "main", "", s.head)))
		if d.Status != "processed" || len(d.Verdicts) != 1 || d.Verdicts[0].BuildID == "" {
			t.Fatalf("delivery %+v", d)
		}
		id := d.Verdicts[0].BuildID
		var streamed bytes.Buffer
		var sequence int
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		err := s.stream(ctx, id, "", func(e logEvent) {
			if e.Event != "log" {
				return
			}
			var r struct {
				Sequence int
				Content  string
				Stream   string
				Partial  bool
			}
			if err := json.Unmarshal(e.Data, &r); err != nil {
				t.Errorf("event %s: %v", e.Data, err)
			}
			if r.Sequence != sequence || e.ID != fmt.Sprint(sequence) {
				t.Errorf("sequence %d with id %s, want %d", r.Sequence, e.ID, sequence)
			}
			sequence++
			if r.Stream == "stdout" {
				streamed.WriteString(r.Content)
				if !r.Partial {
					streamed.WriteByte('\n')
				}
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		if want := "out " + s.head + "\nno line feed"; streamed.String() != want {
			t.Errorf("the stream printed %q, want %q", streamed.String(), want)
		}
		if raw := s.rawLog(id); !strings.Contains(raw, "err \377\n") || !strings.Contains(raw, "out "+s.head+"\n") {
			t.Errorf("the raw log is %q", raw)
		}
		b := s.build(id)
		if b.Status != "succeeded" || b.SHA != s.head || b.Branch != "main" || b.TriggerType != "webhook" || b.PipelineID != pipeline.ID {
			t.Errorf("build %+v", b)
		}
		s.gh.WaitStatus(t, s.head, pipeline.StatusContext, "success", patience)
		if got := s.states(s.head, "oore/android"); !slices.Equal(got, []string{"pending", "success"}) {
			t.Errorf("statuses %v, want pending, then success", got)
		}
	})
}

func (p *program) rawLog(id string) string {
	p.t.Helper()
	req, err := http.NewRequest(http.MethodGet, p.url+"/v1/builds/"+id+"/logs?system=false", nil)
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+adminToken)
	req.Header.Set("Accept", "text/plain")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return string(data)
}

func TestAFailingCommandIsReportedWithItsStep(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		s := newSite(t, database, map[string]string{
			".oore.yaml": "version: 1\nplatforms: []\ncommands:\n  build:\n    - echo fine\n    - name: Unit tests\n      run: echo broken; exit 3\n    - echo never\n",
		})
		s.program.pipeline(s.githubProject("acme/shop", nil).ID, "Android", nil)
		s.deliver("push", s.gh.PushPayload(s.repo, "main", "", s.head))
		b := s.ended(s.next(1).ID)
		if b.Status != "failed" || !strings.Contains(b.StatusMessage, "Unit tests") {
			t.Errorf("build %+v", b)
		}
		status := s.gh.WaitStatus(t, s.head, "oore/android", "failure", patience)
		if !strings.HasPrefix(status.Description, "Unit tests failed: exit 3") || status.TargetURL != s.url+"/builds/"+b.ID {
			t.Errorf("status %+v", status)
		}
		last := b.Steps[len(b.Steps)-1]
		if last.Status != "skipped" || strings.Contains(s.rawLog(b.ID), "never") {
			t.Errorf("the step after the failure is %+v", last)
		}
	})
}

func TestAPullRequestGetsOneCommentThatTheNextPushEdits(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		s := newSite(t, database, workflow("echo ok"))
		s.program.pipeline(s.githubProject("acme/shop", nil).ID, "Android", nil)
		first := s.git.Commit("feature", map[string]string{"a": "1"}, "Feature")
		s.deliver("push", s.gh.PushPayload(s.repo, "feature", "", first))
		s.deliver("pull_request", s.gh.PullRequestPayload("opened", s.repo, githubtest.Pull{Number: 12, HeadBranch: "feature", HeadSHA: first}))
		s.gh.WaitStatus(t, first, "oore/android", "success", patience)
		s.waitComment(12, first[:7])
		second := s.git.Commit("feature", map[string]string{"a": "2"}, "More")
		s.deliver("pull_request", s.gh.PullRequestPayload("synchronize", s.repo, githubtest.Pull{Number: 12, HeadBranch: "feature", HeadSHA: second}))
		s.gh.WaitStatus(t, second, "oore/android", "success", patience)
		s.waitComment(12, second[:7])
		if n := len(s.gh.Comments(s.repo, 12)); n != 1 {
			t.Errorf("%d comments, want one", n)
		}
		if n := len(s.builds("")); n != 2 {
			t.Errorf("%d builds, want one for each commit", n)
		}
	})
}

// waitComment waits until the pull request's one comment speaks of a passed commit.
func (s *site) waitComment(number int, sha string) {
	s.t.Helper()
	eventually(s.t, "the comment speaks of "+sha, func() bool {
		comments := s.gh.Comments(s.repo, number)
		return len(comments) == 1 && strings.HasPrefix(comments[0].Body, "<!-- oore:report -->") &&
			strings.Contains(comments[0].Body, sha) && strings.Contains(comments[0].Body, "Succeeded")
	})
}

func TestTheSameDeliveryTwentyTimesAtOnceMakesOneBuild(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		s := newSite(t, database, workflow("echo ok"))
		s.program.pipeline(s.githubProject("acme/shop", nil).ID, "Android", nil)
		payload := s.gh.PushPayload(s.repo, "main", "", s.head)
		var wg sync.WaitGroup
		var mu sync.Mutex
		ids, duplicates := map[string]bool{}, 0
		for range 20 {
			wg.Go(func() {
				resp := s.send("push", payload, "the-same")
				defer resp.Body.Close()
				var answer struct {
					Duplicate  bool   `json:"duplicate"`
					DeliveryID string `json:"delivery_id"`
				}
				err := json.NewDecoder(resp.Body).Decode(&answer)
				mu.Lock()
				defer mu.Unlock()
				if err != nil || resp.StatusCode != http.StatusOK {
					t.Errorf("answered %d, %v", resp.StatusCode, err)
				}
				ids[answer.DeliveryID] = true
				if answer.Duplicate {
					duplicates++
				}
			})
		}
		wg.Wait()
		if len(ids) != 1 || duplicates != 19 {
			t.Errorf("%d ids, %d duplicates; want 1 and 19", len(ids), duplicates)
		}
		s.ended(s.next(1).ID)
	})
}

func TestAForgedDeliveryIsRefusedAndLeavesNoTrace(t *testing.T) {
	s := newSite(t, "", workflow("echo ok"))
	s.program.pipeline(s.githubProject("acme/shop", nil).ID, "Android", nil)
	payload := s.gh.PushPayload(s.repo, "main", "", s.head)
	for code, header := range map[string]string{
		"missing_signature": "", "invalid_signature": "sha256=" + strings.Repeat("0", 64),
	} {
		req, err := http.NewRequest(http.MethodPost, s.url+"/v1/webhooks/github", bytes.NewReader(payload))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("X-GitHub-Event", "push")
		req.Header.Set("X-GitHub-Delivery", "forged")
		if header != "" {
			req.Header.Set("X-Hub-Signature-256", header)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusUnauthorized || !strings.Contains(string(body), `"code":"`+code+`"`) {
			t.Errorf("%s: %d %s %v", code, resp.StatusCode, body, err)
		}
	}
	var list deliveriesView
	s.must("GET", "/v1/deliveries", nil, &list)
	if list.Total != 0 || len(s.builds("")) != 0 {
		t.Errorf("%d deliveries and %d builds were stored", list.Total, len(s.builds("")))
	}
}

func TestWhatIsNotBuiltSaysWhy(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		s := newSite(t, database, workflow("echo ok"))
		project := s.githubProject("acme/shop", nil)
		s.program.pipeline(project.ID, "Release", map[string]any{"trigger_config": map[string]any{"branches": []string{"release/*"}}})
		s.program.pipeline(project.ID, "Off", map[string]any{"enabled": false})
		s.program.pipeline(project.ID, "Pull requests", map[string]any{"trigger_config": map[string]any{"events": []string{"pull_request"}}})
		d := s.decided(s.deliver("push", s.gh.PushPayload(s.repo, "main", "", s.head)))
		want := map[string]string{"Release": "branch_no_match", "Off": "pipeline_disabled", "Pull requests": "event_not_listened"}
		if d.Status != "ignored" || len(d.Verdicts) != len(want) {
			t.Fatalf("delivery %+v", d)
		}
		for _, v := range d.Verdicts {
			if v.Matched || v.Code != want[v.Pipeline] || v.Reason == "" {
				t.Errorf("%s: %+v, want %s", v.Pipeline, v, want[v.Pipeline])
			}
		}
		for _, event := range []string{"ping", "watch", "an_event_of_the_future"} {
			d := s.decided(s.deliver(event, []byte(`{"zen":"x","action":"started"}`)))
			if d.Status != "ignored" || d.Reason.Text == "" {
				t.Errorf("%s: %+v", event, d)
			}
		}
		if n := len(s.builds("")); n != 0 {
			t.Errorf("%d builds", n)
		}
	})
}

func TestTwoThousandDeliveriesOverKeepAliveKeepTheirIDs(t *testing.T) {
	s := newSite(t, "", workflow("echo ok"))
	payload := s.gh.PushPayload(s.repo, "main", "", s.head)
	var wg sync.WaitGroup
	work := make(chan int)
	for range 16 {
		wg.Go(func() {
			for n := range work {
				resp := s.send("push", payload, fmt.Sprintf("delivery-%04d", n))
				if resp.StatusCode != http.StatusOK {
					t.Errorf("delivery %d: %d", n, resp.StatusCode)
				}
				_, _ = io.Copy(io.Discard, resp.Body) // so that the connection is used again
				resp.Body.Close()
			}
		})
	}
	for n := range 2000 {
		work <- n
	}
	close(work)
	wg.Wait()
	seen := map[string]bool{}
	for offset := 0; offset < 2000; offset += 200 {
		var list deliveriesView
		s.must("GET", fmt.Sprintf("/v1/deliveries?limit=200&offset=%d", offset), nil, &list)
		if list.Total != 2000 {
			t.Fatalf("%d deliveries, want 2000", list.Total)
		}
		for _, d := range list.Deliveries {
			seen[d.DeliveryID] = true
		}
	}
	for n := range 2000 {
		if id := fmt.Sprintf("delivery-%04d", n); !seen[id] {
			t.Errorf("%s is not there", id)
		}
	}
}

func TestWrongInputGetsAClearAnswer(t *testing.T) {
	s := newSite(t, "", workflow("echo ok"))
	project := s.githubProject("acme/shop", nil)
	pipeline := s.program.pipeline(project.ID, "Android", nil)
	builds := "/v1/projects/" + project.ID + "/builds"
	for _, c := range []struct {
		name, method, path string
		in                 any
		status             int
		code, says         string
	}{
		{"an unknown field", "POST", builds, map[string]any{"pipeline_id": pipeline.ID, "brunch": "main"}, 400, "invalid_input", "brunch"},
		{"no UUID", "GET", "/v1/builds/1", nil, 404, "not_found", ""},
		{"an unknown build", "GET", "/v1/builds/00000000-0000-4000-8000-000000000000", nil, 404, "not_found", ""},
		{"an unknown branch", "POST", builds, map[string]any{"pipeline_id": pipeline.ID, "branch": "gone"}, 400, "invalid_ref", "gone"},
		{"an option", "POST", builds, map[string]any{"pipeline_id": pipeline.ID, "branch": "--upload-pack=x"}, 400, "invalid_ref", ""},
		{"a command", "POST", builds, map[string]any{"pipeline_id": pipeline.ID, "branch": "$(id)"}, 400, "invalid_ref", ""},
		{"a short commit", "POST", builds, map[string]any{"pipeline_id": pipeline.ID, "commit_sha": s.head[:8]}, 400, "invalid_ref", "40"},
		{"an unknown repository", "POST", "/v1/projects", map[string]any{"name": "x", "repository": map[string]any{"provider": "github", "full_name": "acme/none"}}, 400, "repository_not_found", "acme/none"},
		{"a taken context", "POST", "/v1/projects/" + project.ID + "/pipelines", map[string]any{"name": "Other", "status_context": "oore/android"}, 409, "context_taken", "Android"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var e struct{ Error, Code string }
			if status := s.call(c.method, c.path, c.in, &e); status != c.status || e.Code != c.code || !strings.Contains(e.Error, c.says) {
				t.Errorf("%d %+v, want %d %s with %q", status, e, c.status, c.code, c.says)
			}
		})
	}
	t.Run("26 MiB", func(t *testing.T) {
		resp := s.send("push", bytes.Repeat([]byte(" "), 26<<20), "")
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != http.StatusRequestEntityTooLarge || !strings.Contains(string(body), "payload_too_large") {
			t.Errorf("%d %s %v", resp.StatusCode, body, err)
		}
	})
}

func TestHostileBranchNamesAndBrokenFilesFailCleanly(t *testing.T) {
	s := newSite(t, "", workflow(`printf '%s' "$OORE_BRANCH"`))
	project := s.githubProject("acme/shop", nil)
	s.program.pipeline(project.ID, "Android", nil)
	branch := "a$(id)`id`;id|id'b"
	sha := s.git.Commit(branch, map[string]string{"x": "1"}, "Hostile")
	s.deliver("push", s.gh.PushPayload(s.repo, branch, "", sha))
	if b := s.ended(s.next(1).ID); b.Status != "succeeded" || s.rawLog(b.ID) != branch {
		t.Errorf("build %+v printed %q, want the branch's name as it is", b, s.rawLog(b.ID))
	}
	broken := s.git.Commit("broken", map[string]string{".oore.yaml": "version: 1\nplatforms: []\ncommandz: {}\n"}, "Broken")
	s.deliver("push", s.gh.PushPayload(s.repo, "broken", "", broken))
	if b := s.ended(s.next(2).ID); b.Status != "failed" || b.StatusReason != "config_invalid" || !strings.Contains(b.StatusMessage, "line 3") {
		t.Errorf("build %+v", b)
	}
	nowhere := strings.Repeat("c", 40)
	s.deliver("push", bytes.ReplaceAll(s.gh.PushPayload(s.repo, "main", "", s.head), []byte(s.head), []byte(nowhere)))
	if b := s.ended(s.next(3).ID); b.Status != "failed" || b.StatusReason != "commit_not_in_repository" {
		t.Errorf("build %+v", b)
	}
}

func TestCancelStopsWithinASecondAndLeavesNothing(t *testing.T) {
	marker := "oore-e2e-cancel-" + fmt.Sprint(time.Now().UnixNano())
	s := newSite(t, "", workflow("export MARK="+marker+`; (setsid sleep 600 &) ; trap '' TERM; echo ready; sleep 600`))
	s.program.pipeline(s.githubProject("acme/shop", nil).ID, "Android", nil)
	s.deliver("push", s.gh.PushPayload(s.repo, "main", "", s.head))
	id := s.next(1).ID
	eventually(t, "it is ready", func() bool { return strings.Contains(s.rawLog(id), "ready") })
	if len(processesWith(t, marker)) == 0 {
		t.Fatal("the build's processes cannot be found")
	}
	s.must("POST", "/v1/builds/"+id+"/cancel", nil, nil)
	end := time.Now().Add(5 * time.Second) // the promise is one second; the rest is for a busy machine
	for len(processesWith(t, marker)) > 0 {
		if time.Now().After(end) {
			t.Fatalf("still there: %q", processesWith(t, marker))
		}
		time.Sleep(20 * time.Millisecond)
	}
	if b := s.build(id); b.Status != "canceled" {
		t.Errorf("build %+v", b)
	}
	s.gh.WaitStatus(t, s.head, "oore/android", "error", patience)
	if status := s.call("POST", "/v1/builds/"+id+"/cancel", nil, nil); status != http.StatusConflict {
		t.Errorf("the second cancel answered %d", status)
	}
}

func TestAKilledServerLeavesNothingRunningAndRunsTheBuildAgain(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		marker := "oore-e2e-kill-" + fmt.Sprint(time.Now().UnixNano())
		flag := t.TempDir() + "/second"
		s := newSite(t, database, workflow("export MARK="+marker+"; if [ -e "+flag+" ]; then echo again; exit 0; fi; (setsid sleep 600 &); echo ready; sleep 600"))
		s.program.pipeline(s.githubProject("acme/shop", nil).ID, "Android", nil)
		s.deliver("push", s.gh.PushPayload(s.repo, "main", "", s.head))
		id := s.next(1).ID
		eventually(t, "it is ready", func() bool { return strings.Contains(s.rawLog(id), "ready") })
		s.kill()
		eventually(t, "nothing is left running", func() bool { return len(processesWith(t, marker)) == 0 })
		if err := writeFile(flag); err != nil {
			t.Fatal(err)
		}
		s.start()
		lost := s.ended(id)
		again := s.ended(s.next(2).ID)
		if lost.Status != "failed" || lost.StatusReason != "runner_lost" || again.Status != "succeeded" || again.SourceBuildID != id || again.TriggerType != "rerun" {
			t.Errorf("lost %+v, again %+v", lost, again)
		}
		s.gh.WaitStatus(t, s.head, "oore/android", "success", patience)
	})
}
