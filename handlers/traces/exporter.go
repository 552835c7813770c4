package traces

import (
	"context"
	"log/slog"
	"sync"
	"time"

	sdk "go.opentelemetry.io/otel/sdk/trace"

	"github.com/oore-ci/oore/app/core"
)

// silence is how long a collector that stays away is not spoken of again.
const silence = 10 * time.Minute

// exporter says in our log what the SDK would say on its own way, and counts.
type exporter struct {
	sdk.SpanExporter
	log   *slog.Logger
	meter core.Meter

	mu   sync.Mutex
	said time.Time // zero: the last spans arrived
}

// ExportSpans is sdk.SpanExporter's.
func (e *exporter) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	err := e.SpanExporter.ExportSpans(ctx, spans)
	result := "sent"
	if err != nil {
		result = "failed"
	}
	e.meter.Note(core.MetricSpans, float64(len(spans)), result)
	e.say(err)
	return nil
}

func (e *exporter) say(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case err == nil && !e.said.IsZero():
		e.log.Info("the collector takes traces again")
		e.said = time.Time{}
	case err != nil && time.Since(e.said) > silence:
		e.log.Warn("traces do not reach the collector, and are dropped; look at OTEL_EXPORTER_OTLP_ENDPOINT", "error", beginning(err.Error(), 500)) // it may hold the collector's whole answer
		e.said = time.Now()
	}
}
