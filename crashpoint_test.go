package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store"
	"github.com/oore-ci/oore/store/storetest"
)

const (
	// crashesAtOnce is at how many crash points the server is killed on each database,
	// unless OORE_TEST_CRASHES says how often it is at every one.
	crashesAtOnce = 4
	crashTries    = 8
	crashWait     = 3 * time.Minute // for a point that should be passed, a survey with 50 redeliveries before it; then the server is started anew
)

// crashing builds the program with its crash points once for all tests.
var crashing = sync.OnceValues(func() (string, error) {
	path, err := binary()
	if err != nil {
		return "", err
	}
	path = filepath.Join(filepath.Dir(path), "oore-chaos")
	out, err := exec.Command("go", "build", "-tags", "chaos", "-o", path, ".").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build the program with its crash points: %w: %s", err, out)
	}
	return path, nil
})

func crashingProgram(t *testing.T) string { return named(t, crashing) }

// ownProgram is the program under a name of the test's own, by which its processes are
// known.
func ownProgram(t *testing.T) string { return named(t, binary) }

func named(t *testing.T, built func() (string, error)) string {
	t.Helper()
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	own := filepath.Join(t.TempDir(), "oore")
	if err := os.Link(path, own); err != nil {
		t.Fatal(err)
	}
	return own
}

// crashPoints reads the names of all crash points out of the source.
func crashPoints(t *testing.T) []string {
	t.Helper()
	seen := map[string]string{}
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		ast.Inspect(s.ast, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			f, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || f.Sel.Name != "CrashPoint" {
				return true
			}
			name := ""
			if lit, ok := call.Args[0].(*ast.BasicLit); ok && lit.Kind == token.STRING {
				name, _ = strconv.Unquote(lit.Value)
			}
			if name == "" || seen[name] != "" {
				t.Errorf("%s: a crash point has a literal as its name, which stands in one place; %q stands in %s", s.path, name, seen[name])
			}
			seen[name] = s.path
			return true
		})
	}
	return slices.Sorted(maps.Keys(seen))
}

// otherDatabase tells the points that only one database has.
func otherDatabase(point, database string) bool {
	_, sqlite := store.SQLitePath(database)
	return strings.HasPrefix(point, "commit.") && !sqlite || point == "inbox.inserted" && sqlite
}

// ofCommand tells the points that no server passes.
func ofCommand(point string) bool {
	kind, _, _ := strings.Cut(point, ".")
	return slices.Contains([]string{"backup", "restore", "key", "migration"}, kind)
}

// TestKillsAtCrashPointsLoseNothing kills the server between two durable steps, each of
// which has a name, while deliveries and commands come in, and restarts it. In the end
// every promise must hold, and every point must have been passed.
func TestKillsAtCrashPointsLoseNothing(t *testing.T) {
	seed := envNumber(t, "OORE_TEST_SEED", rand.Uint64N(1_000_000))
	rounds := envNumber(t, "OORE_TEST_CRASHES", 0)
	fmt.Printf("crash points: replay with OORE_TEST_SEED=%d OORE_TEST_CRASHES=%d\n", seed, rounds)
	all := crashPoints(t)
	t.Parallel() // it waits more than it works
	onBoth(t, func(t *testing.T, database string) {
		t.Parallel()
		if database == "" {
			database = storetest.SQLite(t)
		}
		mine := slices.DeleteFunc(slices.Clone(all), func(p string) bool { return ofCommand(p) || otherDatabase(p, database) })
		s := newCrashStorm(t, database, seed)
		for range max(rounds, 1) {
			s.random.Shuffle(len(mine), func(i, j int) { mine[i], mine[j] = mine[j], mine[i] })
			for n, point := range mine {
				if rounds > 0 || n < crashesAtOnce {
					s.crashAt(point, 1+s.random.IntN(3))
				}
			}
		}
		s.crashAt("build.started", 1) // so that a build is lost
		s.plant()
		s.calm()
		for _, point := range mine {
			eventually(t, "the crash point "+point+" is passed", func() bool { return s.passes(point) > 0 })
		}
		s.check()
		s.stop()
		s.checkStopped()
	})
}

// crashStorm is a storm whose server has crash points.
type crashStorm struct {
	*storm
	passed string // the folder in which passes are counted
	before map[string]int
	env    []string // without a point to crash at
}

