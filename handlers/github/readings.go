package github

import (
	"context"

	"github.com/oore-ci/oore/app/core"
)

// Readings tells how much GitHub still grants, where it has said so, and how many ways to
// it are closed. It asks nobody.
func (r *Room) Readings(context.Context) ([]core.Reading, error) {
	const provider = string(core.ProviderGitHub)
	least, told, closed := 0, false, 0
	for _, c := range r.all() {
		for _, l := range c.ways() {
			if left, known := l.left(); known && (!told || left < least) {
				least, told = left, true
			}
			if l.open() != nil {
				closed++
			}
		}
	}
	all := []core.Reading{{Metric: core.MetricBreakers, Value: float64(closed), Labels: []string{provider}}}
	if told {
		all = append(all, core.Reading{Metric: core.MetricRateLeft, Value: float64(least), Labels: []string{provider}})
	}
	return all, nil
}

func (f *Forge) ways() []*lane {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []*lane
	for _, l := range f.lanes {
		all = append(all, l)
	}
	return all
}

// left is what the forge grants until its budget begins anew.
func (l *lane) left() (calls int, known bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.budget.remaining, l.budget.reset.After(l.now())
}
