package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oore-ci/oore/handlers/github/githubtest"
	"github.com/oore-ci/oore/handlers/slack/slacktest"
)

// examined is what oore doctor found.
type examined struct {
	t      *testing.T
	code   int
	text   string // all that it printed
	Status string
	Total  int
	Checks []struct{ Area, Name, State, Value, Fix string }
}

// examine runs the program with an environment of nothing else.
func examine(t *testing.T, env []string, args ...string) examined {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, append([]string{"doctor", "--json"}, args...)...)
	cmd.Env = env
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	_ = cmd.Run() // the exit code is in cmd
	e := examined{t: t, code: cmd.ProcessState.ExitCode(), text: out.String() + complaints.String()}
	if err := json.Unmarshal(out.Bytes(), &e); err != nil || e.Total != len(e.Checks) {
		t.Fatalf("exit %d, %v: %s", e.code, err, e.text)
	}
	return e
}

func (e examined) must(name, state, says string) {
	e.t.Helper()
	for _, c := range e.Checks {
		if c.Name != name {
			continue
		}
		if c.State != state || !strings.Contains(c.Value+" "+c.Fix, says) {
			e.t.Errorf("%+v, want %s with %q", c, state, says)
		}
		return
	}
	e.t.Errorf("there is no check %s, but %s", name, e.text)
}

func (e examined) mustNotHave(name string) {
	e.t.Helper()
	for _, c := range e.Checks {
		if c.Name == name {
			e.t.Errorf("there is %+v", c)
		}
	}
}

// machineEnv is that of a machine on which nothing has been set up.
func machineEnv(t *testing.T, env ...string) []string {
	t.Helper()
	return append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "OORE_LISTEN_ADDR=" + lastingAddr(t)}, env...)
}

func TestDoctorOnAMachineWithoutAnything(t *testing.T) {
	e := examine(t, machineEnv(t))
	e.must("data folder", "skipped", "first start")
	e.must("database", "skipped", "first start")
	e.must("encryption key", "skipped", "first start")
	e.must("server", "skipped", "does not run")
	e.must("disk", e.state("disk"), "B free")
	e.must("git", e.state("git"), "2.")
	if e.code != 0 || e.Status == "failed" {
		t.Errorf("exit %d, %s", e.code, e.text)
	}
	e = examine(t, machineEnv(t, "PATH="+t.TempDir()))
	e.must("git", "failed", "Install git")
	if e.code != exitFailed || e.Status != "failed" {
		t.Errorf("exit %d, %s", e.code, e.Status)
	}
}

func (e examined) state(name string) string {
	for _, c := range e.Checks {
		if c.Name == name && c.State != "failed" {
			return c.State
		}
	}
	return "ok"
}

func TestDoctorNamesEveryFaultOfTheSettingsAndGoesOn(t *testing.T) {
	e := examine(t, machineEnv(t, "OORE_RUNNERS=many", "OORE_ADMIN_TOKEN=hush-short", "OORE_SLACK_BOT_TOKEN=xoxb-hush", "OORE_LISTENADDR=x"))
	e.must("OORE_RUNNERS", "failed", "0 to 256")
	e.must("OORE_ADMIN_TOKEN", "failed", "32 or more")
	e.must("OORE_SLACK_SIGNING_SECRET", "failed", "set it too")
	e.must("OORE_LISTENADDR", "warning", "spelled")
	e.must("git", e.state("git"), "2.")
	if e.code != exitFailed || strings.Contains(e.text, "hush") {
		t.Errorf("exit %d, %s", e.code, e.text)
	}
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"doctor", "--nonsense"}, {"doctor", "now"}} {
		cmd := exec.Command(path, args...)
		if _ = cmd.Run(); cmd.ProcessState.ExitCode() != exitUsage {
			t.Errorf("%v ends with %d", args, cmd.ProcessState.ExitCode())
		}
	}
}

// A server with everything connected, asked from beside it, by API and by page.
func TestDoctorOfARunningServer(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		gh, slack := githubtest.New(t), slacktest.New(t)
		p := newProgram(t, database, gh, "OORE_SLACK_SIGNING_SECRET="+slacktest.SigningSecret, "OORE_SLACK_BOT_TOKEN="+slacktest.BotToken, "OORE_SLACK_API_URL="+slack.APIURL()).start()
		closed(t, filepath.Dir(keyFileOf(p)))
		eventually(t, "the runner is online", func() bool { return p.runner("built-in").State == "online" })
		e := examine(t, p.env)
		var page examined
		page.t = t
		p.must("GET", "/v1/settings/system", nil, &page)
		for _, found := range []examined{e, page} {
			found.must("data folder", "ok", "")
			found.must("database", "ok", map[bool]string{true: "SQLite 3", false: "PostgreSQL"}[database == ""])
			found.must("encryption key", "ok", "encryption.key")
			found.must("backup", "skipped", "none has been made yet")
			found.must("open files", found.state("open files"), "may be open at once")
			switch {
			case database == "":
				found.must("database settings", "skipped", "SQLite")
				found.must("disk of the database", found.state("disk of the database"), " on ")
			case os.Getenv("OORE_TEST_DATABASE_URL") == "": // the tests' own syncs nothing
				found.must("database settings", "warning", "fsync is off")
			}
			found.must("clock", "ok", "as that of 127.0.0.1")
			found.must("Slack", "ok", " in ")
			found.must(hostOf(gh.URL()), "ok", "")
			found.must("runners", "ok", "online: built-in")
			found.must("labels", "ok", "no pipeline asks")
		}
		e.must("server", "ok", "runs at "+p.url)
		if e.code != 0 {
			t.Errorf("exit %d, %s", e.code, e.text)
		}

		project := p.githubProject(gh.AddRepository("acme/shop", true, githubtest.NewGitRepo(t).Dir).FullName, nil)
		p.pipeline(project.ID, "iOS", map[string]any{"labels": []string{"macos"}})
		slack.Revoke()
		if a := p.command(nil, "backup", filepath.Join(t.TempDir(), "one.backup")); a.code != 0 || a.stderr != "" {
			t.Fatalf("%+v", a)
		}
		e = examine(t, p.env)
		e.must("backup", "ok", "the last was made just now")
		e.must("labels", "failed", "iOS wants macos")
		e.must("Slack", "failed", "OORE_SLACK_BOT_TOKEN")
		if e.code != exitFailed {
			t.Errorf("exit %d", e.code)
		}
		p.kill()
		e = examine(t, p.env)
		e.must("server", "skipped", "does not run")
		e.must("database", "ok", "schema")
	})
}

