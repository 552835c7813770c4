package runner

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
)

func TestTheWorkspaceIsARepositoryOfItsOwn(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	repo.git("tag", "-a", "v1.0", "-m", "one")
	repo.commit("dir/übung with space", "x\n")
	repo.git("branch", "release/1")
	startPool(t, house, 1)
	l := house.run(t, repo.job("b1", strings.Join([]string{
		"set -e", "git status --porcelain", "git log --format=%s", "git describe", "git rev-parse HEAD",
		"git branch -a --format='%(refname)'", "git remote get-url origin", "git fsck --connectivity-only 2>&1",
		"cat .git/config", "git checkout -q -b topic", "git -c user.name=n -c user.email=e@e commit -q --allow-empty -m mine",
	}, "\n")))
	mustEnd(t, l, core.BuildSucceeded, "", "")
	out := string(l.bytes(core.StreamStdout))
	for _, want := range []string{
		"change dir/übung with space\nchange README\n", "v1.0-1-g" + repo.head()[:7] + "\n" + repo.head() + "\n",
		"refs/remotes/origin/main\n", "refs/remotes/origin/release/1\n", "\n" + repo.dir + "\n", "bare = false",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("the output lacks %q:\n%s", want, out)
		}
	}
	if !strings.HasPrefix(out, "change") {
		t.Errorf("git status is not clean:\n%s", out)
	}
}

func TestAWarmMirrorNeedsNoRemote(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	older := repo.head()
	repo.commit("README", "newer\n")
	startPool(t, house, 1)
	mustEnd(t, house.run(t, repo.job("b1", "cat README")), core.BuildSucceeded, "", "")

	tip, old := repo.job("b2", "cat README"), repo.job("b3", "cat README")
	old.Build.SHA = older
	repo.must(os.Rename(repo.dir, repo.dir+".away"))
	for _, c := range []struct {
		job  core.Job
		want string
	}{{tip, "newer\n"}, {old, "hello\n"}} {
		l := house.run(t, c.job)
		mustEnd(t, l, core.BuildSucceeded, "", "")
		if got := string(l.bytes(core.StreamStdout)); got != c.want || l.checkouts != 0 {
			t.Errorf("it read %q and asked for %d credentials", got, l.checkouts)
		}
	}
}

func TestAFetchBringsOnlyWhatIsNew(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	for i := range 20 {
		repo.commit("README", strings.Repeat("x", 1000+i))
	}
	dir, _ := startPool(t, house, 1)
	house.run(t, repo.job("b1", "true"))
	mirrors, _ := filepath.Glob(filepath.Join(dir, "mirrors", "*.git"))
	if len(mirrors) != 1 {
		t.Fatalf("mirrors: %v", mirrors)
	}
	before := packed(t, mirrors[0])
	repo.commit("README", "one more\n")
	mustEnd(t, house.run(t, repo.job("b2", "true")), core.BuildSucceeded, "", "")
	if got := packed(t, mirrors[0]); got != before+3 { // commit, tree, file
		t.Errorf("the mirror has %d objects, it had %d", got, before)
	}
}

// packed counts objects, those that are there twice twice.
func packed(t *testing.T, mirror string) int {
	t.Helper()
	n := 0
	packs, _ := filepath.Glob(filepath.Join(mirror, "objects/pack/*.idx"))
	for _, idx := range packs {
		n += strings.Count(gitIn(t, mirror, "verify-pack", "-v", idx), " commit ") +
			strings.Count(gitIn(t, mirror, "verify-pack", "-v", idx), " tree ") +
			strings.Count(gitIn(t, mirror, "verify-pack", "-v", idx), " blob ")
	}
	return n
}

func TestABuildWithoutACommitTakesTheBranchsHead(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	repo.git("checkout", "-q", "-b", "topic")
	head := repo.commit("README", "topic\n")
	startPool(t, house, 1)
	job := repo.job("b1", "cat README; echo $OORE_COMMIT_SHA")
	job.Build.SHA, job.Build.Branch = "", "topic"
	l := house.run(t, job)
	mustEnd(t, l, core.BuildSucceeded, "", "")
	if got := string(l.bytes(core.StreamStdout)); got != "topic\n"+head+"\n" || l.sha != head {
		t.Errorf("printed %q, started with %q", got, l.sha)
	}
	job = repo.job("b2", "true")
	job.Build.SHA, job.Build.Branch = "", "no-such-branch"
	mustEnd(t, house.run(t, job), core.BuildFailed, core.ReasonCommitUnknown, "acme/app has no branch no-such-branch")
}

