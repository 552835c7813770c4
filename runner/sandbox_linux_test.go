package runner

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/oore-ci/oore/app/core"
)

// needLandlock ends the test where the kernel really has no Landlock.
func needLandlock(t testing.TB, version int) {
	t.Helper()
	got, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	switch {
	case errno == unix.ENOSYS || errno == unix.EOPNOTSUPP:
		t.Skipf("NOT TESTED: THIS KERNEL HAS NO LANDLOCK (%s): nothing here shows that the sandbox holds", errno)
	case errno != 0:
		t.Fatalf("the kernel does not say which Landlock it has: %s", errno)
	case int(got) < version:
		t.Skipf("NOT TESTED: THIS KERNEL HAS LANDLOCK %d, and the test needs %d", got, version)
	}
}

// world is a pool with something of the server's, and of others, beside it.
type world struct {
	t          testing.TB
	home, data string
	house      *house
	builds     int
}

const topSecret = "nobody-may-read-this"

func newWorld(t testing.TB, home, name string, o *SandboxOptions) *world {
	t.Helper()
	w := &world{t: t, home: home, data: filepath.Join(home, ".local", "share", name), house: newHouse()}
	pool, err := newPool(Options{Jobs: w.house, Runner: testRunner(), Slots: 1, Dir: w.data, Log: quiet(), Sandbox: o, CacheLimit: testCacheLimit})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(w.data, 0o700); err != nil {
		t.Fatal(err)
	}
	runPool(t, pool)
	waitFor(t, "the pool has cleared its folder", func() bool {
		w.house.mu.Lock()
		defer w.house.mu.Unlock()
		return w.house.asking > 0
	})
	return w
}

// belongings are the files that a build must neither read nor change.
func (w *world) belongings() []string {
	paths := []string{filepath.Join(w.home, ".bashrc")}
	for _, name := range []string{"encryption.key", "oore.db", "workspaces/1/secret", "mirrors/other.git/HEAD"} {
		paths = append(paths, filepath.Join(w.data, name))
	}
	return paths
}

func (w *world) lay() {
	w.t.Helper()
	for _, path := range w.belongings() {
		_ = os.Remove(path) // it may be a link by now
		err := os.MkdirAll(filepath.Dir(path), 0o700)
		if err == nil {
			err = os.WriteFile(path, []byte(topSecret+"\n"), 0o600)
		}
		if err != nil {
			w.t.Fatal(err)
		}
	}
}

// touched tells what is not as it was laid.
func (w *world) touched() []string {
	var changed []string
	for _, path := range w.belongings() {
		if data, err := os.ReadFile(path); err != nil || string(data) != topSecret+"\n" {
			changed = append(changed, path)
		}
	}
	for _, dir := range []string{w.home, w.data, "/etc"} {
		found, _ := filepath.Glob(filepath.Join(dir, "planted*"))
		changed = append(changed, found...)
	}
	return changed
}

func (w *world) run(repo *repository, commands ...string) *ledger {
	w.t.Helper()
	w.builds++
	words := strings.NewReplacer("$DATA", w.data, "$HOME", w.home, "$SERVER", strconv.Itoa(os.Getpid()), "$SELF", os.Args[0])
	for i := range commands {
		commands[i] = words.Replace(commands[i])
	}
	return w.house.run(w.t, repo.job(fmt.Sprintf("b%d", w.builds), commands...))
}

