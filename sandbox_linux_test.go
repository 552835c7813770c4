package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// needSandbox ends the test where the kernel really has not the whole of Landlock.
func needSandbox(t *testing.T) {
	t.Helper()
	version, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	switch {
	case errno == unix.ENOSYS || errno == unix.EOPNOTSUPP || errno == 0 && version < 6:
		t.Skipf("NOT TESTED: THIS KERNEL HAS LANDLOCK %d (%v): nothing here shows that the sandbox holds", version, errno)
	case errno != 0:
		t.Fatalf("the kernel does not say which Landlock it has: %s", errno)
	}
}

// fortress is a site whose server has its folders in a home outside of the temporary
// folders, and one of its secrets in a file.
type fortress struct {
	*site
	home, data string
}

const fileSecret = "the-secret-that-is-in-a-file"

func newFortress(t *testing.T, sandbox string) *fortress {
	t.Helper()
	user, err := os.UserHomeDir()
	if err != nil {
		t.Fatal(err)
	}
	home, err := os.MkdirTemp(user, ".oore-test-") //nolint:usetesting // it must lie in the home
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(home) })
	for _, open := range []string{"/tmp/", "/var/tmp/", os.TempDir() + "/"} {
		if strings.HasPrefix(home, open) {
			t.Fatalf("%s is in a temporary folder, which builds may write to: run the tests with a HOME elsewhere", home)
		}
	}
	f := &fortress{home: home, data: filepath.Join(home, ".local", "share", "oore")}
	for name, content := range map[string]string{"secrets/slack": fileSecret + "\n", ".bashrc": "# mine\n", "open/file": ""} {
		path := filepath.Join(home, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f.site = newSite(t, "", workflow("true"), "HOME="+home, "OORE_DATA_DIR="+f.data, "OORE_RUNNERS=1", "OORE_SANDBOX="+sandbox,
		"OORE_SANDBOX_WRITABLE="+home+"/open", "OORE_SLACK_SIGNING_SECRET_FILE="+home+"/secrets/slack")
	f.program.pipeline(f.githubProject("acme/shop", nil).ID, "Android", nil)
	return f
}

// build pushes a commit that runs the command, and returns the build and its log.
func (f *fortress) build(command string) (buildView, string) {
	f.t.Helper()
	words := strings.NewReplacer("$DATA", f.data, "$HOME", f.home, "$SERVER", fmt.Sprint(f.cmd.Process.Pid))
	f.head = f.git.Commit("main", workflow(words.Replace(command)), "The second commit")
	f.deliver("push", f.gh.PushPayload(f.repo, "main", "", f.head))
	b := f.ended(f.next(1).ID)
	return b, f.rawLog(b.ID)
}

// attempts are commands that succeed without a sandbox.
var attempts = []string{
	`cat $DATA/encryption.key`,
	`head -c 16 $DATA/oore.db`,
	`cat $DATA/oore.db-wal >/dev/null`,
	`ln -s $DATA s && head -c 16 s/oore.db`,
	`ln $DATA/encryption.key h && cat h`,
	`cat ../../../encryption.key`,
	`cat $HOME/secrets/slack`,
	`true >>$DATA/oore.db`,
	`echo x >$DATA/planted`,
	`echo x >>$HOME/.bashrc`,
	`echo x >$HOME/planted`,
	`setsid sh -c 'cat $DATA/encryption.key >got; echo >done' & until test -e done; do sleep 0.01; done; cat got; test -s got`,
	`kill -0 $SERVER`,
	`kill -0 $PPID`,
}

// attemptsOfRoot do so where the server runs as root.
var attemptsOfRoot = []string{
	`tr '\0' '\n' </proc/$SERVER/environ | grep OORE_`,
	`exec 3</proc/$SERVER/mem`,
	`cat /proc/$SERVER/root$DATA/encryption.key`,
	`readlink /proc/$SERVER/exe`,
	`echo x >/etc/oore-test-planted`,
}

func TestABuildReachesNothingOfTheServers(t *testing.T) {
	needSandbox(t)
	t.Cleanup(func() { os.Remove("/etc/oore-test-planted") })
	all, possible := slices.Concat(attempts, attemptsOfRoot), len(attempts)
	if os.Geteuid() == 0 {
		possible = len(all)
	}
	for _, sandbox := range []string{"on", "off"} {
		t.Run(sandbox, func(t *testing.T) {
			f := newFortress(t, sandbox)
			var script strings.Builder
			for i, attempt := range all {
				fmt.Fprintf(&script, "mkdir %[1]d && ( cd %[1]d; %[2]s ) && echo DONE %[1]d.\n", i, attempt)
			}
			b, log := f.build(script.String() + "true")
			if b.Status != "succeeded" {
				t.Errorf("build %+v", b)
			}
			for i, attempt := range all {
				switch done := strings.Contains(log, fmt.Sprintf("DONE %d.\n", i)); {
				case sandbox == "on" && done:
					t.Errorf("it succeeds: %s", attempt)
				case sandbox == "off" && i < possible && !done:
					t.Errorf("without a sandbox it fails too, so this shows nothing: %s", attempt)
				}
			}
			key, err := os.ReadFile(filepath.Join(f.data, "encryption.key"))
			if err != nil {
				t.Fatal(err)
			}
			for _, secret := range []string{strings.TrimSpace(string(key)), fileSecret, adminToken} {
				if sandbox == "on" && strings.Contains(log, secret) {
					t.Error("the log has a secret")
				}
			}
			if t.Failed() {
				t.Logf("the log of the build:\n%s", log)
			}
			if status := f.call(http.MethodGet, "/v1/users/me", nil, nil); status != http.StatusOK {
				t.Errorf("the server answers %d afterwards", status)
			}
		})
	}
}

func TestABuildDoesItsWorkInTheSandbox(t *testing.T) {
	needSandbox(t)
	f := newFortress(t, "on")
	b, log := f.build(strings.Join([]string{
		`git log -1 --format=%s && f=$(mktemp) && mv "$f" here && ls $HOME >/dev/null`,
		`mkdir -p $HOME/.gradle/caches && echo x >$HOME/.pub-cache/x && echo x >$HOME/open/file`,
		`sh -c 'setsid sh -c "echo inner"' && echo x | cat >/dev/null && { sleep 100 & kill $!; }`,
	}, " && "))
	if b.Status != "succeeded" {
		t.Errorf("build %+v:\n%s", b, log)
	}
	if data, err := os.ReadFile(filepath.Join(f.home, "open", "file")); err != nil || string(data) != "x\n" {
		t.Errorf("the folder that was opened has %q, %v", data, err)
	}
}
