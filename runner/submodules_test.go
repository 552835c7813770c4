package runner

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oore-ci/oore/app/core"
)

func TestSubmodulesAreCheckedOutWithThoseInThem(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	inner, lib := newSibling(t, repo, "inner"), newSibling(t, repo, "lib")
	inner.git("tag", "v3")
	lib.commitSubmodule("in ner", inner, "../inner")
	recorded := lib.head()
	repo.commitSubmodule("vendor/lib", lib, "../lib")
	repo.commitSubmodule("left-out", lib, "https://no-such-host.invalid/x", "\tupdate = none")
	lib.commit("LIB", "newer than what is recorded\n")
	startPool(t, house, 1)
	l := house.run(t, repo.job("b1", strings.Join([]string{
		"set -e", "cat vendor/lib/LIB 'vendor/lib/in ner/LIB'", "git -C vendor/lib rev-parse HEAD", "git -C 'vendor/lib/in ner' describe --tags",
		"git submodule status --recursive vendor", "git submodule update --init --recursive vendor", "git status --porcelain", "ls -A left-out",
	}, "\n")))
	mustEnd(t, l, core.BuildSucceeded, "", "")
	want := "of lib\nof inner\n" + recorded + "\nv3\n " + recorded + " vendor/lib (" + recorded[:7] + ")\n " + inner.head() + " vendor/lib/in ner (v3)\n"
	if got := string(l.bytes(core.StreamStdout)); got != want {
		t.Errorf("printed\n%s\nwant\n%s", got, want)
	}
	for _, line := range []string{
		"Fetching submodule vendor/lib from " + lib.dir, "Checked out submodule vendor/lib/in ner at " + inner.head()[:12],
		"Submodule left-out is left out: .gitmodules says `update = none`",
	} {
		if !strings.Contains(string(l.bytes(core.StreamSystem)), line+"\n") {
			t.Errorf("the log lacks %q:\n%s", line, l.bytes(""))
		}
	}
	lib.must(os.Rename(inner.dir, inner.dir+".away")) // the folder is there, but no repository
	lib.must(os.Mkdir(inner.dir, 0o755))
	again := house.run(t, repo.job("b2", "cat vendor/*/*/LIB"))
	mustEnd(t, again, core.BuildSucceeded, "", "")
	if strings.Contains(string(again.bytes(core.StreamSystem)), "Fetching") {
		t.Errorf("the second build fetched:\n%s", again.bytes(core.StreamSystem))
	}
}

func TestASubmodulesCommitOnNoBranchIsFetchedByItsName(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	lib := newSibling(t, repo, "lib")
	lib.git("checkout", "-q", "--detach")
	orphan := lib.commit("LIB", "on no branch\n")
	lib.git("update-ref", "refs/hidden/x", orphan)
	lib.git("config", "uploadpack.allowAnySHA1InWant", "true")
	repo.commitSubmodule("lib", lib, "../lib")
	startPool(t, house, 1)
	l := house.run(t, repo.job("b1", "cat lib/LIB"))
	mustEnd(t, l, core.BuildSucceeded, "", "")
	if got := string(l.bytes(core.StreamStdout)); got != "on no branch\n" {
		t.Errorf("printed %q", got)
	}
	repo.git("update-index", "--cacheinfo", "160000,"+strings.Repeat("ab", 20)+",lib")
	repo.git("commit", "-q", "-m", "a commit that was never pushed")
	mustEnd(t, house.run(t, repo.job("b2", "true")), core.BuildFailed, core.ReasonCheckoutFailed,
		"Submodule lib: "+lib.dir+" does not have commit abababababab: push it there first")
}

func TestWhatGitmodulesNamesButTheCommitDoesNotRecordIsIgnored(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	repo.commit(".gitmodules", "[submodule \"gone\"]\n\tpath = gone\n\turl = ext::x\n[submodule \"README\"]\n\tpath = README\n\turl = ../x\n[submodule \"nowhere\"]\n\turl = x\n")
	startPool(t, house, 1)
	mustEnd(t, house.run(t, repo.job("b1", "true")), core.BuildSucceeded, "", "")
}

