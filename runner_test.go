package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/oore-ci/oore/handlers/github/githubtest"
)

// remoteRunner is a machine that runs `oore runner`: a data folder that outlives the
// process.
type remoteRunner struct {
	t      testing.TB
	name   string
	path   string // of the program; empty: the built one
	args   []string
	env    []string
	user   *syscall.Credential // nil: our own
	cmd    *exec.Cmd
	exited chan struct{}
	output outputFile
}

func newRemoteRunner(t testing.TB, server, name string, args ...string) *remoteRunner {
	t.Helper()
	r := &remoteRunner{t: t, name: name, output: newOutputFile(t)}
	r.args = append([]string{"runner", "--server", server, "--name", name, "--slots", "1", "--data-dir", t.TempDir()}, args...)
	r.env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "OORE_RUNNER_TOKEN=" + adminToken}
	return startRunner(r)
}

// startRunner starts it, and stops it when the test ends.
func startRunner(r *remoteRunner) *remoteRunner {
	r.t.Helper()
	r.t.Cleanup(func() {
		r.signal(syscall.SIGKILL)
		if r.t.Failed() {
			r.t.Logf("output of the runner %s:\n%s", r.name, r.output)
		}
	})
	return r.start()
}

func (r *remoteRunner) start() *remoteRunner {
	r.t.Helper()
	path, err := r.path, error(nil)
	if path == "" {
		path, err = binary()
	}
	if err != nil {
		r.t.Fatal(err)
	}
	r.cmd = exec.Command(path, r.args...)
	r.cmd.Env, r.cmd.Stdout, r.cmd.Stderr = r.env, r.output.File, r.output.File
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: r.user}
	if err := r.cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	exited := make(chan struct{})
	r.exited = exited
	cmd := r.cmd
	go func() {
		_ = cmd.Wait() // how it ended is in cmd
		close(exited)
	}()
	return r
}

func (r *remoteRunner) signal(s syscall.Signal) {
	_ = r.cmd.Process.Signal(s) // it may have ended by itself
	if s == syscall.SIGKILL {
		<-r.exited
	}
}

// ended waits for the process and returns its exit code.
func (r *remoteRunner) ended() int {
	r.t.Helper()
	select {
	case <-r.exited:
	case <-time.After(patience):
		r.t.Fatalf("the runner %s does not end", r.name)
	}
	return r.cmd.ProcessState.ExitCode()
}

type runnerView struct {
	ID, Name, State string
	Labels          []string
	Builds          []struct{ ID string }
}

// runner is a runner as the API shows it; none: its zero.
func (p *program) runner(name string) runnerView {
	p.t.Helper()
	var list struct{ Runners []runnerView }
	p.must("GET", "/v1/runners", nil, &list)
	for _, r := range list.Runners {
		if r.Name == name {
			return r
		}
	}
	return runnerView{}
}

func (p *program) waitRunner(name, state string) runnerView {
	p.t.Helper()
	var r runnerView
	eventually(p.t, name+" is "+state, func() bool {
		r = p.runner(name)
		return r.State == state
	})
	return r
}

func (p *program) forget(name string) {
	p.t.Helper()
	if status := p.call("DELETE", "/v1/runners/"+p.runner(name).ID, nil, nil); status != 204 {
		p.t.Errorf("the deletion of %s is answered %d", name, status)
	}
}

// yard is a server without runners of its own, a repository, and a file in which builds
// note what they do.
type yard struct {
	*program
	project projectView
	marker  string // in the environment of every command
	notes   string
}

func newYard(t *testing.T, p *program) *yard {
	t.Helper()
	y := &yard{program: p, notes: filepath.Join(t.TempDir(), "notes"), marker: fmt.Sprintf("oore-yard-%d-%d", os.Getpid(), time.Now().UnixNano())}
	if err := writeFile(y.notes); err != nil {
		t.Fatal(err)
	}
	git := githubtest.NewGitRepo(t)
	git.Commit("main", map[string]string{"a": "1"}, "First")
	p.must("POST", "/v1/projects", map[string]any{"name": "Shop", "local_repository_path": git.Dir}, &y.project)
	return y
}

// script makes a pipeline that runs a command; labels are those that it asks for.
func (y *yard) script(name, command string, labels ...string) pipelineView {
	y.t.Helper()
	return y.pipeline(y.project.ID, name, map[string]any{"labels": labels, "execution_config": map[string]any{
		"platforms": []string{}, "commands": map[string]any{"build": []string{"export MARK=" + y.marker + "; " + command}},
	}})
}

func (y *yard) trigger(pipeline pipelineView) string {
	y.t.Helper()
	var b buildView
	y.must("POST", "/v1/projects/"+y.project.ID+"/builds", map[string]any{"pipeline_id": pipeline.ID}, &b)
	return b.ID
}

