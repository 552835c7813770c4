package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/runner"
)

// runnerTokenPrefix tells a runner's own token from a person's.
const runnerTokenPrefix = "oorer_"

// runnerConfig is what a remote runner is told. Of Config it uses data folder, limit
// of caches, sandbox and log.
type runnerConfig struct {
	Config
	Server string
	Token  string
	Name   string
	Labels []string
	Slots  int
}

func (r *runnerConfig) settings() []setting {
	own := []setting{
		{"OORE_SERVER", "address of the server, for example https://ci.example.com", text(func(*Config) *string { return &r.Server })},
		{"OORE_RUNNER_TOKEN", "at the first start an owner's or admin's token, which registers this machine, or a runner's own token", text(func(*Config) *string { return &r.Token })},
		{"OORE_RUNNER_NAME", "what it is called (default: this machine's name); counts when it is registered", text(func(*Config) *string { return &r.Name })},
		{"OORE_RUNNER_LABELS", "labels beside those of the platform, separated by commas; count when it is registered", r.readLabels},
		{"OORE_RUNNER_SLOTS", "builds at once (default: half the CPUs, at least 1)", r.readSlots},
	}
	for _, s := range settings() {
		switch s.env {
		case "OORE_DATA_DIR", "OORE_WORKSPACE_LIMIT", "OORE_CACHE_LIMIT", "OORE_SANDBOX", "OORE_SANDBOX_WRITABLE", "OORE_LOG_LEVEL", "OORE_LOG_FORMAT":
			own = append(own, s)
		}
	}
	return own
}

func (r *runnerConfig) readLabels(_ *Config, value string) error {
	for label := range strings.SplitSeq(value, ",") {
		if label = strings.TrimSpace(label); label != "" {
			r.Labels = append(r.Labels, label)
		}
	}
	return nil
}

func (r *runnerConfig) readSlots(_ *Config, value string) (err error) {
	if r.Slots, err = strconv.Atoi(value); err != nil || r.Slots < 1 || r.Slots > 256 {
		return errors.New("give a number from 1 to 256")
	}
	return nil
}

func loadRunnerConfig(args, environ []string, stderr io.Writer) (runnerConfig, error) {
	r := runnerConfig{Config: defaults(), Slots: max(1, runtime.NumCPU()/2)}
	r.DataDir += "-runner" // the same machine may serve, too
	if host, err := os.Hostname(); err == nil {
		r.Name = host
	}
	faults, err := r.read("runner", r.settings(), args, environ, stderr)
	if err != nil {
		return r, err
	}
	faults = append(faults, r.validateCommon()...)
	if len(faults) > 0 {
		return r, usageError{errors.Join(faults...)}
	}
	return r, nil
}

// sandbox is what builds are confined to; nil: they are not.
func (r *runnerConfig) sandbox() *runner.SandboxOptions {
	if !r.Sandbox {
		return nil
	}
	return &runner.SandboxOptions{Writable: r.SandboxWritable, Hidden: absolute(append(r.SecretFiles, neighbors()...))}
}

// membership is what a runner keeps of its registration.
type membership struct {
	Server string `json:"server"`
	Token  string `json:"token"`
}

func membershipFile(dir string) string { return filepath.Join(dir, "runner.json") }

func readMembership(dir string) (membership, error) {
	var m membership
	data, err := os.ReadFile(membershipFile(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return m, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &m)
	}
	if err != nil {
		return membership{}, fmt.Errorf("read what this runner was given: %w; delete %s to register it again", err, membershipFile(dir))
	}
	return m, nil
}

func (m membership) save(dir string) error {
	data, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if err := writeWhole(membershipFile(dir), data); err != nil {
		return fmt.Errorf("keep the runner's token: %w", err)
	}
	return nil
}

