package localgit

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
)

func (r *repo) write(files map[string]string) {
	r.t.Helper()
	for name, text := range files {
		path := filepath.Join(r.dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			r.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			r.t.Fatal(err)
		}
	}
	r.git("add", "--all")
}

func readAll(t *testing.T, address, sha string, paths ...string) (map[string][]byte, error) {
	t.Helper()
	f, temp := New(Options{Log: quiet()}), t.TempDir()
	f.most = 2 << 20
	t.Setenv("TMPDIR", temp)
	got, err := f.ReadFiles(t.Context(), core.Repository{CloneURL: address, FullName: "shop"}, sha, paths...)
	if left, _ := os.ReadDir(temp); len(left) > 0 {
		t.Errorf("%s is left", left[0].Name())
	}
	return got, err
}

func TestReadFilesOfFoldersAndOfOtherMachines(t *testing.T) {
	r := newRepo(t)
	r.write(map[string]string{"pubspec.yaml": "name: shop\n", "android/build.gradle": "x", "same": "x", "lib/main.dart": "void main() {}", "empty": "", "*.yaml": "star"})
	r.commit("one")
	sha := r.git("rev-parse", "HEAD")
	r.write(map[string]string{"pubspec.yaml": "name: later\n"})
	r.commit("two")
	for _, address := range []string{r.dir, serve(t, filepath.Dir(r.dir)) + "/shop"} {
		got, err := readAll(t, address, sha, "pubspec.yaml", ".oore.yaml", "android/build.gradle", "same", "empty", "ios/Runner/Info.plist", "*.yaml")
		if err != nil || len(got) != 5 || string(got["pubspec.yaml"]) != "name: shop\n" || string(got["same"]) != "x" || string(got["android/build.gradle"]) != "x" || string(got["*.yaml"]) != "star" {
			t.Errorf("%s: %q, %v", address, got, err)
		}
		if got, err := readAll(t, address, sha, "none"); err != nil || len(got) != 0 {
			t.Errorf("%s: of what is not there: %q, %v", address, got, err)
		}
	}
}

func TestReadFilesOfSHA256(t *testing.T) {
	r := newRepo(t, "--object-format=sha256")
	r.write(map[string]string{"pubspec.yaml": "name: shop\n"})
	r.commit("one")
	got, err := readAll(t, serve(t, filepath.Dir(r.dir))+"/shop", r.git("rev-parse", "HEAD"), "pubspec.yaml")
	if err != nil || string(got["pubspec.yaml"]) != "name: shop\n" {
		t.Errorf("%q, %v", got, err)
	}
}

// What another machine sends is bounded, whatever it is.
func TestReadFilesThatAreNone(t *testing.T) {
	r := newRepo(t)
	noise := make([]byte, 3<<20) // which nothing makes smaller
	if _, err := rand.Read(noise); err != nil {
		t.Fatal(err)
	}
	r.write(map[string]string{"huge": string(noise), "large": strings.Repeat("x", core.MaxWorkflowBytes+1), "dir/x": "x"})
	if err := os.Symlink("/etc/passwd", filepath.Join(r.dir, "link")); err != nil {
		t.Fatal(err)
	}
	r.git("add", "--all")
	r.commit("one")
	sha := r.git("rev-parse", "HEAD")
	url := serve(t, filepath.Dir(r.dir)) + "/shop"
	for path, kind := range map[string]core.Kind{
		"huge": core.KindTooLarge, "large": core.KindTooLarge, "dir": core.KindInvalid, "link": core.KindInvalid, "a\nb": core.KindInvalid,
	} {
		if got, err := readAll(t, url, sha, path); core.KindOf(err) != kind || err == nil {
			t.Errorf("%q: %d files, %v, want %v", path, len(got), err, kind)
		}
	}
	if _, err := readAll(t, url, strings.Repeat("a", 40), "dir/x"); core.KindOf(err) != core.KindInvalid || err == nil {
		t.Errorf("a commit that is not there: %v", err)
	}
}

func TestReadFilesOfAServerThatIsInTrouble(t *testing.T) {
	down := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }))
	defer down.Close()
	for address, kind := range map[string]core.Kind{down.URL + "/shop": core.KindUnavailable, notFound(t) + "/shop": core.KindInvalid} {
		if _, err := readAll(t, address, strings.Repeat("a", 40), "pubspec.yaml"); core.KindOf(err) != kind || err == nil {
			t.Errorf("%s: %v, want %v", address, err, kind)
		}
	}
}

// An old server hands out no single files, and one that leaves nothing out hands out all.
func TestReadFilesOfOldServers(t *testing.T) {
	r := newRepo(t)
	r.write(map[string]string{"pubspec.yaml": "name: shop\n", "lib/main.dart": "void main() {}"})
	r.commit("one")
	sha := r.git("rev-parse", "HEAD")
	for _, filters := range []bool{true, false} {
		git := gitServer(t, filepath.Dir(r.dir), filters)
		old := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			q.Header.Del("Git-Protocol")
			git.ServeHTTP(w, q)
		}))
		got, err := readAll(t, old.URL+"/shop", sha, "pubspec.yaml")
		old.Close()
		if filters && (core.KindOf(err) != core.KindInvalid || !strings.Contains(core.MessageOf(err), "hands out no single files")) {
			t.Errorf("no single files: %q, %v", got, err)
		}
		if !filters && (err != nil || string(got["pubspec.yaml"]) != "name: shop\n") {
			t.Errorf("all at once: %q, %v", got, err)
		}
	}
}

// What a host sends without an end was read on, and kept, by the half of git that speaks
// http, when git itself had been ended.
func TestNothingOfGitOutlivesItsQuestion(t *testing.T) {
	asked, gone := make(chan struct{}, 9), make(chan struct{}, 9)
	endless := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		w.Header().Set("Content-Type", "application/x-git-upload-pack-advertisement")
		some := make([]byte, 4<<10)
		for q.Context().Err() == nil {
			if _, err := w.Write(some); err != nil {
				break
			}
			w.(http.Flusher).Flush()
			select {
			case asked <- struct{}{}:
			default:
			}
			time.Sleep(50 * time.Millisecond)
		}
		gone <- struct{}{}
	}))
	defer endless.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-asked
		cancel()
	}()
	if _, err := New(Options{Log: quiet()}).FindRepository(ctx, endless.URL+"/shop"); err == nil {
		t.Error("that is a repository")
	}
	select {
	case <-gone:
	case <-time.After(60 * time.Second):
		endless.CloseClientConnections()
		t.Error("it is still being read")
	}
}