func TestACommitMustBeReachedByABranchOrTag(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	startPool(t, house, 1)
	repo.git("checkout", "-q", "--detach")
	tagged := repo.commit("README", "tagged\n")
	repo.git("tag", "v2")
	orphan := repo.commit("README", "on no branch\n")
	repo.git("update-ref", "refs/hidden/x", orphan)
	repo.git("checkout", "-q", "main")
	for _, c := range []struct {
		name, sha, reason, message string
	}{
		{"on a tag alone", tagged, "", ""},
		{"on no branch", orphan, core.ReasonCommitUnknown, "No branch or tag of acme/app leads to commit " + orphan[:12]},
		{"not there", strings.Repeat("ab", 20), core.ReasonCommitUnknown, "No branch or tag"},
		{"short", tagged[:10], core.ReasonCommitUnknown, "not a full commit id"},
		{"an option", "--upload-pack=touch /tmp/x", core.ReasonCommitUnknown, "not a full commit id"},
	} {
		t.Run(c.name, func(t *testing.T) {
			job := repo.job(c.name, "true")
			job.Build.SHA = c.sha
			l := house.run(t, job)
			if c.reason == "" {
				mustEnd(t, l, core.BuildSucceeded, "", "")
				return
			}
			mustEnd(t, l, core.BuildFailed, c.reason, c.message)
			mustSteps(t, l, "checkout failed")
		})
	}
}

func TestThePullRequestsHeadVouchesForItsOwnBuildsAlone(t *testing.T) {
	for provider, ref := range map[core.Provider]string{
		core.ProviderGitHub: "refs/pull/7/head", core.ProviderGitLab: "refs/merge-requests/7/head",
	} {
		t.Run(string(provider), func(t *testing.T) {
			repo, house := newRepository(t), newHouse()
			startPool(t, house, 1)
			repo.git("checkout", "-q", "--detach")
			older := repo.commit("README", "from a fork\n")
			head := repo.commit("README", "from a fork, amended\n")
			repo.git("update-ref", ref, head)
			repo.git("checkout", "-q", "main")
			job := func(id, sha string, number int) core.Job {
				job := repo.job(id, "cat README")
				job.Repository.Provider, job.Build.SHA = provider, sha
				if number != 0 {
					job.Build.PullRequest = &core.PullRequest{Number: number, Fork: true}
				}
				return job
			}
			l := house.run(t, job("head", head, 7))
			mustEnd(t, l, core.BuildSucceeded, "", "")
			if got := string(l.bytes(core.StreamStdout)); got != "from a fork, amended\n" {
				t.Errorf("it read %q", got)
			}
			mustEnd(t, house.run(t, job("older", older, 7)), core.BuildSucceeded, "", "")
			if again := house.run(t, job("again", head, 7)); again.checkouts != 0 {
				t.Error("the same commit was fetched again")
			}
			// The mirror has the commit now, and still it is nobody else's.
			mustEnd(t, house.run(t, job("without", head, 0)), core.BuildFailed, core.ReasonCommitUnknown, "No branch or tag")
			mustEnd(t, house.run(t, job("another", head, 8)), core.BuildFailed, core.ReasonCheckoutFailed, "")
		})
	}
}

func TestHostileBranchNamesDoNoHarm(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	startPool(t, house, 1)
	trap := filepath.Join(t.TempDir(), "PWNED")
	names := []string{
		"a$(touch${IFS}" + trap + ")", "a`touch${IFS}" + trap + "`", "a;touch${IFS}" + trap, "a|touch${IFS}" + trap,
		"a'b", `a"b`, "x}}${{y", "<script>alert(1)</script>", "a%0ab", "a\xff\xfeb",
	}
	for _, name := range names {
		repo.git("update-ref", "refs/heads/"+name, repo.head())
	}
	for i, name := range append(names, "--upload-pack=touch "+trap, "-x", "a\nb") {
		job := repo.job("b"+string(rune('a'+i)), `printf '%s' "$BRANCH"`)
		job.Build.Branch = name
		l := house.run(t, job)
		mustEnd(t, l, core.BuildSucceeded, "", "")
		if got := strings.TrimSuffix(string(l.bytes(core.StreamStdout)), "\n"); got != name {
			t.Errorf("the build saw %q as %q", name, got)
		}
		job = repo.job("c"+string(rune('a'+i)), "true")
		job.Build.Branch, job.Build.SHA = name, "" // the name reaches git
		house.run(t, job)
	}
	if _, err := os.Stat(trap); err == nil {
		t.Error("a branch name ran a command")
	}
}

