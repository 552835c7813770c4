package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/gitlab/gitlabtest"
)

// lab is an installation with a double of GitLab, under a path of its host, and one
// private project there.
type lab struct {
	*program
	gl      *gitlabtest.Server
	git     *gitlabtest.GitRepo
	repo    gitlabtest.Project
	project projectView
	head    string
}

const labSecret = "host-wide-webhook-secret"

func newLab(t *testing.T, database string, files map[string]string, env ...string) *lab {
	t.Helper()
	gl := gitlabtest.NewAt(t, "/gitlab")
	git := gitlabtest.NewGitRepo(t)
	l := &lab{gl: gl, git: git, head: git.Commit("main", files, "First commit")}
	l.repo = gl.AddProject("acme/mobile/shop", true, git.Dir)
	l.program = newProgram(t, database, nil, env...).start()
	return l
}

// link makes the project and one pipeline.
func (l *lab) link(more map[string]any) pipelineView {
	l.t.Helper()
	in := map[string]any{"name": "Shop", "repository": map[string]any{"provider": "gitlab", "full_name": l.repo.FullName}}
	for k, v := range more {
		in[k] = v
	}
	l.must("POST", "/v1/projects", in, &l.project)
	return l.pipeline(l.project.ID, "Android", nil)
}

// fire sends an event to the webhooks that Oore has set up.
func (l *lab) fire(event string, payload []byte) {
	l.t.Helper()
	statuses := l.gl.Fire(l.repo, event, payload)
	if len(statuses) != 1 || statuses[0] != http.StatusOK {
		l.t.Fatalf("the webhooks answered %v, want one 200", statuses)
	}
}

// TestGitLabFromATokenToAGreenMergeRequest goes the way of somebody with a self-managed
// GitLab: the token is given on the page, the webhook is made by Oore, and everything
// that is pushed is built and reported.
func TestGitLabFromATokenToAGreenMergeRequest(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		l := newLab(t, database, workflow(`test ! -e broken && echo built $OORE_COMMIT_SHA`))
		narrow := l.gl.AddToken(l.gl.User, time.Time{}, "read_api")
		var refused struct{ Error, Code string }
		if status := l.call("POST", "/v1/integrations/gitlab", map[string]any{"web_url": l.gl.URL(), "token": narrow}, &refused); status != 400 || !strings.Contains(refused.Error, "api") {
			t.Errorf("a token without its scope: %d %+v", status, refused)
		}
		var made integrationView
		l.must("POST", "/v1/integrations/gitlab", map[string]any{"web_url": l.gl.URL(), "token": l.gl.Token}, &made)
		if made.Repositories != 1 || made.Trouble != "" {
			t.Fatalf("connected %+v", made)
		}
		l.link(nil)
		if hooks := l.gl.Hooks(l.repo); len(hooks) != 1 || hooks[0].URL != l.url+"/v1/webhooks/gitlab" || hooks[0].Token == "" {
			t.Fatalf("webhooks %+v", hooks)
		}

		l.fire(gitlabtest.PushHook, l.gl.PushPayload(l.repo, "main", "", l.head))
		l.gl.WaitStatus(t, l.repo, l.head, "oore/android", "success", patience)

		feature := l.git.Commit("feature", map[string]string{"broken": "yes"}, "Break it")
		l.fire(gitlabtest.PushHook, l.gl.PushPayload(l.repo, "feature", l.head, feature))
		mr := gitlabtest.MergeRequest{Number: 4, SourceBranch: "feature", SHA: feature, TargetBranch: "main"}
		l.fire(gitlabtest.MergeRequestHook, l.gl.MergeRequestPayload(l.repo, "open", mr, ""))
		l.gl.WaitStatus(t, l.repo, feature, "oore/android", "failed", patience)
		note := l.note("failed")
		if n := len(l.builds("commit_sha=" + feature)); n != 1 {
			t.Errorf("%d builds of the commit of a push and its merge request, want one", n)
		}
		mended := l.git.Rename("feature", "broken", "fine")
		mr.SHA = mended
		l.fire(gitlabtest.MergeRequestHook, l.gl.MergeRequestPayload(l.repo, "update", mr, feature))
		l.gl.WaitStatus(t, l.repo, mended, "oore/android", "success", patience)
		if again := l.note("Succeeded"); again.ID != note.ID {
			t.Errorf("another note, %d after %d", again.ID, note.ID)
		}
		if ran := l.gl.Commands(l.repo); len(ran) != 0 {
			t.Errorf("GitLab took our notes for commands: %v", ran)
		}

		l.pipeline(l.project.ID, "Release", map[string]any{"trigger_config": map[string]any{"events": []string{"tag"}}})
		l.git.Tag("v1", mended, "First release")
		l.fire(gitlabtest.TagPushHook, l.gl.TagPayload(l.repo, "v1"))
		l.gl.WaitStatus(t, l.repo, mended, "oore/release", "success", patience)
	})
}

