package main

import (
	"slices"
	"testing"

	"github.com/VictoriaMetrics/metricsql"
	dto "github.com/prometheus/client_model/go"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/github/githubtest"
)

// rising are the selectors of counters whose rise the alerts look at.
func rising(t *testing.T) (all []*metricsql.MetricExpr) {
	t.Helper()
	for _, r := range alertRules(t) {
		parsed, err := metricsql.Parse(r.Expr)
		if err != nil {
			t.Fatalf("%s: %v", r.Alert, err)
		}
		metricsql.VisitAll(parsed, func(e metricsql.Expr) {
			f, ok := e.(*metricsql.FuncExpr)
			if !ok || f.Name != "rate" && f.Name != "increase" {
				return
			}
			if of, ok := f.Args[0].(*metricsql.RollupExpr); ok {
				if m, ok := of.Expr.(*metricsql.MetricExpr); ok {
					all = append(all, m)
				}
			}
		})
	}
	return all
}

// shows tells whether there is a series that the selector, a name and labels that are to be
// equal, takes.
func (f families) shows(m *metricsql.MetricExpr) bool {
	filters := m.LabelFilterss[0]
	return slices.ContainsFunc(f[filters[0].Value].GetMetric(), func(one *dto.Metric) bool {
		return !slices.ContainsFunc(filters[1:], func(l metricsql.LabelFilter) bool {
			return !l.IsNegative && !l.IsRegexp && !slices.ContainsFunc(one.GetLabel(), func(have *dto.LabelPair) bool {
				return have.GetName() == l.Label && have.GetValue() == l.Value
			})
		})
	})
}

// TestWhatAlertsSeeRiseIsThereBeforeItDoes: to a rate the first event of a series that begins
// with it is none, so the first runners that were lost raised no alert.
func TestWhatAlertsSeeRiseIsThereBeforeItDoes(t *testing.T) {
	t.Parallel()
	p := newProgram(t, "", githubtest.New(t)).start()
	var counters []*metricsql.MetricExpr
	for _, m := range rising(t) {
		if slices.ContainsFunc(core.Metrics(), func(d core.Metric) bool { return d.Name == m.LabelFilterss[0][0].Value && d.Kind == core.MetricCounter }) {
			counters = append(counters, m)
		}
	}
	if len(counters) < 8 {
		t.Fatalf("the alerts look at %d counters", len(counters))
	}
	var missing string
	defer func() {
		if missing != "" {
			t.Logf("there is no %s", missing)
		}
	}()
	eventually(t, "all are there", func() bool { // the workers' are when they have begun
		f := p.scrape()
		missing = ""
		for _, m := range counters {
			if !f.shows(m) {
				missing = string(m.AppendString(nil))
			}
		}
		return missing == ""
	})
}