// runnerCommand runs the builds of a server on another machine until it is told to
// stop: once, and it takes no more and ends with the last that runs; twice, and it
// stops those too.
func runnerCommand(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	cfg, err := loadRunnerConfig(args, os.Environ(), stderr)
	if err != nil {
		return err
	}
	log := newLogger(cfg.Config, stderr)
	defer flush(log)
	if err := hideMemory(); err != nil {
		log.Warn("hide the runner's environment from builds", "error", err)
	}
	lock, err := lockDataDir(ctx, cfg.DataDir)
	if err != nil {
		return err
	}
	defer lock.Close()
	remote, self, err := cfg.join(ctx, log)
	if err != nil {
		return err
	}
	pool, err := runner.New(runner.Options{
		Jobs: remote, Runner: self, Slots: cfg.Slots, Dir: cfg.DataDir, Log: log, Sandbox: cfg.sandbox(), WorkspaceLimit: cfg.WorkspaceLimit,
		CacheLimit: cfg.CacheLimit, Spool: true,
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "%s · runner %s · labels %s · %s\n", versionLine(), self.Name, strings.Join(self.Labels, ", "), cfg.Server)
	return runUntilTwice(ctx, pool, log)
}

// runUntilTwice runs the pool; ctx ends with the first signal.
func runUntilTwice(ctx context.Context, pool *runner.Pool, log *slog.Logger) error {
	hard, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	defer context.AfterFunc(ctx, func() {
		log.Info("taking no more builds; stops with the last, or at the next signal")
		again := make(chan os.Signal, 1)
		signal.Notify(again, os.Interrupt, syscall.SIGTERM)
		defer signal.Stop(again)
		pool.Drain()
		select {
		case <-again:
			log.Info("stopping the builds that run")
			stop()
		case <-hard.Done():
		}
	})()
	return pool.Run(hard)
}

// join makes this machine a runner of the server, or finds that it is one.
func (r *runnerConfig) join(ctx context.Context, log *slog.Logger) (*runner.Remote, core.Runner, error) {
	own := strings.HasPrefix(r.Token, runnerTokenPrefix)
	m, err := readMembership(r.DataDir)
	if err != nil && !own {
		return nil, core.Runner{}, err
	}
	if err != nil {
		log.Warn("what this runner was given cannot be read; its token is that of OORE_RUNNER_TOKEN", "error", err)
	}
	if r.Server == "" {
		r.Server = m.Server
	}
	if err := webURL(r.Server); err != nil {
		return nil, core.Runner{}, usageError{fmt.Errorf("OORE_SERVER: %w", err)}
	}
	warnPlain(r.Server, log)
	token := m.Token
	switch {
	case own:
		token = r.Token
	case token == "" && r.Token == "":
		return nil, core.Runner{}, usageError{errors.New("OORE_RUNNER_TOKEN: this machine is not registered yet; give an owner's or admin's token, for example from: oore token create --name runners --role admin")}
	case token == "":
		if token, err = r.register(ctx, log); err != nil {
			return nil, core.Runner{}, fmt.Errorf("register at %s: %w", r.Server, err)
		}
	}
	if now := (membership{Server: r.Server, Token: token}); now != m {
		if err := now.save(r.DataDir); err != nil {
			return nil, core.Runner{}, err
		}
	}
	remote, err := runner.NewRemote(runner.RemoteOptions{Server: r.Server, Token: token, Version: version, Log: log})
	if err != nil {
		return nil, core.Runner{}, err
	}
	self, err := remote.Identify(ctx)
	if err != nil {
		return nil, self, fmt.Errorf("%s turns this runner away: %w (what it was given is in %s; delete that to register it again)", r.Server, err, membershipFile(r.DataDir))
	}
	self.Version = version
	return remote, self, nil
}

func (r *runnerConfig) register(ctx context.Context, log *slog.Logger) (token string, err error) {
	admin, err := runner.NewRemote(runner.RemoteOptions{Server: r.Server, Token: r.Token, Version: version, Log: log})
	if err != nil {
		return "", err
	}
	return admin.Register(ctx, core.Runner{
		Name: r.Name, Labels: r.Labels, Platform: core.Platform(runtime.GOOS, runtime.GOARCH), Slots: r.Slots,
	})
}

// warnPlain says what plain HTTP means, unless nobody can listen.
func warnPlain(server string, log *slog.Logger) {
	if isPlain(server) {
		log.Warn("The server is asked over plain HTTP: whoever can listen on the way sees this runner's token, credentials of repositories and secrets. Put HTTPS before the server.", "server", server)
	}
}
