package runner

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// stopGrace is what processes get between SIGTERM and SIGKILL.
const stopGrace = 500 * time.Millisecond

// stopPatience bounds the wait for processes that even SIGKILL does not end (a
// hanging disk). The shim is left behind then and goes on trying.
const stopPatience = 15 * time.Second

var errShimLost = errors.New("the process that watches over the build has gone")

// shim is the pool's hold on a re-executed copy of our binary (RunShim). It runs one
// command at a time. After an error of its own it is of no use any more.
type shim struct {
	conn    *net.UnixConn
	replies chan shimReply // closed when the shim has gone
	meter   core.Meter

	mu    sync.Mutex    // of writing
	armed bool          // keep has a meaning
	until time.Duration // when, by Uptime, it kills all, if it is armed; 0: it was not told
}

// command is what a shim starts. Its standard input is /dev/null; files become its
// descriptors 1, 2, 3, … and are closed on our side whatever happens.
type command struct {
	argv  []string
	dir   string
	env   []string
	files []*os.File

	sandbox *sandbox // nil: none
}

func (c command) closeFiles() {
	for _, f := range c.files {
		_ = f.Close()
	}
}

func startShim(exe string) (*shim, error) {
	conn, theirs, err := socketpair()
	if err != nil {
		return nil, err
	}
	defer func() { _ = theirs.Close() }()
	cmd := exec.Command(exe, shimArg)
	cmd.Args[0] = "oore"
	cmd.Dir = "/"
	cmd.Env = []string{"GOMAXPROCS=1"} // nothing of ours for a build to read there
	cmd.ExtraFiles = []*os.File{theirs}
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // out of reach of the terminal's Ctrl-C
	if err := cmd.Start(); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("start the shim %s: %w", exe, err)
	}
	s := &shim{conn: conn, replies: make(chan shimReply, 4), meter: core.NoMeter{}}
	go s.listen(cmd)
	return s, nil
}

// listen ends when the shim does.
func (s *shim) listen(cmd *exec.Cmd) {
	for {
		var r shimReply
		if _, err := readFrame(s.conn, &r); err != nil {
			break
		}
		s.replies <- r
	}
	close(s.replies)
	_ = cmd.Wait()
}

// gone tells whether a shim that runs nothing has ended.
func (s *shim) gone() bool {
	select {
	case _, ok := <-s.replies:
		return !ok
	default:
		return false
	}
}

// run runs a command to its end. When ctx ends first, it stops everything that the
// shim runs and returns the cause. Any other error but a *startError breaks the
// shim.
func (s *shim) run(ctx context.Context, c command) (exit, error) {
	if strings.Contains(strings.Join(c.argv, " "), "\x00") {
		c.closeFiles()
		return exit{}, &startError{argv0: c.argv[0], reason: "the command holds a NUL character"}
	}
	err := s.write(shimRequest{Argv: c.argv, Dir: c.dir, Env: c.env, Sandbox: c.sandbox}, c.files...)
	c.closeFiles()
	if err != nil {
		return exit{}, errors.Join(errShimLost, err)
	}
	core.CrashPoint("process.started")
	select {
	case r, ok := <-s.replies:
		switch {
		case !ok && s.late():
			return exit{}, errLeaseLost
		case !ok:
			return exit{}, errShimLost
		case r.Exit == nil:
			return exit{}, &startError{argv0: c.argv[0], reason: r.Err}
		}
		return *r.Exit, nil
	case <-ctx.Done():
		if err := s.stop(graceFor(ctx)); err != nil {
			return exit{}, err
		}
		return exit{}, context.Cause(ctx)
	}
}

func (s *shim) write(r shimRequest, files ...*os.File) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Stop {
		s.armed = false
	}
	return writeFrame(s.conn, r, files...)
}

// arm begins a build, for which keep is called from time to time until stop.
func (s *shim) arm() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.armed, s.until = true, 0
}

// keep lets a build's processes live until then, by Uptime; they do not outlive it, even if this
// process stands still. After a stop it does nothing. A shim that has gone is noticed by
// others.
func (s *shim) keep(until time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.armed {
		s.until = until
		_ = writeFrame(s.conn, shimRequest{Until: until})
	}
}

// late tells whether the shim has ended what was not kept.
func (s *shim) late() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.armed && s.until > 0 && Uptime() >= s.until
}

// graceFor: whoever lost the build to another runner has no time to give.
func graceFor(ctx context.Context) time.Duration {
	if errors.Is(context.Cause(ctx), errLeaseLost) {
		return 0
	}
	return stopGrace
}

// stop ends every process that the shim ever started, and what those started. It
// returns when nothing is left.
func (s *shim) stop(grace time.Duration) error {
	if err := s.write(shimRequest{Stop: true, Grace: grace}); err != nil {
		return errors.Join(errShimLost, err)
	}
	patience := time.NewTimer(grace + stopPatience)
	defer patience.Stop()
	for {
		select {
		case r, ok := <-s.replies:
			switch {
			case !ok:
				return errShimLost
			case r.Clean:
				s.note("term", r.Asked)
				s.note("kill", r.Killed)
				return nil
			}
		case <-patience.C:
			s.note("failed", 1)
			return fmt.Errorf("processes of the build survive SIGKILL since %s", stopPatience)
		}
	}
}

func (s *shim) note(stage string, processes int) {
	if processes > 0 {
		s.meter.Note(core.MetricKills, float64(processes), stage)
	}
}

// release breaks the life-line: the shim kills what it still runs, and exits.
func (s *shim) release() { _ = s.conn.Close() }

// startError says that a command could not be started at all.
type startError struct{ argv0, reason string }

func (e *startError) Error() string { return fmt.Sprintf("cannot start %s: %s", e.argv0, e.reason) }
