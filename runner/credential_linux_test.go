package runner

import (
	"bytes"
	"encoding/base64"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/oore-ci/oore/app/core"
)

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
	address := forge.address("origin")
	lib := newSibling(t, repo, "lib")
	lib.commitLFS(forge, "lib.bin", "large, too\n")
	repo.commitLFS(forge, "app.bin", "large\n")
	repo.commitSubmodule("lib", lib, "../../lib/.git")
	house.checkout = func(core.Job) (core.Checkout, error) {
		return core.Checkout{URL: address, Username: user, Password: password}, nil
	}
	dir, _ := startPool(t, house, 1)
	var found []string
	forge.during = func() { found = append(found, exposed(password, dir)...) }
	gate := filepath.Join(t.TempDir(), "gate")
	job := repo.job("b1", "cat README app.bin lib/lib.bin; env; git config --list; until test -e "+gate+"; do sleep 0.01; done")
	job.Repository.CloneURL = address
	house.submit(job)
	house.untilPrinted(t, "b1", "hello\nlarge\nlarge, too\n")
	house.untilPrinted(t, "b1", "remote.origin.url="+address)
	found = append(found, exposed(password, dir)...)
	repo.must(os.WriteFile(gate, nil, 0o600))
	l := house.wait(t, "b1")
	mustEnd(t, l, core.BuildSucceeded, "", "")
	if forge.fetches["/origin/.git"] == 0 || forge.fetches["/lib/.git"] == 0 || forge.batches != 2 {
		t.Errorf("not all was fetched with the credential: %v, %d batches", forge.fetches, forge.batches)
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
			return core.Checkout{URL: forge.address("origin"), Username: user, Password: secret}, nil
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