func TestHostileSubmodulesFailTheBuildAndDoNothing(t *testing.T) {
	trap := filepath.Join(t.TempDir(), "PWNED")
	entry := func(name, path, url string) string {
		return fmt.Sprintf("[submodule %s]\n\tpath = %s\n\turl = %s\n", quoteConfig(name), quoteConfig(path), quoteConfig(url))
	}
	for name, c := range map[string]struct{ path, entry, message string }{
		"a name that climbs (CVE-2018-11235)":       {"lib", entry("../../modules/lib", "lib", "../lib"), "its name has .. or .git in it"},
		"a name that is an option":                  {"lib", entry("-x", "lib", "../lib"), "its name starts with a dash or a colon"},
		"a path that is a pattern":                  {":x", entry("lib", ":x", "../lib"), "its path starts with a dash or a colon"},
		"a name with an escape":                     {"lib", entry("a\x1b[2J", "lib", "../lib"), "its name has characters that cannot be printed"},
		"a url that is an option (CVE-2018-17456)":  {"lib", entry("lib", "lib", "-u./payload"), "its url starts with a dash"},
		"a path that is an option (CVE-2018-17456)": {"-u./payload", entry("lib", "-u./payload", "../lib"), "its path starts with a dash or a colon"},
		"a path with a carriage return (CVE-2025-48384)": {
			"lib\r", entry("lib", "lib\r", "../lib"), "its path has characters that cannot be printed",
		},
		"a path that climbs":                           {"lib", entry("lib", "../lib", "../lib"), "its path has .. or .git in it"},
		"a path into .git":                             {"lib", entry("lib", ".GIT/hooks", "../lib"), "its path has .. or .git in it"},
		"an absolute path":                             {"lib", entry("lib", filepath.Dir(trap), "../lib"), "its path is not a plain one"},
		"a path beside the mark":                       {"lib", entry("lib", "./lib", "../lib"), "its path is not a plain one"},
		"an update that is a command (CVE-2019-19604)": {"lib", entry("lib", "lib", "../lib") + "\tupdate = !touch " + trap + "\n", "its update is a command"},
		"a helper":                                     {"lib", entry("lib", "lib", "ext::touch "+trap), "its url must be https, http or ssh"},
		"a file":                                       {"lib", entry("lib", "lib", "file:///etc"), "its url must be https, http or ssh"},
		"a folder":                                     {"lib", entry("lib", "lib", "/etc"), "its url must be https, http or ssh"},
		"a folder far away":                            {"lib", entry("lib", "lib", "../../../../../../../etc"), "its url leads out of /"},
		"two at one path":                              {"lib", entry("lib", "lib", "../lib") + entry("lib2", "lib", "../lib"), "lib is no empty folder"},
		"broken":                                       {"lib", "[submodule\n", "has a .gitmodules that git cannot read"},
	} {
		t.Run(name, func(t *testing.T) {
			repo, house := newRepository(t), newHouse()
			lib := newSibling(t, repo, "lib")
			repo.must(os.WriteFile(filepath.Join(repo.dir, "payload"), []byte("#!/bin/sh\ntouch "+trap+"\n"), 0o755))
			repo.git("add", "payload")
			repo.commitGitlink(c.path, lib.head(), c.entry)
			startPool(t, house, 1)
			l := house.run(t, repo.job("b1", "true"))
			mustEnd(t, l, core.BuildFailed, core.ReasonCheckoutFailed, c.message)
			mustSteps(t, l, "checkout failed")
			if !strings.Contains(string(l.bytes(core.StreamSystem)), c.message) {
				t.Errorf("the log does not say so:\n%s", l.bytes(""))
			}
			if _, err := os.Stat(trap); err == nil {
				t.Error("something of the repository's was run")
			}
		})
	}
}