// note waits for the one note of the merge request to say something.
func (l *lab) note(says string) (note gitlabtest.Note) {
	l.t.Helper()
	l.gl.Wait(l.t, "the note says "+says, patience, func() bool {
		notes := l.gl.Notes(l.repo, 4)
		if len(notes) == 1 {
			note = notes[0]
		}
		return len(notes) == 1 && strings.Contains(note.Body, says)
	})
	return note
}

// TestAPrivateCertificateUnderAPath goes to a GitLab below a path whose certificate only
// SSL_CERT_FILE makes known, to the server and to git.
func TestAPrivateCertificateUnderAPath(t *testing.T) {
	gl := gitlabtest.NewTLSAt(t, "/tools/gitlab")
	git := gitlabtest.NewGitRepo(t)
	l := &lab{gl: gl, git: git, head: git.Commit("main", workflow("echo built"), "First commit")}
	l.repo = gl.AddProject("acme/mobile/shop", true, git.Dir)
	open := gl.AddProject("acme/open", false, git.Dir)
	bundle := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(bundle, gl.CA(), 0o600); err != nil {
		t.Fatal(err)
	}
	l.program = newProgram(t, "", nil).start()
	connect := map[string]any{"web_url": gl.URL(), "token": gl.Token}
	var refused struct{ Error, Code string }
	if status := l.call("POST", "/v1/integrations/gitlab", connect, &refused); status != 400 || !strings.Contains(refused.Error, "SSL_CERT_FILE") {
		t.Errorf("a certificate that nobody knows: %d %+v", status, refused)
	}
	l.stop()
	l.env = append(l.env, "SSL_CERT_FILE="+bundle)
	l.start()
	l.must("POST", "/v1/integrations/gitlab", connect, nil)
	l.link(nil)
	l.fire(gitlabtest.PushHook, gl.PushPayload(l.repo, "main", "", l.head))
	gl.WaitStatus(t, l.repo, l.head, "oore/android", "success", patience)

	var plain projectView // the same host as a plain git address
	l.must("POST", "/v1/projects", map[string]any{"name": "Plain", "repository": map[string]any{"provider": "git", "clone_url": open.CloneURL}}, &plain)
	var b buildView
	l.must("POST", "/v1/projects/"+plain.ID+"/builds", map[string]any{"pipeline_id": l.pipeline(plain.ID, "Android", nil).ID}, &b)
	if b = l.ended(b.ID); b.Status != "succeeded" || b.SHA != l.head {
		t.Errorf("build %+v", b)
	}
}

