package main

import (
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oore-ci/oore/store/blob/blobtest"
)

// TestABucketHoldsArtifactsAndLogsAndIsMovedBothWays builds on a server whose blobs are
// in a bucket, and moves them to a folder and back.
func TestABucketHoldsArtifactsAndLogsAndIsMovedBothWays(t *testing.T) {
	address, _ := blobtest.NewBucket(t)
	files := workflow("echo made > app.txt; echo printed")
	files[".oore.yaml"] += "artifacts:\n  patterns: [app.txt]\n"
	keys := []string{"AWS_ACCESS_KEY_ID=" + blobtest.AccessKey, "AWS_SECRET_ACCESS_KEY=" + blobtest.SecretKey}
	s := newSite(t, "", files, append(keys, "OORE_BLOB_URL="+address)...)
	s.program.pipeline(s.githubProject("acme/shop", nil).ID, "Android", nil)
	build := s.build(s.decided(s.deliver("push", s.gh.PushPayload(s.repo, "main", "", s.head))).Verdicts[0].BuildID)
	eventually(t, "the build has succeeded", func() bool { return s.build(build.ID).Status == "succeeded" })
	var made struct {
		Artifacts []struct{ ID, Name string }
	}
	s.must("GET", "/v1/builds/"+build.ID+"/artifacts", nil, &made)
	if len(made.Artifacts) != 1 {
		t.Fatalf("%+v", made)
	}
	if _, body := s.ask("GET", s.url+"/v1/artifacts/"+made.Artifacts[0].ID+"/download", "Authorization: Bearer "+adminToken); string(body) != "made\n" {
		t.Errorf("the artifact is %q", body)
	}
	data := environment(s.env).lookup("OORE_DATA_DIR")
	if left, err := os.ReadDir(filepath.Join(data, "blobs")); err == nil {
		t.Errorf("%d files are in a folder", len(left))
	}
	log := s.rawLog(build.ID)
	end := time.Now().Add(time.Minute) // the log is in the bucket some seconds after its build's end
	for ; !strings.Contains(s.command(nil, "blobs", "migrate", "--to", filepath.Join(t.TempDir(), "probe")).stdout, "2 copied"); time.Sleep(time.Second) {
		if time.Now().After(end) {
			t.Fatal("the log does not come into the bucket")
		}
	}
	folder := filepath.Join(t.TempDir(), "folder")
	for _, step := range []struct {
		args []string
		want string
	}{
		{[]string{"blobs", "migrate", "--to", folder}, "2 copied, 0 there already, 0 missing"},
		{[]string{"blobs", "migrate", "--to", folder}, "0 copied, 2 there already, 0 missing"},
		{[]string{"blobs", "migrate", "--from", folder, "--to", strings.Replace(address, "/some/prefix", "/other", 1)}, "2 copied, 0 there already, 0 missing"},
		{[]string{"verify", "--blobs"}, "ok           blobs"},
	} {
		if a := s.command(nil, step.args...); a.code != 0 || !strings.Contains(a.stdout, step.want) {
			t.Errorf("%v: %+v", step.args, a)
		}
	}
	if a := s.command([]string{"OORE_BLOB_URL=" + folder}, "verify", "--blobs"); a.code != 0 {
		t.Errorf("in the folder: %+v", a)
	}
	s.leadsToTheBucket(address, made.Artifacts[0].ID)
	s.survivesInTheBucket(address)
	s.missesWhatIsGone(folder)
	if again := s.rawLog(build.ID); again != log || !strings.Contains(log, "printed") {
		t.Errorf("the log was %q and is %q", log, again)
	}
}

