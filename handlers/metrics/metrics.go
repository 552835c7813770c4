// Package metrics shows what the house counts and measures, for Prometheus. It knows
// the format and no command: what is to be read when somebody scrapes is given to it.
package metrics

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/oore-ci/oore/app/core"
)

var _ core.Meter = (*Metrics)(nil)

// scrapeTime is how long the database may take for a scrape. Prometheus gives up
// after 10 seconds by itself.
const scrapeTime = 5 * time.Second

// Metrics is the core.Meter of a server, and what answers GET /metrics.
type Metrics struct {
	registry   *prometheus.Registry
	counters   map[string]*prometheus.CounterVec
	gauges     map[string]*prometheus.GaugeVec
	histograms map[string]*prometheus.HistogramVec
	log        *slog.Logger
}

// New returns metrics that all stand at zero.
func New(log *slog.Logger) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(), log: log,
		counters: map[string]*prometheus.CounterVec{}, gauges: map[string]*prometheus.GaugeVec{}, histograms: map[string]*prometheus.HistogramVec{},
	}
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, d := range core.Metrics() {
		switch d.Kind {
		case core.MetricCounter:
			m.counters[d.Name] = prometheus.NewCounterVec(prometheus.CounterOpts{Name: d.Name, Help: d.Help}, d.Labels)
			m.registry.MustRegister(m.counters[d.Name])
		case core.MetricGauge:
			m.gauges[d.Name] = prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: d.Name, Help: d.Help}, d.Labels)
			m.registry.MustRegister(m.gauges[d.Name])
		case core.MetricHistogram:
			m.histograms[d.Name] = prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: d.Name, Help: d.Help, Buckets: d.Buckets}, d.Labels)
			m.registry.MustRegister(m.histograms[d.Name])
		}
		if len(d.Labels) == 0 && d.Kind != core.MetricGauge {
			m.begin(d)
		}
	}
	m.gauges[core.MetricStreams].WithLabelValues() // one that Note moves
	return m
}

// begin lets a metric without labels be there before anything happens.
func (m *Metrics) begin(d core.Metric) {
	if d.Kind == core.MetricCounter {
		m.counters[d.Name].WithLabelValues()
		return
	}
	m.histograms[d.Name].WithLabelValues()
}

// Note is core.Meter's. A name or a number of labels that the table does not have is
// a defect, which costs the note and nothing else.
func (m *Metrics) Note(metric string, value float64, labels ...string) {
	err := errors.New("there is no such metric")
	if c, ok := m.counters[metric]; ok {
		var one prometheus.Counter
		if one, err = c.GetMetricWithLabelValues(labels...); err == nil {
			one.Add(value)
		}
	} else if g, ok := m.gauges[metric]; ok {
		var one prometheus.Gauge
		if one, err = g.GetMetricWithLabelValues(labels...); err == nil {
			one.Add(value)
		}
	} else if h, ok := m.histograms[metric]; ok {
		var one prometheus.Observer
		if one, err = h.GetMetricWithLabelValues(labels...); err == nil {
			one.Observe(value)
		}
	}
	if err != nil {
		m.log.Error("note a metric", "metric", metric, "labels", labels, "error", err)
	}
}

// Reader reads gauges at the moment of a scrape.
type Reader = func(context.Context) ([]core.Reading, error)

// Handler answers with all metrics, in the form that the asker takes. Gauges that
// cannot be read are missing, and oore_readings_failed says so. Call it once.
func (m *Metrics) Handler(readers ...Reader) http.Handler {
	m.registry.MustRegister(collector{m, readers})
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{EnableOpenMetrics: true, ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: 4})
}

// collector brings the readings into a scrape.
type collector struct {
	metrics *Metrics
	readers []Reader
}

// Describe is prometheus.Collector's. The gauges that it fills are described already.
func (collector) Describe(chan<- *prometheus.Desc) {}

// Collect is prometheus.Collector's.
func (c collector) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTime)
	defer cancel()
	failed := 0.0
	for _, read := range c.readers {
		readings, err := read(ctx)
		if err != nil {
			c.metrics.log.Warn("read the gauges", "error", err)
			failed = 1
		}
		for _, r := range readings {
			c.send(out, r)
		}
	}
	c.send(out, core.Reading{Metric: core.MetricReadingsFailing, Value: failed})
}

func (c collector) send(out chan<- prometheus.Metric, r core.Reading) {
	for _, d := range core.Metrics() {
		if d.Name == r.Metric {
			desc := prometheus.NewDesc(d.Name, d.Help, d.Labels, nil)
			metric, err := prometheus.NewConstMetric(desc, prometheus.GaugeValue, r.Value, r.Labels...)
			if err != nil {
				metric = prometheus.NewInvalidMetric(desc, err)
			}
			out <- metric
		}
	}
}