func TestGitLabGivenByTheEnvironmentAndWhatIsRefused(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		gl := gitlabtest.New(t)
		git := gitlabtest.NewGitRepo(t)
		head := git.Commit("main", workflow("echo ok"), "First commit")
		repo := gl.AddProject("acme/shop", true, git.Dir)
		otherGit := gitlabtest.NewGitRepo(t)
		otherHead := otherGit.Commit("main", workflow("echo other"), "First commit")
		other := gl.AddProject("acme/other", true, otherGit.Dir)
		l := &lab{gl: gl, git: git, repo: repo, head: head}
		l.program = newProgram(t, database, nil, "OORE_GITLAB_URL="+gl.URL(), "OORE_GITLAB_TOKEN="+gl.Token, "OORE_GITLAB_WEBHOOK_SECRET="+labSecret).start()
		l.link(nil)

		own := gl.Hooks(repo)[0].Token
		for _, test := range []struct {
			what   string
			p      gitlabtest.Project
			sha    string
			token  string
			status int
			code   string
		}{
			{"no token", repo, head, "", 401, "missing_token"},
			{"a wrong token", repo, head, "guess", 401, "invalid_token"},
			{"another project under the secret of ours", other, otherHead, own, 401, "invalid_token"},
		} {
			if status, code := l.send(test.p, "main", test.sha, gitlabtest.Delivery{Token: test.token}); status != test.status || code != test.code {
				t.Errorf("%s: %d %s", test.what, status, code)
			}
		}
		var none deliveriesView
		if l.must("GET", "/v1/deliveries", nil, &none); none.Total != 0 {
			t.Errorf("%d deliveries were kept of what was refused", none.Total)
		}
		key := gitlabtest.NewKey()
		for i, want := range []string{"", "duplicate", "duplicate"} {
			if status, code := l.send(repo, "main", head, gitlabtest.Delivery{Token: labSecret, Key: key}); status != 200 || code != want {
				t.Errorf("sending %d: %d %q, want %q", i, status, code, want)
			}
		}
		gl.WaitStatus(t, repo, head, "oore/android", "success", patience)
		if n := len(l.builds("")); n != 1 {
			t.Errorf("%d builds, want one", n)
		}

		// A GitLab from before keys for repeats: the event's own id is the same.
		twice := git.Commit("twice", map[string]string{"t": "1"}, "Sent twice")
		event := map[string]string{"Idempotency-Key": "", "X-Gitlab-Event-UUID": gitlabtest.NewKey()}
		for _, want := range []string{"", "duplicate"} {
			if status, code := l.send(repo, "twice", twice, gitlabtest.Delivery{Token: own, Header: event}); status != 200 || code != want {
				t.Errorf("one event twice: %d %q, want %q", status, code, want)
			}
		}
		gl.WaitStatus(t, repo, twice, "oore/android", "success", patience)
		if n := len(l.builds("commit_sha=" + twice)); n != 1 {
			t.Errorf("%d builds of one event, want one", n)
		}

		// An administrator's hook tells that the project moved; its number stays.
		l.repo = gl.Rename(repo, "globex/store")
		l.system("project_transfer")
		eventually(t, "the project has its new name", func() bool {
			var p struct {
				Repository struct {
					FullName string `json:"full_name"`
				}
			}
			l.must("GET", "/v1/projects/"+l.project.ID, nil, &p)
			return p.Repository.FullName == "globex/store"
		})
		moved := l.git.Commit("moved", map[string]string{"m": "1"}, "After the move")
		l.fire(gitlabtest.PushHook, gl.PushPayload(l.repo, "moved", "", moved))
		gl.WaitStatus(t, l.repo, moved, "oore/android", "success", patience)
		repo = l.repo

		fork := l.git.ForkCommit(9, map[string]string{"a": "1"}, "From outside")
		mr := gitlabtest.MergeRequest{Number: 9, SourceBranch: "patch", SHA: fork, TargetBranch: "main", Fork: true, Author: "stranger"}
		l.fire(gitlabtest.MergeRequestHook, gl.MergeRequestPayload(repo, "open", mr, ""))
		var blocked deliveriesView
		eventually(t, "the fork is held back", func() bool {
			l.must("GET", "/v1/deliveries?limit=1", nil, &blocked)
			return len(blocked.Deliveries) == 1 && blocked.Deliveries[0].Reason.Code == "fork_blocked"
		})
		l.must("POST", "/v1/deliveries/"+blocked.Deliveries[0].ID+"/approve", map[string]any{"sha": fork}, nil)
		var built buildView
		eventually(t, "the approved commit is built", func() bool {
			for _, b := range l.builds("commit_sha=" + fork) {
				built = b
			}
			return built.Status == "succeeded"
		})
		l.nowhere("the token", []byte(gl.Token))
	})
}

