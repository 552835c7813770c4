package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/github/githubtest"
	"github.com/oore-ci/oore/handlers/web/browsertest"
	"github.com/oore-ci/oore/runner"
	"github.com/oore-ci/oore/store/storetest"
)

// The tests of this package drive the built program, as a user would.

// patience is how long a test waits for what must happen: a machine may have more to do than
// our tests, so only what never happens may outlast it.
const patience = 3 * time.Minute

const adminToken = "an-admin-token-of-the-end-to-end-tests"

// binary builds the program once for all tests.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "oore-e2e-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "oore")
	out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build the program: %w: %s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	told := map[string]func(*Config) *time.Duration{
		leaseVariable: func(c *Config) *time.Duration { return &c.leaseTTL }, askVariable: func(c *Config) *time.Duration { return &c.SignIn.askEvery },
		proofVariable: func(c *Config) *time.Duration { return &c.SignIn.proof },
	}
	for name, field := range told {
		value := os.Getenv(name)
		if value == "" {
			continue
		}
		err := serveAsTold(func(c *Config) (err error) {
			*field(c), err = time.ParseDuration(value)
			return err
		})
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(exitFailed)
		}
		return
	}
	if free, total, err := runner.DiskSpace(os.TempDir()); err == nil && runner.AlmostFull(free, total) {
		fmt.Fprintf(os.Stderr, "The disk of %s has %s free, and servers take no builds there before %s are: free some for these tests.\n",
			os.TempDir(), core.HumanSize(free), core.HumanSize(runner.LeastFree(total)))
		os.Exit(exitFailed)
	}
	code := m.Run()
	browsertest.Stop()
	if path, err := binary(); err == nil {
		os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// program is one installation of Oore: a data folder and a database that outlive
// the process.
type program struct {
	t      testing.TB
	path   string // of the program; empty: the built one
	addr   string
	url    string
	env    []string
	cmd    *exec.Cmd
	exited chan struct{}
	output outputFile
}

// outputFile is a file and no pipe: what the server started and left behind holds
// its output open, and a pipe would make us wait for that.
type outputFile struct{ *os.File }

func newOutputFile(t testing.TB) outputFile {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(t.TempDir(), "output"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return outputFile{f}
}

func (f outputFile) String() string {
	data, err := os.ReadFile(f.Name())
	if err != nil {
		return err.Error()
	}
	return string(data)
}

// newProgram prepares an installation on a database, with a GitHub App if gh is given.
func newProgram(t testing.TB, database string, gh *githubtest.Server, env ...string) *program {
	t.Helper()
	addr := lastingAddr(t)
	p := &program{t: t, addr: addr, url: "http://" + addr, output: newOutputFile(t)}
	p.env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "OORE_DATA_DIR=" + t.TempDir(), "OORE_LISTEN_ADDR=" + addr,
		"OORE_ADMIN_TOKEN=" + adminToken, "OORE_DATABASE_URL=" + database, "OORE_RUNNERS=2", "OORE_DRAIN=0",
		"OORE_LOCAL_ROOTS=" + os.TempDir(),
	}
	if gh != nil {
		p.env = append(p.env, "OORE_GITHUB_APP_ID="+fmt.Sprint(gh.AppID), "OORE_GITHUB_APP_PRIVATE_KEY="+string(gh.PrivateKeyPEM),
			"OORE_GITHUB_APP_WEBHOOK_SECRET="+gh.WebhookSecret, "OORE_GITHUB_API_URL="+gh.APIURL(), "OORE_GITHUB_WEB_URL="+gh.URL())
	}
	p.env = append(p.env, env...)
	t.Cleanup(func() {
		p.signal(syscall.SIGINT) // unlike at stop, one of several servers does not wait until it is known
		if t.Failed() {
			t.Logf("output of the server:\n%s", p.output)
		}
	})
	return p
}

// addrs are those that lastingAddr has given: no two tests get the same.
var addrs sync.Map

// lastingAddr is a free address that stays free while the server is down: its port
// lies below those that the system gives to outgoing connections.
func lastingAddr(t testing.TB) string {
	t.Helper()
	for range 100 {
		addr := fmt.Sprintf("127.0.0.1:%d", 10_000+rand.N(20_000))
		if _, taken := addrs.LoadOrStore(addr, true); taken {
			continue
		}
		if ln, err := net.Listen("tcp", addr); err == nil {
			ln.Close()
			return addr
		}
	}
	t.Fatal("no port is free")
	return ""
}

// start starts the server and waits until it is ready.
func (p *program) start() *program {
	p.t.Helper()
	p.launch()
	p.ready()
	return p
}

// launch starts the server.
func (p *program) launch() {
	p.t.Helper()
	path, err := p.path, error(nil)
	if path == "" {
		path, err = binary()
	}
	if err != nil {
		p.t.Fatal(err)
	}
	p.cmd = exec.Command(path, "serve")
	p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = p.env, p.output.File, p.output.File
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	exited := make(chan struct{})
	p.exited = exited
	cmd := p.cmd
	go func() {
		_ = cmd.Wait() // how it ended is the business of the test that ends it
		close(exited)
	}()
}

// ready waits until the server is ready.
func (p *program) ready() {
	p.t.Helper()
	eventually(p.t, "the server is ready", func() bool {
		select {
		case <-p.exited:
			p.t.Fatalf("the server ended at start:\n%s", p.output)
		default:
		}
		resp, err := http.Get(p.url + "/readyz")
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

// kill is kill -9.
func (p *program) kill() { p.signal(syscall.SIGKILL) }

// stop is what an init system does.
func (p *program) stop() { p.signal(syscall.SIGTERM) }

func (p *program) signal(s syscall.Signal) {
	if p.cmd == nil {
		return
	}
	_ = p.cmd.Process.Signal(s) // it may have ended by itself
	select {
	case <-p.exited:
	case <-time.After(patience):
		_ = p.cmd.Process.Kill()
		p.t.Errorf("the server did not end within %s of %s", patience, s)
	}
	p.cmd = nil
}

// call asks the API as the admin and decodes the answer into out (if not nil). It
// returns the HTTP status.
func (p *program) call(method, path string, in, out any) int {
	p.t.Helper()
	var body io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			p.t.Fatal(err)
		}
		body = bytes.NewReader(data)
	}
	req, err := http.NewRequest(method, p.url+path, body)
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+adminToken)
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	if out != nil {
		if err := json.Unmarshal(data, out); err != nil {
			p.t.Fatalf("%s %s answered %d: %s", method, path, resp.StatusCode, data)
		}
	}
	return resp.StatusCode
}

// must is call for what has to work.
func (p *program) must(method, path string, in, out any) {
	p.t.Helper()
	var raw json.RawMessage
	if status := p.call(method, path, in, &raw); status >= 300 {
		p.t.Fatalf("%s %s answered %d: %s", method, path, status, raw)
	}
	if out != nil {
		if err := json.Unmarshal(raw, out); err != nil {
			p.t.Fatalf("%s %s: %v: %s", method, path, err, raw)
		}
	}
}

// The parts of the API's answers that the tests read.
type (
	projectView  struct{ ID, Slug string }
	pipelineView struct {
		ID            string `json:"id"`
		StatusContext string `json:"status_context"`
	}
	buildView struct {
		ID            string `json:"id"`
		Number        int    `json:"build_number"`
		PipelineID    string `json:"pipeline_id"`
		Status        string `json:"status"`
		StatusReason  string `json:"status_reason"`
		StatusMessage string `json:"status_message"`
		Branch        string `json:"branch"`
		SHA           string `json:"commit_sha"`
		TriggerType   string `json:"trigger_type"`
		SourceBuildID string `json:"source_build_id"`
		Steps         []struct {
			Name   string `json:"name"`
			Status string `json:"status"`
		} `json:"steps"`
	}
	buildsView struct {
		Builds []buildView `json:"builds"`
		Total  int         `json:"total"`
	}
	deliveryView struct {
		ID         string `json:"id"`
		DeliveryID string `json:"delivery_id"`
		Status     string `json:"status"`
		Reason     struct{ Code, Text string }
		Verdicts   []struct {
			Pipeline string `json:"pipeline"`
			Matched  bool   `json:"matched"`
			Code     string `json:"code"`
			Reason   string `json:"reason"`
			BuildID  string `json:"build_id"`
		} `json:"verdicts"`
	}
	deliveriesView struct {
		Deliveries []deliveryView `json:"deliveries"`
		Total      int            `json:"total"`
	}
)

// githubProject links a repository of the double.
func (p *program) githubProject(fullName string, more map[string]any) projectView {
	p.t.Helper()
	in := map[string]any{"name": fullName, "repository": map[string]any{"provider": "github", "full_name": fullName}}
	for k, v := range more {
		in[k] = v
	}
	var project projectView
	p.must("POST", "/v1/projects", in, &project)
	return project
}

func (p *program) pipeline(projectID, name string, more map[string]any) pipelineView {
	p.t.Helper()
	in := map[string]any{"name": name}
	for k, v := range more {
		in[k] = v
	}
	var pipeline pipelineView
	p.must("POST", "/v1/projects/"+projectID+"/pipelines", in, &pipeline)
	return pipeline
}

func (p *program) builds(query string) []buildView {
	p.t.Helper()
	var list buildsView
	p.must("GET", "/v1/builds?limit=200&"+query, nil, &list)
	return list.Builds
}

func (p *program) build(id string) buildView {
	p.t.Helper()
	var b buildView
	p.must("GET", "/v1/builds/"+id, nil, &b)
	return b
}

func (b buildView) ended() bool {
	return b.Status != "queued" && b.Status != "assigned" && b.Status != "running"
}

// ended waits until a build has ended.
func (p *program) ended(id string) buildView {
	p.t.Helper()
	var b buildView
	eventually(p.t, "build "+id+" has ended", func() bool {
		b = p.build(id)
		return b.ended()
	})
	return b
}

// decided waits until a delivery is decided and returns it.
func (p *program) decided(id string) deliveryView {
	p.t.Helper()
	var d deliveryView
	eventually(p.t, "delivery "+id+" is decided", func() bool {
		p.must("GET", "/v1/deliveries/"+id, nil, &d)
		return d.Status != "received"
	})
	return d
}

// logEvent is one message of the SSE stream.
type logEvent struct {
	Event, ID string
	Data      json.RawMessage
}

// stream reads a build's log stream from a place until it is done.
func (p *program) stream(ctx context.Context, buildID, lastEventID string, each func(logEvent)) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+"/v1/builds/"+buildID+"/logs/stream", nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+adminToken)
	if lastEventID != "" {
		req.Header.Set("Last-Event-ID", lastEventID)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the stream was answered %d", resp.StatusCode)
	}
	var e logEvent
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		field, value, _ := strings.Cut(lines.Text(), ": ")
		switch field {
		case "event":
			e.Event = value
		case "id":
			e.ID = value
		case "data":
			e.Data = append(json.RawMessage(nil), value...)
		case "":
			if e.Event != "" {
				each(e)
			}
			if e.Event == "done" {
				return nil
			}
			e = logEvent{}
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	return io.ErrUnexpectedEOF
}

