package runner

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oore-ci/oore/app/core"
)

// behind makes a house whose builds of the repository are fetched from the forge.
func (h *house) behind(f *forge) {
	h.checkout = func(core.Job) (core.Checkout, error) {
		return core.Checkout{URL: f.address("origin"), Username: user, Password: password}, nil
	}
}

func (r *repository) forgeJob(f *forge, id string, commands ...string) core.Job {
	job := r.job(id, commands...)
	job.Repository.CloneURL = f.address("origin")
	return job
}

func TestFilesOfGitLFSAreCheckedOut(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	forge := newForge(t, repo)
	house.behind(forge)
	repo.commitLFS(forge, "a.bin", "large A\n")
	repo.commitLFS(forge, "deep/er/übung b.bin", "large B\n")
	startPool(t, house, 1)
	const show = "cat a.bin 'deep/er/übung b.bin'; git status --porcelain; rm a.bin; git checkout -q a.bin && cat a.bin"
	const want = "large A\nlarge B\nlarge A\n"
	l := house.run(t, repo.forgeJob(forge, "b1", show))
	mustEnd(t, l, core.BuildSucceeded, "", "")
	if got := string(l.bytes(core.StreamStdout)); got != want {
		t.Errorf("printed %q; log:\n%s", got, l.bytes(""))
	}
	if forge.given != 2 || forge.batches != 1 {
		t.Errorf("%d files in %d batches", forge.given, forge.batches)
	}
	again := house.run(t, repo.forgeJob(forge, "b2", show))
	mustEnd(t, again, core.BuildSucceeded, "", "")
	if got := string(again.bytes(core.StreamStdout)); got != want || forge.given != 2 || again.checkouts != 0 {
		t.Errorf("the second build printed %q and asked for %d credentials", got, again.checkouts)
	}
}

func TestOnlyANestedAttributeMarksGitLFS(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	forge := newForge(t, repo)
	house.behind(forge)
	repo.commit(".gitattributes", "*.txt text\n")
	repo.commitLFS(forge, "assets/a.bin", "large\n")
	startPool(t, house, 1)
	l := house.run(t, repo.forgeJob(forge, "b1", "cat assets/a.bin"))
	mustEnd(t, l, core.BuildSucceeded, "", "")
	if got := string(l.bytes(core.StreamStdout)); got != "large\n" {
		t.Errorf("printed %q", got)
	}
}

func TestGitLFSOfALocalRepository(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	forge := newForge(t, repo)
	repo.commitLFS(forge, "a.bin", "large\n")
	for oid, content := range forge.objects { // where git-lfs keeps them
		dir := filepath.Join(repo.dir, ".git/lfs/objects", oid[:2], oid[2:4])
		repo.must(os.MkdirAll(dir, 0o755))
		repo.must(os.WriteFile(filepath.Join(dir, oid), []byte(content), 0o644))
	}
	startPool(t, house, 1)
	l := house.run(t, repo.job("b1", "cat a.bin"))
	mustEnd(t, l, core.BuildSucceeded, "", "")
	if got := string(l.bytes(core.StreamStdout)); got != "large\n" {
		t.Errorf("printed %q", got)
	}
}

func TestAFileThatGitLFSCannotGetFailsTheBuild(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	forge := newForge(t, repo)
	house.behind(forge)
	repo.commitLFS(nil, "a.bin", "never uploaded\n")
	startPool(t, house, 1)
	l := house.run(t, repo.forgeJob(forge, "b1", "true"))
	mustEnd(t, l, core.BuildFailed, core.ReasonCheckoutFailed, "The files of Git LFS cannot be fetched for "+forge.address("origin"))
	if !strings.Contains(string(l.bytes(core.StreamSystem)), "does not exist") {
		t.Errorf("the log does not say why:\n%s", l.bytes(""))
	}
}

