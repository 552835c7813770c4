package main

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"go.yaml.in/yaml/v3"
	"howett.net/plist"

	"github.com/oore-ci/oore/store/storetest"
)

// The files of docs/deploy, as far as they can be tried without the machines that they are
// for. docs/deploy/kubernetes/check reads the manifests as Kubernetes does.

// mustKnow fails for variables that neither the server nor a runner reads.
func mustKnow(t *testing.T, where string, names ...string) {
	t.Helper()
	known := map[string]bool{}
	for _, s := range slices.Concat(settings(), (&runnerConfig{}).settings()) {
		known[s.env], known[s.env+"_FILE"] = true, true
	}
	for _, name := range names {
		if strings.HasPrefix(name, "OORE_") && !known[name] {
			t.Errorf("%s sets %s, which nobody reads", where, name)
		}
	}
}

// mustTake fails if the program does not know a command or a flag of it.
func mustTake(t *testing.T, where string, args ...string) {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(path, append(args, "--help")...).CombinedOutput(); err != nil {
		t.Errorf("%s starts %q: %v: %s", where, args, err, out)
	}
}

func TestUnitsAreWhatSystemdTakes(t *testing.T) {
	variable := regexp.MustCompile(`OORE_[A-Z_]+`)
	for name, as := range map[string]string{"oore.service": "oore.service", "oore-runner@.service": "oore-runner@a.service"} {
		text := deployFile(t, name)
		mustKnow(t, name, variable.FindAllString(text, -1)...)
		command := regexp.MustCompile(`(?m)^ExecStart=/usr/local/bin/oore (.*)$`).FindStringSubmatch(text)
		if command == nil {
			t.Fatalf("%s starts nothing", name)
		}
		mustTake(t, name, strings.Fields(command[1])...)
		if !strings.Contains(text, "\nOOMPolicy=continue\n") { // else one build's process takes all others with it
			t.Errorf("%s is stopped when one of its processes is killed for want of memory", name)
		}
		t.Run(name, func(t *testing.T) {
			if exec.Command("systemd-analyze", "--version").Run() != nil {
				t.Skip("NOT TESTED: systemd-analyze, which alone judges units, is not on this machine (macOS has none, containers often not): install systemd")
			}
			path, err := binary()
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(t.TempDir(), as)
			// It looks for the program and the user.
			text := regexp.MustCompile(`(?m)^User=.*$`).ReplaceAllString(swap(t, text, "/usr/local/bin/oore", path), "User=root")
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			out, err := exec.Command("systemd-analyze", "verify", file).CombinedOutput()
			if err != nil || strings.Contains(string(out), as) { // it looks at the machine's own units too
				t.Errorf("%v: %s", err, out)
			}
			if name != "oore.service" || !canJudge() {
				return
			}
			// Of 100; without the bounds it would be above 90.
			if out, err := exec.Command("systemd-analyze", "security", "--offline=yes", "--threshold=30", "--no-pager", file).CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}

// canJudge tells whether systemd-analyze judges units that are not installed: from 250 on.
func canJudge() bool {
	out, _ := exec.Command("systemd-analyze", "security", "--help").Output()
	return strings.Contains(string(out), "--offline")
}

func TestAgentsAreWhatLaunchdTakes(t *testing.T) {
	for _, name := range []string{"sh.oore.server", "sh.oore.runner"} {
		file := name + ".plist"
		var agent struct {
			Label                string
			ProgramArguments     []string
			EnvironmentVariables map[string]string
			RunAtLoad            bool
			KeepAlive            map[string]bool
			ExitTimeOut          int
		}
		if _, err := plist.Unmarshal([]byte(deployFile(t, file)), &agent); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if agent.Label != name || !agent.RunAtLoad || agent.KeepAlive["SuccessfulExit"] || len(agent.KeepAlive) != 1 || agent.ExitTimeOut < 60 || len(agent.ProgramArguments) < 2 {
			t.Errorf("%s: %+v", file, agent)
		}
		for variable := range agent.EnvironmentVariables {
			mustKnow(t, file, variable)
		}
		mustTake(t, file, agent.ProgramArguments[1:]...)
		if out, err := exec.Command("plutil", "-lint", "docs/deploy/"+file).CombinedOutput(); runtime.GOOS == "darwin" && err != nil {
			t.Errorf("%v: %s", err, out)
		}
	}
}

// manifestPod is the part of a StatefulSet that says what runs in it.
type manifestPod struct {
	Spec struct {
		Template struct {
			Spec struct {
				Containers []struct {
					Command, Args []string
					Env           []struct {
						Name, Value string
						ValueFrom   struct {
							SecretKeyRef struct{ Key string } `yaml:"secretKeyRef"`
						} `yaml:"valueFrom"`
					}
				}
			}
		}
	}
}

// podOf reads the only StatefulSet of a file: its command, and its variables; those of the
// secret are "secret <key>".
func podOf(t *testing.T, file string) (command []string, env map[string]string) {
	t.Helper()
	var pod manifestPod
	decoder := yaml.NewDecoder(strings.NewReader(deployFile(t, "kubernetes/"+file)))
	for {
		var one manifestPod
		if err := decoder.Decode(&one); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if len(one.Spec.Template.Spec.Containers) == 1 {
			pod = one
		}
	}
	if len(pod.Spec.Template.Spec.Containers) != 1 {
		t.Fatalf("%s has no container", file)
	}
	c := pod.Spec.Template.Spec.Containers[0]
	env = map[string]string{}
	for _, e := range c.Env {
		if env[e.Name] = e.Value; e.ValueFrom.SecretKeyRef.Key != "" {
			env[e.Name] = "secret " + e.ValueFrom.SecretKeyRef.Key
		}
		mustKnow(t, file, e.Name)
	}
	return append(c.Command, c.Args...), env
}

func environOf(env map[string]string) (all []string) {
	for name, value := range env {
		all = append(all, name+"="+value)
	}
	return all
}

// TestTheManifestsContainersWorkTogether starts what the containers start, with the
// variables that they get, on one machine: a real PostgreSQL, the real S3 server by its own
// command, the server and a runner.
func TestTheManifestsContainersWorkTogether(t *testing.T) {
	freeAddr, data := lastingAddr(t), t.TempDir()
	_, port, err := net.SplitHostPort(freeAddr)
	if err != nil {
		t.Fatal(err)
	}
	gateway, err := filepath.Abs(".ci/bin")
	if err != nil {
		t.Fatal(err)
	}
	command, _ := podOf(t, "3-s3.yaml")
	if len(command) != 3 || command[0] != "/bin/sh" {
		t.Fatalf("the command is %q", command)
	}
	s3 := exec.Command(command[0], command[1], swap(t, command[2], "/data", data, ":7070", freeAddr))
	s3.Env = []string{"PATH=" + os.Getenv("PATH") + ":" + gateway, "ROOT_ACCESS_KEY=oore", "ROOT_SECRET_KEY=a-secret-of-the-bucket"}
	s3.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := s3.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-s3.Process.Pid, syscall.SIGKILL)
		_ = s3.Wait() // it was killed
	})

	_, env := podOf(t, "4-server.yaml")
	if faults := faultsOf(t, env, map[string]string{"OORE_ADMIN_TOKEN": "change me", "OORE_ENCRYPTION_KEY": "change me"}); !slices.Equal(faults, []string{"OORE_ADMIN_TOKEN", "OORE_ENCRYPTION_KEY", "OORE_TRUSTED_PROXIES"}) {
		t.Errorf("with the secrets and the network of the file: %v", faults)
	}
	p := newProgram(t, storetest.Postgres(t), nil)
	for name, value := range map[string]string{
		"OORE_LISTEN_ADDR": p.addr, "OORE_DATA_DIR": t.TempDir(), "OORE_BLOB_URL": swap(t, env["OORE_BLOB_URL"], "http://s3:7070", "http://127.0.0.1:"+port),
		"AWS_ACCESS_KEY_ID": "oore", "AWS_SECRET_ACCESS_KEY": "a-secret-of-the-bucket", "OORE_DATABASE_URL": p.database(),
		"OORE_ENCRYPTION_KEY": base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("k"), 32)), "OORE_ADMIN_TOKEN": adminToken,
		"OORE_TRUSTED_PROXIES": "127.0.0.1",
	} {
		if _, known := env[name]; !known {
			t.Errorf("the server is not given %s", name)
		}
		env[name] = value
	}
	p.env = append(environOf(env), "PATH="+os.Getenv("PATH"), "HOME="+t.TempDir())
	p.start()

	command, env = podOf(t, "5-runners.yaml")
	env["OORE_SERVER"], env["OORE_DATA_DIR"], env["OORE_RUNNER_NAME"], env["OORE_RUNNER_TOKEN"] = p.url, t.TempDir(), "oore-runner-0", adminToken
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	runner := exec.Command(path, command...)
	runner.Env = append(environOf(env), "PATH="+os.Getenv("PATH"), "HOME="+t.TempDir())
	if err := runner.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = runner.Process.Signal(syscall.SIGTERM)
		_ = runner.Wait() // it was told to end
	})
	p.waitRunner("oore-runner-0", "online")
}

// faultsOf are the variables that the configuration complains of.
func faultsOf(t *testing.T, env, change map[string]string) (names []string) {
	t.Helper()
	whole := map[string]string{"HOME": t.TempDir()}
	for name, value := range env {
		whole[name] = value
		if strings.HasPrefix(value, "secret ") {
			whole[name] = change[name]
		}
	}
	t.Setenv("AWS_ACCESS_KEY_ID", "oore")
	if _, err := load(environOf(whole)); err != nil {
		for line := range strings.SplitSeq(err.Error(), "\n") {
			name, _, _ := strings.Cut(line, ":")
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func TestTheDocumentsLinksLead(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)]+)\)`)
	err := filepath.WalkDir("docs", func(name string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(name, ".md") {
			return err
		}
		for _, m := range link.FindAllStringSubmatch(readFile(t, name), -1) {
			target, _, _ := strings.Cut(m[1], "#")
			if target == "" || strings.Contains(target, "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(name), target)); err != nil {
				t.Errorf("%s links to %s, which is not there", name, target)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
