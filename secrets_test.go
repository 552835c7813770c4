package main

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oore-ci/oore/handlers/github/githubtest"
)

// canary is a secret that looks different in every encoding.
const canary = `c4n4ry/value+"with" odd'chars?`

// leaked lists the forms in which the canary can be read.
func leaked() []string {
	inJSON, _ := json.Marshal(canary) // strings can be encoded always
	return []string{
		canary, base64.StdEncoding.EncodeToString([]byte(canary)), base64.RawStdEncoding.EncodeToString([]byte("me:" + canary))[4:36],
		base64.URLEncoding.EncodeToString([]byte(canary)), hex.EncodeToString([]byte(canary)), url.QueryEscape(canary), url.PathEscape(canary),
		string(inJSON[1 : len(inJSON)-1]),
	}
}

func showsNothing(t *testing.T, where, text string) {
	t.Helper()
	for _, form := range leaked() {
		if strings.Contains(text, form) {
			t.Errorf("%s shows %q", where, form)
		}
	}
}

// raw is what the API answers, as it is.
func (p *program) raw(path, accept string) string {
	p.t.Helper()
	req, err := http.NewRequest(http.MethodGet, p.url+path, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+adminToken)
	req.Header.Set("Accept", accept)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		p.t.Fatalf("%s answered %d: %s, %v", path, resp.StatusCode, data, err)
	}
	return string(data)
}

// revealing is a configuration whose build does all it can to show its secrets.
const revealing = `version: 1
platforms: []
secrets: [TOKEN, KEYSTORE]
commands:
  build:
    - |
      set -e
      echo "plain $TOKEN"
      echo "$TOKEN" >&2
      printf '{"t":"%s"}\n' "$(printf %s "$TOKEN" | sed 's/"/\\"/g')"
      printf %s "$TOKEN" | base64 -w0; echo
      printf 'me:%s' "$TOKEN" | base64 -w0; echo
      printf %s "$TOKEN" | base64 -w0 | tr '+/' '-_'; echo
      printf %s "$TOKEN" | od -An -v -tx1 | tr -d ' \n'; echo
      echo "c4n4ry%2Fvalue%2B%22with%22+odd%27chars%3F"
      set -x; : "$TOKEN"; set +x
    - |
      printf %s "$TOKEN" | dd bs=1 count=9 2>/dev/null; sleep 0.2
      printf %s "$TOKEN" | dd bs=1 skip=9 2>/dev/null; echo
      cat "$KEYSTORE"
      echo "the end"
`

func TestASecretIsShownNowhere(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		s := newSite(t, database, map[string]string{".oore.yaml": revealing})
		project := s.githubProject("acme/shop", nil)
		s.program.pipeline(project.ID, "Android", nil)
		secrets := "/v1/projects/" + project.ID + "/secrets"
		s.must("PUT", secrets+"/TOKEN", map[string]any{"value": canary}, nil)
		s.must("PUT", secrets+"/KEYSTORE", map[string]any{"value": "first line of the key\n" + canary + "\n", "file": true, "branches": []string{"main"}}, nil)
		showsNothing(t, "the list", s.raw(secrets, "application/json"))

		id := s.decided(s.deliver("push", s.gh.PushPayload(s.repo, "main", "", s.head))).Verdicts[0].BuildID
		var streamed bytes.Buffer
		next := 0
		err := s.stream(t.Context(), id, "", func(e logEvent) {
			streamed.Write(e.Data)
			if e.Event == "log" && e.ID != fmt.Sprint(next) {
				t.Errorf("event %s, want %d", e.ID, next)
			} else if e.Event == "log" {
				next++
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		if b := s.ended(id); b.Status != "succeeded" {
			t.Fatalf("build %+v\n%s", b, s.rawLog(id))
		}
		text := s.rawLog(id)
		if n := strings.Count(text, "***"); n < 11 || !strings.Contains(text, "plain ***\n") || !strings.HasSuffix(text, "***\n***\nthe end\n") {
			t.Errorf("%d secrets are hidden in\n%s", n, text)
		}
		for where, shown := range map[string]string{
			"the stream": streamed.String(), "the text": s.raw("/v1/builds/"+id+"/logs", "text/plain"), "the log": s.raw("/v1/builds/"+id+"/logs", "application/json"),
			"the build": s.raw("/v1/builds/"+id, "application/json"), "the project": s.raw("/v1/projects/"+project.ID, "application/json"), "the server's output": s.output.String(),
		} {
			showsNothing(t, where, shown)
		}
		s.stop()
		for _, setting := range s.env {
			if dir, ok := strings.CutPrefix(setting, "OORE_DATA_DIR="); ok {
				filesShowNothing(t, dir)
			}
		}
	})
}

func filesShowNothing(t *testing.T, dir string) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		files++
		data, err := os.ReadFile(path)
		showsNothing(t, path, string(data))
		return err
	})
	if err != nil || files == 0 {
		t.Errorf("%d files looked at, %v", files, err)
	}
}

