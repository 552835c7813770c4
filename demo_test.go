package main

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// demoRun is a running demo, and what it printed.
type demoRun struct {
	url, token, link, first string
	api, push, webhook      string // the commands that start builds
	dir                     string

	cmd    *exec.Cmd
	exited chan error
	out    outputFile
	temp   string // where it makes its folder
}

// TestCtrlCEndsTheDemo presses it while the first build runs.
func TestCtrlCEndsTheDemo(t *testing.T) {
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "demo")
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}
	d := startDemo(t, cmd)
	if err := d.interrupt(t); err != nil {
		t.Errorf("it ended with %v", err)
	}
	if !strings.HasSuffix(d.out.String(), "press Ctrl-C.\n") {
		t.Errorf("it complained:\n%s", d.out)
	}
}

// tryDemo does what a visitor does: looks at the first build, signs in, starts one
// build in each way, and presses Ctrl-C.
func (u *user) tryDemo(t *testing.T, command string) {
	t.Helper()
	cmd := exec.Command("sh", "-c", "exec "+command)
	cmd.Dir, cmd.Env = u.dir, slices.Clone(u.env)
	d := startDemo(t, cmd)
	d.succeeds(t, d.first)
	d.signsInOnce(t)
	page := "curl -fsS -X POST " + d.url + "/setup/demo -H 'Authorization: Bearer " + d.token + "'" // the first steps are there, too
	for how, command := range map[string]string{"api": d.api, "webhook of a push": d.push, "webhook of GitHub": d.webhook, "manual start on the page": page} {
		before := d.builds(t)
		u.sh(t, command)
		eventually(t, "the "+how+" starts a build", func() bool { return len(d.builds(t)) > len(before) })
		after := d.builds(t)
		if len(after) != len(before)+1 || !strings.HasPrefix(how, after[0].TriggerType) {
			t.Errorf("%s: %d builds after %d, the newest %+v", how, len(after), len(before), after[0])
		}
		d.succeeds(t, after[0].ID)
	}
	// "go run" itself ends with 1 when it was interrupted, whatever its program did.
	if err := d.interrupt(t); err != nil && err.Error() != "exit status 1" {
		t.Errorf("the demo ended with %v", err)
	}
}

// startDemo starts it as a terminal would and waits until it has said what to do.
func startDemo(t *testing.T, cmd *exec.Cmd) demoRun {
	t.Helper()
	temp, out, exited := t.TempDir(), newOutputFile(t), make(chan error, 1)
	cmd.Env = append(cmd.Env, "TMPDIR="+temp)
	cmd.Stdout, cmd.Stderr = out.File, out.File
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { exited <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // it has ended, if all is well
		if t.Failed() {
			t.Logf("the demo printed:\n%s", out)
		}
	})
	eventually(t, "the demo is ready", func() bool {
		select {
		case err := <-exited:
			t.Fatalf("the demo ended at start: %v\n%s", err, out)
		default:
		}
		return strings.Contains(out.String(), "press Ctrl-C")
	})
	d := readDemo(t, out.String())
	d.cmd, d.exited, d.out, d.temp = cmd, exited, out, temp
	return d
}

// interrupt presses Ctrl-C and returns how the demo ended. It must leave nothing.
func (d demoRun) interrupt(t *testing.T) error {
	t.Helper()
	if err := syscall.Kill(-d.cmd.Process.Pid, syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	var ended error
	select {
	case ended = <-d.exited:
	case <-time.After(patience):
		t.Fatal("Ctrl-C does not end the demo")
	}
	if left, err := filepath.Glob(filepath.Join(d.temp, "*")); err != nil || len(left) > 0 {
		t.Errorf("the demo left %v, %v", left, err)
	}
	eventually(t, "no process of the demo is left", func() bool {
		return len(processesWith(t, d.dir)) == 0 && len(processesOf(d.temp)) == 0
	})
	return ended
}

func readDemo(t *testing.T, text string) demoRun {
	t.Helper()
	find := func(pattern string) string {
		m := regexp.MustCompile(pattern).FindStringSubmatch(text)
		if m == nil {
			t.Fatalf("the demo does not print %s:\n%s", pattern, text)
		}
		return m[1]
	}
	return demoRun{
		url: find(`(?m)^Sign in \(once\): +(http://[^/]+)/`), link: find(`(?m)^Sign in \(once\): +(\S+)$`),
		first: find(`(?m)^The first build: +http\S+/builds/(\S+)$`), token: find(`Authorization: Bearer (\w+)`),
		api: find(`(?m)^  by API +(.+)$`), push: find(`(?m)^  by git push +(.+)$`), webhook: find(`(?m)^  by webhook +(.+)$`),
		dir: find(`Everything lies in (\S+) `),
	}
}

func (d demoRun) get(t *testing.T, path string, out any) {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, d.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+d.token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(out); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s was answered %d, %v", path, resp.StatusCode, err)
	}
}

func (d demoRun) builds(t *testing.T) []buildView {
	t.Helper()
	var list buildsView
	d.get(t, "/v1/builds", &list)
	return list.Builds
}

func (d demoRun) succeeds(t *testing.T, id string) {
	t.Helper()
	var b buildView
	eventually(t, "build "+id+" has ended", func() bool {
		d.get(t, "/v1/builds/"+id, &b)
		return b.ended()
	})
	if b.Status != "succeeded" {
		t.Errorf("build %+v", b)
	}
}

// signsInOnce opens the link twice, in two browsers.
func (d demoRun) signsInOnce(t *testing.T) {
	t.Helper()
	stay := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for n, want := range []int{http.StatusSeeOther, http.StatusUnauthorized} {
		resp, err := stay.Get(d.link)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want || (len(resp.Cookies()) > 0) != (n == 0) {
			t.Errorf("use %d of the sign-in link: %d with the cookies %v", n+1, resp.StatusCode, resp.Cookies())
		}
	}
}

// as asks with a token and returns the HTTP status.
func (p *program) as(token, path string) int {
	p.t.Helper()
	req, err := http.NewRequest(http.MethodGet, p.url+path, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}