// eventually waits for a condition.
func eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it did not happen within %s: %s", patience, what)
		}
	}
}

// onBoth runs a test on SQLite and on PostgreSQL.
func onBoth(t *testing.T, f func(t *testing.T, database string)) {
	t.Run("sqlite", func(t *testing.T) { f(t, "") })
	t.Run("postgres", func(t *testing.T) { f(t, storetest.Postgres(t)) })
}

// processesWith lists the processes, zombies aside, that have a text in their
// arguments or environment.
func processesWith(t testing.TB, text string) []string {
	t.Helper()
	if runtime.GOOS != "linux" {
		out, err := exec.Command("ps", "-axww", "-o", "pid=,command=").Output()
		if err != nil {
			t.Fatal(err)
		}
		var found []string
		for line := range strings.Lines(string(out)) {
			if strings.Contains(line, text) {
				found = append(found, strings.TrimSpace(line))
			}
		}
		return found
	}
	paths, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, path := range paths {
		if filepath.Base(path) == fmt.Sprint(os.Getpid()) {
			continue
		}
		args, _ := os.ReadFile(path + "/cmdline") // it may end while we look
		env, _ := os.ReadFile(path + "/environ")
		if bytes.Contains(args, []byte(text)) || bytes.Contains(env, []byte(text)) {
			found = append(found, path+" "+string(bytes.ReplaceAll(args, []byte{0}, []byte{' '})))
		}
	}
	return found
}

func writeFile(path string) error { return os.WriteFile(path, nil, 0o600) }
