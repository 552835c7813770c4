package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// longToken is long enough for an admin token.
const longToken = "0123456789abcdef0123456789abcdef"

func load(environ []string, args ...string) (Config, error) {
	return loadConfig("serve", args, environ, io.Discard)
}

func TestNothingNeedsToBeConfigured(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	data := filepath.Join(home, ".local", "share", "oore")
	if runtime.GOOS == "darwin" {
		data = filepath.Join(home, "Library", "Application Support", "oore")
	}
	got, err := load(nil)
	want := Config{
		ListenAddr: "127.0.0.1:8787", PublicURL: "http://127.0.0.1:8787", DataDir: data, DatabaseURL: "sqlite:" + filepath.Join(data, "oore.db"), BlobDir: filepath.Join(data, "blobs"),
		Runners: max(1, runtime.NumCPU()/2), Drain: 30 * time.Minute, LogLimit: 256 << 20, WorkspaceLimit: 50 << 30, CacheLimit: 10 << 30, LocalRoots: []string{home}, LogLevel: "info", Sandbox: runtime.GOOS == "linux",
		GitHubAPIURL: "https://api.github.com/", GitHubWebURL: "https://github.com/",
		GitLabURL: "https://gitlab.com/", SlackAPIURL: "https://slack.com/api/", SignIn: signInConfig{Passwords: true}, ConnectNetworks: privateNetworks(),
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
}

func TestSettingsAreReadFromFlagsThenFromTheEnvironment(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte(longToken+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		environ []string
		args    []string
		got     func(Config) any
		want    any
	}{
		{"a variable", []string{"OORE_RUNNERS=3"}, nil, func(c Config) any { return c.Runners }, 3},
		{"no runners", []string{"OORE_RUNNERS=0"}, nil, func(c Config) any { return c.Runners }, 0},
		{"builds that are not waited for", []string{"OORE_DRAIN=0"}, nil, func(c Config) any { return c.Drain }, time.Duration(0)},
		{"an empty variable", []string{"OORE_LOG_LEVEL="}, nil, func(c Config) any { return c.LogLevel }, "info"},
		{"the last of two", []string{"OORE_RUNNERS=3", "OORE_RUNNERS=4"}, nil, func(c Config) any { return c.Runners }, 4},
		{"a flag", nil, []string{"--listen-addr", ":9000"}, func(c Config) any { return c.ListenAddr }, ":9000"},
		{"a flag over a variable", []string{"OORE_RUNNERS=3"}, []string{"--runners=5"}, func(c Config) any { return c.Runners }, 5},
		{"a flag over a wrong variable", []string{"OORE_RUNNERS=x"}, []string{"--runners=5"}, func(c Config) any { return c.Runners }, 5},
		{"a file", []string{"OORE_ADMIN_TOKEN_FILE=" + secret}, nil, func(c Config) any { return c.AdminToken }, longToken},
		{"a flag over a file", []string{"OORE_ADMIN_TOKEN_FILE=" + secret}, []string{"--admin-token", "x" + longToken}, func(c Config) any { return c.AdminToken }, "x" + longToken},
		{"an address without a slash at its end", []string{"OORE_PUBLIC_URL=https://ci.example.com/"}, nil, func(c Config) any { return c.PublicURL }, "https://ci.example.com"},
		{"a public address made of the listen address", []string{"OORE_LISTEN_ADDR=10.0.0.1:80"}, nil, func(c Config) any { return c.PublicURL }, "http://10.0.0.1:80"},
		{"a database in the data folder", []string{"OORE_DATA_DIR=/srv/oore"}, nil, func(c Config) any { return c.DatabaseURL }, "sqlite:/srv/oore/oore.db"},
		{"artifacts in the data folder", []string{"OORE_DATA_DIR=/srv/oore"}, nil, func(c Config) any { return c.BlobDir }, "/srv/oore/blobs"},
		{"artifacts elsewhere", []string{"OORE_BLOB_URL=/srv/blobs/"}, nil, func(c Config) any { return c.BlobDir }, "/srv/blobs"},
		{"artifacts by address", []string{"OORE_BLOB_URL=file:///srv/blobs"}, nil, func(c Config) any { return c.BlobDir }, "/srv/blobs"},
		{"another database", []string{"OORE_DATABASE_URL=postgres://db/oore"}, nil, func(c Config) any { return c.DatabaseURL }, "postgres://db/oore"},
		{"a size in MiB", []string{"OORE_LOG_LIMIT=1.5 MiB"}, nil, func(c Config) any { return c.LogLimit }, int64(3 << 19)},
		{"a size in MB", []string{"OORE_LOG_LIMIT=2MB"}, nil, func(c Config) any { return c.LogLimit }, int64(2_000_000)},
		{"a size as a flag", []string{"OORE_WORKSPACE_LIMIT=1GiB"}, []string{"--workspace-limit", "2GiB"}, func(c Config) any { return c.WorkspaceLimit }, int64(2 << 30)},
		{"a size in bytes", []string{"OORE_LOG_LIMIT=4096"}, nil, func(c Config) any { return c.LogLimit }, int64(4096)},
		{"a size of caches", []string{"OORE_CACHE_LIMIT=20GiB"}, nil, func(c Config) any { return c.CacheLimit }, int64(20 << 30)},
		{"caches by default", nil, nil, func(c Config) any { return c.CacheLimit }, int64(10 << 30)},
		{"networks", []string{"OORE_NOTIFY_NETWORKS=10.1.2.3/16, 192.168.7.20,fd00::/8"}, nil, func(c Config) any { return fmt.Sprint(c.NotifyNetworks) }, "[10.1.0.0/16 192.168.7.20/32 fd00::/8]"},
		{"hosts that are not public", nil, nil, func(c Config) any { return len(c.ConnectNetworks) }, 7},
		{"hosts in one network", []string{"OORE_CONNECT_NETWORKS=10.1.2.3"}, nil, func(c Config) any { return fmt.Sprint(c.ConnectNetworks) }, "[10.1.2.3/32]"},
		{"public hosts alone", []string{"OORE_CONNECT_NETWORKS=none"}, nil, func(c Config) any { return len(c.ConnectNetworks) }, 0},
		{"proxies", []string{"OORE_TRUSTED_PROXIES=127.0.0.1,10.1.2.3/16"}, nil, func(c Config) any { return fmt.Sprint(c.TrustedProxies) }, "[127.0.0.1/32 10.1.0.0/16]"},
		{"two roots", []string{"OORE_LOCAL_ROOTS=/srv/git/:/home/ann"}, nil, func(c Config) any { return strings.Join(c.LocalRoots, " ") }, "/srv/git /home/ann"},
	} {
		t.Run(c.name, func(t *testing.T) {
			config, err := load(c.environ, c.args...)
			if err != nil || c.got(config) != c.want {
				t.Errorf("%v, %v, want %v", c.got(config), err, c.want)
			}
		})
	}
}

func TestEveryFaultHasOneLineThatNamesItsVariable(t *testing.T) {
	app := []string{"OORE_GITHUB_APP_ID=1", "OORE_GITHUB_APP_PRIVATE_KEY=key", "OORE_GITHUB_APP_WEBHOOK_SECRET=secret"}
	for _, c := range []struct {
		name    string
		environ []string
		faults  []string // the variables
	}{
		{"no port", []string{"OORE_LISTEN_ADDR=localhost"}, []string{"OORE_LISTEN_ADDR"}},
		{"no web address", []string{"OORE_PUBLIC_URL=ftp://ci"}, []string{"OORE_PUBLIC_URL"}},
		{"a password in the address", []string{"OORE_PUBLIC_URL=https://ann:secret@ci"}, []string{"OORE_PUBLIC_URL"}},
		{"no number", []string{"OORE_RUNNERS=two"}, []string{"OORE_RUNNERS"}},
		{"fewer than none", []string{"OORE_RUNNERS=-1"}, []string{"OORE_RUNNERS"}},
		{"no duration", []string{"OORE_DRAIN=30"}, []string{"OORE_DRAIN"}},
		{"a short token", []string{"OORE_ADMIN_TOKEN=" + longToken[1:]}, []string{"OORE_ADMIN_TOKEN"}},
		{"a token in a file that is not there", []string{"OORE_ADMIN_TOKEN_FILE=/no/such/file"}, []string{"OORE_ADMIN_TOKEN"}},
		{"a token and a file", []string{"OORE_ADMIN_TOKEN=" + longToken, "OORE_ADMIN_TOKEN_FILE=/dev/null"}, []string{"OORE_ADMIN_TOKEN"}},
		{"a bucket", []string{"OORE_BLOB_URL=s3://bucket?endpoint=minio"}, []string{"OORE_BLOB_URL"}},
		{"a folder that is no absolute path", []string{"OORE_BLOB_URL=blobs"}, []string{"OORE_BLOB_URL"}},
		{"no size", []string{"OORE_LOG_LIMIT=much"}, []string{"OORE_LOG_LIMIT"}},
		{"no size of a workspace", []string{"OORE_WORKSPACE_LIMIT=0"}, []string{"OORE_WORKSPACE_LIMIT"}},
		{"a size too small", []string{"OORE_LOG_LIMIT=1000"}, []string{"OORE_LOG_LIMIT"}},
		{"a size too large", []string{"OORE_LOG_LIMIT=1e30GiB"}, []string{"OORE_LOG_LIMIT"}},
		{"a size that is none", []string{"OORE_LOG_LIMIT=NaN"}, []string{"OORE_LOG_LIMIT"}},
		{"no size of caches", []string{"OORE_CACHE_LIMIT=lots"}, []string{"OORE_CACHE_LIMIT"}},
		{"a root that is no absolute path", []string{"OORE_LOCAL_ROOTS=/srv:git"}, []string{"OORE_LOCAL_ROOTS"}},
		{"neither on nor off", []string{"OORE_SANDBOX=yes"}, []string{"OORE_SANDBOX"}},
		{"a hole in the data folder", []string{"OORE_DATA_DIR=/srv/oore", "OORE_SANDBOX_WRITABLE=/srv/oore/x"}, []string{"OORE_SANDBOX_WRITABLE"}},
		{"a hole that is no absolute path", []string{"OORE_SANDBOX_WRITABLE=cache"}, []string{"OORE_SANDBOX_WRITABLE"}},
		{"no level", []string{"OORE_LOG_LEVEL=loud"}, []string{"OORE_LOG_LEVEL"}},
		{"no format", []string{"OORE_LOG_FORMAT=xml"}, []string{"OORE_LOG_FORMAT"}},
		{"an App without a webhook secret", app[:2], []string{"OORE_GITHUB_APP_WEBHOOK_SECRET"}},
		{"an App without a key", slices.Concat(app[:1], app[2:]), []string{"OORE_GITHUB_APP_PRIVATE_KEY"}},
		{"an App without an id", app[1:], []string{"OORE_GITHUB_APP_ID"}},
		{"a secret alone", app[2:], []string{"OORE_GITHUB_APP_ID", "OORE_GITHUB_APP_PRIVATE_KEY"}},
		{"an id that is no number", append([]string{"OORE_GITHUB_APP_ID=oore"}, app[1:]...), []string{"OORE_GITHUB_APP_ID"}},
		{"a key in a file that is not there", append([]string{"OORE_GITHUB_APP_PRIVATE_KEY_FILE=/no/such/file"}, app[0], app[2]), []string{"OORE_GITHUB_APP_PRIVATE_KEY"}},
		{"a GitHub that is nowhere", append([]string{"OORE_GITHUB_API_URL=here", "OORE_GITHUB_WEB_URL=there"}, app...), []string{"OORE_GITHUB_API_URL", "OORE_GITHUB_WEB_URL"}},
		{"a mail server without a sender", []string{"OORE_SMTP_URL=smtp://ann:" + longToken[1:] + "@mail.example.com"}, []string{"OORE_SMTP_FROM"}},
		{"a sender without a mail server", []string{"OORE_SMTP_FROM=ci@example.com"}, []string{"OORE_SMTP_URL"}},
		{"no mail server", []string{"OORE_SMTP_URL=http://ann:" + longToken[1:] + "@mail.example.com", "OORE_SMTP_FROM=ci@example.com"}, []string{"OORE_SMTP_URL"}},
		{"no network", []string{"OORE_NOTIFY_NETWORKS=10.0.0.0/8,lan"}, []string{"OORE_NOTIFY_NETWORKS"}},
		{"a network in disguise", []string{"OORE_NOTIFY_NETWORKS=::ffff:10.0.0.0/104"}, []string{"OORE_NOTIFY_NETWORKS"}},
		{"no network of hosts", []string{"OORE_CONNECT_NETWORKS=private"}, []string{"OORE_CONNECT_NETWORKS"}},
		{"everybody a proxy", []string{"OORE_TRUSTED_PROXIES=127.0.0.1,0.0.0.0/0"}, []string{"OORE_TRUSTED_PROXIES"}},
		{"all at once", []string{"OORE_RUNNERS=x", "OORE_LOG_LEVEL=x", "OORE_ADMIN_TOKEN=x"}, []string{"OORE_RUNNERS", "OORE_LOG_LEVEL", "OORE_ADMIN_TOKEN"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := load(c.environ)
			if err == nil {
				t.Fatal("it was accepted")
			}
			var named []string
			for _, line := range strings.Split(err.Error(), "\n") {
				name, says, _ := strings.Cut(line, ": ")
				if named = append(named, name); says == "" {
					t.Errorf("the line %q says nothing", line)
				}
			}
			if !slices.Equal(named, c.faults) {
				t.Errorf("the faults are\n%v\nwant those of %v", err, c.faults)
			}
			if secret := longToken[1:]; strings.Contains(err.Error(), secret) {
				t.Error("a secret is printed")
			}
		})
	}
}

func TestWhatThisVersionDoesNotReadIsNamed(t *testing.T) {
	got := environment{
		"OORE_RUNNERS=1", "OORE_ADMIN_TOKEN_FILE=/x", "OORE_TEST_SEED=1", "PATH=/bin", "OORE_OIDC_ISSUER_URL=x", "OORE_LISTEN=x", "OORE_RUNNERS_FILES=x", "OORE_DB_PASSWORD=x",
	}.unknown()
	if want := []string{"OORE_LISTEN", "OORE_OIDC_ISSUER_URL", "OORE_RUNNERS_FILES"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