// system sends what an administrator's hook tells, with the host's secret.
func (l *lab) system(event string) {
	l.t.Helper()
	resp, err := l.gl.Deliver(l.url+"/v1/webhooks/gitlab", gitlabtest.SystemHook, l.gl.SystemPayload(l.repo, event), gitlabtest.Delivery{Token: labSecret})
	if err != nil || resp.StatusCode != http.StatusOK {
		l.t.Fatalf("%s: %v, %v", event, resp, err)
	}
	resp.Body.Close()
}

// send sends a push of a branch, and returns the status and what was said: a code, or
// "duplicate".
func (l *lab) send(p gitlabtest.Project, branch, sha string, d gitlabtest.Delivery) (int, string) {
	l.t.Helper()
	return l.sendRaw(l.gl.PushPayload(p, branch, "", sha), d)
}

func (l *lab) sendRaw(payload []byte, d gitlabtest.Delivery) (int, string) {
	l.t.Helper()
	resp, err := l.gl.Deliver(l.url+"/v1/webhooks/gitlab", gitlabtest.PushHook, payload, d)
	if err != nil {
		l.t.Error(err)
		return 0, ""
	}
	defer resp.Body.Close()
	var answer struct {
		Code      string
		Duplicate bool
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		l.t.Error(err)
	}
	if answer.Duplicate {
		return resp.StatusCode, "duplicate"
	}
	return resp.StatusCode, answer.Code
}

// TestGitLabHeadsThatWereNeverAnnouncedAreBuilt pushes more refs than GitLab tells of.
func TestGitLabHeadsThatWereNeverAnnouncedAreBuilt(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		l := newLab(t, database, workflow("echo ok"))
		l.git.Tag("old", l.head, "From before Oore")
		l.must("POST", "/v1/integrations/gitlab", map[string]any{"web_url": l.gl.URL(), "token": l.gl.Token}, nil)
		l.link(nil)
		l.pipeline(l.project.ID, "Release", map[string]any{"trigger_config": map[string]any{"events": []string{"tag"}}})
		l.stop()
		l.start() // which is followed by a survey
		eventually(t, "the heads are noted", func() bool { return l.notedHeads(database, core.ProviderGitLab) > 0 })
		l.stop()
		var shas []string
		for _, branch := range []string{"a", "b", "c", "d"} {
			shas = append(shas, l.git.Commit(branch, map[string]string{branch: "1"}, "Many at once"))
		}
		for i, tag := range []string{"v1", "v2", "v3", "v4"} {
			l.git.Tag(tag, shas[i], []string{"", "An annotated one"}[i%2])
		}
		l.start()
		for _, sha := range shas {
			l.gl.WaitStatus(t, l.repo, sha, "oore/android", "success", patience)
			l.gl.WaitStatus(t, l.repo, sha, "oore/release", "success", patience)
		}
		if n := len(l.builds("commit_sha=" + l.head)); n != 0 {
			t.Errorf("%d builds of the old tag", n)
		}
		var list deliveriesView
		l.must("GET", "/v1/deliveries?limit=50", nil, &list)
		for _, d := range list.Deliveries {
			if d.Status != "processed" || d.Reason.Code != "builds_started" || !strings.HasPrefix(d.DeliveryID, "sweep:") {
				t.Errorf("delivery %+v", d)
			}
		}
	})
}

