package gitlab

import (
	"context"

	"github.com/oore-ci/oore/app/core"
)

// Readings tells how much GitLab still grants, where it has said so, and how many ways to
// it are closed. It asks nobody.
func (r *Room) Readings(context.Context) ([]core.Reading, error) {
	const provider = string(core.ProviderGitLab)
	least, told, closed := 0, false, 0
	for _, a := range r.all() {
		left, known, open := a.session.lane.left()
		if known && (!told || left < least) {
			least, told = left, true
		}
		if !open {
			closed++
		}
	}
	all := []core.Reading{{Metric: core.MetricBreakers, Value: float64(closed), Labels: []string{provider}}}
	if told {
		all = append(all, core.Reading{Metric: core.MetricRateLeft, Value: float64(least), Labels: []string{provider}})
	}
	return all, nil
}

// left is what the forge grants until its budget begins anew, and whether it lets us in.
func (l *lane) left() (calls int, known, open bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	return l.budget.remaining, l.budget.reset.After(now), l.open(now) == nil
}
