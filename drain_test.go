package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/oore-ci/oore/store/storetest"
)

// readiness is what /readyz says; 0: nobody answers.
func (p *program) readiness() (status int, says string) {
	resp, err := http.Get(p.url + "/readyz")
	if err != nil {
		return 0, ""
	}
	defer resp.Body.Close()
	data, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(data)
}

// tell sends the server a signal and lets it go on.
func (p *program) tell(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// over waits for the end of the server and returns its exit code.
func (p *program) over() int {
	p.t.Helper()
	select {
	case <-p.exited:
	case <-time.After(patience):
		p.t.Fatalf("the server did not end:\n%s", p.output)
	}
	return p.cmd.ProcessState.ExitCode()
}

// leaves waits until /readyz says that others are to be asked.
func (p *program) leaves() {
	p.t.Helper()
	eventually(p.t, "/readyz says that the server drains", func() bool {
		status, says := p.readiness()
		return status == http.StatusServiceUnavailable && strings.Contains(says, "draining")
	})
}

// drains waits until the server takes no more builds.
func (p *program) drains() {
	p.t.Helper()
	eventually(p.t, "the server drains", func() bool { return strings.Contains(p.output.String(), "draining: takes no more builds") })
}

// P2, 5.5: who is told to stop takes everything but builds until the last build has ended.
func TestAServerThatIsToldToStopEndsWithItsLastBuild(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		y := newYard(t, newProgram(t, database, nil, "OORE_RUNNERS=1", "OORE_DRAIN=1h").start())
		flag := filepath.Join(t.TempDir(), "go")
		pipeline := y.script("Slow", "echo ready; while [ ! -e "+flag+" ]; do sleep 0.02; done; echo through")
		first := y.trigger(pipeline)
		y.printed(first, "ready")
		y.tell(syscall.SIGTERM)
		y.leaves()
		second := y.trigger(pipeline) // taken, and not built here any more
		var events []string
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		heard := make(chan error, 1)
		go func() {
			heard <- y.stream(ctx, second, "", func(e logEvent) { events = append(events, e.Event) })
		}()
		if err := os.WriteFile(flag, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if code := y.over(); code != 0 {
			t.Errorf("it ends with %d:\n%s", code, y.output)
		}
		if err := <-heard; err == nil || len(events) == 0 || events[len(events)-1] != "reconnect" {
			t.Errorf("the reader of what waits heard %v, %v", events, err)
		}
		if database == "" {
			if left, _ := filepath.Glob(filepath.Join(y.dataDir(), "*-wal")); len(left) > 0 {
				t.Errorf("SQLite's log is left: %v", left)
			}
		}
		y.cmd = nil
		y.start()
		if b := y.ended(first); b.Status != "succeeded" {
			t.Errorf("the build that ran: %+v", b)
		}
		y.mustSucceed(second)
	})
}

// A second signal, and the end of the time that the settings give, hand builds back: they
// are run again, and that counts as no loss.
func TestBuildsAreHandedBack(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		drain   string
		signals []syscall.Signal
	}{
		"at the second signal":   {"1h", []syscall.Signal{syscall.SIGTERM, syscall.SIGTERM}},
		"at Ctrl-C":              {"1h", []syscall.Signal{syscall.SIGINT}},
		"after the time":         {"300ms", []syscall.Signal{syscall.SIGTERM}},
		"at once, if set so":     {"0", []syscall.Signal{syscall.SIGTERM}},
		"at Ctrl-C after a TERM": {"1h", []syscall.Signal{syscall.SIGTERM, syscall.SIGINT}},
	} {
		t.Run(name, func(t *testing.T) {
			y := newYard(t, newProgram(t, "", nil, "OORE_RUNNERS=1", "OORE_DRAIN="+c.drain).start())
			flag := filepath.Join(t.TempDir(), "again")
			pipeline := y.script("Slow", "echo ready; test -e "+flag+" || sleep 600")
			first := y.trigger(pipeline)
			y.printed(first, "ready")
			for i, s := range c.signals {
				if i > 0 {
					y.drains()
				}
				y.tell(s)
			}
			if code := y.over(); code != 0 {
				t.Errorf("it ends with %d:\n%s", code, y.output)
			}
			y.nothingLeft()
			if err := writeFile(flag); err != nil {
				t.Fatal(err)
			}
			y.cmd = nil
			y.start()
			if b := y.ended(first); b.StatusReason != "runner_shutdown" {
				t.Errorf("the build that ran: %+v", b)
			}
			again := y.builds("pipeline_id=" + pipeline.ID)[0]
			if again.SourceBuildID != first {
				t.Fatalf("the newest build is %+v", again)
			}
			y.mustSucceed(again.ID)
		})
	}
}

