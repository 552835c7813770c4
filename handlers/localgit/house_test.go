package localgit

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// repo is a real repository with a work tree.
type repo struct {
	t   *testing.T
	dir string
}

func newRepo(t *testing.T, args ...string) *repo {
	t.Helper()
	r := &repo{t: t, dir: filepath.Join(t.TempDir(), "shop")}
	run(t, "/", append([]string{"init", "--quiet", "--initial-branch=main", r.dir}, args...)...)
	r.git("config", "user.name", "Ann Ö")
	r.git("config", "user.email", "ann@example.com")
	return r
}

func run(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

func (r *repo) git(args ...string) string {
	r.t.Helper()
	return run(r.t, r.dir, args...)
}

// commit makes an empty commit and returns its id.
func (r *repo) commit(message string) string {
	r.t.Helper()
	r.git("commit", "--quiet", "--allow-empty", "--message", message)
	return r.git("rev-parse", "HEAD")
}

// bare makes a bare clone next to the repository, named origin in it.
func (r *repo) bare() string {
	r.t.Helper()
	dir := r.dir + ".git"
	run(r.t, "/", "clone", "--quiet", "--bare", r.dir, dir)
	r.git("remote", "add", "origin", dir)
	return dir
}

// serve puts the folder's repositories behind git's own HTTP server.
func serve(t *testing.T, root string) string {
	t.Helper()
	server := httptest.NewServer(gitServer(t, root, true))
	t.Cleanup(server.Close)
	return server.URL
}

func gitServer(t *testing.T, root string, filters bool) http.Handler {
	t.Helper()
	exe, err := exec.LookPath("git")
	if err != nil {
		t.Fatal(err)
	}
	return &cgi.Handler{
		Path: exe, Args: []string{"http-backend"}, Dir: root, Stderr: t.Output(),
		Env: []string{
			"GIT_PROJECT_ROOT=" + root, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null",
			"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=uploadpack.allowFilter", fmt.Sprint("GIT_CONFIG_VALUE_0=", filters),
		},
	}
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func notFound(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	return server.URL
}
