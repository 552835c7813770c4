package main

import (
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/oore-ci/oore/store/blob"
)

// Config is everything that the environment and the flags say. Secrets are never
// printed.
type Config struct {
	ListenAddr     string
	PublicURL      string // without a trailing slash
	DataDir        string
	DatabaseURL    string
	BlobDir        string         // folder of blobs, or of what is on its way to S3
	S3             *blob.S3Config // nil: blobs are in BlobDir
	Runners        int
	Drain          time.Duration // for builds that run here when the server is told to stop
	AdminToken     string
	MetricsToken   string
	LogLimit       int64
	WorkspaceLimit int64 // of a build's workspace
	CacheLimit     int64 // of all caches on this machine
	LocalRoots     []string
	LogLevel       string
	LogFormat      string
	Traces         bool // to the collector that OpenTelemetry's own variables name

	Sandbox         bool
	SandboxWritable []string
	SecretFiles     []string // in which settings are given

	EncryptionKey []byte // nil: the data folder's key file

	GitHubAppID         int64
	GitHubPrivateKey    string
	GitHubWebhookSecret string
	GitHubAPIURL        string
	GitHubWebURL        string

	GitLabURL           string
	GitLabToken         string
	GitLabWebhookSecret string

	SlackSigningSecret string
	SlackBotToken      string
	SlackAPIURL        string

	SMTPURL        string
	SMTPFrom       string
	NotifyNetworks []netip.Prefix // notifications may go there although they are not public

	ConnectNetworks []netip.Prefix // what is connected may be there although it is not public
	TrustedProxies  []netip.Prefix // may say for whom they ask

	SignIn signInConfig

	leaseTTL time.Duration // no setting, but for tests; 0: core.LeaseTTL
}

// setting is one variable: its name, what it means, and how it is read.
type setting struct {
	env   string
	usage string
	read  func(c *Config, value string) error
}

func text(field func(*Config) *string) func(*Config, string) error {
	return func(c *Config, value string) error {
		*field(c) = value
		return nil
	}
}