func TestARemoteThatFailsSaysWhy(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	startPool(t, house, 1)
	for _, c := range []struct{ name, url, message string }{
		{"not there", filepath.Join(t.TempDir(), "none"), "does not appear to be a git repository"},
		{"ext", "ext::sh -c 'touch /tmp/pwned'", "must be https, http, ssh or a local path"},
		{"an option", "--upload-pack=x", "must be https, http, ssh or a local path"},
		{"a password in it", "https://me:secret@example.com/x.git", "carries a password"},
		{"no such host", "https://no-such-host.invalid/x.git", "Could not resolve host"},
	} {
		t.Run(c.name, func(t *testing.T) {
			house.mu.Lock()
			house.checkout = func(core.Job) (core.Checkout, error) { return core.Checkout{URL: c.url}, nil }
			house.mu.Unlock()
			l := house.run(t, repo.job(c.name, "true"))
			mustEnd(t, l, core.BuildFailed, core.ReasonCheckoutFailed, c.message)
			if strings.Contains(string(l.bytes(""))+l.result.Message, "secret") {
				t.Error("the password is in the log")
			}
		})
	}
}

func TestAFetchThatFailsOnceIsTriedAgain(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	startPool(t, house, 1)
	asked := 0
	house.checkout = func(job core.Job) (core.Checkout, error) {
		if asked++; asked == 1 {
			return core.Checkout{URL: filepath.Join(repo.dir, "gone")}, nil
		}
		return core.Checkout{URL: job.Repository.CloneURL}, nil
	}
	mustEnd(t, house.run(t, repo.job("b1", "true")), core.BuildSucceeded, "", "")
}

// A build that was being checked out failed when its server was away for two seconds, of
// which a build that runs does not hear.
func TestAHouseThatIsAwayAtTheCheckoutCostsNoBuild(t *testing.T) {
	t.Parallel()
	repo, house := newRepository(t), newHouse()
	startPool(t, house, 1)
	away := core.Errorf(core.KindUnavailable, "The server does not answer")
	asked := 0
	house.checkout = func(job core.Job) (core.Checkout, error) {
		if asked++; asked <= fetchTries+1 {
			return core.Checkout{}, away
		}
		return core.Checkout{URL: job.Repository.CloneURL}, nil
	}
	l := house.run(t, repo.job("b1", "true"))
	mustEnd(t, l, core.BuildSucceeded, "", "")
	if told := strings.Count(string(l.bytes(core.StreamSystem)), "The server does not answer; trying again"); told != 1 {
		t.Errorf("its log says %d times that the server does not answer", told)
	}
	house.mu.Lock()
	house.checkout = func(core.Job) (core.Checkout, error) { return core.Checkout{}, away }
	house.mu.Unlock()
	job := repo.job("b2", "true") // of a commit that the mirror does not have
	job.Build.SHA, job.LeaseTTL = repo.commit("README", "newer\n"), 2*time.Second
	mustEnd(t, house.run(t, job), core.BuildFailed, core.ReasonCheckoutFailed, "Checkout failed: The server does not answer")
}

func TestAPushThatTheForgeAnnouncedTooEarlyIsFetchedAgain(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	startPool(t, house, 1)
	before := filepath.Join(t.TempDir(), "before")
	gitIn(t, repo.dir, "clone", "-q", "--bare", ".", before)
	repo.commit("README", "newer\n")
	for trigger, end := range map[core.TriggerType]core.BuildStatus{
		core.TriggerWebhook: core.BuildSucceeded, core.TriggerAPI: core.BuildFailed,
	} {
		asked := 0
		house.checkout = func(core.Job) (core.Checkout, error) {
			if asked++; asked == 1 {
				return core.Checkout{URL: before}, nil
			}
			return core.Checkout{URL: repo.dir}, nil
		}
		job := repo.job(string(trigger), "cat README")
		job.Build.TriggerType, job.Repository.ExternalID = trigger, string(trigger) // a mirror of its own
		if l := house.run(t, job); l.result.Status != end {
			t.Errorf("by %s: ended as %+v", trigger, l.result)
		}
	}
}

