package store_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store/storetest"
)

// Whatever becomes of a log's calls on their way, what is stored is what was printed, once
// and in order: OORE_TEST_SCHEDULES logs (60), each with an order of faults of its own.
func TestALogIsExactWhateverBecomesOfItsCalls(t *testing.T) {
	schedules, seed := 60, rand.Uint64()
	for name, number := range map[string]func(uint64){
		"OORE_TEST_SCHEDULES": func(n uint64) { schedules = int(n) }, //nolint:gosec // a few thousand
		"OORE_TEST_SEED":      func(n uint64) { seed = n },
	} {
		if n, err := strconv.ParseUint(os.Getenv(name), 10, 64); err == nil {
			number(n)
		}
	}
	fmt.Printf("schedules of logs: replay with OORE_TEST_SEED=%d OORE_TEST_SCHEDULES=%d\n", seed, schedules)
	storetest.Each(t, func(t *testing.T, url string) {
		h := furnish(t, url)
		var builds []core.Build
		for n := range schedules {
			h.queue(t, h.newBuild())
			builds = append(builds, h.claim(t, lease(n)))
		}
		const atOnce = 8
		ok(t, inParallel(atOnce, func(worker int) error {
			for n := worker; n < schedules; n += atOnce {
				s := schedule{house: h, build: builds[n], lease: lease(n), random: rand.New(rand.NewPCG(seed, uint64(n)))} //nolint:gosec // to be replayed
				if err := s.run(t); err != nil {
					return fmt.Errorf("log %d: %w", n, err)
				}
			}
			return nil
		}))
	})
}

func lease(n int) string { return fmt.Sprintf("lease %d", n) }

// schedule sends one log as a runner does: the next call when the last was taken, and the
// same again when no answer came. The network repeats and delays what it likes.
type schedule struct {
	house
	build  core.Build
	lease  string
	random *rand.Rand

	calls   [][]core.LogChunk
	delayed [][]core.LogChunk // copies that are still under way
}

func (s *schedule) chance(percent int) bool { return s.random.IntN(100) < percent }

func (s *schedule) print() (all []core.LogChunk) {
	next := int64(0)
	for range 1 + s.random.IntN(12) {
		var call []core.LogChunk
		for range 1 + s.random.IntN(3) {
			c := chunk(s.build, next, 1+s.random.IntN(5))
			c.Step = fmt.Sprintf("step %d", next/8)
			c.Data = fmt.Appendf(nil, "%d of %s", s.random.Uint64(), c.BuildID)
			call, next = append(call, c), c.Next()
		}
		s.calls, all = append(s.calls, call), append(all, call...)
	}
	return all
}

func (s *schedule) run(t *testing.T) error {
	printed := s.print()
	for n, call := range s.calls {
		if err := s.disturb(t, n); err != nil {
			return err
		}
		for answered := false; !answered; {
			if s.chance(20) {
				continue // it never came
			}
			copies := 1 + s.random.IntN(3)/2 // sent again while the first still runs
			if err := inParallel(copies, func(int) error { return s.AppendLog(t.Context(), s.lease, call) }); err != nil {
				return err
			}
			answered = !s.chance(30)
			if s.chance(30) {
				s.delayed = append(s.delayed, call)
			}
		}
	}
	if err := s.arrive(t, len(s.delayed)); err != nil {
		return err
	}
	stored, err := s.ReadLog(t.Context(), s.build.ID, -1, 1<<20)
	if err != nil {
		return err
	}
	if !slices.EqualFunc(stored, printed, func(a, b core.LogChunk) bool { return fmt.Sprint(a) == fmt.Sprint(b) }) {
		return fmt.Errorf("%v was stored, and %v printed", stored, printed)
	}
	return nil
}

// disturb is what comes before a call: copies of earlier ones, later ones, and another
// runner's, whose lease is over.
func (s *schedule) disturb(t *testing.T, n int) error {
	if err := s.arrive(t, s.random.IntN(len(s.delayed)+1)); err != nil {
		return err
	}
	if later := n + 1 + s.random.IntN(3); s.chance(20) && later < len(s.calls) {
		err := s.AppendLog(t.Context(), s.lease, s.calls[later])
		if core.CodeOf(err) != "log_gap" {
			return fmt.Errorf("call %d before %d: %w", later, n, err)
		}
	}
	if s.chance(20) {
		foreign := slices.Clone(s.calls[n])
		foreign[0].Data = []byte("another's")
		if err := s.AppendLog(t.Context(), s.lease+"0", foreign); core.CodeOf(err) != core.CodeLeaseLost {
			return fmt.Errorf("without the lease: %w", err)
		}
	}
	return nil
}

func (s *schedule) arrive(t *testing.T, count int) error {
	for range count {
		one := s.random.IntN(len(s.delayed))
		if err := s.AppendLog(t.Context(), s.lease, s.delayed[one]); err != nil {
			return fmt.Errorf("a late copy: %w", err)
		}
		s.delayed = slices.Delete(s.delayed, one, one+1)
	}
	return nil
}