// TestWhatGitLabCouldNotDeliverIsAskedForAgain is away for so many pushes that GitLab
// switches the webhook off.
func TestWhatGitLabCouldNotDeliverIsAskedForAgain(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		l := newLab(t, database, workflow("echo ok"))
		l.must("POST", "/v1/integrations/gitlab", map[string]any{"web_url": l.gl.URL(), "token": l.gl.Token}, nil)
		l.link(nil)
		l.stop()
		var shas []string
		for i := range 4 {
			branch := fmt.Sprint("work-", i)
			shas = append(shas, l.git.Commit(branch, map[string]string{branch: "1"}, "While nobody was there"))
			if statuses := l.gl.Fire(l.repo, gitlabtest.PushHook, l.gl.PushPayload(l.repo, branch, "", shas[i])); len(statuses) != 1 || statuses[0] != 0 {
				t.Fatalf("the webhook answered %v", statuses)
			}
		}
		if h := l.gl.Hooks(l.repo)[0]; h.AlertStatus != "disabled" {
			t.Fatalf("webhook %+v", h)
		}
		l.gl.DisableHooks(l.repo, true) // a test alone enables it
		l.start()
		for _, sha := range shas {
			l.gl.WaitStatus(t, l.repo, sha, "oore/android", "success", patience)
		}
		if h := l.gl.Hooks(l.repo); len(h) != 1 || h[0].AlertStatus != "executable" {
			t.Errorf("webhooks %+v", h)
		}
		// The sweep may look while they are on their way; then they share a build.
		eventually(t, "all that was asked for has come", func() bool {
			var list deliveriesView
			l.must("GET", "/v1/deliveries?limit=50", nil, &list)
			return 4 <= len(slices.DeleteFunc(list.Deliveries, func(d deliveryView) bool {
				return d.Reason.Code != "builds_started" || strings.HasPrefix(d.DeliveryID, "sweep:")
			}))
		})
		for _, sha := range shas {
			if n := len(l.builds("commit_sha=" + sha)); n != 1 {
				t.Errorf("%d builds of %s", n, sha)
			}
		}
		var repos struct {
			Repositories []struct {
				Trouble string `json:"webhook_trouble"`
				Note    string `json:"webhook_note"`
			} `json:"repositories"`
		}
		l.must("GET", "/v1/integration-repositories", nil, &repos)
		if len(repos.Repositories) != 1 || repos.Repositories[0].Trouble != "" || !strings.Contains(repos.Repositories[0].Note, "switched it on again") || !strings.Contains(repos.Repositories[0].Note, "a test arrived") {
			t.Errorf("repositories %+v", repos)
		}
	})
}

func TestANoteByADeveloperBuildsAndByAGuestDoesNot(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		l := newLab(t, database, workflow("echo ok"))
		l.must("POST", "/v1/integrations/gitlab", map[string]any{"web_url": l.gl.URL(), "token": l.gl.Token}, nil)
		l.link(nil)
		writer, guest := l.gl.AddUser("wes"), l.gl.AddUser("gus")
		l.gl.SetAccess(l.repo, writer, gitlabtest.Developer)
		head := l.git.Commit("feature", map[string]string{"a": "1"}, "Feature [skip ci]")
		mr := l.gl.Open(l.repo, gitlabtest.MergeRequest{Number: 4, SourceBranch: "feature", SHA: head, TargetBranch: "main"})

		note := l.gl.AddNote(l.repo, mr.Number, guest, "/oore build")
		l.fire(gitlabtest.NoteHook, l.gl.NotePayload(l.repo, "create", note))
		l.gl.Wait(t, "the guest is answered", patience, func() bool {
			for _, n := range l.gl.Notes(l.repo, mr.Number) {
				if strings.HasPrefix(n.Body, "<!-- oore:reply c=") && strings.Contains(n.Body, "@gus cannot run `build` here") {
					return true
				}
			}
			return false
		})
		if n := len(l.builds("")); n != 0 {
			t.Fatalf("%d builds for a guest", n)
		}
		note = l.gl.AddNote(l.repo, mr.Number, writer, "/oore build")
		for range 3 { // its own webhook and its group's tell of one note
			l.fire(gitlabtest.NoteHook, l.gl.NotePayload(l.repo, "create", note))
		}
		l.gl.WaitStatus(t, l.repo, head, "oore/android", "success", patience)
		if list := l.builds(""); len(list) != 1 || list[0].TriggerType != "chat" || list[0].SHA != head {
			t.Errorf("builds %+v", list)
		}
		if ran := l.gl.Commands(l.repo); len(ran) != 0 {
			t.Errorf("GitLab took our notes for commands: %v", ran)
		}
	})
}