// crimes are commands that succeed where there is no sandbox, and must not in it.
var crimes = map[string]string{
	"read the key":                    `cat $DATA/encryption.key`,
	"read the database":               `head -c 100 $DATA/oore.db`,
	"read by ..":                      `cat ../../encryption.key`,
	"read through a link":             `ln -s $DATA/encryption.key l && cat l`,
	"read through a link to a folder": `ln -s $DATA l && cat l/encryption.key`,
	"read through /proc/self/root":    `cat /proc/self/root$DATA/encryption.key`,
	"read through /proc/self/cwd":     `cat /proc/self/cwd/../../encryption.key`,
	"read by a hard link":             `ln $DATA/encryption.key l && cat l`,
	"read by a rename":                `mv $DATA/encryption.key l && cat l`,
	"read from another place":         `cd $DATA && cat encryption.key`,
	"read in a nested shell":          `sh -c "sh -c 'exec cat $DATA/encryption.key'"`,
	"read with an empty environment":  `env -i /bin/sh -c 'cat $DATA/encryption.key'`,
	"read in a daemon":                `setsid sh -c 'cat $DATA/encryption.key >got 2>/dev/null; echo >done' & until test -e done; do sleep 0.01; done; cat got; test -s got`,
	"read in a hook of git":           `mkdir -p .git/hooks; printf '#!/bin/sh\ncat $DATA/encryption.key >got\n' >.git/hooks/post-checkout; chmod +x .git/hooks/post-checkout; git checkout -q -b x; cat got; test -s got`,
	"read by a smudge filter":         `echo 'README filter=f' >.gitattributes; git config filter.f.smudge 'cat $DATA/encryption.key'; rm README; git checkout README; cat README; grep -q nobody README`,
	"read by git":                     `git hash-object -w $DATA/encryption.key`,
	"read another build's folder":     `cat $DATA/workspaces/1/secret`,
	"read a mirror of others":         `cat $DATA/mirrors/other.git/HEAD`,
	"see the server's environment":    `cat /proc/$SERVER/environ | tr '\0' '\n' | grep HOME=`,
	"open the server's memory":        `exec 3</proc/$SERVER/mem`,
	"see the server's memory map":     `grep . /proc/$SERVER/maps`,
	"see the server's files":          `readlink /proc/$SERVER/fd/1`,
	"go through the server's root":    `cat /proc/$SERVER/root$DATA/encryption.key`,
	"see the shim's environment":      `cat /proc/$PPID/environ | grep GOMAXPROCS`,
	"empty the key":                   `: >$DATA/encryption.key`,
	"truncate the key":                `truncate -s 0 $DATA/encryption.key`,
	"append to the database":          `echo x >>$DATA/oore.db`,
	"delete the database":             `rm -f $DATA/oore.db`,
	"delete the folder of another":    `rm -rf $DATA/workspaces/1`,
	"write into the data folder":      `echo x >$DATA/planted`,
	"make a folder in it":             `mkdir $DATA/planted`,
	"make a fifo in it":               `mkfifo $DATA/planted`,
	"write to the home":               `echo x >$HOME/planted`,
	"write to .bashrc":                `echo x >>$HOME/.bashrc`,
	"write through a link":            `ln -s $HOME/.bashrc l && echo x >>l`,
	"replace .bashrc":                 `echo x >n && mv n $HOME/.bashrc`,
	"put a link in place of it":       `ln -sf "$PWD/README" $HOME/.bashrc`,
	"link .bashrc into a cache":       `ln $HOME/.bashrc $HOME/.cache/l && echo x >>$HOME/.cache/l`,
	"move .bashrc into a cache":       `mv -n $HOME/.bashrc $HOME/.cache/m && test ! -e $HOME/.bashrc`,
	"swap a cache for a link":         `mv $HOME/.cache $HOME/planted && ln -s $HOME $HOME/.cache`,
	"write in a hook of git":          `mkdir -p .git/hooks; printf '#!/bin/sh\necho x >>$HOME/.bashrc\n' >.git/hooks/pre-commit; chmod +x .git/hooks/pre-commit; git -c user.name=a -c user.email=a@b commit -q --allow-empty -m x`,
	"write in a daemon":               `setsid sh -c 'echo x >$HOME/planted; echo >done' & until test -e done; do sleep 0.01; done; test -e $HOME/planted`,
	"take its own folder away":        `mv "$PWD" $DATA/planted`,
	"see the names of others' files":  `ls $DATA/mirrors/other.git/`,
}

