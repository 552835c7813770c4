package main

import (
	"database/sql"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"

	"github.com/oore-ci/oore/handlers/github/githubtest"
	"github.com/oore-ci/oore/store/storetest"
)

const (
	galeRunners = 4
	galeFeed    = 3 * time.Second        // how often a commit is pushed
	galeMurmur  = 100 * time.Millisecond // how often a webhook comes that starts nothing
)

// gale is a fleet under everything at once.
type gale struct {
	*fleet
	postgres *storetest.Server
	database string
	lines    map[string]*toxiproxy.Proxy
	troubles []*trouble
	began    time.Time
	told     []string       // what was done, for a run that fails
	done     map[string]int // how often, by kind
}

// trouble comes to one part again and again, and goes.
type trouble struct {
	part   string
	random *rand.Rand
	pause  time.Duration // the longest until it comes again
	come   func(r *rand.Rand) (what string, while time.Duration, mend func())
	next   time.Time
	mend   func() // nil: it is not there
}

// TestThreeServersAndFourRunnersUnderAllOfItLoseNothing has three servers on one
// PostgreSQL behind a proxy that spreads, and four runners, for OORE_TEST_GALE minutes.
// Each part has troubles of its own, and none waits for those of another: servers and
// runners are killed and halted, PostgreSQL and its back ends are killed, and every line
// between them goes bad. GitHub misbehaves, too. In the end every promise must hold.
func TestThreeServersAndFourRunnersUnderAllOfItLoseNothing(t *testing.T) {
	minutes := envNumber(t, "OORE_TEST_GALE", 0)
	if minutes == 0 {
		t.Skip("it takes minutes: OORE_TEST_GALE says how many (make chaos)")
	}
	seed := envNumber(t, "OORE_TEST_SEED", rand.Uint64N(1_000_000))
	fmt.Printf("gale: replay with OORE_TEST_SEED=%d OORE_TEST_GALE=%d\n", seed, minutes)
	g := newGale(t, seed)
	t.Cleanup(func() {
		if t.Failed() {
			for _, line := range g.told {
				t.Log(line)
			}
		}
	})
	g.blow(time.Duration(minutes) * time.Minute)
	g.keep()
	for _, p := range g.servers {
		own := *p
		own.url = "http://" + p.addr
		own.ready()
	}
	g.program.kill() // it begins the calm
	g.calm()
	g.check()
	t.Logf("what came: %v", g.done)
	for _, r := range g.runners {
		r.signal(syscall.SIGTERM)
	}
	for _, r := range g.runners {
		r.ended()
	}
	for _, p := range g.servers {
		p.stop()
	}
	g.checkStopped()
}

func newGale(t *testing.T, seed uint64) *gale {
	t.Helper()
	g := &gale{fleet: &fleet{}, postgres: storetest.NewServer(t), lines: map[string]*toxiproxy.Proxy{}, done: map[string]int{}}
	g.database = g.postgres.Database(t, "gale")
	addr, at := onPort(t, g.database)
	front, path := newBalancer(t), ownProgram(t)
	common := append(shared(t), "OORE_PUBLIC_URL="+front.url, "OORE_RUNNERS=0")
	equip := func(p *program, name string) {
		g.lines[name] = newToxicLine(t, addr)
		p.env = append(p.env, append(slices.Clone(common), "OORE_DATABASE_URL="+at(g.lines[name].Listen))...)
		p.path, p.url = path, front.url
		front.add(p.addr)
	}
	g.storm = newStorm(t, g.database, seed, func(p *program) { equip(p, "database line 1") })
	g.linger = "sleep $((OORE_BUILD_NUMBER % 7))" // so that most of what dies dies at work
	g.servers = []*program{g.program}
	for n := 2; n <= fleetSize; n++ {
		p := newProgram(t, g.database, g.gh)
		equip(p, fmt.Sprintf("database line %d", n))
		g.servers = append(g.servers, p)
	}
	for _, p := range g.servers {
		p.launch()
	}
	g.ready()
	for n := range galeRunners {
		name := fmt.Sprintf("runner line %d", n+1)
		g.lines[name] = newToxicLine(t, front.url[len("http://"):])
		g.runners = append(g.runners, newRemoteRunner(t, "http://"+g.lines[name].Listen, fmt.Sprintf("far %d", n+1)))
	}
	g.brew(seed)
	return g
}

