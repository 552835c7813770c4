package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestRunnersOfTheirOwnUsersAreKeptApartByTheSystem has two runners of one slot each on
// the server's machine, each as a user of its own (docs/runners.md, "A user for each
// slot"), without a sandbox: what is refused, the system refuses.
func TestRunnersOfTheirOwnUsersAreKeptApartByTheSystem(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("NOT TESTED: ONLY ROOT CAN START PROCESSES OF OTHER USERS")
	}
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Dir(path), 0o755); err != nil { // others may start it
		t.Fatal(err)
	}
	s := newSite(t, "", workflow("true"), "OORE_RUNNERS=0")
	project := s.githubProject("acme/shop", nil)
	closed(t, filepath.Dir(keyFileOf(s.program)))
	one, two := runnerOf(t, s.program, 64001), runnerOf(t, s.program, 64002)
	s.waitRunner(one.name, "online")
	s.waitRunner(two.name, "online")
	run := func(label, command string) (buildView, string) {
		t.Helper()
		s.head = s.git.Commit("main", workflow(command), "Another commit")
		pipeline := s.program.pipeline(project.ID, fmt.Sprint("P", len(s.builds(""))), map[string]any{"labels": []string{label}})
		var b buildView
		s.must("POST", "/v1/projects/"+project.ID+"/builds", map[string]any{"pipeline_id": pipeline.ID, "branch": "main"}, &b)
		b = s.ended(b.ID)
		return b, s.rawLog(b.ID)
	}
	if b, log := run(one.name, "id -u; echo mine >$HOME/kept; git log -1 --format=%s"); b.Status != "succeeded" || !strings.Contains(log, "64001\nAnother commit") {
		t.Errorf("%s: %s", b.Status, log)
	}
	for _, attempt := range []string{
		"cat " + keyFileOf(s.program), "ls " + filepath.Dir(keyFileOf(s.program)), "cat " + one.args[8] + "/runner.json", "ls " + one.args[8] + "/workspaces",
		"cat " + one.home() + "/kept", "touch " + one.home() + "/x", fmt.Sprint("kill -0 ", one.cmd.Process.Pid), fmt.Sprint("cat /proc/", s.cmd.Process.Pid, "/environ"),
	} {
		if b, log := run(two.name, attempt); b.Status != "failed" || !strings.Contains(log, "ermi") {
			t.Errorf("%s: %s: %s", attempt, b.Status, log)
		}
	}
}

// runnerOf starts a runner as a user, with one slot, a home and a data folder.
func runnerOf(t *testing.T, p *program, user uint32) *remoteRunner {
	t.Helper()
	name := fmt.Sprint("user-", user)
	base, err := os.MkdirTemp("", "oore-user-") //nolint:usetesting // t.TempDir is the tests' own user's alone
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(base) })
	home, data := filepath.Join(base, "home"), filepath.Join(base, "data")
	if err := os.Chmod(base, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{home, data} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(dir, int(user), int(user)); err != nil {
			t.Fatal(err)
		}
	}
	return startRunner(&remoteRunner{
		t: t, name: name, output: newOutputFile(t), user: &syscall.Credential{Uid: user, Gid: user},
		args: []string{"runner", "--server", p.url, "--name", name, "--slots", "1", "--data-dir", data, "--labels", name, "--sandbox", "off"},
		env:  []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "OORE_RUNNER_TOKEN=" + adminToken},
	})
}

func (r *remoteRunner) home() string { return filepath.Join(filepath.Dir(r.args[8]), "home") }