func TestDoctorTellsAPersonLineByLine(t *testing.T) {
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "doctor")
	cmd.Env = machineEnv(t, "PATH="+t.TempDir())
	out, _ := cmd.Output()
	for _, want := range []string{"\nThis machine\n", "✕ git ", "   not found\n  Install git 2.32 or newer", "- database ", "✓ disk ", " failed\n"} {
		if !strings.Contains(strings.ReplaceAll(string(out), "! disk", "✓ disk"), want) {
			t.Errorf("it lacks %q:\n%s", want, out)
		}
	}
}

func TestDoctorOfDataThatIsNotAsItShouldBe(t *testing.T) {
	p := newProgram(t, "", nil, "OORE_DATABASE_URL=").start()
	dir := filepath.Dir(keyFileOf(p))
	p.stop()
	for name, c := range map[string]struct {
		do                 func() error
		check, state, says string
	}{
		"an open folder": {func() error { return os.Chmod(dir, 0o755) }, "data folder", "warning", "chmod 700"},
		"an open key":    {func() error { return os.Chmod(keyFile(dir), 0o644) }, "encryption key", "warning", "chmod 600"},
		"a damaged key":  {func() error { return os.WriteFile(keyFile(dir), []byte("x"), 0o600) }, "encryption key", "failed", "damaged"},
		"no key":         {func() error { return os.Remove(keyFile(dir)) }, "encryption key", "warning", "the next start makes a new one"},
		"no database": {
			func() error {
				return os.WriteFile(filepath.Join(dir, "oore.db"), bytes.Repeat([]byte("x"), 9000), 0o600)
			}, "database", "failed",
			"not a database",
		},
	} {
		saved := map[string][]byte{}
		for _, file := range []string{keyFile(dir), filepath.Join(dir, "oore.db")} {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			saved[file] = data
		}
		if err := c.do(); err != nil {
			t.Fatal(err)
		}
		t.Run(name, func(t *testing.T) {
			e := examine(t, p.env)
			e.must(c.check, c.state, c.says)
			if c.state == "failed" && e.code != exitFailed {
				t.Errorf("exit %d", e.code)
			}
		})
		for file, data := range saved {
			if err := os.WriteFile(file, data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		closed(t, dir)
	}
}

// closed makes a folder of the tests one as the program makes it.
func closed(t *testing.T, dir string) {
	t.Helper()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
}

func keyFileOf(p *program) string {
	for _, v := range p.env {
		if dir, ok := strings.CutPrefix(v, "OORE_DATA_DIR="); ok {
			return keyFile(dir)
		}
	}
	return ""
}

func TestDoctorOnARunnersMachine(t *testing.T) {
	p := newProgram(t, "", nil, "OORE_RUNNERS=0").start()
	home := t.TempDir()
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home}
	e := examine(t, append(env, "OORE_SERVER="+p.url))
	e.must("server of the runner", "warning", "does not know this machine yet")

	r := newRemoteRunner(t, p.url, "mini", "--labels", "fast")
	p.waitRunner("mini", "online")
	closed(t, r.args[8])
	e = examine(t, env, "--data-dir", r.args[8])
	e.must("server of the runner", "ok", "as mini with fast, ")
	e.must("data folder", "ok", r.args[8])
	e.must("clock", "ok", "as that of 127.0.0.1")
	e.must("git", e.state("git"), "2.")
	e.must("sandbox of builds", e.state("sandbox of builds"), "")
	e.mustNotHave("database")
	e.mustNotHave("server")
	if e.code != 0 {
		t.Errorf("exit %d, %s", e.code, e.text)
	}
	p.forget("mini")
	e = examine(t, env, "--data-dir", r.args[8])
	e.must("server of the runner", "failed", "turns this runner away")
	if e.code != exitFailed || strings.Contains(e.text, runnerTokenPrefix) {
		t.Errorf("exit %d, %s", e.code, e.text)
	}
	p.stop()
	e = examine(t, env, "--data-dir", r.args[8])
	e.must("server of the runner", "failed", "does not answer")
}
