package runner

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const (
	user     = "x-access-token"
	password = "ghs_canary0123456789"
)

// forge serves the repositories beside one over git's smart HTTP, and their large
// files by Git LFS, to whoever has a token that is good.
type forge struct {
	*httptest.Server
	git     http.Handler
	mu      sync.Mutex
	fetches map[string]int // that were allowed, by repository
	batches int            // of Git LFS, that were allowed
	given   int            // large files that were downloaded
	tokens  map[string]int // those that were shown
	during  func()         // runs within each allowed request
	objects map[string]string

	elsewhere string // where batches are redirected to
	// good judges a token; start: the request is the first of a fetch.
	good func(token, path string, start bool) bool
}

func newForge(t *testing.T, repo *repository) *forge {
	t.Helper()
	f := &forge{
		fetches: map[string]int{}, tokens: map[string]int{}, objects: map[string]string{}, during: func() {},
		good: func(token, _ string, _ bool) bool { return token == password },
		git: &cgi.Handler{
			Path: filepath.Join(gitIn(t, repo.dir, "--exec-path"), "git-http-backend"),
			Env: []string{
				"GIT_PROJECT_ROOT=" + filepath.Dir(repo.dir), "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_COUNT=1",
				"GIT_CONFIG_KEY_0=uploadpack.allowReachableSHA1InWant", "GIT_CONFIG_VALUE_0=true",
			},
		},
	}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	return f
}

func (f *forge) judge(good func(token, path string, start bool) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.good = good
}

// open lets everybody in.
func (f *forge) open() { f.judge(func(string, string, bool) bool { return true }) }

func (f *forge) address(name string) string { return f.URL + "/" + name + "/.git" }

func (f *forge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	repo, batch := strings.CutSuffix(r.URL.Path, "/info/lfs/objects/batch")
	refs := false
	if !batch {
		repo, refs = strings.CutSuffix(r.URL.Path, "/info/refs")
	}
	_, token, _ := r.BasicAuth()
	f.mu.Lock()
	defer f.mu.Unlock()
	if r.Header.Get("Authorization") != "" {
		f.tokens[token]++
	}
	if !f.good(token, r.URL.Path, refs || batch) {
		w.Header().Set("WWW-Authenticate", `Basic realm="forge"`)
		http.Error(w, "who are you?", http.StatusUnauthorized)
		return
	}
	f.during()
	switch {
	case batch && f.elsewhere != "":
		f.batches++
		http.Redirect(w, r, f.elsewhere+r.URL.Path, http.StatusTemporaryRedirect)
	case batch:
		f.batches++
		f.batch(w, r)
	case strings.HasPrefix(r.URL.Path, "/large/"):
		f.given++
		_, _ = io.WriteString(w, f.objects[path.Base(r.URL.Path)])
	default:
		if refs {
			f.fetches[repo]++
		}
		r.Header.Del("Authorization")
		f.git.ServeHTTP(w, r)
	}
}

// batch is the batch API of Git LFS. The files come from the same host and want the
// same token.
func (f *forge) batch(w http.ResponseWriter, r *http.Request) {
	type object struct {
		OID     string         `json:"oid"`
		Size    int            `json:"size"`
		Actions map[string]any `json:"actions,omitempty"`
		Error   map[string]any `json:"error,omitempty"`
	}
	var body struct {
		Objects []object `json:"objects"`
	}
	_ = json.NewDecoder(r.Body).Decode(&body)
	for i, o := range body.Objects {
		if _, ok := f.objects[o.OID]; ok {
			body.Objects[i].Actions = map[string]any{"download": map[string]any{"href": f.URL + "/large/" + o.OID}}
		} else {
			body.Objects[i].Error = map[string]any{"code": 404, "message": "Object does not exist"}
		}
	}
	w.Header().Set("Content-Type", "application/vnd.git-lfs+json")
	_ = json.NewEncoder(w).Encode(map[string]any{"transfer": "basic", "objects": body.Objects})
}

// newSibling makes a repository beside another.
func newSibling(t testing.TB, repo *repository, name string) *repository {
	t.Helper()
	r := &repository{t: t, dir: filepath.Join(filepath.Dir(repo.dir), name)}
	r.must(os.MkdirAll(r.dir, 0o755))
	r.git("init", "-q", "-b", "main")
	r.commit("LIB", "of "+name+"\n")
	return r
}

// commitSubmodule records the head of lib at the path, with what .gitmodules says.
func (r *repository) commitSubmodule(path string, lib *repository, url string, lines ...string) string {
	r.t.Helper()
	entry := fmt.Sprintf("[submodule %s]\n\tpath = %s\n\turl = %s\n", quoteConfig(path), quoteConfig(path), quoteConfig(url))
	return r.commitGitlink(path, lib.head(), entry+strings.Join(lines, "\n")+"\n")
}

// commitGitlink records a commit at a path and adds to .gitmodules.
func (r *repository) commitGitlink(path, sha, entry string) string {
	r.t.Helper()
	file := filepath.Join(r.dir, ".gitmodules")
	old, _ := os.ReadFile(file)
	r.must(os.WriteFile(file, append(old, entry...), 0o644))
	r.must(os.MkdirAll(filepath.Join(r.dir, path), 0o755)) // or `git add -A` takes it for removed
	r.git("add", ".gitmodules")
	r.git("update-index", "--add", "--cacheinfo", "160000,"+sha+","+path)
	r.git("commit", "-q", "-m", "submodule "+path)
	return r.head()
}

// commitLFS commits a pointer, as git-lfs would, and gives the forge what it points to.
func (r *repository) commitLFS(f *forge, name, content string) string {
	r.t.Helper()
	r.writeLFS(f, name, content)
	r.git("add", "-A")
	r.git("commit", "-q", "-m", "large "+name)
	return r.head()
}

func (r *repository) writeLFS(f *forge, name, content string) {
	r.t.Helper()
	oid := fmt.Sprintf("%x", sha256.Sum256([]byte(content)))
	if f != nil {
		f.objects[oid] = content
	}
	r.must(os.MkdirAll(filepath.Dir(filepath.Join(r.dir, name)), 0o755))
	r.must(os.WriteFile(filepath.Join(r.dir, filepath.Dir(name), ".gitattributes"), []byte("*.bin filter=lfs diff=lfs merge=lfs -text\n"), 0o644))
	pointer := fmt.Sprintf("version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize %d\n", oid, len(content))
	r.must(os.WriteFile(filepath.Join(r.dir, name), []byte(pointer), 0o644))
}
