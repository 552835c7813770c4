package gitlab_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/gitlab/gitlabtest"
)

func asCore(err error, to **core.Error) bool { return errors.As(err, to) }

func TestResolveRef(t *testing.T) {
	w := newWorld(t)
	feature := w.git.Commit("feature/a.b", map[string]string{"x": "1"}, "A feature")
	w.git.Tag("v1", w.base, "")
	w.git.Tag("v2", w.base, "An annotated one")
	w.git.Tag("main", w.base, "") // and a branch of the same name
	for ref, want := range map[string]string{"main": w.head, "refs/heads/main": w.head, "feature/a.b": feature, "v1": w.base, "v2": w.base, w.base: w.base, strings.ToUpper(w.head): w.head} {
		if c, err := w.room.ResolveRef(t.Context(), w.repo(), ref); err != nil || c.SHA != want {
			t.Errorf("%s: %+v, %v, want %s", ref, c, err, want)
		}
	}
	c, err := w.room.ResolveRef(t.Context(), w.repo(), "main")
	if err != nil || c.Message != "Second\n\nWith a body" || c.Author != "Tanuki" {
		t.Errorf("got %+v, %v", c, err)
	}
	for _, ref := range []string{
		"nothing", "", w.head[:8], w.head[:39], strings.Repeat("a", 40), "main~1", "HEAD^", "HEAD", "refs/heads/v1", "../branches/main", "a..b", "--upload-pack=x", "a b", "x\x00y", ".git/x", "v1.lock",
	} {
		_, err := w.room.ResolveRef(t.Context(), w.repo(), ref)
		wantError(t, ref, err, core.KindNotFound, "full commit SHA")
		if core.CodeOf(err) != core.CodeInvalidRef {
			t.Errorf("%q: code %s", ref, core.CodeOf(err))
		}
	}
}

func TestFindCommitByTheBeginningOfItsSHA(t *testing.T) {
	w := newWorld(t)
	w.git.Commit("abcdef1", map[string]string{"x": "1"}, "A branch that looks like one")
	if c, err := w.room.FindCommit(t.Context(), w.repo(), w.head[:7]); err != nil || c.SHA != w.head || c.Author != "Tanuki" {
		t.Errorf("got %+v, %v", c, err)
	}
	for _, short := range []string{"0000000", "abcdef1"} {
		_, err := w.room.FindCommit(t.Context(), w.repo(), short)
		wantError(t, short, err, core.KindNotFound, "begins with "+short)
	}
}

func TestPullRequestHead(t *testing.T) {
	w := newWorld(t)
	w.Open(w.project, gitlabtest.MergeRequest{Number: 7, SHA: w.head})
	if sha, err := w.room.PullRequestHead(t.Context(), w.repo(), 7); err != nil || sha != w.head {
		t.Errorf("%s, %v", sha, err)
	}
	_, err := w.room.PullRequestHead(t.Context(), w.repo(), 8)
	wantError(t, "unknown", err, core.KindNotFound, "!8")
}

// fetch gets a commit with real git, as a runner does.
func fetch(t *testing.T, c core.Checkout, sha string) error {
	t.Helper()
	dir := t.TempDir()
	askpass := filepath.Join(dir, "askpass")
	script := "#!/bin/sh\ncase \"$1\" in Username*) echo \"$ASK_USER\";; *) echo \"$ASK_PASSWORD\";; esac\n"
	if err := os.WriteFile(askpass, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	work := filepath.Join(dir, "work")
	for _, args := range [][]string{{"init", "--quiet", work}, {"-C", work, "fetch", "--quiet", "--depth=1", c.URL, sha}} {
		cmd := exec.Command("git", args...)
		cmd.Env = append(os.Environ(), "GIT_ASKPASS="+askpass, "GIT_TERMINAL_PROMPT=0", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1",
			"ASK_USER="+c.Username, "ASK_PASSWORD="+c.Password)
		if out, err := cmd.CombinedOutput(); err != nil {
			return errors.New(string(out))
		}
	}
	return nil
}

func TestCheckout(t *testing.T) {
	w := newWorldAt(t, "/gitlab")
	fork := w.git.ForkCommit(3, map[string]string{"x": "1"}, "From a fork")
	c, err := w.room.Checkout(t.Context(), w.repo())
	if err != nil || c.URL != w.project.CloneURL || c.Username != "oauth2" || c.Password != w.Token {
		t.Fatalf("got %+v, %v", c, err)
	}
	for _, sha := range []string{w.head, w.base, fork} {
		if err := fetch(t, c, sha); err != nil {
			t.Errorf("fetch %s: %v", sha, err)
		}
	}
	c.Password = "wrong"
	if fetch(t, c, w.head) == nil {
		t.Error("the double lets anybody in: the test shows nothing")
	}
}

func TestTheTokenGoesToItsHostAlone(t *testing.T) {
	w := newWorldAt(t, "/gitlab")
	for _, address := range []string{
		"https://evil.example/acme/shop.git", "http://" + w.host() + ".evil.example/acme/shop.git", "https://" + w.host() + "/acme/shop.git",
		strings.TrimSuffix(w.URL(), "/gitlab") + "/other/acme/shop.git", "http://x@" + w.host() + "/acme/shop.git", "git@" + w.host() + ":acme/shop.git", "file:///etc", "",
	} {
		repo := w.repo()
		repo.CloneURL = address
		if c, err := w.room.Checkout(t.Context(), repo); err != nil || c.Username != "" || c.Password != "" || c.URL != address {
			t.Errorf("%s: %+v, %v", address, c, err)
		}
	}
}

func TestCallsEnd(t *testing.T) {
	w := newWorld(t)
	w.FailNext(gitlabtest.Failure{Delay: time.Hour})
	ctx, cancel := contextWithin(t, 100*time.Millisecond)
	defer cancel()
	_, err := w.room.ResolveRef(ctx, w.repo(), "main")
	wantError(t, "a host that hangs", err, core.KindUnavailable, "does not answer")
}