func newCrashStorm(t *testing.T, database string, seed uint64) *crashStorm {
	t.Helper()
	s := &crashStorm{passed: t.TempDir(), before: map[string]int{}}
	s.storm = newStorm(t, database, seed, func(p *program) {
		p.path = crashingProgram(t)
		p.env = append(p.env, "OORE_TEST_CRASH_PASSES="+s.passed)
		s.env = p.env
	})
	return s
}

// passes is how often the server went past a point.
func (s *crashStorm) passes(point string) int {
	return s.before[point] + passesIn(s.passed, point)
}

func passesIn(dir, point string) int {
	info, err := os.Stat(filepath.Join(dir, point))
	if err != nil {
		return 0
	}
	return int(info.Size())
}

// forget lets the count begin anew, since a point's pass is counted from the start.
func (s *crashStorm) forget() {
	s.t.Helper()
	files, err := os.ReadDir(s.passed)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, f := range files {
		s.before[f.Name()] += passesIn(s.passed, f.Name())
		if err := os.Remove(filepath.Join(s.passed, f.Name())); err != nil {
			s.t.Fatal(err)
		}
	}
}

// crashAt feeds the server until it has killed itself at the point's n-th pass.
func (s *crashStorm) crashAt(point string, n int) {
	s.t.Helper()
	for try := range crashTries {
		if try > 0 || point == "loss.written" { // one build is lost before it
			n = 1
		}
		s.prepareFor(point, n)
		s.forget()
		began := time.Now()
		s.program.env = append(slices.Clone(s.env), fmt.Sprintf("OORE_TEST_CRASH_AT=%s:%d", point, n))
		s.launch()
		died := s.feedUntilItDies()
		s.program.env = s.env
		if died {
			s.t.Logf("killed at %s:%d after %s", point, n, time.Since(began).Round(time.Millisecond))
			return
		}
		s.kill()
	}
	s.t.Errorf("the crash point %s is not passed", point)
}

func (s *crashStorm) feedUntilItDies() bool {
	s.t.Helper()
	s.feed(2)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for end := time.Now().Add(crashWait); time.Now().Before(end); {
		select {
		case <-s.exited:
			if how, ok := s.cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || how.Signal() != syscall.SIGKILL {
				s.t.Fatalf("the server ended by itself: %s", s.cmd.ProcessState)
			}
			s.cmd = nil
			return true
		case <-tick.C:
			s.feed(1)
		}
	}
	return false
}

// prepareFor makes, while the server is down, what leads past a point n times.
func (s *crashStorm) prepareFor(point string, n int) {
	s.t.Helper()
	switch point {
	case "loss.written":
		s.crashAt("build.started", 1)
	case "sweep.deleted", "retention.done", "retention.step":
		for range n {
			s.plant()
		}
	case "heads.taken":
		for range n {
			s.pushUnheard()
		}
	}
}

// pushUnheard makes a branch of whose push no delivery tells.
func (s *crashStorm) pushUnheard() {
	s.t.Helper()
	kind, branch := buildKind(s.random.IntN(int(buildKinds))), "release/"+newID()
	sha := s.git.Commit(branch, kind.files(s.storm), "Nobody is told of "+branch)
	s.ledger.mu.Lock()
	defer s.ledger.mu.Unlock()
	s.ledger.kinds[sha] = kind
}

// plant puts down what is to be deleted: a delivery and an entry of the audit log of long
// ago, and a blob that nobody needs.
func (s *crashStorm) plant() {
	s.t.Helper()
	ctx, long := s.t.Context(), time.Now().Add(-1000*24*time.Hour)
	db, err := store.OpenUnchanged(ctx, s.database)
	if err != nil {
		s.t.Fatal(err)
	}
	defer db.Close()
	id := newID()
	_, _, err = db.ReceiveDelivery(ctx, core.Delivery{
		ID: id, Provider: core.ProviderGitHub, DeliveryID: id, Event: "ping", Status: core.DeliveryProcessed, ReceivedAt: long, NotBefore: long, ProcessedAt: &long,
	})
	if err == nil {
		err = db.AppendAudit(ctx, core.AuditEntry{ID: newID(), At: long, Action: core.AuditMemberSet})
	}
	sum := strings.Repeat(strings.ReplaceAll(id, "-", ""), 2)
	path := filepath.Join(s.dataDir(), "blobs", sum[:2], sum)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(path), 0o700)
	}
	if err == nil {
		err = writeFile(path)
	}
	if err == nil {
		err = os.Chtimes(path, long, long)
	}
	if err != nil {
		s.t.Fatal(err)
	}
}
