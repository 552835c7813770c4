package main

import (
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/oore-ci/oore/store/storetest"
)

const (
	// fleetKills is how often one of the servers is struck, unless OORE_TEST_KILLS says
	// otherwise.
	fleetKills = 2
	fleetSize  = 3
	// fleetHalt is longer than a server that is silent keeps the house.
	fleetHalt = 13 * time.Second
)

// fleet is a storm over several servers behind one address.
type fleet struct {
	*storm
	servers []*program
	runners []*remoteRunner
	strikes int
}

// TestKillsAtRandomMomentsOfThreeServersLoseNothing has three servers on one PostgreSQL,
// with builds of their own and runners elsewhere. Webhooks and runners come to any of
// them; now and then one is killed, stays away for a while, or is halted and wakes up when
// another has taken over.
func TestKillsAtRandomMomentsOfThreeServersLoseNothing(t *testing.T) {
	seed := envNumber(t, "OORE_TEST_SEED", rand.Uint64N(1_000_000))
	kills := envNumber(t, "OORE_TEST_KILLS", fleetKills)
	fmt.Printf("chaos of servers: replay with OORE_TEST_SEED=%d OORE_TEST_KILLS=%d\n", seed, kills)
	f := newFleet(t, seed)
	for range kills {
		f.strike()
	}
	for _, p := range f.servers[1:] {
		p.ready()
	}
	f.program.kill() // it begins the calm
	f.calm()
	f.check()
	for _, r := range f.runners {
		r.signal(syscall.SIGTERM)
	}
	for _, p := range f.servers {
		p.stop()
	}
	f.checkStopped()
}

func newFleet(t *testing.T, seed uint64) *fleet {
	t.Helper()
	front, database := newBalancer(t), storetest.Postgres(t)
	common := append(shared(t), "OORE_PUBLIC_URL="+front.url, "OORE_RUNNERS=1")
	f := &fleet{}
	f.storm = newStorm(t, database, seed, func(p *program) {
		p.env = append(p.env, common...)
		front.add(p.addr)
		p.url = front.url
	})
	f.servers = []*program{f.program}
	for len(f.servers) < fleetSize {
		p := newProgram(t, database, f.gh, common...)
		front.add(p.addr)
		f.servers = append(f.servers, p)
	}
	for _, p := range f.servers {
		p.launch()
	}
	for _, p := range f.servers[1:] {
		p.ready()
	}
	for n := range 2 {
		f.runners = append(f.runners, newRemoteRunner(t, front.url, fmt.Sprintf("far %d", n+1)))
	}
	return f
}

// strike does something bad to one of the servers while all are at work.
func (f *fleet) strike() {
	f.t.Helper()
	f.feed(commitsPerKill)
	time.Sleep(time.Duration(f.random.Int64N(int64(upTime))))
	p := f.servers[f.random.IntN(len(f.servers))]
	f.strikes++
	switch f.strikes % 3 {
	case 2: // others take over, and it wakes up in the middle of what it did
		f.halt(p)
	case 0: // others take over what it did
		p.kill()
		time.Sleep(fleetHalt)
		p.launch()
	default: // it is back before anybody has noticed
		p.kill()
		p.launch()
	}
}

// halt stops a server for longer than it is thought to be there.
func (f *fleet) halt(p *program) {
	f.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		f.t.Fatal(err)
	}
	f.feed(commitsPerKill)
	time.Sleep(fleetHalt)
	if err := p.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		f.t.Fatal(err)
	}
}