// TestASubmoduleOfTheSameGitLabIsCheckedOut builds a private project with another private
// one in it, by a relative address.
func TestASubmoduleOfTheSameGitLabIsCheckedOut(t *testing.T) {
	l := newLab(t, "", workflow("cat lib/answer"))
	other := gitlabtest.NewGitRepo(t)
	sha := other.Commit("main", map[string]string{"answer": "42 of the library"}, "Library")
	l.gl.AddProject("acme/mobile/lib", true, other.Dir)
	l.must("POST", "/v1/integrations/gitlab", map[string]any{"web_url": l.gl.URL(), "token": l.gl.Token}, nil)
	l.link(nil)
	with := l.git.Submodule("main", "lib", "../lib.git", sha)
	l.fire(gitlabtest.PushHook, l.gl.PushPayload(l.repo, "main", l.head, with))
	l.gl.WaitStatus(t, l.repo, with, "oore/android", "success", patience)
	if out := l.rawLog(l.builds("commit_sha=" + with)[0].ID); !strings.Contains(out, "42 of the library") {
		t.Errorf("the log says %q", out)
	}
}

// TestAForksAuthorCannotApproveIt lets somebody with write access open a merge request
// from a fork: who may not approve it is known by number, whatever their name is now.
func TestAForksAuthorCannotApproveIt(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		l := newLab(t, database, workflow("echo ok"))
		l.must("POST", "/v1/integrations/gitlab", map[string]any{"web_url": l.gl.URL(), "token": l.gl.Token}, nil)
		l.link(nil)
		author, other := l.gl.AddUser("wes"), l.gl.AddUser("ana")
		l.gl.SetAccess(l.repo, author, gitlabtest.Developer)
		l.gl.SetAccess(l.repo, other, gitlabtest.Developer)
		fork := l.git.ForkCommit(9, map[string]string{"a": "1"}, "From a fork")
		mr := gitlabtest.MergeRequest{Number: 9, SourceBranch: "patch", SHA: fork, TargetBranch: "main", Fork: true, Author: "wes"}
		l.fire(gitlabtest.MergeRequestHook, l.gl.MergeRequestPayload(l.repo, "open", mr, ""))
		author = l.gl.RenameUser(author, "somebody-else")
		l.fire(gitlabtest.NoteHook, l.gl.NotePayload(l.repo, "create", l.gl.AddNote(l.repo, 9, author, "/oore approve "+fork)))
		l.gl.Wait(t, "the author is refused", patience, func() bool {
			for _, n := range l.gl.Notes(l.repo, 9) {
				if strings.Contains(n.Body, "The author of a pull request cannot approve it") {
					return true
				}
			}
			return false
		})
		if n := len(l.builds("")); n != 0 {
			t.Fatalf("%d builds by the author's own word", n)
		}
		l.fire(gitlabtest.NoteHook, l.gl.NotePayload(l.repo, "create", l.gl.AddNote(l.repo, 9, other, "/oore approve "+fork)))
		eventually(t, "the approved commit is built", func() bool {
			list := l.builds("commit_sha=" + fork)
			return len(list) == 1 && list[0].Status == "succeeded"
		})
	})
}
