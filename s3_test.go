package main

import (
	"os"
	"path/filepath"
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
	if again := s.rawLog(build.ID); again != log || !strings.Contains(log, "printed") {
		t.Errorf("the log was %q and is %q", log, again)
	}
}
