package main

import (
	"bytes"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// answer is what a command left.
type answer struct {
	code           int
	stdout, stderr string
}

// command runs a command of the program with the installation's settings and more.
func (p *program) command(env []string, args ...string) answer {
	p.t.Helper()
	return p.commandWith("", env, args...)
}

// commandWith gives it something on standard input.
func (p *program) commandWith(stdin string, env []string, args ...string) answer {
	p.t.Helper()
	path, err := binary()
	if err != nil {
		p.t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(p.t.Context(), path, args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = append(append([]string(nil), p.env...), env...), &stdout, &stderr
	cmd.Stdin = strings.NewReader(stdin)
	var ended *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &ended) {
		p.t.Fatal(err)
	}
	return answer{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

func TestWrongConfigurationStartsNothing(t *testing.T) {
	p := newProgram(t, "", nil)
	data := filepath.Join(t.TempDir(), "data")
	a := p.command([]string{"OORE_DATA_DIR=" + data, "OORE_RUNNERS=many", "OORE_LOG_LEVEL=loud", "OORE_GITHUB_APP_ID=1", "OORE_GITHUB_APP_PRIVATE_KEY=x"})
	lines := strings.Split(strings.TrimSpace(a.stderr), "\n")
	if a.code != exitUsage || a.stdout != "" || len(lines) != 3 {
		t.Errorf("%+v, want exit 2 and three lines", a)
	}
	for i, name := range []string{"OORE_RUNNERS: ", "OORE_LOG_LEVEL: ", "OORE_GITHUB_APP_WEBHOOK_SECRET: "} {
		if i < len(lines) && !strings.HasPrefix(lines[i], name) {
			t.Errorf("line %d is %q, want one of %s", i+1, lines[i], name)
		}
	}
	if _, err := os.Stat(data); !os.IsNotExist(err) {
		t.Errorf("the data folder was made: %v", err)
	}
}

func TestAKeyThatIsNoneIsWrongConfiguration(t *testing.T) {
	a := newProgram(t, "", nil).command([]string{"OORE_GITHUB_APP_ID=1", "OORE_GITHUB_APP_PRIVATE_KEY=x", "OORE_GITHUB_APP_WEBHOOK_SECRET=x"})
	if a.code != exitUsage || !strings.HasPrefix(a.stderr, "OORE_GITHUB_APP_PRIVATE_KEY") || strings.Count(a.stderr, "\n") != 1 {
		t.Errorf("%+v", a)
	}
}

func TestCommandsThatNeedNoServer(t *testing.T) {
	p := newProgram(t, "", nil)
	dir := t.TempDir()
	good, broken := filepath.Join(dir, "good.yaml"), filepath.Join(dir, "broken.yaml")
	for path, content := range map[string]string{
		good:   "version: 1\nplatforms: []\ncommands:\n  build: [make]\n",
		broken: "version: 1\nplatforms: []\ncommandz:\n  build: [make]\ntimeout: soon\n",
	} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name           string
		args           []string
		code           int
		stdout, stderr []string
	}{
		{"version", []string{"version"}, 0, []string{"oore dev (commit ", runtime.Version()}, nil},
		{"help", []string{"help"}, 0, []string{"Usage: oore COMMAND", "signin-link"}, nil},
		{"help of a command", []string{"serve", "--help"}, 0, nil, []string{"-listen-addr", "OORE_LISTEN_ADDR"}},
		{"an unknown command", []string{"srve"}, exitUsage, nil, []string{`no command "srve"`, "Usage:"}},
		{"an unknown flag", []string{"--listen", ":1"}, exitUsage, nil, []string{"-listen"}},
		{"an argument too many", []string{"serve", "now"}, exitUsage, nil, []string{`"now"`}},
		{"a good file", []string{"validate", good}, 0, []string{good + " is good: 1 step"}, nil},
		{"a broken file", []string{"validate", broken}, exitFailed, []string{broken + ":3:1: ", broken + ":5:10: "}, []string{"2 to mend"}},
		{"no file", []string{"validate", filepath.Join(dir, "none.yaml")}, exitFailed, nil, []string{"none.yaml"}},
		{"a setup of a name without an address", []string{"setup", "--name", "Ann"}, exitUsage, nil, []string{"--admin"}},
		{"a setup of a token without a host", []string{"setup", "--gitlab-token-file", "-"}, exitUsage, nil, []string{"--gitlab"}},
		{"a setup of two secrets from one place", []string{"setup", "--admin", "a@b.c", "--password-file", "-", "--gitlab", "https://x", "--gitlab-token-file", "-"}, exitUsage, nil, []string{"standard input"}},
		{"a look at nothing", []string{"setup", "--look"}, exitUsage, nil, []string{"--repository"}},
		{"a setup of an argument", []string{"setup", "demo"}, exitUsage, nil, []string{`"demo"`}},
		{"token alone", []string{"token"}, exitUsage, nil, []string{"oore token create --name"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := p.command(nil, c.args...)
			if a.code != c.code {
				t.Errorf("exit %d, want %d: %+v", a.code, c.code, a)
			}
			for _, want := range c.stdout {
				if !strings.Contains(a.stdout, want) {
					t.Errorf("printed %q, want %q in it", a.stdout, want)
				}
			}
			for _, want := range c.stderr {
				if !strings.Contains(a.stderr, want) {
					t.Errorf("complained %q, want %q in it", a.stderr, want)
				}
			}
		})
	}
}

func TestCommandsBesideARunningServer(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		p := newProgram(t, database, nil).start()
		a := p.command(nil, "token", "create", "--name", "laptop", "--role", "viewer")
		token := strings.TrimSpace(a.stdout)
		if a.code != 0 {
			t.Fatalf("token create: %+v", a)
		}
		var me struct{ Role string }
		demoRun{url: p.url, token: token}.get(t, "/v1/users/me", &me)
		if me.Role != "viewer" {
			t.Errorf("the new token has the role %q", me.Role)
		}
		for _, args := range [][]string{{"--name", "x", "--role", "king"}, {"--role", "viewer"}} {
			if a := p.command(nil, append([]string{"token", "create"}, args...)...); a.code != exitUsage || a.stdout != "" || strings.Count(a.stderr, "\n") != 1 {
				t.Errorf("token create %v: %+v, want exit 2 and one line", args, a)
			}
		}
		a = p.command(nil, "signin-link")
		link := strings.TrimSpace(a.stdout)
		if a.code != 0 || !strings.HasPrefix(link, p.url+"/sign-in/") {
			t.Fatalf("signin-link: %+v", a)
		}
		demoRun{link: link}.signsInOnce(t)
	})
}

func TestASecondServerOnTheSameDataFolderIsRefused(t *testing.T) {
	p := newProgram(t, "", nil).start()
	a := p.command([]string{"OORE_LISTEN_ADDR=" + lastingAddr(t)}, "serve")
	if a.code != exitFailed || a.stdout != "" || !strings.Contains(a.stderr, "another Oore runs on the data folder") || !strings.Contains(a.stderr, "OORE_DATA_DIR") {
		t.Errorf("the second server: %+v", a)
	}
	if status := p.as(adminToken, "/v1/users/me"); status != http.StatusOK {
		t.Errorf("the first server now answers %d", status)
	}
}

// A child that a killed server was just starting holds its lock a moment longer.
func TestAServerWaitsForTheLockOfOneThatWasKilled(t *testing.T) {
	dir := t.TempDir()
	p := newProgram(t, "", nil, "OORE_DATA_DIR="+dir)
	lock, err := lockDataDir(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	p.launch()
	select {
	case <-p.exited:
		t.Errorf("it did not wait:\n%s", p.output)
	case <-time.After(500 * time.Millisecond):
	}
	lock.Close()
	p.ready()
}