func TestWithoutGitLFSTheLogSaysWhatIsMissing(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	bin := t.TempDir()
	for _, program := range []string{"git", "sh", "grep"} {
		path, err := exec.LookPath(program)
		repo.must(err)
		repo.must(os.Symlink(path, filepath.Join(bin, program)))
	}
	startPool(t, house, 1)
	repo.commit(".gitattributes", "*.txt text\n")
	plain := repo.job("b1", "true")
	repo.commitLFS(nil, "a.bin", "large\n")
	marked := repo.job("b2", "grep -c git-lfs a.bin")
	t.Setenv("PATH", bin)
	const missing = "git-lfs is not installed on the runner the mac under the desk"
	for job, want := range map[*core.Job]int{&plain: 0, &marked: 1} {
		l := house.run(t, *job)
		mustEnd(t, l, core.BuildSucceeded, "", "")
		if got := strings.Count(string(l.bytes(core.StreamSystem)), missing); got != want {
			t.Errorf("%s: %d notes:\n%s", job.Build.ID, got, l.bytes(""))
		}
	}
}

func TestTheCredentialDoesNotFollowTheLFSConfigToAnotherHost(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	forge, thief := newForge(t, repo), newForge(t, repo)
	house.behind(forge)
	repo.commitLFS(thief, "a.bin", "from elsewhere\n")
	repo.commit(".lfsconfig", "[lfs]\n\turl = "+thief.URL+"/x/info/lfs\n")
	startPool(t, house, 1)
	l := house.run(t, repo.forgeJob(forge, "b1", "true"))
	mustEnd(t, l, core.BuildFailed, core.ReasonCheckoutFailed, "The files of Git LFS cannot be fetched")
	if len(thief.tokens) > 0 {
		t.Errorf("another host was given %v", thief.tokens)
	}

	thief.open() // a host that wants no credential may serve the files
	l = house.run(t, repo.forgeJob(forge, "b2", "cat a.bin"))
	mustEnd(t, l, core.BuildSucceeded, "", "")
	if got := string(l.bytes(core.StreamStdout)); got != "from elsewhere\n" || len(thief.tokens) > 0 {
		t.Errorf("printed %q, another host was given %v", got, thief.tokens)
	}
}

func TestTheCredentialDoesNotFollowARedirectOfGitLFS(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	forge, thief := newForge(t, repo), newForge(t, repo)
	house.behind(forge)
	repo.commitLFS(forge, "a.bin", "large\n")
	forge.elsewhere = thief.URL
	startPool(t, house, 1)
	l := house.run(t, repo.forgeJob(forge, "b1", "true"))
	mustEnd(t, l, core.BuildFailed, core.ReasonCheckoutFailed, "The files of Git LFS cannot be fetched")
	if forge.batches == 0 || len(thief.tokens) > 0 {
		t.Errorf("%d redirects; another host was given %v", forge.batches, thief.tokens)
	}
}

func TestHostileConfigurationsOfGitLFS(t *testing.T) {
	secret := newRepository(t)
	for name, c := range map[string]struct{ config, message string }{
		"a folder of the runner": {"[lfs]\n\turl = file://" + secret.dir + "\n", "must be https or http"},
		"a path":                 {"[remote \"origin\"]\n\tlfsurl = " + secret.dir + "\n", "must be https or http"},
		"a command of ssh":       {"[lfs]\n\turl = ssh://-oProxyCommand=touch/x\n", "must be https or http"},
		"no configuration":       {"[lfs\n", "has a .lfsconfig that git cannot read"},
	} {
		t.Run(name, func(t *testing.T) {
			repo, house := newRepository(t), newHouse()
			repo.commitLFS(nil, "a.bin", "large\n")
			repo.commit(".lfsconfig", c.config)
			startPool(t, house, 1)
			mustEnd(t, house.run(t, repo.job("b1", "true")), core.BuildFailed, core.ReasonCheckoutFailed, c.message)
		})
	}
}