// brew makes the troubles, each with chances of its own.
func (g *gale) brew(seed uint64) {
	add := func(part string, pause time.Duration, come func(r *rand.Rand) (string, time.Duration, func())) {
		random := rand.New(rand.NewPCG(seed, 100+uint64(len(g.troubles))))
		g.troubles = append(g.troubles, &trouble{part: part, random: random, pause: pause, come: come})
	}
	for n, p := range g.servers {
		add(fmt.Sprintf("server %d", n+1), 40*time.Second, g.strikeServer(p))
	}
	for _, r := range g.runners {
		add("runner "+r.name, time.Minute, g.strikeRunner(r))
	}
	add("PostgreSQL", time.Minute, g.strikePostgres)
	for _, name := range slices.Sorted(maps.Keys(g.lines)) {
		add(name, 45*time.Second, g.strikeLine(g.lines[name]))
	}
}

// blow lets every trouble come and go for a while, and mends all.
func (g *gale) blow(while time.Duration) {
	g.t.Helper()
	g.began = time.Now()
	quiet, murmuring := make(chan struct{}), sync.WaitGroup{}
	murmuring.Go(func() { g.murmur(quiet) })
	defer murmuring.Wait()
	defer close(quiet)
	for _, t := range g.troubles {
		t.next = g.began.Add(time.Duration(t.random.Int64N(int64(t.pause))))
	}
	feed := time.NewTicker(galeFeed)
	defer feed.Stop()
	for end := g.began.Add(while); time.Now().Before(end); {
		t := slices.MinFunc(g.troubles, func(a, b *trouble) int { return a.next.Compare(b.next) })
		select {
		case <-feed.C:
			g.feed(1)
			g.keep()
		case <-time.After(time.Until(t.next)):
			g.turn(t)
		}
	}
	for _, t := range slices.Backward(g.troubles) { // a server that starts wants its database
		if t.mend != nil {
			g.turn(t)
		}
	}
}

// turn lets a trouble come or go.
func (g *gale) turn(t *trouble) {
	if t.mend != nil {
		t.mend()
		g.tell("%s is mended", t.part)
		t.mend, t.next = nil, time.Now().Add(time.Duration(t.random.Int64N(int64(t.pause))))
		return
	}
	what, while, mend := t.come(t.random)
	g.tell("%s: %s for %s", t.part, what, while.Round(time.Millisecond))
	g.done[what]++
	t.mend, t.next = mend, time.Now().Add(while)
}

func (g *gale) tell(format string, args ...any) {
	g.told = append(g.told, time.Now().UTC().Format("15:04:05.000 ")+fmt.Sprintf(format, args...))
}

// strikeServer kills or halts a server, for less or more than it is missed.
func (g *gale) strikeServer(p *program) func(r *rand.Rand) (string, time.Duration, func()) {
	return func(r *rand.Rand) (string, time.Duration, func()) {
		while := time.Duration(r.Int64N(int64(fleetHalt + 5*time.Second)))
		if r.IntN(2) == 0 {
			halted := p.cmd.Process
			_ = halted.Signal(syscall.SIGSTOP) // it may have ended: see keep
			return "server halted", while, func() { _ = halted.Signal(syscall.SIGCONT) }
		}
		p.kill()
		if r.IntN(2) == 0 {
			while = 0
		}
		return "server killed", while, p.launch
	}
}

func (g *gale) strikeRunner(runner *remoteRunner) func(r *rand.Rand) (string, time.Duration, func()) {
	return func(r *rand.Rand) (string, time.Duration, func()) {
		while := time.Duration(r.Int64N(int64(20 * time.Second)))
		if r.IntN(2) == 0 {
			runner.signal(syscall.SIGSTOP)
			return "runner halted", while, func() { runner.signal(syscall.SIGCONT) }
		}
		runner.signal(syscall.SIGKILL)
		return "runner killed", while, func() { runner.start() }
	}
}