// leadsToTheBucket: who may load a file is sent to the bucket for it where the operator
// wants that, and nobody else is.
func (s *site) leadsToTheBucket(address, artifactID string) {
	s.t.Helper()
	s.stop()
	env := s.env
	s.env = append(slices.Clone(env), "OORE_BLOB_URL="+address+"&downloads=direct")
	s.start()
	defer func() {
		s.stop()
		s.env = env
		s.start()
	}()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	ask := func(method, token string) *http.Response {
		req, err := http.NewRequestWithContext(s.t.Context(), method, s.url+"/v1/artifacts/"+artifactID+"/download", nil)
		if err != nil {
			s.t.Fatal(err)
		}
		if token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
		}
		resp, err := client.Do(req)
		if err != nil {
			s.t.Fatal(err)
		}
		resp.Body.Close()
		return resp
	}
	if resp := ask("GET", ""); resp.StatusCode != http.StatusUnauthorized || resp.Header.Get("Location") != "" {
		s.t.Errorf("a stranger is answered %d and led to %q", resp.StatusCode, resp.Header.Get("Location"))
	}
	resp := ask("GET", adminToken)
	bucket, err := url.Parse(resp.Header.Get("Location"))
	if err != nil || resp.StatusCode != http.StatusFound || bucket.Query().Get("X-Amz-Expires") != "60" || resp.Header.Get("Cache-Control") != "private, no-store" {
		s.t.Fatalf("answered %d, led to %s, %v", resp.StatusCode, bucket, err)
	}
	from, err := http.Get(bucket.String())
	if err != nil {
		s.t.Fatal(err)
	}
	defer from.Body.Close()
	data, err := io.ReadAll(from.Body)
	if err != nil || string(data) != "made\n" || from.Header.Get("Content-Disposition") != "attachment; filename=app.txt" || from.Header.Get("Content-Type") != "application/octet-stream" {
		s.t.Errorf("the bucket answers %q with %v, %v", data, from.Header, err)
	}
	changed := bucket.Query()
	changed.Set("response-content-disposition", "inline")
	bucket.RawQuery = changed.Encode()
	if inline, err := http.Get(bucket.String()); err != nil || inline.StatusCode != http.StatusForbidden {
		s.t.Errorf("an address that was changed is answered %v, %v", inline, err)
	} else {
		inline.Body.Close()
	}
	if resp := ask("HEAD", adminToken); resp.StatusCode != http.StatusOK || resp.ContentLength != 5 {
		s.t.Errorf("HEAD is answered %d with %d bytes", resp.StatusCode, resp.ContentLength)
	}
}

// survivesInTheBucket: a backup takes files out of the bucket and a restore puts them into
// another, and doctor says that it can be used.
func (s *site) survivesInTheBucket(address string) {
	s.t.Helper()
	file := filepath.Join(s.t.TempDir(), "backup")
	other := []string{
		"OORE_DATA_DIR=" + filepath.Join(s.t.TempDir(), "data"), "OORE_DATABASE_URL=",
		"OORE_BLOB_URL=" + strings.Replace(address, "/some/prefix", "/restored", 1),
	}
	for _, step := range []struct {
		env  []string
		args []string
	}{
		{nil, []string{"backup", file, "--artifacts"}},
		{nil, []string{"verify", file}},
		{other, []string{"restore", file}},
		{other, []string{"verify", "--blobs"}},
	} {
		if a := s.command(step.env, step.args...); a.code != 0 || strings.Contains(a.stdout+a.stderr, "missing") {
			s.t.Errorf("%v: %+v", step.args, a)
		}
	}
	if a := s.command(nil, "doctor"); !strings.Contains(strings.Join(strings.Fields(a.stdout), " "), "✓ S3 bucket oore at ") {
		s.t.Errorf("%+v", a)
	}
}

// missesWhatIsGone: a migration that finds a file in neither place says which, and fails.
func (s *site) missesWhatIsGone(folder string) {
	s.t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "??", strings.Repeat("?", 64)))
	if err != nil || len(files) != 2 {
		s.t.Fatalf("%v, %v", files, err)
	}
	if err := os.Remove(files[0]); err != nil {
		s.t.Fatal(err)
	}
	a := s.command(nil, "blobs", "migrate", "--from", folder, "--to", filepath.Join(s.t.TempDir(), "third"))
	if a.code != exitFailed || !strings.Contains(a.stdout, "1 copied, 0 there already, 1 missing") || !strings.Contains(a.stderr, filepath.Base(files[0])+" of ") {
		s.t.Errorf("%+v", a)
	}
}