func (y *yard) printed(id, text string) {
	y.t.Helper()
	eventually(y.t, "the build printed "+text, func() bool { return strings.Contains(y.rawLog(id), text) })
}

func (y *yard) noted() []string {
	y.t.Helper()
	data, err := os.ReadFile(y.notes)
	if err != nil {
		y.t.Fatal(err)
	}
	return strings.Fields(string(data))
}

func (y *yard) mustSucceed(id string) {
	y.t.Helper()
	if b := y.ended(id); b.Status != "succeeded" {
		y.t.Errorf("build %d is %s %s: %s\n%s", b.Number, b.Status, b.StatusReason, b.StatusMessage, y.rawLog(id))
	}
}

// counting prints numbered lines until there is the file, and a last one.
func counting(flag string) string {
	return `i=0; while [ ! -e ` + flag + ` ]; do i=$((i+1)); echo line $i; sleep 0.01; done; echo total $i`
}

// mustCount checks that of the lines of counting none is missing, doubled or moved.
func (y *yard) mustCount(id string) {
	y.t.Helper()
	lines := strings.Split(strings.TrimSpace(y.rawLog(id)), "\n")
	for i, line := range lines[:len(lines)-1] {
		if line != fmt.Sprintf("line %d", i+1) {
			y.t.Errorf("line %d is %q", i+1, line)
			return
		}
	}
	if last := lines[len(lines)-1]; last != fmt.Sprintf("total %d", len(lines)-1) {
		y.t.Errorf("after %d lines it ends with %q", len(lines)-1, last)
	}
}

func (y *yard) nothingLeft() {
	y.t.Helper()
	eventually(y.t, "nothing is left running", func() bool { return len(processesWith(y.t, y.marker)) == 0 })
}

func TestRemoteRunnersShareTheBuilds(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		y := newYard(t, newProgram(t, database, nil, "OORE_RUNNERS=0").start())
		one, two := newRemoteRunner(t, y.url, "one", "--labels", "fast, big"), newRemoteRunner(t, y.url, "two")
		first := y.waitRunner("one", "online")
		y.waitRunner("two", "online")
		if !slices.Contains(first.Labels, "fast") || !slices.Contains(first.Labels, "big") || !slices.Contains(first.Labels, "linux") && !slices.Contains(first.Labels, "macos") {
			t.Errorf("labels %v", first.Labels)
		}
		meet := y.script("Meet", `echo x >> `+y.notes+`; while [ $(wc -l < `+y.notes+`) -lt 2 ]; do sleep 0.02; done`)
		a, b := y.trigger(meet), y.trigger(meet) // each waits for the other, so they run at once
		y.mustSucceed(a)
		y.mustSucceed(b)
		fast := y.script("Fast", "echo ok", "fast")
		for range 3 {
			id := y.trigger(fast)
			y.mustSucceed(id)
			var got struct {
				Name string `json:"runner_name"`
			}
			if y.must("GET", "/v1/builds/"+id, nil, &got); got.Name != "one" {
				t.Errorf("a build that asks for fast ran on %s", got.Name)
			}
		}

		long := y.script("Long", `echo ready; sleep 600`)
		id := y.trigger(long)
		y.printed(id, "ready")
		y.must("POST", "/v1/builds/"+id+"/cancel", nil, nil)
		canceled := time.Now()
		y.nothingLeft()
		t.Logf("canceled and gone after %s", time.Since(canceled).Round(time.Millisecond))

		flag := filepath.Join(t.TempDir(), "go")
		last := y.trigger(y.script("Last", "echo ready; while [ ! -e "+flag+" ]; do sleep 0.02; done", "fast"))
		y.printed(last, "ready")
		one.signal(syscall.SIGTERM)
		y.waitRunner("one", "draining")
		waits := y.trigger(fast)
		if err := writeFile(flag); err != nil {
			t.Fatal(err)
		}
		if code := one.ended(); code != 0 {
			t.Errorf("a drained runner ends with %d", code)
		}
		y.mustSucceed(last)
		if b := y.build(waits); b.Status != "queued" {
			t.Errorf("a build that nobody can take is %s", b.Status)
		}

		again := y.trigger(long)
		y.printed(again, "ready")
		two.signal(syscall.SIGTERM)
		y.waitRunner("two", "draining")
		two.signal(syscall.SIGTERM)
		two.ended()
		if b := y.ended(again); b.StatusReason != "runner_shutdown" || len(y.builds("pipeline_id="+long.ID)) != 3 {
			t.Errorf("stopped at the second signal: %+v", b)
		}
		y.nothingLeft()
	})
}