// settings is the table of contract section 2, as far as this version goes.
func settings() []setting {
	return append([]setting{
		{"OORE_LISTEN_ADDR", "address to listen on (default 127.0.0.1:8787)", text(func(c *Config) *string { return &c.ListenAddr })},
		{"OORE_PUBLIC_URL", "address under which people and forges reach Oore (default http:// and the listen address)", text(func(c *Config) *string { return &c.PublicURL })},
		{"OORE_DATA_DIR", "folder for database, mirrors and workspaces", text(func(c *Config) *string { return &c.DataDir })},
		{"OORE_DATABASE_URL", "postgres://… (default: an SQLite file in the data folder)", text(func(c *Config) *string { return &c.DatabaseURL })},
		{"OORE_BLOB_URL", "folder for artifacts and ended logs, or s3://bucket?endpoint=https://host&region=name (default: blobs in the data folder)", readBlobURL},
		{"OORE_RUNNERS", "builds that run here at once; 0: none (default: half the CPUs, at least 1)", readRunners},
		{"OORE_ADMIN_TOKEN", "bearer token of an owner, 32 characters or more", text(func(c *Config) *string { return &c.AdminToken })},
		{"OORE_METRICS_TOKEN", "bearer token that lets /metrics be read from elsewhere than this machine", text(func(c *Config) *string { return &c.MetricsToken })},
		{"OORE_LOG_LIMIT", "most that is kept of one build's log (default 256MiB)", readSize(func(c *Config) *int64 { return &c.LogLimit })},
		{"OORE_WORKSPACE_LIMIT", "most that a build may write into its folder (default 50GiB)", readSize(func(c *Config) *int64 { return &c.WorkspaceLimit })},
		{"OORE_CACHE_LIMIT", "most that is kept on this machine for the caches of builds (default 10GiB)", readSize(func(c *Config) *int64 { return &c.CacheLimit })},
		{"OORE_LOCAL_ROOTS", "folders in which local repositories may lie, separated by : (default: your home)", readLocalRoots},
		{"OORE_SANDBOX", "on or off: builds write only where they must, and cannot read the data folder (default on; macOS: off)", readSandbox},
		{"OORE_SANDBOX_WRITABLE", "more folders and files that builds may write to, separated by :", readSandboxWritable},
		{"OORE_LOG_LEVEL", "debug, info, warn or error (default info)", text(func(c *Config) *string { return &c.LogLevel })},
		{"OORE_LOG_FORMAT", "text or json (default: text on a terminal)", text(func(c *Config) *string { return &c.LogFormat })},
		{"OORE_ENCRYPTION_KEY", "32 bytes in base64 that seal stored keys (default: the file encryption.key in the data folder, made at the first start)", readEncryptionKey},
		{"OORE_GITHUB_APP_ID", "numeric id of the GitHub App", readAppID},
		{"OORE_GITHUB_APP_PRIVATE_KEY", "the App's private key, PEM", text(func(c *Config) *string { return &c.GitHubPrivateKey })},
		{"OORE_GITHUB_APP_WEBHOOK_SECRET", "the App's webhook secret", text(func(c *Config) *string { return &c.GitHubWebhookSecret })},
		{"OORE_GITHUB_API_URL", "API of GitHub Enterprise (default https://api.github.com/)", text(func(c *Config) *string { return &c.GitHubAPIURL })},
		{"OORE_GITHUB_WEB_URL", "pages of GitHub Enterprise (default https://github.com/)", text(func(c *Config) *string { return &c.GitHubWebURL })},
		{"OORE_GITLAB_URL", "a GitLab host, with its path prefix if it has one (default https://gitlab.com/)", text(func(c *Config) *string { return &c.GitLabURL })},
		{"OORE_GITLAB_TOKEN", "access token with the scope api for that host", text(func(c *Config) *string { return &c.GitLabToken })},
		{"OORE_GITLAB_WEBHOOK_SECRET", "secret that is good for all repositories of that host", text(func(c *Config) *string { return &c.GitLabWebhookSecret })},
		{"OORE_SLACK_SIGNING_SECRET", "signing secret of the Slack app", text(func(c *Config) *string { return &c.SlackSigningSecret })},
		{"OORE_SLACK_BOT_TOKEN", "the Slack app's bot token (xoxb-…); without it commands are answered, and channels are told nothing", text(func(c *Config) *string { return &c.SlackBotToken })},
		{"OORE_SLACK_API_URL", "Slack's API (default https://slack.com/api/)", text(func(c *Config) *string { return &c.SlackAPIURL })},
		{"OORE_SMTP_URL", "mail server for notifications, smtp://user:password@host:587 (STARTTLS) or smtps://…:465", text(func(c *Config) *string { return &c.SMTPURL })},
		{"OORE_SMTP_FROM", "sender of that mail, for example Oore <ci@example.com>", text(func(c *Config) *string { return &c.SMTPFrom })},
	}, slices.Concat(drainSettings(), networkSettings(), signInSettings())...)
}

// readBlobURL reads a folder, which is a path or a file:// address, or a bucket.
func readBlobURL(c *Config, value string) error {
	scheme, rest, ok := strings.Cut(value, "://")
	switch {
	case ok && scheme == "s3":
		bucket, err := blob.ParseS3(value)
		c.S3, c.BlobDir = &bucket, ""
		return err
	case ok && scheme == "file":
		value = rest
	}
	if !filepath.IsAbs(value) {
		return fmt.Errorf("%q is no absolute path of a folder", value)
	}
	c.S3, c.BlobDir = nil, filepath.Clean(value)
	return nil
}

func readEncryptionKey(c *Config, value string) (err error) {
	if c.EncryptionKey, err = base64.StdEncoding.DecodeString(strings.TrimSpace(value)); err != nil || len(c.EncryptionKey) != 32 {
		return errors.New("give 32 bytes in base64, for example from: openssl rand -base64 32")
	}
	return nil
}

func readAppID(c *Config, value string) (err error) {
	if c.GitHubAppID, err = strconv.ParseInt(value, 10, 64); err != nil || c.GitHubAppID < 1 {
		return errors.New("give the number that GitHub shows as App ID")
	}
	return nil
}

func readLocalRoots(c *Config, value string) (err error) {
	c.LocalRoots, err = absolutePaths(value)
	return err
}

func absolutePaths(list string) (paths []string, err error) {
	for _, path := range filepath.SplitList(list) {
		if !filepath.IsAbs(path) {
			return nil, fmt.Errorf("%q is no absolute path", path)
		}
		paths = append(paths, filepath.Clean(path))
	}
	return paths, nil
}

