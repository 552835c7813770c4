package localgit

import (
	"context"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
)

func newForge() core.Forge { return New(Options{Log: quiet()}) }

func TestFindRepositoryReadsTheDefaultBranch(t *testing.T) {
	r := newRepo(t)
	r.commit("one")
	bare := r.bare()
	r.git("checkout", "--quiet", "-b", "develop")
	worktree := filepath.Join(t.TempDir(), "linked")
	r.git("worktree", "add", "--quiet", "-b", "side", worktree)
	empty := newRepo(t)
	detached := newRepo(t)
	detached.commit("one")
	detached.git("checkout", "--quiet", "--detach")
	url := serve(t, filepath.Dir(r.dir))

	for _, c := range []struct{ address, clone, name, branch string }{
		{r.dir, r.dir, "shop", "develop"},
		{r.dir + "/../shop/", r.dir, "shop", "develop"},
		{"file://" + bare, bare, "shop", "main"},
		{r.dir + "/.git", r.dir + "/.git", "shop", "develop"},
		{worktree, worktree, "linked", "side"},
		{empty.dir, empty.dir, "shop", "main"},
		{detached.dir, detached.dir, "shop", ""},
		{url + "/shop.git", url + "/shop.git", "shop", "main"},
		{" " + url + "/shop/.git/ ", url + "/shop/.git", "shop", "develop"},
	} {
		got, err := newForge().FindRepository(t.Context(), c.address)
		want := core.Repository{Provider: core.ProviderGit, ExternalID: c.clone, CloneURL: c.clone, FullName: c.name, DefaultBranch: c.branch}
		if err != nil || got != want {
			t.Errorf("%q: %v\n got %+v\nwant %+v", c.address, err, got, want)
		}
	}
}