// One of several goes on for a while, so that no request comes to a closed door.
func TestOneOfSeveralServersSaysThatItLeavesBeforeItDoes(t *testing.T) {
	t.Parallel()
	t.Run("whose build ends", func(t *testing.T) { oneOfSeveralLeaves(t, "1h") })
	t.Run("whose builds are not waited for", func(t *testing.T) { oneOfSeveralLeaves(t, "0") })
}

func oneOfSeveralLeaves(t *testing.T, drain string) {
	t.Parallel()
	database := storetest.Postgres(t)
	common := append(shared(t), "OORE_DRAIN="+drain)
	one := newYard(t, newProgram(t, database, nil, append(common, "OORE_RUNNERS=1")...).start())
	newProgram(t, database, nil, append(common, "OORE_RUNNERS=0")...).start()
	const handsBack = "handing back the builds"
	flag := filepath.Join(t.TempDir(), "go")
	one.printed(one.trigger(one.script("Slow", "echo ready; while [ ! -e "+flag+" ]; do sleep 0.02; done")), "ready")
	told := time.Now()
	one.tell(syscall.SIGTERM)
	one.leaves() // the build gives a busy machine the time for that
	if status := one.call("GET", "/v1/builds", nil, nil); status != http.StatusOK {
		t.Errorf("a request meanwhile is answered %d", status)
	}
	if err := writeFile(flag); err != nil {
		t.Fatal(err)
	}
	if code := one.over(); code != 0 {
		t.Errorf("it ends with %d:\n%s", code, one.output)
	}
	if drain == "0" { // or it may be killed before
		if waited := one.saidAt(handsBack).Sub(one.saidAt("draining:")); waited >= leaveTime {
			t.Errorf("it handed its build back after %s", waited)
		}
	}
	if after := time.Since(told); after < leaveTime {
		t.Errorf("it was there for %s only", after)
	}
}

// A download that was cut made the server end with 1.
func TestADownloadThatIsCutIsNoFailure(t *testing.T) {
	t.Parallel()
	y := newYard(t, newProgram(t, "", nil, "OORE_RUNNERS=1").start())
	id := y.trigger(y.script("Loud", "yes "+strings.Repeat("0123456789", 20)+" | head -n 100000"))
	y.mustSucceed(id)
	conn, err := net.Dial("tcp", y.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.(*net.TCPConn).SetReadBuffer(4096)
	request := "GET /v1/builds/" + id + "/logs HTTP/1.1\r\nHost: oore\r\nAccept: text/plain\r\nAuthorization: Bearer " + adminToken + "\r\n\r\n"
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(conn, make([]byte, 64)); err != nil { // it has begun
		t.Fatal(err)
	}
	y.tell(syscall.SIGINT)
	if code := y.over(); code != 0 || !bytes.Contains([]byte(y.output.String()), []byte("answers were cut")) {
		t.Errorf("it ends with %d:\n%s", code, y.output)
	}
	y.cmd = nil
}

// saidAt is when the log said it.
func (p *program) saidAt(what string) time.Time {
	p.t.Helper()
	for line := range strings.Lines(p.output.String()) {
		var entry struct{ Time time.Time }
		if strings.Contains(line, what) && json.Unmarshal([]byte(line), &entry) == nil {
			return entry.Time
		}
	}
	p.t.Fatalf("the log does not say %q:\n%s", what, p.output)
	return time.Time{}
}
