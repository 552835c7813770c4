package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"

	"github.com/oore-ci/oore/store/storetest"
)

// toxics are what goes wrong with a line, as toxiproxy takes it.
func toxics() []string {
	return []string{
		`{"type": "latency", "attributes": {"latency": 150, "jitter": 100}}`,
		`{"type": "bandwidth", "attributes": {"rate": 40}}`, // kB/s
		`{"type": "slicer", "attributes": {"average_size": 64, "size_variation": 32, "delay": 2000}}`,
		`{"type": "reset_peer", "attributes": {"timeout": 100}}`,
		`{"type": "timeout", "attributes": {"timeout": 300}}`, // nothing comes through, and then the end
		`{"type": "timeout", "attributes": {"timeout": 0}}`,   // nothing comes through
		`{"type": "limit_data", "attributes": {"bytes": 20000}}`,
	}
}

// toxicRounds is how often each is tried, unless OORE_TEST_TOXICS says so.
const toxicRounds = 1

// newToxicLine is a line whose quality the test decides.
func newToxicLine(t *testing.T, to string) *toxiproxy.Proxy {
	t.Helper()
	proxy := toxiproxy.NewProxy(toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop()), t.Name(), "127.0.0.1:0", to)
	if err := proxy.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(proxy.Stop)
	return proxy
}

// poison makes a line bad for a while, in both directions or in one.
func poison(t *testing.T, line *toxiproxy.Proxy, random *rand.Rand, toxic string, while time.Duration) {
	t.Helper()
	addToxic(t, line, random, toxic)
	time.Sleep(while)
	line.Toxics.ResetToxics(t.Context())
}

func addToxic(t testing.TB, line *toxiproxy.Proxy, random *rand.Rand, toxic string) {
	t.Helper()
	directions := [][]string{{"upstream"}, {"downstream"}, {"upstream", "downstream"}}
	for _, direction := range directions[random.IntN(len(directions))] {
		with := strings.Replace(toxic, "{", fmt.Sprintf(`{"name": %q, "stream": %q, `, direction, direction), 1)
		if _, err := line.Toxics.AddToxicJson(strings.NewReader(with)); err != nil {
			t.Fatal(err)
		}
	}
}

// onPort lets what listens on a socket of the file system be reached by TCP, as a database
// elsewhere is, and returns the address with which that is done.
func onPort(t *testing.T, database string) (addr string, at func(addr string) string) {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	network, to, query := "tcp", u.Host, u.Query()
	if dir := query.Get("host"); filepath.IsAbs(dir) {
		network, to = "unix", filepath.Join(dir, ".s.PGSQL.5432")
	}
	query.Del("host")
	query.Set("sslmode", "disable")
	near := strange(t, func(near net.Conn) {
		far, err := net.Dial(network, to)
		if err != nil {
			near.Close()
			return
		}
		go joined(near, far)
		joined(far, near)
	})
	return near, func(addr string) string {
		u.Host, u.RawQuery = addr, query.Encode()
		return u.String()
	}
}

func joined(from, to net.Conn) {
	defer from.Close()
	defer to.Close()
	_, _ = io.Copy(to, from) // how a line ends is the test's business
}

// TestABadLineToTheDatabaseLosesNothing makes the line between server and PostgreSQL slow,
// narrow, chopped, broken and dead, one after another, while deliveries come in and builds
// run. In the end every promise must hold.
func TestABadLineToTheDatabaseLosesNothing(t *testing.T) {
	seed := envNumber(t, "OORE_TEST_SEED", rand.Uint64N(1_000_000))
	rounds := envNumber(t, "OORE_TEST_TOXICS", toxicRounds)
	fmt.Printf("bad lines: replay with OORE_TEST_SEED=%d OORE_TEST_TOXICS=%d\n", seed, rounds)
	t.Parallel()
	addr, at := onPort(t, storetest.Postgres(t))
	line := newToxicLine(t, addr)
	s := newStorm(t, at(line.Listen), seed, func(p *program) { p.path = ownProgram(t) })
	s.start()
	for range rounds {
		all := toxics()
		s.random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		for _, toxic := range all {
			s.feed(2)
			poison(t, line, s.random, toxic, time.Second)
			s.feed(1)
			s.ready() // without a restart
		}
	}
	s.kill()
	s.calm()
	s.check()
	s.stop()
	s.checkStopped()
}

// TestABadLineToARunnerLosesNoLineAndNoFile does so between a runner and its server.
func TestABadLineToARunnerLosesNoLineAndNoFile(t *testing.T) {
	seed := envNumber(t, "OORE_TEST_SEED", rand.Uint64N(1_000_000))
	rounds := envNumber(t, "OORE_TEST_TOXICS", toxicRounds)
	fmt.Printf("bad lines to a runner: replay with OORE_TEST_SEED=%d OORE_TEST_TOXICS=%d\n", seed, rounds)
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		t.Parallel()
		random := rand.New(rand.NewPCG(seed, 0))
		y := newYard(t, newProgram(t, database, nil, "OORE_RUNNERS=0").start())
		line := newToxicLine(t, y.addr)
		newRemoteRunner(t, "http://"+line.Listen, "far")
		y.waitRunner("far", "online")
		flag := filepath.Join(t.TempDir(), "go")
		const size = 3_000_000
		pipeline := y.pipeline(y.project.ID, "Long", map[string]any{"execution_config": map[string]any{
			"platforms": []string{}, "artifact_patterns": []string{"large.bin"},
			"commands": map[string]any{"build": []string{fmt.Sprintf("yes oore | head -c %d > large.bin; ", size) + counting(flag)}},
		}})
		for range rounds {
			id := y.trigger(pipeline)
			y.printed(id, "line 5\n")
			all := toxics()
			random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
			for n, toxic := range all {
				if n == len(all)-2 { // the file goes over the last two
					if err := writeFile(flag); err != nil {
						t.Fatal(err)
					}
				}
				poison(t, line, random, toxic, time.Second)
			}
			y.mustSucceed(id)
			y.mustCount(id)
			var list artifactsView
			y.must("GET", "/v1/builds/"+id+"/artifacts", nil, &list)
			if len(list.Artifacts) != 1 {
				t.Fatalf("artifacts %+v", list)
			}
			_, data := y.ask("GET", y.url+"/v1/artifacts/"+list.Artifacts[0].ID+"/download", "Authorization: Bearer "+adminToken)
			if string(data) != strings.Repeat("oore\n", size/5) {
				t.Errorf("the file has %d bytes, and should have %d", len(data), size)
			}
			if err := os.Remove(flag); err != nil {
				t.Fatal(err)
			}
		}
		if n := len(y.builds("")); n != int(rounds) {
			t.Errorf("%d builds, want %d and no rerun", n, rounds)
		}
		y.keepsPromises()
	})
}
