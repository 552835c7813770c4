package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/oore-ci/oore/store/storetest"
)

// clockJumps is how often the clock is set on each database, unless OORE_TEST_JUMPS says so.
const clockJumps = 3

// clockStorm is a storm whose server's clock is set.
type clockStorm struct {
	*storm
	file string // by how much it is set
	by   time.Duration
}

// jump sets the clock.
func (s *clockStorm) jump(by time.Duration) {
	s.t.Helper()
	fresh := s.file + ".new" // the server never reads half of it
	err := os.WriteFile(fresh, []byte(by.String()), 0o600)
	if err == nil {
		err = os.Rename(fresh, s.file)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	s.by = by
}

// anywhere sets it elsewhere: ahead by an hour or a day, behind, or right.
func (s *clockStorm) anywhere() {
	s.t.Helper()
	for {
		to := []time.Duration{0, time.Hour, 24 * time.Hour, -time.Hour}[s.random.IntN(4)]
		if to != s.by {
			s.jump(to)
			return
		}
	}
}

func (s *clockStorm) live() { time.Sleep(time.Duration(s.random.Int64N(int64(upTime)))) }

// TestClockJumpsLoseNothing sets the server's clock again and again while deliveries come
// in and builds run: first while it runs, where nobody may notice, and then also before it
// starts after a kill.
func TestClockJumpsLoseNothing(t *testing.T) {
	t.Parallel()
	seed := envNumber(t, "OORE_TEST_SEED", rand.Uint64N(1_000_000))
	jumps := envNumber(t, "OORE_TEST_JUMPS", clockJumps)
	fmt.Printf("clock jumps: replay with OORE_TEST_SEED=%d OORE_TEST_JUMPS=%d\n", seed, jumps)
	onBoth(t, func(t *testing.T, database string) {
		if database == "" {
			database = storetest.SQLite(t)
		}
		s := &clockStorm{file: filepath.Join(t.TempDir(), "clock")}
		s.storm = newStorm(t, database, seed, func(p *program) {
			p.path = crashingProgram(t)
			p.env = append(p.env, "OORE_TEST_CLOCK="+s.file)
		})
		s.start()
		for range jumps {
			s.feed(commitsPerKill)
			s.live()
			s.anywhere()
		}
		s.live()
		for _, b := range s.allBuilds() {
			if b.StatusReason == "runner_lost" || b.Status == "expired" {
				t.Errorf("build %d is %s %s, and nobody was killed", b.Number, b.Status, b.StatusReason)
			}
		}
		for range jumps {
			s.kill()
			if s.random.IntN(3) > 0 {
				s.anywhere()
			}
			s.feed(commitsPerKill)
			s.launch()
			s.ready()
			s.live()
			if s.random.IntN(2) > 0 {
				s.anywhere()
			}
			s.live()
		}
		s.kill()
		s.jump(0)
		s.calm()
		s.check()
		s.stop()
		s.checkStopped()
	})
}
