package main

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oore-ci/oore/handlers/github/githubtest"
	"github.com/oore-ci/oore/store"
	"github.com/oore-ci/oore/store/storetest"
)

const (
	// chaosKills is how often the server is killed on each database, unless
	// OORE_TEST_KILLS says otherwise.
	chaosKills = 8
	// commitsPerKill bounds what is fed, so that the queue cannot grow for ever.
	commitsPerKill = 3
	// upTime is the longest time from readiness to a kill.
	upTime = 1500 * time.Millisecond
	// startUp is the longest time to a kill that does not wait for readiness.
	startUp = 150 * time.Millisecond
	// calmTime without less to do than ever before means that something is stuck: a lease
	// expires in less, and hundreds of kills leave a queue behind.
	calmTime = 5 * time.Minute
)

// TestKillsAtRandomMomentsLoseNothing kills the server again and again while
// deliveries come in, builds run and GitHub misbehaves, and restarts it at once. In
// the end every promise must hold.
func TestKillsAtRandomMomentsLoseNothing(t *testing.T) {
	t.Parallel()
	seed := envNumber(t, "OORE_TEST_SEED", rand.Uint64N(1_000_000))
	kills := envNumber(t, "OORE_TEST_KILLS", chaosKills)
	// Printed and not logged: it must be seen when the run hangs, too.
	fmt.Printf("chaos: replay with OORE_TEST_SEED=%d OORE_TEST_KILLS=%d\n", seed, kills)
	onBoth(t, func(t *testing.T, database string) {
		if database == "" {
			database = storetest.SQLite(t)
		}
		s := newStorm(t, database, seed, func(p *program) { p.path = ownProgram(t) })
		for range kills {
			s.strike()
		}
		s.calm()
		s.check()
		s.stop()
		s.checkStopped()
	})
}

