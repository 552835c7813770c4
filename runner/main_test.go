package runner

import (
	"context"
	"encoding/json"
	"log/slog"
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

// poolEnv makes the test binary run a pool on the job in the named file, so that a
// test can kill it.
const poolEnv = "RUNNER_TEST_POOL_JOB"

// trickEnv makes the test binary, as a command of a build, try to get away in a way that
// a shell has no words for. Its argument is the mark.
const trickEnv = "RUNNER_TEST_TRICK"

func TestMain(m *testing.M) {
	RunShim(os.Args)
	if file := os.Getenv(tableEnv); file != "" {
		runShimWithout(file)
		return
	}
	if addr := os.Getenv(dialEnv); addr != "" {
		dial(addr)
		return
	}
	if trick := os.Getenv(trickEnv); trick != "" {
		play(trick)
		return
	}
	if file := os.Getenv(poolEnv); file != "" {
		runPoolProcess(file)
		return
	}
	os.Exit(m.Run())
}

type poolProcess struct {
	Dir string
	Job core.Job
}

func runPoolProcess(file string) {
	data, err := os.ReadFile(file)
	if err != nil {
		panic(err)
	}
	var in poolProcess
	if err := json.Unmarshal(data, &in); err != nil {
		panic(err)
	}
	house := newHouse()
	house.submit(in.Job)
	pool, err := newPool(Options{Jobs: house, Runner: testRunner(), Slots: 1, Dir: in.Dir, Log: quiet(), CacheLimit: testCacheLimit})
	if err != nil {
		panic(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if err := pool.Run(ctx); err != nil {
		panic(err)
	}
}

const testCacheLimit = 4 << 30

// patience is how long a test waits for what must happen: a machine may have more to do than
// our tests, so only what never happens may outlast it.
const patience = 3 * time.Minute

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// roomy is a disk that is never full: what tests say must not hang on what else is on this
// machine's.
func roomy(string) (free, total int64, err error) { return 50 << 30, 100 << 30, nil }

func newPool(o Options) (*Pool, error) {
	pool, err := New(o)
	if err == nil {
		pool.useDisk(roomy)
	}
	return pool, err
}

func testRunner() core.Runner { return core.Runner{ID: "runner-1", Name: "the mac under the desk"} }

// startPool runs a pool for the length of the test. stop ends it and waits.
func startPool(t testing.TB, house *house, slots int) (dir string, stop func()) {
	t.Helper()
	dir = t.TempDir()
	return dir, startPoolIn(t, house, slots, dir)
}

func startPoolIn(t testing.TB, jobs Jobs, slots int, dir string) (stop func()) {
	t.Helper()
	pool, err := newPool(Options{Jobs: jobs, Runner: testRunner(), Slots: slots, Dir: dir, Log: quiet(), CacheLimit: testCacheLimit})
	if err != nil {
		t.Fatal(err)
	}
	return runPool(t, pool)
}

func runPool(t testing.TB, pool *Pool) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- pool.Run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("the pool ended with %v", err)
			}
		case <-time.After(patience):
			t.Error("the pool does not end")
		}
	}
	t.Cleanup(stop)
	return stop
}

// repository is a real git repository that builds are made of.
type repository struct {
	t   testing.TB
	dir string
}

func newRepository(t testing.TB) *repository {
	t.Helper()
	r := &repository{t: t, dir: filepath.Join(t.TempDir(), "origin")}
	r.must(os.MkdirAll(r.dir, 0o755))
	r.git("init", "-q", "-b", "main")
	r.commit("README", "hello\n")
	return r
}

func (r *repository) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *repository) git(args ...string) string {
	r.t.Helper()
	return gitIn(r.t, r.dir, args...)
}

func gitIn(t testing.TB, dir string, args ...string) string {
	t.Helper()
	out, err := gitOutput(dir, args...)
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return out
}

func gitOutput(dir string, args ...string) (string, error) {
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com",
		"GIT_COMMITTER_NAME=c", "GIT_COMMITTER_EMAIL=c@example.com", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1")
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// commit writes a file, commits it and returns the commit.
func (r *repository) commit(name, content string) string {
	r.t.Helper()
	path := filepath.Join(r.dir, name)
	r.must(os.MkdirAll(filepath.Dir(path), 0o755))
	r.must(os.WriteFile(path, []byte(content), 0o644))
	r.git("add", "-A")
	r.git("commit", "-q", "-m", "change "+name)
	return r.head()
}

func (r *repository) head() string { return r.git("rev-parse", "HEAD") }

// job makes a build of main's head that runs the commands.
func (r *repository) job(id string, commands ...string) core.Job {
	job := core.Job{
		Lease: core.Lease{BuildID: id, RunnerID: "runner-1", Token: "token-" + id},
		Build: core.Build{
			ID: id, ProjectID: "project-1", PipelineID: "pipeline-1", Number: 7,
			Branch: "main", SHA: r.head(), TriggerType: core.TriggerAPI,
		},
		Pipeline: core.Pipeline{ID: "pipeline-1", ConfigPath: ".oore.yaml"},
		Repository: core.Repository{
			Provider: core.ProviderGit, ExternalID: r.dir, FullName: "acme/app", CloneURL: r.dir, DefaultBranch: "main",
		},
		BuildURL: "http://oore.example/builds/" + id,
		LogLimit: 64 << 20,
	}
	for _, run := range commands {
		job.Pipeline.Execution.Commands.Build = append(job.Pipeline.Execution.Commands.Build, core.Command{Run: run})
	}
	return job
}

// lay makes files below dir. A name that ends in a slash is a folder, content that
// begins with "-> " makes a link.
func lay(t testing.TB, dir string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		path := filepath.Join(dir, name)
		err := os.MkdirAll(filepath.Dir(path), 0o755)
		target, link := strings.CutPrefix(content, "-> ")
		switch {
		case err != nil:
		case strings.HasSuffix(name, "/"):
			err = os.MkdirAll(path, 0o755)
		case link:
			err = os.Symlink(target, path)
		default:
			err = os.WriteFile(path, []byte(content), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