// crimesOfRoot succeed as root alone, if at all: they have no proof of the contrary.
var crimesOfRoot = map[string]string{
	"write to /etc":        `echo x >/etc/planted`,
	"read a disk":          `for d in /dev/vd* /dev/sd* /dev/nvme* /dev/loop0 /dev/dm-*; do head -c 1 $d >/dev/null && exit 0; done; exit 1`,
	"make a disk":          `mknod disk b 7 0`,
	"read kernel memory":   `head -c 1 /proc/kcore`,
	"mount":                `mkdir m && mount -t tmpfs none m`,
	"mount in a namespace": `unshare -m sh -c 'mkdir m && mount -t tmpfs none m'`,
	"mount as a user":      `unshare -rm sh -c 'mkdir m && mount --bind $DATA m'`,
	"change the kernel":    `echo x >/proc/sys/kernel/core_pattern`,
	"gain privileges":      `grep -q '^NoNewPrivs:.*0$' /proc/self/status`,
	"have all of root":     `grep -q '^CapEff:.*[0-9a-f]*[1-9a-f][0-9a-f]\{8\}$' /proc/self/status`,
}

func TestTheSandboxRefuses(t *testing.T) {
	needLandlock(t, landlockTruncate)
	home, repo := newHome(t), newRepository(t)
	confined, free := newWorld(t, home, "oore", &SandboxOptions{}), newWorld(t, home, "free", nil)
	for name, crime := range crimes {
		t.Run(name, func(t *testing.T) {
			confined.lay()
			l := confined.run(repo, crime)
			// Names are no secret where the home, which tools list, has them.
			if listing := strings.HasPrefix(name, "see the names"); l.result.Status != core.BuildFailed != listing {
				t.Errorf("it ended as %+v; log:\n%s", l.result, l.bytes(""))
			}
			if strings.Contains(string(l.bytes(core.StreamStdout)), topSecret) {
				t.Errorf("it has read what it must not:\n%s", l.bytes(""))
			}
			if changed := confined.touched(); len(changed) > 0 {
				t.Errorf("it has changed %q", changed)
			}
			free.lay()
			if l := free.run(repo, crime); l.result.Status != core.BuildSucceeded {
				t.Errorf("without a sandbox it fails too, so this shows nothing:\n%s", l.bytes(""))
			}
			for _, dir := range []string{home, free.data} {
				left, _ := filepath.Glob(filepath.Join(dir, "planted*"))
				for _, path := range left {
					_ = os.RemoveAll(path)
				}
			}
			restoreCache(t, home)
		})
	}
	for name, crime := range crimesOfRoot {
		t.Run(name, func(t *testing.T) {
			confined.lay()
			l := confined.run(repo, crime)
			if l.result.Status != core.BuildFailed || len(confined.touched()) > 0 {
				t.Errorf("it ended as %+v, and has changed %q; log:\n%s", l.result, confined.touched(), l.bytes(""))
			}
		})
	}
}

// restoreCache makes .cache an empty folder again.
func restoreCache(t *testing.T, home string) {
	t.Helper()
	path := filepath.Join(home, ".cache")
	if info, err := os.Lstat(path); err == nil && info.Mode()&fs.ModeSymlink != 0 {
		_ = os.Remove(path)
	}
	for _, name := range []string{"l", "m"} {
		_ = os.Remove(filepath.Join(path, name))
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		t.Fatal(err)
	}
}

func TestNamesAreHiddenToo(t *testing.T) {
	needLandlock(t, landlockRefer)
	repo, house := newRepository(t), newHouse()
	pool, err := newPool(Options{Jobs: house, Runner: testRunner(), Slots: 1, Dir: filepath.Join(newHome(t), "data"), Log: quiet(), Sandbox: &SandboxOptions{}})
	repo.must(err)
	t.Setenv("HOME", t.TempDir())
	pool.env["HOME"] = os.Getenv("HOME") // the data folder is not in the home
	runPool(t, pool)
	for _, dir := range []string{pool.dir, filepath.Join(pool.dir, "workspaces"), filepath.Join(pool.dir, "mirrors")} {
		mustEnd(t, house.run(t, repo.job(dir, "ls "+dir)), core.BuildFailed, core.ReasonCommandFailed, "exit 2")
	}
}

