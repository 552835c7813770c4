package app_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store/storetest"
)

// story is what happens to one branch, in this order. Commits are numbered from 1.
type story func(number int, branch string, sha func(int) string) []core.Event

func stories() map[string]story {
	return map[string]story{
		"pushes with their pull request": func(number int, branch string, sha func(int) string) []core.Event {
			return []core.Event{
				push(branch, sha(1)), head(number, branch, sha(1)), after(sha(1), push(branch, sha(2))),
				after(sha(1), head(number, branch, sha(2))), after(sha(2), push(branch, sha(3))),
			}
		},
		"a pull request that is closed and reopened": func(number int, branch string, sha func(int) string) []core.Event {
			closed := ignored(head(number, branch, sha(2)), core.WhyAction)
			closed.SHA, closed.Closed = sha(2), true
			return []core.Event{
				head(number, branch, sha(1)), after(sha(1), head(number, branch, sha(2))), closed,
				head(number, branch, sha(2)), after(sha(2), head(number, branch, sha(3))),
			}
		},
		"a branch that is deleted and made again": func(_ int, branch string, sha func(int) string) []core.Event {
			return []core.Event{
				push(branch, sha(1)), after(sha(1), push(branch, sha(2))), ignored(push(branch, ""), core.WhyBranchDeleted),
				push(branch, sha(3)), after(sha(3), push(branch, sha(4))),
			}
		},
	}
}

// told is one order in which a story's five events arrive.
type told struct {
	name   string
	events []core.Event
	order  []int
	way    int // 0: all has happened before the first arrives; else it may; 2: the forge does not always say
	real   int // how many have happened
	branch string
	head   string
}

// Five events arrive in some of their 120 orders, or in each of them with
// OORE_TEST_ORDERS=all, at once after an outage or while they happen, and the forge cannot
// always say what is so. What stands at the head in the end is built, nothing older
// cancels it, and pipelines that want it so have nothing else left.
func TestNoOlderEventCancelsNewerWorkInWhateverOrderTheyArrive(t *testing.T) {
	step := 40
	if os.Getenv("OORE_TEST_ORDERS") == "all" {
		step = 1
	}
	storetest.Each(t, func(t *testing.T, database string) {
		h := newHouseOn(t, database)
		p := h.project(t)
		one := h.pipeline(t, p.ID, "One at a time", cancelPrevious())
		all := h.pipeline(t, p.ID, "All")
		var tales []*told
		for name, tell := range stories() {
			for way := range 3 {
				for i := way % step; i < 120; i += step {
					tales = append(tales, newTold(name, tell, len(tales), way, orders(5)[i]))
				}
			}
		}
		h.arrive(t, tales)
		for _, s := range tales {
			h.wantHead(t, s, one)
			h.wantHead(t, s, all)
		}
	})
}

// orders are those of n things.
func orders(n int) [][]int {
	if n == 0 {
		return [][]int{nil}
	}
	var all [][]int
	for _, shorter := range orders(n - 1) {
		for at := range n {
			all = append(all, slices.Insert(slices.Clone(shorter), at, n-1))
		}
	}
	return all
}

func newTold(name string, tell story, number, way int, order []int) *told {
	s := &told{name: name, order: order, way: way, branch: fmt.Sprintf("b%d", number)}
	s.events = tell(number+1, s.branch, func(n int) string { return fmt.Sprintf("%036x%04x", number+1, n) })
	s.head = s.events[4].SHA
	return s
}

// arrive delivers the stories' events, the first of each, then the second, and so on.
func (h *house) arrive(t *testing.T, tales []*told) {
	t.Helper()
	random := rand.New(rand.NewPCG(3, 5))
	for round := range 5 {
		for _, s := range tales {
			until := 5
			if s.way > 0 {
				until = max(s.real, s.order[round]+1+random.IntN(5-s.order[round]))
			}
			for ; s.real < until; s.real++ {
				h.forge.happen(s.events[s.real])
			}
			h.forge.hush(s.branch, s.way == 2 && random.IntN(2) == 0)
			h.keep(t, marshaled(t, s.events[s.order[round]]))
		}
		h.allDecided(t)
	}
}

// allDecided is decided for all that has come.
func (h *house) allDecided(t *testing.T) {
	t.Helper()
	for left := 1; left > 0; {
		h.work(t, func() bool {
			waiting, _, err := h.store.ListDeliveries(t.Context(), core.DeliveryFilter{Status: core.DeliveryReceived}, core.Page{Limit: 200})
			if err != nil {
				t.Fatal(err)
			}
			left = len(waiting)
			now := h.clock.now()
			return !slices.ContainsFunc(waiting, func(d core.Delivery) bool { return !d.NotBefore.After(now) })
		})
		h.clock.forward(core.Backoff(3))
	}
}

// wantHead checks what is left of a story in a pipeline.
func (h *house) wantHead(t *testing.T, s *told, p core.Pipeline) {
	t.Helper()
	builds, _, err := h.store.ListBuilds(t.Context(), core.BuildFilter{PipelineID: p.ID, Branch: s.branch}, core.Page{Limit: 200})
	if err != nil {
		t.Fatal(err)
	}
	heads, others := 0, 0
	for _, b := range builds {
		switch {
		case b.Status == core.BuildQueued && b.SHA == s.head:
			heads++
		case b.Status == core.BuildQueued:
			others++
		}
	}
	if heads != 1 {
		t.Errorf("%s, in the order %v: %d builds of the head wait in %s", s.name, s.order, heads, p.Name)
	}
	if s.way < 2 && (builds[0].SHA != s.head || p.Concurrency.CancelPrevious && others > 0) {
		t.Errorf("%s, in the order %v: %s shows %s, and %d builds beside the head's wait", s.name, s.order, p.Name, builds[0].SHA, others)
	}
}