func TestAKilledRunnerTakesItsWorkUpAgain(t *testing.T) {
	y := newYard(t, newProgram(t, "", nil, "OORE_RUNNERS=0").start())
	r := newRemoteRunner(t, y.url, "one")
	flag := filepath.Join(t.TempDir(), "second")
	id := y.trigger(y.script("Long", "if [ -e "+flag+" ]; then exit 0; fi; (setsid sleep 600 &); echo ready; sleep 600"))
	y.printed(id, "ready")
	r.signal(syscall.SIGKILL)
	y.nothingLeft()
	if err := writeFile(flag); err != nil {
		t.Fatal(err)
	}
	r.env = slices.DeleteFunc(r.env, func(v string) bool { return strings.HasPrefix(v, "OORE_RUNNER_TOKEN=") })
	r.start() // with what it has kept
	if lost := y.ended(id); lost.Status != "failed" || lost.StatusReason != "runner_lost" {
		t.Errorf("the lost build is %+v", lost)
	}
	builds := y.builds("")
	if len(builds) != 2 || builds[0].SourceBuildID != id {
		t.Fatalf("builds %+v", builds)
	}
	y.mustSucceed(builds[0].ID)

	info, err := os.Stat(filepath.Join(r.args[8], "runner.json"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the kept token: %v, %v", info, err)
	}
	y.forget("one")
	if code := r.ended(); code != 1 || !strings.Contains(r.output.String(), "turns this runner away") {
		t.Errorf("a deleted runner ends with %d", code)
	}
	y.keepsPromises()
}

func TestAKilledServerFindsItsRemoteBuildsAgain(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		y := newYard(t, newProgram(t, database, nil, "OORE_RUNNERS=0").start())
		newRemoteRunner(t, y.url, "one")
		newRemoteRunner(t, y.url, "two")
		flags := t.TempDir()
		goes, ends := filepath.Join(flags, "goes"), filepath.Join(flags, "ends")
		long := y.trigger(y.script("Long", counting(goes)))
		short := y.trigger(y.script("Short", counting(ends)))
		y.printed(long, "line 20\n")
		y.printed(short, "line 20\n")
		for range 2 {
			y.kill()
			if err := writeFile(ends); err != nil { // the short one ends while nobody is there
				t.Fatal(err)
			}
			time.Sleep(time.Second)
			y.start()
			y.mustSucceed(short)
		}
		if err := writeFile(goes); err != nil {
			t.Fatal(err)
		}
		y.mustSucceed(long)
		y.mustCount(long)
		y.mustCount(short)
		if builds := y.builds(""); len(builds) != 2 {
			t.Errorf("%d builds, want no rerun", len(builds))
		}
		y.keepsPromises()
	})
}

// shortLease is a server whose leases are short: this test binary (see TestMain), since
// the program has no setting for it.
func shortLease(t *testing.T, database string, ttl time.Duration) *program {
	t.Helper()
	p := newProgram(t, database, nil, "OORE_RUNNERS=0", leaseVariable+"="+ttl.String())
	p.path = os.Args[0]
	return p.start()
}

// leaseVariable makes the test binary a server with such leases.
const leaseVariable = "OORE_TEST_LEASE_TTL"

// serveAsTold is the program with what it has no setting for.
func serveAsTold(tell func(*Config) error) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	cfg, err := loadConfig("serve", nil, os.Environ(), os.Stderr)
	if err != nil {
		return err
	}
	if err := tell(&cfg); err != nil {
		return err
	}
	s, err := newServer(ctx, cfg, newLogger(cfg, os.Stderr))
	if err != nil {
		return err
	}
	defer s.close()
	return s.run(ctx)
}

// line is a wire between a runner and its server that can go dead without a word.
type line struct {
	addr string
	mu   sync.Mutex
	dead bool
	ends map[net.Conn]bool
}

func newLine(t *testing.T, to string) *line {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &line{addr: ln.Addr().String(), ends: map[net.Conn]bool{}}
	t.Cleanup(func() {
		ln.Close()
		l.mend()
	})
	go func() {
		for {
			from, err := ln.Accept()
			if err != nil {
				return
			}
			if far, err := net.Dial("tcp", to); err == nil {
				l.join(from, far)
				go l.carry(from, far)
				go l.carry(far, from)
			}
		}
	}()
	return l
}

func (l *line) join(conns ...net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range conns {
		l.ends[c] = true
	}
}

// carry copies; what comes while the line is dead is lost.
func (l *line) carry(from, to net.Conn) {
	defer from.Close()
	defer to.Close()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		l.mu.Lock()
		dead := l.dead
		l.mu.Unlock()
		if err != nil && !dead {
			return
		}
		if err != nil { // the other end must not hear of it
			time.Sleep(10 * time.Millisecond)
			continue
		}
		if !dead {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
	}
}