func TestABuildCannotSignalTheServer(t *testing.T) {
	needLandlock(t, landlockScopes)
	home, repo := newHome(t), newRepository(t)
	name := fmt.Sprintf("@oore-test-%d", os.Getpid())
	ln, err := net.Listen("unix", name)
	repo.must(err)
	defer func() { _ = ln.Close() }()
	confined, free := newWorld(t, home, "oore", &SandboxOptions{}), newWorld(t, home, "free", nil)
	for _, command := range []string{"kill -0 $SERVER", "kill -0 $PPID", dialEnv + "=" + name + " $SELF"} {
		mustEnd(t, free.run(repo, command), core.BuildSucceeded, "", "")
		mustEnd(t, confined.run(repo, command), core.BuildFailed, core.ReasonCommandFailed, "")
	}
}

// honest are what builds do all the time.
var honest = map[string][]string{
	"the workspace":      {`mkdir -p a/b && echo x >a/b/f && mv a/b/f a/g && ln a/g a/b/h && ln -s ../g a/b/l && cp -a a c && rm -r a && mkfifo p && test -s c/b/h`},
	"temporary files":    {`f=$(mktemp) && echo x >"$f" && mv "$f" . && d=$(mktemp -d) && rmdir "$d" && echo x >/tmp/oore-test-$$ && rm /tmp/oore-test-$$ && echo x >/dev/shm/oore-test-$$ && rm /dev/shm/oore-test-$$`},
	"devices":            {`echo x >/dev/null && head -c 4 /dev/urandom | wc -c && head -c 4 /dev/zero >/dev/null && echo o >/dev/stdout && echo e >/dev/stderr && echo 5 >/dev/fd/1`},
	"shells in shells":   {`sh -c 'bash -c "cat <(echo inner) <<< here"' && (cd / && ls usr >/dev/null)`},
	"a look around":      {`ls "$HOME" >/dev/null && cat /etc/hosts /proc/self/status /proc/cpuinfo >/dev/null && ps -e >/dev/null && test -d "$PWD" && pwd -P`},
	"caches":             {`for d in .pub-cache .gradle .cache .android .npm fvm; do mkdir -p "$HOME/$d/x" && echo x >"$HOME/$d/x/y" && rm -r "$HOME/$d/x" || exit 1; done`},
	"git":                {`git log -1 --format=%s && git config user.name a && git config user.email a@b && git checkout -q -b x && echo y >y && git add y && git commit -q -m y && git worktree add -q w && git gc -q && git fsck && git stash list && git diff --stat HEAD~1`},
	"git fetch":          {`git fetch -q origin main && git clone -q . copy && git -C copy log -1 --format=%h`},
	"background work":    {`sleep 300 & echo $! >pid; trap : USR1`, `kill -0 $(cat pid) && kill $(cat pid)`},
	"a local server":     {dialEnv + `=socket $SELF`},
	"a compiler":         {`printf 'int main(void) { return 0; }\n' >m.c && cc -o m m.c && ./m`},
	"go build":           {`printf 'module m\n' >go.mod && printf 'package main\nfunc main() { println("built") }\n' >m.go && go build -o m . && ./m`},
	"npm":                {`mkdir dep && printf '{"name":"dep","version":"1.0.0"}' >dep/package.json && printf '{"name":"m","version":"1.0.0","scripts":{"test":"node -e 1"},"dependencies":{"dep":"file:dep"}}' >package.json && npm install --offline --no-audit --no-fund --silent && npm test --silent`},
	"more than one step": {`echo x >f; export A=1`, `test -s f`},
}

// compilers are the programs that honest builds need and a machine may lack.
var compilers = map[string]string{"a compiler": "cc", "npm": "npm", "shells in shells": "bash"}