func TestAddressesThatAreNoRepository(t *testing.T) {
	r := newRepo(t)
	r.commit("one")
	plain := t.TempDir()
	inside := filepath.Join(r.dir, "lib")
	if err := os.Mkdir(inside, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, address := range []string{
		plain, inside, filepath.Join(plain, "missing"), notFound(t) + "/shop.git",
		"", "shop", "../shop", "./shop", "-x", "--upload-pack=touch x", "ext::sh -c true", "fd::0", "git://host/x", "ftp://host/x",
		"https://ann:secret@host/x.git", "https://host/x?y", "https://host/x#y", "https:///x", "https://ho st/x", "https://host/\nx",
		// Other spellings of a folder: whether it may be named was decided by its path.
		"FILE://" + r.dir, "file:" + r.dir, "File:///" + r.dir, "file:./shop", "file://localhost" + r.dir,
		"ssh://-oProxyCommand=touch/x", "-oProxyCommand=x@host:y", "git@-host:x", "git@host:-x", "a::b@c:d",
	} {
		_, err := newForge().FindRepository(t.Context(), address)
		if core.KindOf(err) != core.KindInvalid || core.CodeOf(err) != core.CodeRepositoryUnknown {
			t.Errorf("%q: kind %v, code %s, error %v", address, core.KindOf(err), core.CodeOf(err), err)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("the message tells the password: %v", err)
		}
	}
}

func TestAHostThatIsDownIsUnavailable(t *testing.T) {
	server := httptest.NewServer(nil)
	url := server.URL
	server.Close()
	if _, err := newForge().FindRepository(t.Context(), url+"/shop.git"); core.KindOf(err) != core.KindUnavailable {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := newForge().FindRepository(ctx, newRepo(t).dir); core.KindOf(err) != core.KindUnavailable {
		t.Errorf("%v", err)
	}
}

func TestNames(t *testing.T) {
	for text, want := range map[string]string{
		"git@host:shop.git": "shop", "git@host:acme/shop": "shop", "https://host/acme/shop.git": "shop",
		"ssh://git@host:22/shop": "shop", "/srv/shop/.git": "shop", "/srv/shop.git": "shop", "/": "/",
	} {
		a, err := parseAddress(text)
		if err != nil || a.name() != want {
			t.Errorf("%q is called %q, %v", text, a.name(), err)
		}
	}
}

func TestFindCommitByTheBeginningOfItsSHA(t *testing.T) {
	r := newRepo(t)
	first := r.commit("first")
	r.git("branch", "abcdef1")
	f := New(Options{Log: quiet()})
	if c, err := f.FindCommit(t.Context(), core.Repository{CloneURL: r.dir}, first[:7]); err != nil || c.SHA != first || c.Message != "first" {
		t.Errorf("got %+v, %v", c, err)
	}
	for address, short := range map[string]string{r.dir: "abcdef1", r.dir + "/": "0000000", serve(t, filepath.Dir(r.dir)) + "/shop/.git": first[:7]} {
		if c, err := f.FindCommit(t.Context(), core.Repository{CloneURL: address}, short); core.KindOf(err) != core.KindNotFound || err == nil {
			t.Errorf("%s: %+v, %v", short, c, err)
		}
	}
}

func TestResolveRefLocally(t *testing.T) {
	r := newRepo(t)
	first := r.commit("first\n\nwith a body")
	r.git("tag", "-a", "v1", "-m", "annotated")
	r.git("tag", "both")
	second := r.commit("second")
	r.git("branch", "both")
	r.git("branch", "a$(id);x")
	r.git("update-ref", "refs/heads/"+first[:12], second)
	blob := r.git("hash-object", "-w", "--stdin")
	r.git("tag", "blob", blob)
	repository := core.Repository{CloneURL: r.dir, FullName: "shop"}

	for ref, want := range map[string]core.Commit{
		"main":     {SHA: second, Message: "second", Author: "Ann Ö"},
		"v1":       {SHA: first, Message: "first\n\nwith a body", Author: "Ann Ö"},
		"both":     {SHA: second, Message: "second", Author: "Ann Ö"}, // the branch wins
		"a$(id);x": {SHA: second, Message: "second", Author: "Ann Ö"},
		first:      {SHA: first, Message: "first\n\nwith a body", Author: "Ann Ö"},

		"refs/heads/both": {SHA: second, Message: "second", Author: "Ann Ö"},
	} {
		if got, err := newForge().ResolveRef(t.Context(), repository, ref); err != nil || !same(got, want) {
			t.Errorf("%s: %v\n got %+v\nwant %+v", ref, err, got, want)
		}
	}
	unknown(t, repository, "dev", "refs/heads/v1", second[:12], second[:39], "HEAD", "main~1", "-x", "", "blob", blob, strings.Repeat("0", 40), strings.ToUpper(second), "main\nHEAD", "@")

	if _, err := newForge().ResolveRef(t.Context(), core.Repository{CloneURL: t.TempDir()}, "main"); core.CodeOf(err) != core.CodeRepositoryUnknown {
		t.Errorf("no repository: %v", err)
	}
}

// same compares what is known of a commit; one whose message is known was made of late.
func same(got, want core.Commit) bool {
	if got.At.IsZero() != (got.Message == "") || !got.At.IsZero() && time.Since(got.At).Abs() > 24*time.Hour {
		return false
	}
	got.At = time.Time{}
	return got == want
}

func unknown(t *testing.T, repository core.Repository, refs ...string) {
	t.Helper()
	for _, ref := range refs {
		if c, err := newForge().ResolveRef(t.Context(), repository, ref); core.KindOf(err) != core.KindNotFound || core.CodeOf(err) != core.CodeInvalidRef {
			t.Errorf("%q: found %+v, error %v", ref, c, err)
		}
	}
}

func TestResolveRefRemotely(t *testing.T) {
	r := newRepo(t)
	first := r.commit("first")
	r.git("tag", "-a", "v1", "-m", "annotated")
	second := r.commit("second")
	r.git("update-ref", "refs/x/refs/heads/decoy", first)
	r.bare()
	repository := core.Repository{CloneURL: serve(t, filepath.Dir(r.dir)) + "/shop.git", FullName: "shop"}
	for ref, want := range map[string]core.Commit{
		"main": {SHA: second}, "refs/heads/main": {SHA: second}, "v1": {SHA: first},
		first: {SHA: first, Message: "first", Author: "Ann Ö"},
	} {
		if got, err := newForge().ResolveRef(t.Context(), repository, ref); err != nil || !same(got, want) {
			t.Errorf("%s: %v\n got %+v\nwant %+v", ref, err, got, want)
		}
	}
	unknown(t, repository, "dev", "refs/heads/v1", "decoy", second[:12], "mai*", "HEAD", strings.Repeat("1", 40), strings.Repeat("1", 64))

	gone := core.Repository{CloneURL: notFound(t) + "/shop.git", FullName: "shop"}
	for _, ref := range []string{"main", first} {
		if _, err := newForge().ResolveRef(t.Context(), gone, ref); core.CodeOf(err) != core.CodeRepositoryUnknown {
			t.Errorf("a repository that is gone: %v", err)
		}
	}
}

func TestRepositoriesWithSHA256(t *testing.T) {
	r := newRepo(t, "--object-format=sha256")
	sha := r.commit("one")
	got, err := newForge().ResolveRef(t.Context(), core.Repository{CloneURL: r.dir}, sha)
	if err != nil || got.SHA != sha || len(sha) != 64 {
		t.Errorf("%+v, %v", got, err)
	}
}

// A repository's own configuration may name programs; looking at it must run none.
func TestLookingAtAHostileRepositoryRunsNothing(t *testing.T) {
	r := newRepo(t)
	r.commit("one")
	loot := filepath.Join(t.TempDir(), "loot")
	touch := "touch " + loot + ";true"
	r.git("config", "core.fsmonitor", touch)
	r.git("config", "core.sshCommand", touch)
	r.git("config", "core.pager", touch)
	r.git("config", "gpg.program", touch)
	r.git("config", "log.showSignature", "true")
	r.git("config", "protocol.ext.allow", "always")
	r.git("config", "extensions.partialClone", "evil")
	r.git("config", "remote.evil.url", "ext::sh -c touch% "+loot)
	r.git("config", "remote.evil.promisor", "true")
	r.git("config", "uploadpack.packObjectsHook", touch)
	repository := core.Repository{CloneURL: r.dir}
	if _, err := newForge().FindRepository(t.Context(), r.dir); err != nil {
		t.Error(err)
	}
	if _, err := newForge().ResolveRef(t.Context(), repository, "main"); err != nil {
		t.Error(err)
	}
	unknown(t, repository, strings.Repeat("1", 40)) // which a partial clone would fetch
	if _, err := readRefs(t.Context(), filepath.Join(r.dir, ".git")); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(loot); err == nil {
		t.Error("a program of the repository's choice has run")
	}
}

func TestCheckoutIsTheAddressWithoutCredential(t *testing.T) {
	got, err := newForge().Checkout(t.Context(), core.Repository{CloneURL: "/srv/shop.git"})
	if err != nil || got != (core.Checkout{URL: "/srv/shop.git"}) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestALongMessageIsCutInWholeCharacters(t *testing.T) {
	c := parseCommit("tree x\nauthor A B <a@b> 1 +0000\n\n" + strings.Repeat("日", maxMessage))
	if len(c.Message) > maxMessage || !strings.HasPrefix(c.Message, "日") || strings.Trim(c.Message, "日") != "" || c.Author != "A B" {
		t.Errorf("author %q, %d bytes", c.Author, len(c.Message))
	}
}

func TestOneFileOfACommitIsRead(t *testing.T) {
	r := newRepo(t)
	for name, content := range map[string]string{".oore.yaml": "version: 1\n", "ci/oore.yaml": "version: 1 # other\n", "large": strings.Repeat("x", core.MaxWorkflowBytes+1)} {
		path := filepath.Join(r.dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(r.dir, "link")); err != nil {
		t.Fatal(err)
	}
	r.git("add", "--all")
	r.commit("files")
	sha := strings.TrimSpace(r.git("rev-parse", "HEAD"))
	if err := os.Remove(filepath.Join(r.dir, ".oore.yaml")); err != nil { // the checkout is no matter
		t.Fatal(err)
	}
	read := newForge().(core.FileReader).ReadFile
	repo := core.Repository{CloneURL: r.dir, FullName: "shop"}
	for path, want := range map[string]string{".oore.yaml": "version: 1\n", "ci/oore.yaml": "version: 1 # other\n"} {
		if got, err := read(t.Context(), repo, sha, path); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", path, got, err)
		}
	}
	for path, kind := range map[string]core.Kind{
		".oore.yml": core.KindNotFound, "*.yaml": core.KindNotFound, ":(glob)**": core.KindNotFound,
		"ci": core.KindInvalid, "link": core.KindInvalid, "large": core.KindTooLarge, "a\nb": core.KindInvalid,
	} {
		if got, err := read(t.Context(), repo, sha, path); core.KindOf(err) != kind {
			t.Errorf("%q: %q, %v, want %v", path, got, err, kind)
		}
	}
	if _, err := read(t.Context(), repo, strings.Repeat("0", 40), ".oore.yaml"); err == nil {
		t.Error("a file of a commit that is not there")
	}
	if _, err := read(t.Context(), core.Repository{CloneURL: "https://example.com/shop.git"}, sha, ".oore.yaml"); core.KindOf(err) != core.KindInvalid {
		t.Errorf("a remote address: %v", err)
	}
}
