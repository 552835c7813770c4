package github_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
)

func TestCheckoutReadsOneRepositoryAndNothingElse(t *testing.T) {
	w := newWorld(t)
	f := newForge(t, w)
	other := w.AddRepository("acme/secrets", true, w.git.Dir)
	c, err := f.Checkout(t.Context(), w.coreRepository())
	if err != nil {
		t.Fatal(err)
	}
	if c.URL != w.repo.CloneURL || c.Username != "x-access-token" || !strings.HasPrefix(c.Password, "ghs_") {
		t.Errorf("got %+v", c)
	}
	if err := clone(t, c.URL, c.Username, c.Password); err != nil {
		t.Errorf("clone with the credential: %v", err)
	}
	for name, try := range map[string][3]string{
		"no credential":         {c.URL, "", ""},
		"a wrong one":           {c.URL, c.Username, "ghs_wrong"},
		"for another's content": {other.CloneURL, c.Username, c.Password},
	} {
		if err := clone(t, try[0], try[1], try[2]); err == nil {
			t.Errorf("cloned with %s", name)
		}
	}
	// The token must not write either.
	r, err := http.NewRequest(http.MethodPost, w.APIURL()+"repos/acme/shop/statuses/"+w.head, strings.NewReader(`{"state":"success"}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "token "+c.Password)
	r.Header.Set("Accept", "application/json")
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusForbidden {
		t.Errorf("the clone token wrote a status: %d", resp.StatusCode)
	}
	var asked struct {
		RepositoryIDs []int64           `json:"repository_ids"`
		Permissions   map[string]string `json:"permissions"`
	}
	for _, r := range w.Requests() {
		if strings.HasSuffix(r.Path, "/access_tokens") {
			if err := json.Unmarshal(r.Body, &asked); err != nil {
				t.Fatal(err)
			}
		}
	}
	if !slices.Equal(asked.RepositoryIDs, []int64{w.repo.ID}) || len(asked.Permissions) != 1 || asked.Permissions["contents"] != "read" {
		t.Errorf("asked for %+v", asked)
	}
}

// clone runs git with a credential, as a runner does.
func clone(t *testing.T, url, user, password string) error {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.Command("git", "-c", "credential.helper=", "-c", `credential.helper=!f() { echo "username=$U"; echo "password=$P"; }; f`,
		"clone", "--quiet", "--no-tags", url, filepath.Join(dir, "clone"))
	cmd.Env = append(os.Environ(), "GIT_TERMINAL_PROMPT=0", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "U="+user, "P="+password)
	if user == "" {
		cmd.Args = []string{"git", "-c", "credential.helper=", "clone", "--quiet", url, filepath.Join(dir, "clone")}
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	if _, err := os.Stat(filepath.Join(dir, "clone", "README.md")); err != nil {
		t.Errorf("the clone is empty: %v", err)
	}
	return nil
}

func TestCheckoutCachesTokensWhileTheyLive(t *testing.T) {
	w := newWorld(t)
	f := newForge(t, w)
	passwords := map[string]bool{}
	for range 3 {
		c, err := f.Checkout(t.Context(), w.coreRepository())
		if err != nil {
			t.Fatal(err)
		}
		passwords[c.Password] = true
	}
	if w.TokensMinted() != 1 || len(passwords) != 1 {
		t.Errorf("%d tokens minted for 3 checkouts", w.TokensMinted())
	}
	other := w.AddRepository("acme/other", true, w.git.Dir)
	repo := w.coreRepository()
	repo.ExternalID, repo.CloneURL = fmt.Sprint(other.ID), other.CloneURL
	c, err := f.Checkout(t.Context(), repo)
	if err != nil || passwords[c.Password] {
		t.Errorf("another repository got the same token (%v)", err)
	}

	w.SetTokenLife(5 * time.Minute) // too short to be kept for a large clone
	fresh := newForge(t, w)
	minted := w.TokensMinted()
	for range 2 {
		if _, err := fresh.Checkout(t.Context(), w.coreRepository()); err != nil {
			t.Fatal(err)
		}
	}
	if got := w.TokensMinted() - minted; got != 2 {
		t.Errorf("%d tokens minted, want 2: the first was about to end", got)
	}
}

func TestCheckoutGivesNoTokenToStrangers(t *testing.T) {
	w := newWorld(t)
	f := newForge(t, w)
	for _, url := range []string{"https://evil.example/acme/shop.git", "/srv/git/shop.git", "file:///srv/git/shop.git", "ssh://git@127.0.0.1/x"} {
		repo := w.coreRepository()
		repo.CloneURL = url
		c, err := f.Checkout(t.Context(), repo)
		if err != nil || c.URL != url || c.Username != "" || c.Password != "" {
			t.Errorf("%s: %+v, %v", url, c, err)
		}
	}
	if w.TokensMinted() != 0 {
		t.Error("minted")
	}
}

func TestCheckoutWithoutTheRight(t *testing.T) {
	w := newWorld(t)
	f := newForge(t, w)
	w.SetPermission(w.repo.InstallationID, "contents", "")
	_, err := f.Checkout(t.Context(), w.coreRepository())
	wantError(t, "no contents:read", err, core.KindForbidden, core.CodePermissionDenied)
	repo := w.coreRepository()
	repo.ExternalID = "99"
	_, err = f.Checkout(t.Context(), repo)
	wantError(t, "not among its repositories", err, core.KindForbidden, core.CodePermissionDenied)
	repo.ExternalID = "x"
	_, err = f.Checkout(t.Context(), repo)
	wantError(t, "no id", err, core.KindInvalid, core.CodeInvalidInput)
}
