package runner

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oore-ci/oore/app/core"
)

func TestAKillWhileSavingLeavesNoHalfEntry(t *testing.T) {
	repo, dir := newRepository(t), t.TempDir()
	repo.commit(".oore.yaml", fixedKey+"commands: {build: ['ls c || true; mkdir -p c; test -e c/x || head -c 50000000 /dev/urandom >c/x']}\n")
	data, err := json.Marshal(poolProcess{Dir: dir, Job: repo.job("b1")})
	repo.must(err)
	file := filepath.Join(dir, "job.json")
	repo.must(os.WriteFile(file, data, 0o600))
	server := exec.Command(os.Args[0])
	server.Env = append(os.Environ(), poolEnv+"="+file)
	server.Stderr = os.Stderr
	repo.must(server.Start())
	waitFor(t, "it saves", func() bool { return halfEntry(dir) > 1<<20 })
	repo.must(server.Process.Kill())
	_ = server.Wait()
	waitFor(t, "nobody works there", func() bool { return !worksIn(dir) })
	if halfEntry(dir) == 0 {
		t.Fatal("it was saved before it was killed: this shows nothing")
	}

	house := newHouse()
	startPoolIn(t, house, 1, dir)
	l := house.run(t, repo.job("b2"))
	mustEnd(t, l, core.BuildSucceeded, "", "")
	mustSay(t, l, "Cache miss: k\n", "Saved: k: 1 files, 50.0 MB")
	mustKeep(t, dir, 1)
	l = house.run(t, repo.job("b3"))
	mustSay(t, l, "Cache hit: k: 1 files, 50.0 MB")
	if got := string(l.bytes(core.StreamStdout)); got != "x\n" {
		t.Errorf("printed %q", got)
	}
}

// A build has its cache by our steps, and by no other way.
func TestTheStoreIsOutOfReachOfBuilds(t *testing.T) {
	needLandlock(t, landlockTruncate)
	home, repo := newHome(t), newRepository(t)
	repo.commit(".oore.yaml", fixedKey+"commands: {build: ['mkdir -p c; echo secret of another >c/x']}\n")
	confined, free := newWorld(t, home, "oore", &SandboxOptions{}), newWorld(t, home, "free", nil)
	for _, w := range []*world{confined, free} {
		mustSay(t, w.run(repo), "Saved: k: 1 files")
		mustSay(t, w.run(repo), "Cache hit: k: 1 files")
	}
	repo.git("rm", "-q", ".oore.yaml")
	repo.git("commit", "-q", "-m", "none")
	for _, crime := range []string{
		"cat $DATA/cache/*", "e=$(echo $DATA/cache/*); cat $e", "ln -s $DATA/cache l; cat l/*", "cat ../../cache/*",
		"echo x >$DATA/cache/new", "ln $DATA/cache/* .", "mkdir $DATA/cache/d",
	} {
		mustEnd(t, free.run(repo, crime), core.BuildSucceeded, "", "")
		mustEnd(t, confined.run(repo, crime), core.BuildFailed, core.ReasonCommandFailed, "")
	}
	if list, _ := os.ReadDir(filepath.Join(confined.data, "cache")); len(list) != 1 {
		t.Errorf("the store has %v", list)
	}
}