func defaults() Config {
	home, err := os.UserHomeDir()
	if err != nil {
		home = "/var/lib/oore"
	}
	data := filepath.Join(home, ".local", "share", "oore")
	if runtime.GOOS == "darwin" {
		data = filepath.Join(home, "Library", "Application Support", "oore")
	}
	return Config{
		ListenAddr: "127.0.0.1:8787", DataDir: data, Runners: max(1, runtime.NumCPU()/2), Drain: defaultDrain, LogLimit: 256 << 20, WorkspaceLimit: 50 << 30,
		CacheLimit: 10 << 30, LocalRoots: []string{home}, LogLevel: "info", Sandbox: runtime.GOOS == "linux",
		GitHubAPIURL: "https://api.github.com/", GitHubWebURL: "https://github.com/", GitLabURL: "https://gitlab.com/", SlackAPIURL: "https://slack.com/api/",
		SignIn: signInConfig{Passwords: true}, ConnectNetworks: privateNetworks(),
	}
}

// flagName is a variable's name as a flag: OORE_LISTEN_ADDR is --listen-addr, and
// OORE_RUNNER_NAME is the runner's --name.
func flagName(env string) string {
	name := strings.TrimPrefix(strings.TrimPrefix(env, "OORE_"), "RUNNER_")
	return strings.ReplaceAll(strings.ToLower(name), "_", "-")
}

// loadConfig reads flags over environment over defaults. All faults are in the
// error, one line each.
func loadConfig(name string, args []string, environ []string, stderr io.Writer) (Config, error) {
	c := defaults()
	faults, err := c.read(name, settings(), args, environ, stderr)
	if err != nil {
		return c, err
	}
	faults = append(faults, c.readTraces(environ)...)
	for _, fault := range c.validate() {
		if !slices.ContainsFunc(faults, func(f error) bool { return variable(f) == variable(fault) }) {
			faults = append(faults, fault)
		}
	}
	if len(faults) > 0 {
		return c, usageError{errors.Join(faults...)}
	}
	return c, nil
}

// read reads a table of settings. An error ends it; faults are those of values.
func (c *Config) read(name string, table []setting, args, environ []string, stderr io.Writer) (faults []error, err error) {
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.SetOutput(stderr)
	given := map[string]*string{}
	for _, s := range table {
		given[s.env] = flags.String(flagName(s.env), "", s.usage+" ["+s.env+"]")
	}
	if err := flags.Parse(args); err != nil {
		return nil, flagError(err)
	}
	if flags.NArg() > 0 {
		return nil, usageError{fmt.Errorf("%s takes no argument %q", name, flags.Arg(0))}
	}
	env := environment(environ)
	c.SecretFiles = env.files(table)
	for _, s := range table {
		value, err := env.value(s.env)
		if *given[s.env] != "" {
			value, err = *given[s.env], nil
		}
		if err == nil && value != "" {
			err = s.read(c, value)
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", s.env, err))
		}
	}
	return faults, nil
}

// variable is what a fault names first.
func variable(fault error) string {
	name, _, _ := strings.Cut(fault.Error(), ":")
	return name
}

type environment []string

func (e environment) lookup(name string) string {
	for _, pair := range slices.Backward(e) {
		if value, ok := strings.CutPrefix(pair, name+"="); ok {
			return value
		}
	}
	return ""
}

// value reads NAME, or the file that NAME_FILE names.
func (e environment) value(name string) (string, error) {
	value, path := e.lookup(name), e.lookup(name+"_FILE")
	if path == "" {
		return value, nil
	}
	if value != "" {
		return "", fmt.Errorf("set either it or %s_FILE", name)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	return strings.TrimRight(string(data), "\r\n"), nil
}

// unknown lists OORE_ variables that this version does not read, so that nobody
// believes them to work. OORE_DB_PASSWORD is read by what starts us: compose.yaml had it for
// the database, whose login would break without it.
func (e environment) unknown() []string {
	var names []string
	for _, pair := range e {
		name, _, _ := strings.Cut(pair, "=")
		known := slices.ContainsFunc(settings(), func(s setting) bool { return name == s.env || name == s.env+"_FILE" })
		if strings.HasPrefix(name, "OORE_") && !strings.HasPrefix(name, "OORE_TEST_") && name != "OORE_DB_PASSWORD" && !known {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
