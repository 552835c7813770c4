package storetest

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// PgBouncer puts a real PgBouncer in transaction mode before the database at address and
// returns its address there. Where it is not installed the test is skipped.
func PgBouncer(tb testing.TB, address string) string {
	tb.Helper()
	program, library := pgBouncer()
	if program == "" {
		tb.Skip("there is no pgbouncer; `make deps` installs it")
	}
	account, err := unprivileged()
	if err != nil {
		tb.Fatal(err)
	}
	to, err := url.Parse(address)
	if err != nil {
		tb.Fatal(err)
	}
	host := to.Query().Get("host")
	if host == "" {
		host = to.Hostname()
	}
	port := to.Port()
	if port == "" {
		port = "5432"
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	at := ln.Addr().String()
	ln.Close()
	dir, err := os.MkdirTemp("", "oore-pgbouncer-") //nolint:usetesting // another account must come to it
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = os.RemoveAll(dir) })
	password := ""
	if word, set := to.User.Password(); set {
		password = "password=" + word
	}
	settings := fmt.Sprintf(`[databases]
* = host=%s port=%s user=%s %s
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %s
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 20
ignore_startup_parameters = extra_float_digits
log_connections = 0
log_disconnections = 0
`, host, port, to.User.Username(), password, at[strings.LastIndex(at, ":")+1:])
	file := filepath.Join(dir, "pgbouncer.ini")
	if err := os.WriteFile(file, []byte(settings), 0o600); err != nil {
		tb.Fatal(err)
	}
	cmd := exec.Command(program, file)
	cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+library)
	if account != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: account}
		for _, path := range []string{dir, file} {
			if err := os.Chown(path, int(account.Uid), int(account.Gid)); err != nil {
				tb.Fatal(err)
			}
		}
	}
	var said strings.Builder
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if tb.Failed() {
			tb.Logf("PgBouncer said:\n%s", said.String())
		}
	})
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		if conn, err := net.Dial("tcp", at); err == nil {
			conn.Close()
			break
		}
		if time.Now().After(end) {
			tb.Fatal("PgBouncer does not listen")
		}
	}
	query := url.Values{"sslmode": {"disable"}, "connect_timeout": {"120"}, "default_query_exec_mode": {"cache_describe"}}
	return (&url.URL{Scheme: "postgres", User: to.User, Host: at, Path: to.Path, RawQuery: query.Encode()}).String()
}

// pgBouncer is the program, and where the library is that came with it.
func pgBouncer() (program, library string) {
	if path, err := exec.LookPath("pgbouncer"); err == nil {
		return path, ""
	}
	dir, err := os.Getwd()
	for err == nil && dir != filepath.Dir(dir) {
		path := filepath.Join(dir, ".ci", "bin", "pgbouncer")
		if _, missing := os.Stat(path); missing == nil {
			return path, filepath.Join(dir, ".ci", "bin")
		}
		dir = filepath.Dir(dir)
	}
	return "", ""
}