// Saving and restoring are no way around the sandbox: what the build may not read is not
// saved, and where it may not write nothing is restored, whatever links it makes.
func TestNoCacheLeadsOutOfTheSandbox(t *testing.T) {
	needLandlock(t, landlockTruncate)
	repo, house, data, home := newRepository(t), newHouse(), filepath.Join(newHome(t), "data"), filepath.Join(t.TempDir(), "home")
	repo.must(os.Mkdir(home, 0o700))
	t.Setenv("HOME", home) // in the temporary folder, so that builds can swap all of it
	pool, err := newPool(Options{Jobs: house, Runner: testRunner(), Slots: 1, Dir: data, Log: quiet(), Sandbox: &SandboxOptions{}, CacheLimit: testCacheLimit})
	repo.must(err)
	runPool(t, pool)
	key := filepath.Join(data, "encryption.key")
	words := strings.NewReplacer("$DATA", data, "$HOME", home)
	n := 0
	run := func(config string) *ledger {
		n++
		repo.commit(".oore.yaml", words.Replace("version: 1\n"+config))
		l := house.run(t, repo.job(fmt.Sprint("b", n)))
		mustEnd(t, l, core.BuildSucceeded, "", "")
		return l
	}
	mustSay(t, run("cache: [{key: evil, paths: [~/.npm]}]\ncommands: {build: ['mkdir -p $HOME/.npm; echo x >$HOME/.npm/encryption.key; echo x >$HOME/.npm/planted']}\n"), "Saved: evil: 2 files")
	repo.must(os.WriteFile(key, []byte(topSecret), 0o600))

	for i, c := range []struct{ name, path, command, says string }{
		{"a path that becomes a link", "c", "rm -rf c; ln -s $DATA c", "left out: 1 links"},
		{"a link in the path", "c", "mkdir -p c; ln -s $DATA c/d", "left out: 1 links"},
		{"a link on the way", "d/encryption.key", "ln -s $DATA d", "there is no d/encryption.key"},
		{"a home's folder for a link", "~/.npm", "rm -rf $HOME/.npm; ln -s $DATA $HOME/.npm", "Not saved"},
		{"a folder of it for a link", "~/.npm/x", "rm -rf $HOME/.npm; mkdir $HOME/.npm; ln -s $DATA $HOME/.npm/x", "left out: 1 links"},
		{"a file of it for a link", "~/.npm/x/encryption.key", "rm -rf $HOME/.npm; mkdir $HOME/.npm; ln -s $DATA $HOME/.npm/x", "there is no ~/.npm/x/encryption.key"},
		{"the home for a link", "~/.npm", "mv $HOME $HOME.old; mkdir $HOME; ln -s $DATA $HOME/.npm; ", "Not saved"},
	} {
		config := fmt.Sprintf("cache: [{key: k%d, paths: [%s, made]}]\ncommands: {build: ['mkdir -p made; echo x >made/x; %s']}\n", i, c.path, c.command)
		l := run(config)
		mustSay(t, l, c.says)
		l = run(strings.Replace(config, c.command, "grep -r nobody-may . $HOME/.npm/ --exclude-dir=.git --exclude=.oore.yaml || true", 1))
		if strings.Contains(string(l.bytes(core.StreamStdout)), topSecret) {
			t.Errorf("%s: what is hidden came back:\n%s", c.name, l.bytes(""))
		}
	}

	// The other way round: an entry goes where there is a link by now.
	repo.must(os.RemoveAll(filepath.Join(home, ".npm")))
	repo.must(os.Symlink(data, filepath.Join(home, ".npm")))
	l := run("cache: [{key: evil, paths: [~/.npm]}]\ncommands: {build: ['true']}\n")
	mustSay(t, l, "Cache hit: evil: it could not be restored, and the build goes on without it: ")
	if got, err := os.ReadFile(key); err != nil || string(got) != topSecret {
		t.Errorf("the key is %q, %v", got, err)
	}
	if _, err := os.Stat(filepath.Join(data, "planted")); err == nil {
		t.Error("a file was planted")
	}
}

func TestTheHomeIsCachedInTheSandbox(t *testing.T) {
	needLandlock(t, landlockRefer)
	home, repo := newHome(t), newRepository(t)
	w := newWorld(t, home, "oore", &SandboxOptions{})
	repo.commit(".oore.yaml", "version: 1\ncache: [{key: k, paths: [~/.pub-cache, ~/.gradle/caches/modules-2]}]\ncommands: {build: ['cat $HOME/.pub-cache/x || { cd $HOME; mkdir -p .gradle/caches/modules-2; echo p >.pub-cache/x; echo g >.gradle/caches/modules-2/y; }']}\n")
	mustSay(t, w.run(repo), "Saved: k: 2 files")
	repo.must(os.RemoveAll(filepath.Join(home, ".pub-cache/x")))
	repo.must(os.RemoveAll(filepath.Join(home, ".gradle/caches")))
	l := w.run(repo)
	mustSay(t, l, "Cache hit: k: 2 files")
	if got := string(l.bytes(core.StreamStdout)); got != "p\n" {
		t.Errorf("printed %q:\n%s", got, l.bytes(""))
	}
	if data, err := os.ReadFile(filepath.Join(home, ".gradle/caches/modules-2/y")); err != nil || string(data) != "g\n" {
		t.Errorf("%q, %v", data, err)
	}
	if left, _ := filepath.Glob(filepath.Join(home, ".pub-cache", stagePrefix+"*")); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// Every folder of a home that may be cached is one that builds may write to.
func TestWhatMayBeCachedMayBeWritten(t *testing.T) {
	common, others := caches()
	for _, folder := range core.CacheHomes() {
		ok := strings.HasPrefix(folder, "Library/") || folder == ".swiftpm" // of macOS
		for _, open := range append(common, others...) {
			ok = ok || within(open, folder)
		}
		if !ok {
			t.Errorf("~/%s may be cached, and the sandbox does not let builds write there", folder)
		}
	}
}