func envNumber(t *testing.T, name string, otherwise uint64) uint64 {
	t.Helper()
	value := os.Getenv(name)
	if value == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(value, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// storm is a site under fire.
type storm struct {
	*site
	database string
	random   *rand.Rand // of the killer
	marker   string     // in the environment of every command
	runs     string     // the file in which commands note that they start and stop
	linger   string     // what the first command of each build does besides
	android  pipelineView
	release  pipelineView // for pushes to main and release/* only

	tickets chan struct{} // one for each commit that may be fed
	stopped func()        // nothing more is to be fed
	feeders sync.WaitGroup
	ledger  ledger
}

// newStorm lets prepare change the program before it starts for the first time.
func newStorm(t *testing.T, database string, seed uint64, prepare func(*program)) *storm {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	s := &storm{
		site: &site{gh: githubtest.New(t), git: githubtest.NewGitRepo(elsewhere{t})}, database: database,
		random: rand.New(rand.NewPCG(seed, 0)), tickets: make(chan struct{}, 2*commitsPerKill), stopped: cancel,
		marker: fmt.Sprintf("oore-chaos-%d-%d", os.Getpid(), time.Now().UnixNano()), runs: filepath.Join(t.TempDir(), "runs"),
		ledger: ledger{entries: map[string]*entry{}, kinds: map[string]buildKind{}},
	}
	if err := writeFile(s.runs); err != nil {
		t.Fatal(err)
	}
	s.head = s.git.Commit("main", workflow("echo first"), "First commit")
	s.repo = s.gh.AddRepository("acme/shop", true, s.git.Dir)
	for n, login := range commanders() {
		s.gh.SetPermissionOf(s.repo, login, int64(501+n), "write")
	}
	s.program = newProgram(t, database, s.gh)
	prepare(s.program)
	s.start()
	project := s.githubProject("acme/shop", nil)
	s.android = s.program.pipeline(project.ID, "Android", nil)
	s.release = s.program.pipeline(project.ID, "Release", map[string]any{
		"trigger_config": map[string]any{"events": []string{"push"}, "branches": []string{"main", "release/*"}},
	})
	s.kill()
	s.misbehave(rand.New(rand.NewPCG(seed, 1)))
	for n, f := range []*feeder{{branch: "main"}, {branch: "release/1"}, {branch: "feature/a", pull: 1}, {branch: "feature/b", pull: 2}} {
		f.storm, f.random, f.ctx = s, rand.New(rand.NewPCG(seed, uint64(n)+2)), ctx
		s.feeders.Go(f.run)
	}
	t.Cleanup(func() {
		s.stopped()
		s.feeders.Wait()
	})
	return s
}

// elsewhere is a test for goroutines of our own, which must not call FailNow.
type elsewhere struct{ *testing.T }

// Fatalf ends the goroutine.
func (e elsewhere) Fatalf(format string, args ...any) {
	e.Helper()
	e.Errorf(format, args...)
	runtime.Goexit()
}

// misbehave lets GitHub fail now and then when it is told something.
func (s *storm) misbehave(random *rand.Rand) {
	var mu sync.Mutex
	s.gh.Fail(func(r *http.Request) *githubtest.Failure {
		if r.Method == http.MethodGet || !strings.Contains(r.URL.Path, "/statuses/") && !strings.Contains(r.URL.Path, "/comments") {
			return nil
		}
		mu.Lock()
		defer mu.Unlock()
		switch random.IntN(20) {
		case 0, 1:
			return &githubtest.Failure{Status: http.StatusInternalServerError}
		case 2:
			return &githubtest.Failure{Status: http.StatusServiceUnavailable}
		case 3:
			return &githubtest.Failure{Drop: true}
		case 4:
			return &githubtest.Failure{Truncate: true} // it took it, and we do not hear of it
		case 5:
			return &githubtest.Failure{Delay: time.Duration(random.IntN(500)) * time.Millisecond}
		}
		return nil
	})
}

// feed lets so many commits more be pushed.
func (s *storm) feed(commits int) {
	for range commits {
		select {
		case s.tickets <- struct{}{}:
		default: // the feeders are behind
		}
	}
}

// strike lets the server run for a moment and kills it: mostly at work, sometimes
// while it starts.
func (s *storm) strike() {
	s.t.Helper()
	s.feed(commitsPerKill)
	s.launch()
	limit := startUp
	if s.random.IntN(5) > 0 {
		s.ready()
		limit = upTime
	}
	moment := time.NewTimer(time.Duration(s.random.Int64N(int64(limit))))
	defer moment.Stop()
	select {
	case <-moment.C:
	case <-s.exited:
		s.t.Fatal("the server ended by itself")
	}
	s.kill()
}

// calm ends the storm and waits until nothing is left to do.
func (s *storm) calm() {
	s.t.Helper()
	s.stopped()
	s.feeders.Wait()
	s.gh.Heal()
	s.start()
	db, err := store.Open(s.t.Context(), s.database, store.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		s.t.Fatal(err)
	}
	defer db.Close()
	end, least := time.Now(), math.MaxInt
	for ; ; time.Sleep(50 * time.Millisecond) {
		received := s.total("/v1/deliveries?limit=1&status=received")
		active := s.total("/v1/builds?limit=1&status=queued,assigned,running")
		effects, err := db.CountDueEffects(s.t.Context(), time.Now().Add(24*time.Hour))
		if err != nil {
			s.t.Fatal(err)
		}
		if received+active+effects == 0 {
			return
		}
		// What is decided becomes builds, and a build that ends becomes reports.
		if left := 100*received + 10*active + effects; left < least {
			end, least = time.Now().Add(calmTime), left
		}
		if time.Now().After(end) {
			s.t.Fatalf("stuck: %d deliveries are undecided, %d builds have not ended, %d reports are not sent", received, active, effects)
		}
	}
}

func (s *storm) total(path string) int {
	s.t.Helper()
	var list struct{ Total int }
	s.must("GET", path, nil, &list)
	return list.Total
}

// checkStopped: nothing of the program runs, and what it stored keeps every promise that
// can be read there (oore verify).
func (s *storm) checkStopped() {
	s.t.Helper()
	path, err := s.path, error(nil)
	if path == "" {
		path, err = binary()
	}
	if err != nil {
		s.t.Fatal(err)
	}
	eventually(s.t, "no process of the program is left", func() bool { return len(processesOf(path)) == 0 })
	if a := s.command(nil, "verify", "--blobs"); a.code != 0 {
		s.t.Errorf("verify says %+v", a)
	}
}

// processesOf lists the processes whose program lies at a path or below it, where
// /proc tells that. A shim shows the path neither in its arguments nor in its
// environment.
func processesOf(path string) []string {
	links, err := filepath.Glob("/proc/[0-9]*/exe")
	if err != nil {
		return nil
	}
	return slices.DeleteFunc(links, func(link string) bool {
		target, err := os.Readlink(link)
		return err != nil || !strings.HasPrefix(target, path)
	})
}
