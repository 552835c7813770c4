package app

import (
	"context"
	"runtime"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// Readings are the gauges of this moment. Its caller must be one who may see the
// figures of the whole instance: they name nobody and no project.
func (a *App) Readings(ctx context.Context) ([]core.Reading, error) {
	f, err := a.store.ReadFigures(ctx)
	if err != nil {
		return nil, err
	}
	q, err := a.readQueue(ctx)
	if err != nil {
		return nil, err
	}
	since := func(t time.Time) float64 {
		if t.IsZero() {
			return 0
		}
		return max(q.At.Sub(t), 0).Seconds()
	}
	all := []core.Reading{
		{Metric: core.MetricInboxDepth, Value: float64(f.Received), Labels: []string{"received"}},
		{Metric: core.MetricInboxDepth, Value: float64(f.Failed), Labels: []string{"failed"}},
		{Metric: core.MetricInboxOldest, Value: since(f.OldestReceived)},
		{Metric: core.MetricStatusOldest, Value: since(f.OldestUntold)},
		{Metric: core.MetricPoolBusy, Value: float64(f.PoolBusy)},
		{Metric: core.MetricPoolWaited, Value: f.PoolWaited.Seconds()},
		{Metric: core.MetricReaper, Value: float64(a.reaped.Load())},
		{Metric: core.MetricBuildInfo, Value: 1, Labels: []string{a.version, runtime.Version(), f.Database}},
	}
	if f.Database == "sqlite" {
		all = append(all, core.Reading{Metric: core.MetricWAL, Value: float64(f.WALBytes)})
	}
	a.troubled.Range(func(provider, hooks any) bool {
		all = append(all, core.Reading{Metric: core.MetricHooksOff, Value: float64(hooks.(int)), Labels: []string{string(provider.(core.Provider))}})
		return true
	})
	for _, kind := range core.EffectKinds() {
		all = append(all, core.Reading{Metric: core.MetricStatusPending, Value: float64(f.Pending[kind]), Labels: []string{string(kind)}})
	}
	return append(append(all, queueReadings(q)...), runnerReadings(q)...), nil
}

func queueReadings(q core.Queue) []core.Reading {
	depth := map[string]int{}
	eligible := 0.0
	for i, place := range q.Places() {
		depth[place.Reason.Code]++
		if place.Reason.Code == core.WaitStarting {
			eligible = max(eligible, q.At.Sub(q.Waiting[i].QueuedAt).Seconds())
		}
	}
	all := []core.Reading{
		{Metric: core.MetricQueueEligible, Value: eligible},
		{Metric: core.MetricLive, Value: float64(len(q.Active))},
	}
	for _, code := range core.WaitCodes() {
		all = append(all, core.Reading{Metric: core.MetricQueueDepth, Value: float64(depth[code]), Labels: []string{code}})
	}
	return all
}

func runnerReadings(q core.Queue) []core.Reading {
	states, slots, age := map[core.RunnerState]int{}, 0, 0.0
	for _, r := range q.Runners {
		state := r.State(q.At)
		states[state]++
		if r.Enabled && !r.LastSeenAt.IsZero() {
			age = max(age, q.At.Sub(r.LastSeenAt).Seconds())
		}
		if state != core.RunnerOffline {
			slots += r.Slots
		}
	}
	all := []core.Reading{
		{Metric: core.MetricBeatAge, Value: age},
		{Metric: core.MetricSlots, Value: float64(slots), Labels: []string{"all"}},
		{Metric: core.MetricSlots, Value: float64(len(q.Active)), Labels: []string{"busy"}},
	}
	for _, state := range core.RunnerStates() {
		all = append(all, core.Reading{Metric: core.MetricRunners, Value: float64(states[state]), Labels: []string{string(state)}})
	}
	return all
}