func TestASubmoduleIsNotWrittenThroughALink(t *testing.T) {
	workspace, outside := t.TempDir(), t.TempDir()
	for name, target := range map[string]string{"a": ".git", "b": outside, "deep/c": ".."} {
		link := filepath.Join(workspace, name)
		if err := os.MkdirAll(filepath.Dir(link), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, link); err != nil {
			t.Fatal(err)
		}
	}
	for _, dir := range []string{".git/modules/x", "deep/empty", "full/of"} {
		if err := os.MkdirAll(filepath.Join(workspace, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for path, ok := range map[string]bool{
		"deep/empty": true, "a/modules/x": false, "b": false, "b/x": false, "deep/c": false, "deep/c/deep/empty": false, "full": false, "none": false,
	} {
		if err := vacant(workspace, path); (err == nil) != ok {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestASubmoduleRunsNothingDuringTheCheckout(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	trap := filepath.Join(t.TempDir(), "PWNED")
	lib := newSibling(t, repo, "lib")
	hooks := filepath.Join(lib.dir, "y", "hooks")
	lib.must(os.MkdirAll(hooks, 0o755))
	lib.must(os.WriteFile(filepath.Join(hooks, "post-checkout"), []byte("#!/bin/sh\ntouch "+trap+"\n"), 0o755))
	lib.must(os.WriteFile(filepath.Join(lib.dir, ".gitattributes"), []byte("* filter=evil\n"), 0o644))
	lib.commit(".gitconfig", "[core]\n\thooksPath = y/hooks\n[filter \"evil\"]\n\tsmudge = touch "+trap+"; cat\n")
	repo.commitSubmodule("x", lib, "../lib")
	startPool(t, house, 1)
	mustEnd(t, house.run(t, repo.job("b1", "test -x x/y/hooks/post-checkout")), core.BuildSucceeded, "", "")
	if _, err := os.Stat(trap); err == nil {
		t.Error("the checkout ran something of the submodule's")
	}
}

func TestSubmodulesWithoutEndAreRefused(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	for range maxSubmoduleDepth + 1 {
		repo.git("update-index", "--add", "--cacheinfo", "160000,"+repo.head()+",again")
		repo.must(os.WriteFile(filepath.Join(repo.dir, ".gitmodules"), []byte("[submodule \"again\"]\n\tpath = again\n\turl = ../origin\n"), 0o644))
		repo.git("add", ".gitmodules")
		repo.git("commit", "-q", "-m", "deeper")
	}
	startPool(t, house, 1)
	mustEnd(t, house.run(t, repo.job("b1", "true")), core.BuildFailed, core.ReasonCheckoutFailed, "more than 10 within each other")
}

func TestTheCredentialGoesToTheRepositorysOwnHostAlone(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	lib, far := newSibling(t, repo, "lib"), newSibling(t, repo, "far")
	forge, other := newForge(t, repo), newForge(t, repo)
	house.behind(forge)
	repo.commitSubmodule("lib", lib, "../../lib/.git")
	repo.commitSubmodule("far", far, other.address("far"))
	startPool(t, house, 1)
	l := house.run(t, repo.forgeJob(forge, "b1", "true"))
	mustEnd(t, l, core.BuildFailed, core.ReasonCheckoutFailed, "Submodule far cannot be fetched")
	if len(other.tokens) > 0 {
		t.Errorf("another host asked for a credential and was given %v", other.tokens)
	}
	other.open()
	l = house.run(t, repo.forgeJob(forge, "b2", "cat lib/LIB far/LIB"))
	mustEnd(t, l, core.BuildSucceeded, "", "")
	if forge.fetches["/lib/.git"] != 1 || other.fetches["/far/.git"] != 1 || len(other.tokens) > 0 {
		t.Errorf("fetched %v and %v; the other host was given %v", forge.fetches, other.fetches, other.tokens)
	}
}

func TestAPrivateSubmoduleThatTheTokenDoesNotReadSaysWhatToDo(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	forge := newForge(t, repo)
	house.behind(forge)
	lib := newSibling(t, repo, "lib")
	repo.commitSubmodule("lib", lib, forge.URL+"/private/.git") // not there, says git-http-backend
	startPool(t, house, 1)
	job := repo.forgeJob(forge, "b1", "true")
	job.Repository.Provider = core.ProviderGitHub
	l := house.run(t, job)
	mustEnd(t, l, core.BuildFailed, core.ReasonCheckoutFailed, "Submodule lib cannot be fetched from "+forge.URL+"/private/.git: ")
	for _, say := range []string{"token for this build reads acme/app and no other private repository", "deploy key", "`update = none`"} {
		if !strings.Contains(string(l.bytes(core.StreamSystem)), say) {
			t.Errorf("the log does not say %q:\n%s", say, l.bytes(""))
		}
	}
	if l.checkouts != 3 { // the repository, the submodule, and once more afresh
		t.Errorf("it asked for %d credentials", l.checkouts)
	}
}

func TestAnotherProjectGetsNoSubmoduleOutOfTheMirror(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	forge := newForge(t, repo)
	house.behind(forge)
	repo.commitSubmodule("lib", newSibling(t, repo, "lib"), "../../lib/.git")
	startPool(t, house, 1)
	mustEnd(t, house.run(t, repo.forgeJob(forge, "b1", "true")), core.BuildSucceeded, "", "")
	forge.judge(func(_ string, path string, _ bool) bool { return !strings.HasPrefix(path, "/lib/") })
	stranger := repo.forgeJob(forge, "b2", "true")
	stranger.Repository.ExternalID = "another"
	mustEnd(t, house.run(t, stranger), core.BuildFailed, core.ReasonCheckoutFailed, "Submodule lib cannot be fetched")
}

func TestEveryFetchHasACredentialOfItsOwn(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	forge := newForge(t, repo)
	lib := newSibling(t, repo, "lib")
	lib.commitLFS(forge, "lib.bin", "large, too\n")
	repo.commitLFS(forge, "app.bin", "large\n")
	repo.commitSubmodule("lib", lib, "../../lib/.git")
	repo.git("checkout", "-q", "--detach")
	head := repo.commit("README", "from a fork\n")
	repo.git("update-ref", "refs/pull/7/head", head)
	repo.git("checkout", "-q", "main")

	asked, used := 0, map[string]int{}
	forge.judge(func(token, _ string, start bool) bool { // each token is good for one fetch
		if start && token != "" {
			used[token]++
		}
		return used[token] == 1
	})
	house.checkout = func(core.Job) (core.Checkout, error) {
		asked++
		return core.Checkout{URL: forge.address("origin"), Username: user, Password: fmt.Sprint("token-", asked)}, nil
	}
	startPool(t, house, 1)
	job := repo.forgeJob(forge, "b1", "cat README app.bin lib/lib.bin")
	job.Repository.Provider, job.Build.SHA, job.Build.PullRequest = core.ProviderGitHub, head, &core.PullRequest{Number: 7}
	l := house.run(t, job)
	mustEnd(t, l, core.BuildSucceeded, "", "")
	if got := string(l.bytes(core.StreamStdout)); got != "from a fork\nlarge\nlarge, too\n" || asked != 5 {
		t.Errorf("printed %q with %d credentials; log:\n%s", got, asked, l.bytes(""))
	}
}

func TestACredentialThatHasEndedIsRenewed(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	forge := newForge(t, repo)
	repo.commitLFS(forge, "app.bin", "large\n")
	repo.commitSubmodule("lib", newSibling(t, repo, "lib"), "../../lib/.git")
	asked := 0
	house.checkout = func(core.Job) (core.Checkout, error) {
		out := core.Checkout{URL: forge.address("origin"), Username: user, Password: password}
		if asked++; asked%2 == 1 {
			out.Password = "ended"
		}
		return out, nil
	}
	startPool(t, house, 1)
	l := house.run(t, repo.forgeJob(forge, "b1", "cat app.bin lib/LIB"))
	mustEnd(t, l, core.BuildSucceeded, "", "")
	if asked != 6 { // two each for the repository, the large file, the submodule
		t.Errorf("%d credentials", asked)
	}
}
