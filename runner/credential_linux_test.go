package runner

import (
	"bytes"
	"encoding/base64"
	"io/fs"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/oore-ci/oore/app/core"
)

const (
	user     = "x-access-token"
	password = "ghs_canary0123456789"
)

// forge serves a repository over git's smart HTTP to whoever knows the password.
type forge struct {
	*httptest.Server
	mu      sync.Mutex
	allowed int
	during  func() // runs within each allowed request
}

func newForge(t *testing.T, repo *repository) *forge {
	t.Helper()
	backend := &cgi.Handler{
		Path: filepath.Join(gitIn(t, repo.dir, "--exec-path"), "git-http-backend"),
		Env:  []string{"GIT_PROJECT_ROOT=" + repo.dir, "GIT_HTTP_EXPORT_ALL=1"},
	}
	f := &forge{during: func() {}}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if u, p, ok := r.BasicAuth(); !ok || u != user || p != password {
			w.Header().Set("WWW-Authenticate", `Basic realm="forge"`)
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		f.mu.Lock()
		f.allowed++
		f.during()
		f.mu.Unlock()
		r.Header.Del("Authorization")
		backend.ServeHTTP(w, r)
	}))
	t.Cleanup(f.Close)
	return f
}

// exposed lists where the secret can be read on this machine: arguments and
// environments of processes, and files below dir.
func exposed(secret, dir string) []string {
	var found []string
	look := func(path string) {
		data, err := os.ReadFile(path)
		if err != nil {
			return
		}
		for _, form := range []string{secret, base64.StdEncoding.EncodeToString([]byte(user + ":" + secret))} {
			if bytes.Contains(data, []byte(form)) {
				found = append(found, path)
			}
		}
	}
	for _, pid := range pids() {
		look("/proc/" + strconv.Itoa(pid) + "/cmdline")
		look("/proc/" + strconv.Itoa(pid) + "/environ")
	}
	_ = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			look(path)
		}
		return nil
	})
	return found
}

func TestTheCredentialIsNowhereToBeSeen(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	forge := newForge(t, repo)
	address := forge.URL + "/.git"
	house.checkout = func(core.Job) (core.Checkout, error) {
		return core.Checkout{URL: address, Username: user, Password: password}, nil
	}
	dir, _ := startPool(t, house, 1)
	var found []string
	forge.during = func() { found = append(found, exposed(password, dir)...) }
	gate := filepath.Join(t.TempDir(), "gate")
	job := repo.job("b1", "cat README; env; git config --list; until test -e "+gate+"; do sleep 0.01; done")
	job.Repository.CloneURL = address
	house.submit(job)
	house.untilPrinted(t, "b1", "hello\n")
	house.untilPrinted(t, "b1", "remote.origin.url="+address)
	found = append(found, exposed(password, dir)...)
	repo.must(os.WriteFile(gate, nil, 0o600))
	l := house.wait(t, "b1")
	mustEnd(t, l, core.BuildSucceeded, "", "")
	if forge.allowed == 0 {
		t.Error("the repository was not fetched with the credential")
	}
	if len(found) > 0 {
		t.Errorf("the credential is in %q", found)
	}
	if bytes.Contains(l.bytes(""), []byte(password)) {
		t.Error("the credential is in the log")
	}
}

func TestAWrongCredentialFailsWithoutShowingIt(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	forge := newForge(t, repo)
	startPool(t, house, 1)
	for _, secret := range []string{"wrong-secret", ""} {
		house.checkout = func(core.Job) (core.Checkout, error) {
			return core.Checkout{URL: forge.URL + "/.git", Username: user, Password: secret}, nil
		}
		l := house.run(t, repo.job("b-"+secret, "true"))
		mustEnd(t, l, core.BuildFailed, core.ReasonCheckoutFailed, "Checkout failed: ")
		if strings.Contains(string(l.bytes(""))+l.result.Message, "wrong-secret") {
			t.Error("the credential is in the log or in the result")
		}
	}
}

func TestTheCredentialDoesNotFollowARedirectToAnotherHost(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	var stolen []string
	thief := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if h := r.Header.Get("Authorization"); h != "" {
			stolen = append(stolen, h)
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="thief"`)
		w.WriteHeader(http.StatusUnauthorized)
	}))
	defer thief.Close()
	lure := httptest.NewServer(http.RedirectHandler(thief.URL+"/x.git/info/refs?service=git-upload-pack", http.StatusFound))
	defer lure.Close()
	house.checkout = func(core.Job) (core.Checkout, error) {
		return core.Checkout{URL: lure.URL + "/x.git", Username: user, Password: password}, nil
	}
	startPool(t, house, 1)
	mustEnd(t, house.run(t, repo.job("b1", "true")), core.BuildFailed, core.ReasonCheckoutFailed, "")
	if len(stolen) > 0 {
		t.Errorf("another host was given %q", stolen)
	}
}

func TestARepositoryThatTheHouseDoesNotKnowFails(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	house.checkout = func(core.Job) (core.Checkout, error) {
		return core.Checkout{}, core.Codef(core.KindNotFound, core.CodeRepositoryUnknown, "The App is not installed on acme/app")
	}
	startPool(t, house, 1)
	l := house.run(t, repo.job("b1", "true"))
	mustEnd(t, l, core.BuildFailed, core.ReasonCheckoutFailed, "The App is not installed on acme/app")
	if l.checkouts != 1 {
		t.Errorf("it asked %d times", l.checkouts)
	}
}