func TestHonestBuildsWorkInTheSandbox(t *testing.T) {
	needLandlock(t, landlockRefer)
	out, err := exec.Command("go", "env", "GOCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	cache := strings.TrimSpace(string(out))
	if err := os.MkdirAll(cache, 0o700); err != nil {
		t.Fatal(err)
	}
	home, repo := newHome(t), newRepository(t)
	w := newWorld(t, home, "oore", &SandboxOptions{Writable: []string{cache}})
	for name, commands := range honest {
		t.Run(name, func(t *testing.T) {
			if program := compilers[name]; program != "" {
				if _, err := exec.LookPath(program); err != nil {
					t.Skipf("NOT TESTED: %s IS NOT INSTALLED HERE", program)
				}
			}
			if name == "go build" {
				commands = []string{"export GOCACHE=" + cache + "; " + commands[0]}
			}
			mustEnd(t, w.run(repo, slices.Clone(commands)...), core.BuildSucceeded, "", "")
		})
	}
	if os.Geteuid() != 0 {
		mustEnd(t, w.run(repo, "echo 500 >/proc/self/oom_score_adj"), core.BuildSucceeded, "", "")
	}
}

func TestABuildGetsATemporaryFolderWhereTheCommonOneIsNotItsOwn(t *testing.T) {
	needLandlock(t, landlockRefer)
	t.Setenv("HOME", t.TempDir())
	repo, house, dir := newRepository(t), newHouse(), t.TempDir()
	if !within(resolve(os.TempDir()), resolve(dir)) {
		t.Fatalf("%s is not in the temporary folder", dir)
	}
	pool, err := newPool(Options{Jobs: house, Runner: testRunner(), Slots: 1, Dir: dir, Log: quiet(), Sandbox: &SandboxOptions{}})
	repo.must(err)
	runPool(t, pool)
	for _, id := range []string{"b1", "b2"} {
		l := house.run(t, repo.job(id, `f=$(mktemp) && dirname "$f" && ls "$TMPDIR" | wc -l`))
		mustEnd(t, l, core.BuildSucceeded, "", "")
		if got, want := string(l.bytes(core.StreamStdout)), filepath.Join(dir, "workspaces", "0.tmp")+"\n1\n"; got != want {
			t.Errorf("%s: %q, want %q", id, got, want)
		}
	}
}

func TestABuildWithSubmodulesWorksInTheSandbox(t *testing.T) {
	needLandlock(t, landlockRefer)
	home, repo := newHome(t), newRepository(t)
	lib := newSibling(t, repo, "lib")
	repo.commitSubmodule("lib", lib, "../lib")
	w := newWorld(t, home, "oore", &SandboxOptions{})
	mustEnd(t, w.run(repo, "git submodule status && git -C lib log -1 && git fsck && git -C lib fsck"), core.BuildSucceeded, "", "")
}

func TestWhoWasRefusedIsToldWhatToDo(t *testing.T) {
	needLandlock(t, landlockRefer)
	home, repo := newHome(t), newRepository(t)
	w := newWorld(t, home, "oore", &SandboxOptions{Writable: []string{filepath.Join(home, "open")}})
	if l := w.run(repo, "echo x >$HOME/shut"); !strings.Contains(string(l.bytes(core.StreamSystem)), "OORE_SANDBOX_WRITABLE") {
		t.Errorf("the log does not:\n%s", l.bytes(""))
	}
	if l := w.run(repo, "exit 1"); strings.Contains(string(l.bytes("")), "sandbox") {
		t.Errorf("one that was not refused is told of the sandbox:\n%s", l.bytes(""))
	}
}

func TestWhatAnOperatorOpensIsOpen(t *testing.T) {
	needLandlock(t, landlockRefer)
	home, repo := newHome(t), newRepository(t)
	open, secret := filepath.Join(home, "open"), filepath.Join(home, "etc", "token")
	repo.must(os.MkdirAll(open, 0o700))
	repo.must(os.MkdirAll(filepath.Dir(secret), 0o700))
	repo.must(os.WriteFile(secret, []byte(topSecret), 0o600))
	w := newWorld(t, home, "oore", &SandboxOptions{Writable: []string{open}, Hidden: []string{secret}})
	mustEnd(t, w.run(repo, "echo x >$HOME/open/f", "cat $HOME/etc/token"), core.BuildFailed, core.ReasonCommandFailed, "build-2 failed")
	if _, err := os.Stat(filepath.Join(open, "f")); err != nil {
		t.Error(err)
	}
	// Opening the whole home opens nothing that is hidden.
	w = newWorld(t, home, "wide", &SandboxOptions{Writable: []string{home}, Hidden: []string{secret}})
	w.lay()
	mustEnd(t, w.run(repo, "echo x >$HOME/open/f", "echo x >>$HOME/etc/token"), core.BuildFailed, core.ReasonCommandFailed, "build-2 failed")
	mustEnd(t, w.run(repo, "cat $DATA/oore.db"), core.BuildFailed, core.ReasonCommandFailed, "")
}

// Every version of Landlock that the kernel can play refuses to read and to write.
func TestOlderKernelsHaveASandboxToo(t *testing.T) {
	needLandlock(t, landlockRefer)
	newest, _ := sandboxLevel()
	exe, err := ownBinary()
	if err != nil {
		t.Fatal(err)
	}
	root := makeFiles(t, t.TempDir(), "data/key", "work/")
	for level := landlockRefer; level <= newest; level++ {
		s, err := startShim(exe)
		if err != nil {
			t.Fatal(err)
		}
		box := &sandbox{Level: level, Hidden: byteStrings{filepath.Join(root, "data")}, Writable: byteStrings{"/dev/null", filepath.Join(root, "work")}}
		for command, want := range map[string]int{
			"mkdir -p a && echo x >f && mv f a/f && rm -r a": 0, "cat ../data/key": 1, "echo x >../data/new": 2, "ls ../data": 2,
		} {
			c := command
			end, err := s.run(context.Background(), testCommand(filepath.Join(root, "work"), c, box))
			if err != nil || end.Code != want {
				t.Errorf("Landlock %d: %s: exit %d, %v, want %d", level, c, end.Code, err, want)
			}
		}
		s.release()
	}
}

func testCommand(dir, script string, s *sandbox) command {
	return command{argv: []string{"/bin/sh", "-c", script + " 2>/dev/null"}, dir: dir, env: []string{"PATH=" + os.Getenv("PATH")}, sandbox: s}
}

func TestWhatKernelsLack(t *testing.T) {
	for _, c := range []struct {
		version, level int
		lack           string
	}{
		{0, 0, "Linux 5.19"}, {1, 0, "Linux 5.19"}, {2, 2, "empty files"}, {3, 3, "signals"}, {5, 5, "signals"}, {6, 6, ""}, {99, 99, ""},
	} {
		level, lack := landlockGrade(c.version)
		if level != c.level || (lack == "") != (c.lack == "") || !strings.Contains(lack, c.lack) {
			t.Errorf("Landlock %d: level %d, %q", c.version, level, lack)
		}
	}
}

// The system's lack is played here; what a real kernel does, the other tests ask.
func TestWhereThereIsNoSandboxTheLogSaysSo(t *testing.T) {
	repo, house, log := newRepository(t), newHouse(), &text{}
	pool, err := newPool(Options{
		Jobs: house, Runner: testRunner(), Slots: 1, Dir: t.TempDir(), Log: slog.New(slog.NewTextHandler(log, nil)), Sandbox: &SandboxOptions{},
	})
	repo.must(err)
	pool.confineBuilds(0, "this system has nothing for it")
	if pool.sandbox != nil || strings.Count(log.String(), "level=WARN") != 1 || !strings.Contains(log.String(), "this system has nothing for it") {
		t.Errorf("the pool says:\n%s", log)
	}
	pool.confine = nil // and so the pool does not look again
	runPool(t, pool)
	l := house.run(t, repo.job("b1", "true"))
	mustEnd(t, l, core.BuildSucceeded, "", "")
	if got := strings.Count(string(l.bytes(core.StreamSystem)), "This build runs without a sandbox: this system has nothing for it\n"); got != 1 {
		t.Errorf("the log has it %d times:\n%s", got, l.bytes(core.StreamSystem))
	}
}
