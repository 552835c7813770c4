package storetest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	user = "postgres"
	// patience is for a machine that does much else.
	patience = 3 * time.Minute
)

// Server is a PostgreSQL of the test's own, to be taken away and brought back. It
// listens on a socket in its own folder and syncs to disk like a real one.
type Server struct {
	dir      string
	bin      string
	account  *syscall.Credential // who runs it; nil: we ourselves
	volatile bool                // it syncs nothing, and nobody kills it
	process  *exec.Cmd           // nil while it is stopped
	exited   chan error
	watch    io.Closer // the life-line of the watchdog
}

// NewServer starts a server that goes with the test.
func NewServer(tb testing.TB) *Server {
	tb.Helper()
	s, err := create()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if s.process != nil {
			s.Kill(tb)
		}
		_ = s.watch.Close() // the watchdog clears the folder away
	})
	s.Start(tb)
	return s
}

// URL is the address of a database on the server. A busy machine takes its time to connect.
func (s *Server) URL(database string) string {
	return (&url.URL{Scheme: "postgres", User: url.User(user), Path: "/" + database, RawQuery: url.Values{"host": {s.dir}, "connect_timeout": {"120"}}.Encode()}).String()
}

// Database makes an empty database on the server and returns its address.
func (s *Server) Database(tb testing.TB, name string) string {
	tb.Helper()
	if err := execute(s.URL(user), "CREATE DATABASE "+name); err != nil {
		tb.Fatalf("create database %s: %v", name, err)
	}
	return s.URL(name)
}

// Start starts a stopped server and waits until it answers.
func (s *Server) Start(tb testing.TB) {
	tb.Helper()
	if err := s.start(); err != nil {
		tb.Fatal(err)
	}
}

// Stop shuts the server down in good order; connections are cut.
func (s *Server) Stop(tb testing.TB) {
	tb.Helper()
	s.end(tb, os.Interrupt)
}

// Kill ends the server by SIGKILL, as a crash would.
func (s *Server) Kill(tb testing.TB) {
	tb.Helper()
	s.end(tb, os.Kill)
}

func (s *Server) end(tb testing.TB, signal os.Signal) {
	tb.Helper()
	if err := s.process.Process.Signal(signal); err != nil {
		tb.Fatalf("stop PostgreSQL: %v", err)
	}
	select {
	case <-s.exited:
	case <-time.After(patience):
		tb.Fatalf("PostgreSQL does not stop:\n%s", s.log())
	}
	s.process = nil
	// A killed server leaves its process id behind, which by now may be another's.
	_ = os.Remove(filepath.Join(s.dir, "data", "postmaster.pid"))
}

// create makes the server's folder and cluster and the watchdog that clears both away.
func create() (*Server, error) {
	bin, err := installed()
	if err != nil {
		return nil, err
	}
	account, err := unprivileged()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "oore-postgres-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for PostgreSQL: %w", err)
	}
	s := &Server{dir: dir, bin: bin, account: account}
	if account != nil {
		if err := os.Chown(dir, int(account.Uid), int(account.Gid)); err != nil {
			return nil, fmt.Errorf("hand the folder over to PostgreSQL: %w", err)
		}
	}
	if s.watch, err = s.watchdog(); err != nil {
		return nil, err
	}
	out, err := s.command("initdb", "-D", filepath.Join(dir, "data"), "-U", user, "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync").CombinedOutput()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("initdb: %w\n%s", err, out), s.watch.Close())
	}
	return s, nil
}

// watchdog starts a shell that waits for the end of this process, however it comes,
// and then ends the server and removes its folder.
func (s *Server) watchdog() (io.Closer, error) {
	const script = `
		cat >/dev/null
		pid=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null) && kill -QUIT "$pid"
		while [ -e "$1/data/postmaster.pid" ] && kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
		rm -rf "$1"`
	cmd := exec.Command("/bin/sh", "-c", script, "sh", s.dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	line, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("watch over PostgreSQL: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("watch over PostgreSQL: %w", err)
	}
	go func() { _ = cmd.Wait() }()
	return line, nil
}

// start waits for what a killed server left behind: its last processes hold the
// shared memory for a moment and keep a new one from starting.
func (s *Server) start() error {
	deadline := time.Now().Add(patience)
	for {
		err := s.launch()
		if !errors.Is(err, errEnded) || time.Now().After(deadline) {
			return err
		}
	}
}

var errEnded = errors.New("PostgreSQL ended at once")

func (s *Server) launch() error {
	log, err := os.OpenFile(s.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("start PostgreSQL: %w", err)
	}
	defer func() { _ = log.Close() }()
	cmd := s.command("postgres", "-D", filepath.Join(s.dir, "data"), "-k", s.dir, "-c", "listen_addresses=", "-c", "max_connections=200")
	if s.volatile {
		cmd.Args = append(cmd.Args, "-c", "fsync=off")
	}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start PostgreSQL: %w", err)
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	s.process, s.exited = cmd, exited
	return s.await()
}

// await waits until the server takes connections.
func (s *Server) await() error {
	db, err := sql.Open("pgx", s.URL(user))
	if err != nil {
		return fmt.Errorf("connect to PostgreSQL: %w", err)
	}
	defer func() { _ = db.Close() }()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		if err = db.PingContext(ctx); err == nil {
			return nil
		}
		select {
		case <-s.exited:
			return fmt.Errorf("%w:\n%s", errEnded, s.log())
		case <-ctx.Done():
			return fmt.Errorf("PostgreSQL does not answer: %w\n%s", err, s.log())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (s *Server) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(s.bin, name), args...)
	cmd.Dir = s.dir
	// Its own group: a Ctrl-C at the test is not meant for it, the watchdog ends it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: s.account}
	return cmd
}

func (s *Server) logFile() string { return filepath.Join(s.dir, "log") }

func (s *Server) log() string {
	text, err := os.ReadFile(s.logFile())
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// installed finds the folder with the server's binaries.
func installed() (string, error) {
	var dirs []string
	if out, err := exec.Command("pg_config", "--bindir").Output(); err == nil {
		dirs = append(dirs, strings.TrimSpace(string(out)))
	}
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql*/bin", "/usr/local/opt/postgresql*/bin",
	} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			return "", fmt.Errorf("look for PostgreSQL: %w", err)
		}
		slices.Reverse(found) // newest first
		dirs = append(dirs, found...)
	}
	if path, err := exec.LookPath("postgres"); err == nil {
		dirs = append(dirs, filepath.Dir(path))
	}
	for _, dir := range dirs {
		_, noServer := os.Stat(filepath.Join(dir, "postgres"))
		_, noInit := os.Stat(filepath.Join(dir, "initdb"))
		if noServer == nil && noInit == nil {
			return dir, nil
		}
	}
	return "", errors.New("PostgreSQL is not installed; `make deps` installs it, or set OORE_TEST_DATABASE_URL to a server where databases may be created")
}