func TestAMirrorSurvivesAKilledFetch(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	dir, _ := startPool(t, house, 1)
	house.run(t, repo.job("b1", "true"))
	mirrors, _ := filepath.Glob(filepath.Join(dir, "mirrors", "*.git"))
	wrecks := []string{"packed-refs.lock", "refs/heads/main.lock", "objects/pack/tmp_pack_x", "objects/pack/pack-x.keep"}
	for _, wreck := range wrecks {
		repo.must(os.WriteFile(filepath.Join(mirrors[0], wreck), nil, 0o600))
	}
	repo.commit("README", "newer\n")
	mustEnd(t, house.run(t, repo.job("b2", "true")), core.BuildSucceeded, "", "")
	for _, wreck := range wrecks {
		if _, err := os.Stat(filepath.Join(mirrors[0], wreck)); !os.IsNotExist(err) {
			t.Errorf("%s is still there: %v", wreck, err)
		}
	}
}

func TestAMirrorStaysSmall(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	dir, _ := startPool(t, house, 1)
	for i := range maxPacks + 5 {
		repo.commit("README", strings.Repeat("y", i+1))
		mustEnd(t, house.run(t, repo.job("b"+string(rune('0'+i)), "true")), core.BuildSucceeded, "", "")
	}
	mirrors, _ := filepath.Glob(filepath.Join(dir, "mirrors", "*.git"))
	if n := (&mirror{dir: mirrors[0]}).packs(); n > maxPacks/2 {
		t.Errorf("%d packs", n)
	}
	gitIn(t, mirrors[0], "fsck")
}

func TestRefsGoWithTheRemote(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	startPool(t, house, 1)
	repo.git("branch", "a")
	house.run(t, repo.job("b1", "true"))
	repo.git("branch", "-D", "a")
	repo.git("branch", "a/b") // in the way of the old one
	repo.commit("README", "newer\n")
	l := house.run(t, repo.job("b2", "git branch -a --format='%(refname)'"))
	mustEnd(t, l, core.BuildSucceeded, "", "")
	if out := string(l.bytes(core.StreamStdout)); !strings.Contains(out, "origin/a/b\n") || strings.Contains(out, "origin/a\n") {
		t.Errorf("branches:\n%s", out)
	}
}

func TestSHA256Repositories(t *testing.T) {
	house := newHouse()
	repo := &repository{t: t, dir: t.TempDir()}
	repo.git("init", "-q", "-b", "main", "--object-format=sha256")
	repo.commit("README", "long\n")
	startPool(t, house, 1)
	l := house.run(t, repo.job("b1", "cat README; git log --format=%H"))
	mustEnd(t, l, core.BuildSucceeded, "", "")
	if got := string(l.bytes(core.StreamStdout)); got != "long\n"+repo.head()+"\n" {
		t.Errorf("printed %q", got)
	}
}

func TestTheRepositoryRunsNothingDuringTheCheckout(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	trap := filepath.Join(t.TempDir(), "PWNED")
	repo.must(os.WriteFile(filepath.Join(repo.dir, ".gitattributes"), []byte("* filter=evil\n"), 0o644))
	repo.commit(".gitmodules", "[submodule \"x\"]\n\tpath = x\n\turl = ext::touch "+trap+"\n")
	hook := filepath.Join(repo.dir, ".git", "hooks", "post-checkout")
	repo.must(os.WriteFile(hook, []byte("#!/bin/sh\ntouch "+trap+"\n"), 0o755))
	home := t.TempDir() // what the user of the server has configured is not for builds' checkouts
	repo.must(os.WriteFile(filepath.Join(home, ".gitconfig"),
		[]byte("[filter \"evil\"]\n\tsmudge = touch "+trap+"; cat\n[core]\n\thooksPath = "+filepath.Dir(hook)+"\n"), 0o644))
	t.Setenv("HOME", home)
	startPool(t, house, 1)
	mustEnd(t, house.run(t, repo.job("b1", "true")), core.BuildSucceeded, "", "")
	if _, err := os.Stat(trap); err == nil {
		t.Error("the checkout ran something of the repository's")
	}
}
