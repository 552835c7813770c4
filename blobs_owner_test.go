package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/github/githubtest"
	"github.com/oore-ci/oore/store/blob/blobtest"
)

// blobPlace is where the tests keep blobs: a folder, or a bucket of a real S3 server.
type blobPlace struct {
	dir string // in which their files lie
	env []string
}

func newFolder(t *testing.T) blobPlace {
	dir := filepath.Join(t.TempDir(), "kept")
	return blobPlace{dir, []string{"OORE_BLOB_URL=" + dir}}
}

func newBucket(t *testing.T) blobPlace {
	address, dir := blobtest.NewBucket(t)
	dir = filepath.Join(dir, "oore/some/prefix")
	// The S3 server removes a folder that is empty, under the hands of who puts an object there.
	if err := os.MkdirAll(filepath.Join(dir, "never-empty"), 0o700); err != nil {
		t.Fatal(err)
	}
	keys := []string{"AWS_ACCESS_KEY_ID=" + blobtest.AccessKey, "AWS_SECRET_ACCESS_KEY=" + blobtest.SecretKey, "OORE_BLOB_URL=" + address}
	return blobPlace{dir, keys}
}

// blobs lists what is kept, and makes it look three days old.
func (b blobPlace) blobs(t *testing.T) (sums []string) {
	t.Helper()
	old := time.Now().Add(-3 * 24 * time.Hour)
	err := filepath.WalkDir(b.dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !core.ValidSHA256(e.Name()) {
			return err
		}
		sums = append(sums, e.Name())
		return os.Chtimes(path, old, old)
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // nothing is left, not even a folder
		t.Fatal(err)
	}
	return sums
}

// TestARestoredServerDeletesNothingOfProductions: a rehearsal of an older backup deleted
// what production had stored since, for its own database did not name it.
func TestARestoredServerDeletesNothingOfProductions(t *testing.T) {
	for name, place := range map[string]func(*testing.T) blobPlace{"folder": newFolder, "s3": newBucket} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, database string) { rehearse(t, database, place(t)) })
		})
	}
}

func rehearse(t *testing.T, database string, place blobPlace) {
	p := newProgram(t, database, nil, place.env...).start()
	files := workflow("echo made > app.txt")
	files[".oore.yaml"] += "artifacts:\n  patterns: [app.txt]\n"
	git := githubtest.NewGitRepo(t)
	git.Commit("main", files, "First commit")
	var project projectView
	p.must("POST", "/v1/projects", map[string]any{"name": "Shop", "local_repository_path": git.Dir}, &project)
	pipeline := p.pipeline(project.ID, "Android", map[string]any{"trigger_config": map[string]any{"branches": []string{"none"}}})
	file := filepath.Join(t.TempDir(), "backup")
	if a := p.command(nil, "backup", file); a.code != 0 {
		t.Fatalf("%+v", a)
	}
	p.runs(project, pipeline, "succeeded")
	p.stop()
	was := place.blobs(t)
	if len(was) == 0 {
		t.Fatal("nothing is kept")
	}

	r := newProgram(t, "", nil, place.env...)
	a := r.command(nil, "restore", file)
	if a.code != 0 || !strings.Contains(a.stdout, "oore blobs own") {
		t.Fatalf("%+v", a)
	}
	r.start()
	eventually(t, "the rehearsal says that it deletes nothing", func() bool {
		return len(place.blobs(t)) < len(was) || strings.Contains(r.output.String(), "oore blobs own")
	})
	r.stop()
	if got := place.blobs(t); !containsAll(got, was) {
		t.Fatalf("after the rehearsal production has %v of %v", got, was)
	}
	if a := r.command(nil, "doctor"); !strings.Contains(a.stdout, "oore blobs own") {
		t.Errorf("doctor of the rehearsal: %+v", a)
	}
	if a := p.command(nil, "doctor"); !strings.Contains(a.stdout, "deleted by this database alone") {
		t.Errorf("production's doctor: %+v", a)
	}

	if a := r.command(nil, "blobs", "own"); a.code != 0 || !strings.Contains(a.stdout, "seven days") {
		t.Fatalf("%+v", a)
	}
	r.start()
	p.start()
	eventually(t, "production says that it is the owner no more", func() bool { return strings.Contains(p.output.String(), "oore blobs own") })
	p.stop()
	r.stop()
	if got := place.blobs(t); !containsAll(got, was) {
		t.Errorf("within seven days of the change there is %v of %v", got, was)
	}
	if a := r.command(nil, "doctor"); !strings.Contains(a.stdout, "nothing is deleted before") {
		t.Errorf("doctor of the new owner: %+v", a)
	}
}

func containsAll(all, some []string) bool {
	return !slices.ContainsFunc(some, func(s string) bool { return !slices.Contains(all, s) })
}