func TestSecretsThatABuildMayNotHave(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		s := newSite(t, database, map[string]string{".oore.yaml": "version: 1\nsecrets: [TOKEN]\ncommands: {build: ['echo \"<$TOKEN>\"']}\n"})
		project := s.githubProject("acme/shop", map[string]any{"forks": "build"})
		pipeline := s.program.pipeline(project.ID, "Android", nil)
		refused := func(b buildView, reason, why string) {
			t.Helper()
			text := s.raw("/v1/builds/"+b.ID+"/logs", "text/plain")
			if b.Status != "failed" || b.StatusReason != reason || !strings.Contains(b.StatusMessage, why) || !strings.Contains(text, why) {
				t.Errorf("build %+v, want %s: %s; log:\n%s", b, reason, why, text)
			}
			if strings.Contains(text, "<") {
				t.Errorf("its command ran:\n%s", text)
			}
		}
		start := func(branch, sha string) buildView {
			t.Helper()
			var b buildView
			s.must("POST", "/v1/projects/"+project.ID+"/builds", map[string]any{"pipeline_id": pipeline.ID, "branch": branch, "commit_sha": sha}, &b)
			return s.ended(b.ID)
		}
		refused(start("main", s.head), "secret_missing", "This project has no secret TOKEN")

		s.must("PUT", "/v1/projects/"+project.ID+"/secrets/TOKEN", map[string]any{"value": canary, "branches": []string{"main"}}, nil)
		if b := start("main", s.head); b.Status != "succeeded" || !strings.Contains(s.rawLog(b.ID), "<***>") {
			t.Errorf("build %+v", b)
		}
		feature := s.git.Commit("feature", map[string]string{"a": "1"}, "Feature")
		refused(start("feature", feature), "secret_refused", "only for the branches main, not for feature")
		refused(start("main", feature), "secret_refused", "is no part of that branch") // whatever the branch is called

		s.must("PUT", "/v1/projects/"+project.ID+"/secrets/TOKEN", map[string]any{"value": canary}, nil)
		fork := s.git.PullCommit(7, map[string]string{"b": "1"}, "From outside")
		pull := githubtest.Pull{Number: 7, HeadBranch: "main", HeadSHA: fork, Author: "mallory", Fork: true}
		d := s.decided(s.deliver("pull_request", s.gh.PullRequestPayload("opened", s.repo, pull)))
		b := s.ended(d.Verdicts[0].BuildID)
		refused(b, "secret_refused", "pull request #7 comes from a fork")
		var again buildView
		s.must("POST", "/v1/builds/"+b.ID+"/rerun", nil, &again)
		refused(s.ended(again.ID), "secret_refused", "pull request #7 comes from a fork")

		if status := s.call("DELETE", "/v1/projects/"+project.ID+"/secrets/TOKEN", nil, nil); status != http.StatusNoContent {
			t.Errorf("deleted: %d", status)
		}
		if status := s.call("PUT", "/v1/projects/"+project.ID+"/secrets/SHORT", map[string]any{"value": "abc"}, nil); status != http.StatusBadRequest {
			t.Errorf("a value that cannot be hidden: %d", status)
		}
	})
}