func (l *line) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dead = true
}

// mend makes new connections work; the old ones have lost bytes and end.
func (l *line) mend() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dead = false
	for c := range l.ends {
		c.Close()
	}
	clear(l.ends)
}

func TestALineThatIsDeadForAMomentCostsNothing(t *testing.T) {
	t.Parallel()
	p := shortLease(t, "", 30*time.Second)
	y := newYard(t, p)
	wire := newLine(t, p.addr)
	newRemoteRunner(t, "http://"+wire.addr, "one")
	flag := filepath.Join(t.TempDir(), "go")
	id := y.trigger(y.script("Long", counting(flag)))
	y.printed(id, "line 20\n")
	for range 3 {
		wire.cut()
		time.Sleep(time.Second)
		wire.mend()
		seen := len(y.rawLog(id))
		eventually(t, "the log goes on", func() bool { return len(y.rawLog(id)) > seen })
	}
	if err := writeFile(flag); err != nil {
		t.Fatal(err)
	}
	y.mustSucceed(id)
	y.mustCount(id)
	if builds := y.builds(""); len(builds) != 1 {
		t.Errorf("%d builds, want no rerun", len(builds))
	}
	y.keepsPromises()
}

func TestALineThatIsDeadForLongMakesTheRunnerStopBeforeItsBuildIsRunAgain(t *testing.T) {
	t.Parallel()
	p := shortLease(t, "", 28*time.Second) // of which four are left when the runner gives it up
	y := newYard(t, p)
	wire := newLine(t, p.addr)
	newRemoteRunner(t, "http://"+wire.addr, "one")
	y.waitRunner("one", "online")
	// A build that runs notes that it does, again and again.
	pipeline := y.script("Long", `echo ready; while :; do echo $OORE_BUILD_ID >> `+y.notes+`; [ -e `+y.notes+`.go ] && exit 0; sleep 0.05; done`)
	first := y.trigger(pipeline)
	y.printed(first, "ready")
	wire.cut()
	newRemoteRunner(t, y.url, "two")
	lost := y.ended(first)
	if lost.Status != "failed" || lost.StatusReason != "runner_lost" {
		t.Fatalf("the build is %+v", lost)
	}
	if running := processesWith(t, "OORE_BUILD_ID="+first); len(running) > 0 {
		t.Errorf("it was given away while it ran: %v", running)
	}
	second := y.next(2)
	y.printed(second.ID, "ready")
	if err := writeFile(y.notes + ".go"); err != nil {
		t.Fatal(err)
	}
	y.mustSucceed(second.ID)
	notes := y.noted()
	if from := slices.Index(notes, second.ID); from < 0 || slices.Contains(notes[from:], first) {
		t.Errorf("the first build ran when the second did, or the second never: %v", slices.Compact(notes))
	}
	wire.mend()
	y.forget("two")
	y.mustSucceed(y.trigger(pipeline)) // the one that was away takes builds again
	if builds := y.builds(""); len(builds) != 3 {
		t.Errorf("%d builds, want three", len(builds))
	}
	y.keepsPromises()
}

// next is the newest build, once there are n.
func (y *yard) next(n int) buildView {
	y.t.Helper()
	var list []buildView
	eventually(y.t, fmt.Sprintf("there are %d builds", n), func() bool {
		list = y.builds("")
		return len(list) >= n
	})
	return list[0]
}

func TestARunnerSaysWhatItLacks(t *testing.T) {
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"--token", "x"}, "OORE_SERVER"},
		{[]string{"--server", "ci.example.com", "--token", "x"}, "OORE_SERVER"},
		{[]string{"--server", "http://127.0.0.1:1"}, "OORE_RUNNER_TOKEN"},
		{[]string{"--server", "http://127.0.0.1:1", "--slots", "0"}, "OORE_RUNNER_SLOTS"},
	} {
		cmd := exec.Command(path, append([]string{"runner", "--data-dir", t.TempDir()}, test.args...)...)
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}
		out, err := cmd.CombinedOutput()
		if err == nil || cmd.ProcessState.ExitCode() != exitUsage || !strings.Contains(string(out), test.want) {
			t.Errorf("%v: %v\n%s", test.args, err, out)
		}
	}
	s := newProgram(t, "", nil, "OORE_RUNNERS=0").start()
	cmd := exec.Command(path, "runner", "--server", s.url, "--token", "nobodys", "--data-dir", t.TempDir())
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}
	if out, err := cmd.CombinedOutput(); err == nil || cmd.ProcessState.ExitCode() != exitFailed || !strings.Contains(string(out), "register at "+s.url) {
		t.Errorf("an unknown token: %v\n%s", err, out)
	}
}
