package runner

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// tableEnv makes the test binary a shim that is no subreaper, as on macOS. The process
// table is what it reads in the named file.
const tableEnv = "RUNNER_TEST_PROCESS_TABLE"

func runShimWithout(file string) {
	conn, err := unixConn(lifeLine)
	if err != nil {
		panic(err)
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		panic(err)
	}
	children := make(chan os.Signal, 1)
	signal.Notify(children, syscall.SIGCHLD)
	w := &warden{conn: conn, null: null, groups: map[int]bool{}, table: func() (list []process) {
		data, _ := os.ReadFile(file)
		for line := range strings.Lines(string(data)) {
			var p process
			_, _ = fmt.Sscan(line, &p.pid, &p.parent, &p.group)
			list = append(list, p)
		}
		return list
	}}
	w.serve(children)
}

// orphanedShim is such a shim and the process table that it is shown.
type orphanedShim struct {
	*shim
	t     *testing.T
	table string
}

func startOrphanedShim(t *testing.T) *orphanedShim {
	t.Helper()
	conn, theirs, err := socketpair()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = theirs.Close() }()
	s := &orphanedShim{
		shim: &shim{conn: conn, replies: make(chan shimReply, 4), meter: core.NoMeter{}},
		t:    t, table: filepath.Join(t.TempDir(), "table"),
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), tableEnv+"="+s.table)
	cmd.ExtraFiles = []*os.File{theirs}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		s.listen(cmd)
		close(ended)
	}()
	t.Cleanup(func() {
		s.show(process{1, 0, 1}) // or it would not believe that nobody is left
		s.release()
		<-ended
	})
	return s
}

// show is what the shim sees from now on; before, it sees nothing.
func (s *orphanedShim) show(table ...process) {
	s.t.Helper()
	var lines string
	for _, p := range table {
		lines += fmt.Sprintln(p.pid, p.parent, p.group)
	}
	if err := os.WriteFile(s.table, []byte(lines), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// sh runs a script to its end and returns what it prints, to be read until all that hold its output are gone.
func (s *orphanedShim) sh(script string) *os.File {
	s.t.Helper()
	r, w, err := pipe()
	if err != nil {
		s.t.Fatal(err)
	}
	_ = r.SetReadDeadline(time.Now().Add(patience))
	s.t.Cleanup(func() { _ = r.Close() })
	code, err := s.run(s.t.Context(), command{argv: []string{"/bin/sh", "-c", script}, dir: "/", env: os.Environ(), files: []*os.File{w}})
	if err != nil || code.Code != 0 {
		s.t.Fatalf("%s: %v, exit %d", script, err, code.Code)
	}
	return r
}

// A fork bomb kept ps from being started: then nobody was killed, and all was said to be gone.
func TestAShimThatSeesNobodyKillsAllTheSame(t *testing.T) {
	s := startOrphanedShim(t)
	out := s.sh("sleep 300 &")
	stopped := make(chan error, 1)
	go func() { stopped <- s.stop(0) }()
	if _, err := io.ReadAll(out); err != nil {
		t.Errorf("what the command left is not killed: %v", err)
	}
	select {
	case err := <-stopped:
		t.Errorf("it says without a look that nobody is left: %v", err)
	default:
	}
	s.show(process{1, 0, 1})
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}