// keep is the init system: a server that finds no database when it starts ends, and is
// started again. Whatever ends for another reason is a defect.
func (g *gale) keep() {
	g.t.Helper()
	for _, p := range g.servers {
		if p.cmd == nil || !hasEnded(p.exited) {
			continue
		}
		lines := strings.Split(strings.TrimSpace(p.output.String()), "\n")
		if last := lines[len(lines)-1]; !strings.HasPrefix(last, "oore: The database does not answer") {
			g.t.Fatalf("a server has ended by itself: %s", last)
		}
		g.done["server found no database"]++
		p.launch()
	}
	for _, r := range g.runners {
		if hasEnded(r.exited) && !r.killed() {
			g.t.Fatalf("the runner %s has ended by itself", r.name)
		}
	}
}

func hasEnded(exited chan struct{}) bool {
	select {
	case <-exited:
		return true
	default:
		return false
	}
}

// killed tells whether a runner that has ended was killed.
func (r *remoteRunner) killed() bool {
	status, ok := r.cmd.ProcessState.Sys().(syscall.WaitStatus)
	return ok && status.Signal() == syscall.SIGKILL
}

// strikePostgres kills the server, or one of its back ends, whereupon it ends all and
// recovers.
func (g *gale) strikePostgres(r *rand.Rand) (string, time.Duration, func()) {
	if r.IntN(2) == 0 {
		g.killBackend(r)
		return "back end killed", 0, func() {}
	}
	g.postgres.Kill(g.t)
	return "PostgreSQL killed", time.Duration(r.Int64N(int64(8 * time.Second))), func() { g.postgres.Start(g.t) }
}

func (g *gale) killBackend(r *rand.Rand) {
	g.t.Helper()
	db, err := sql.Open("pgx", g.database)
	if err != nil {
		g.t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.QueryContext(g.t.Context(), "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() ORDER BY pid")
	if err != nil {
		g.tell("no back end was killed: %v", err) // it may still recover
		return
	}
	defer rows.Close()
	var pids []int
	for rows.Next() {
		var pid int
		if err := rows.Scan(&pid); err != nil {
			g.t.Fatal(err)
		}
		pids = append(pids, pid)
	}
	if rows.Err() == nil && len(pids) > 0 {
		_ = syscall.Kill(pids[r.IntN(len(pids))], syscall.SIGKILL) // it may have ended by itself
	}
}

func (g *gale) strikeLine(line *toxiproxy.Proxy) func(r *rand.Rand) (string, time.Duration, func()) {
	return func(r *rand.Rand) (string, time.Duration, func()) {
		all := toxics()
		addToxic(g.t, line, r, all[r.IntN(len(all))])
		return "bad line", time.Duration(r.Int64N(int64(8 * time.Second))), func() { line.Toxics.ResetToxics(g.t.Context()) }
	}
}

// murmur sends webhooks that start nothing, and notes those that were accepted.
func (g *gale) murmur(quiet chan struct{}) {
	client, tick := &http.Client{Timeout: 10 * time.Second}, time.NewTicker(galeMurmur)
	defer tick.Stop()
	payload := []byte(`{"zen": "Anything added dilutes everything else."}`)
	for n := 0; ; n++ {
		select {
		case <-quiet:
			return
		case <-tick.C:
		}
		id := fmt.Sprintf("murmur-%d", n)
		resp, err := g.gh.Deliver(g.url+"/v1/webhooks/github", "ping", payload, githubtest.Delivery{ID: id, Client: client})
		accepted, ours := false, ""
		if err == nil {
			accepted, ours = resp.StatusCode == http.StatusOK, deliveryID(resp)
		}
		g.ledger.mu.Lock()
		g.ledger.entries[id] = &entry{event: "ping", accepted: accepted, ours: ours}
		g.ledger.mu.Unlock()
	}
}
