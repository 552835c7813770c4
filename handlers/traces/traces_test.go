package traces

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/oore-ci/oore/app/core"
)

func newTraces(t *testing.T) (*Traces, *tracetest.InMemoryExporter) {
	t.Helper()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
	kept := tracetest.NewInMemoryExporter()
	made, err := New(t.Context(), Options{Version: "dev", ServerID: "s1", Log: slog.New(slog.DiscardHandler), Meter: core.NoMeter{}})
	if err != nil {
		t.Fatal(err)
	}
	made.provider.RegisterSpanProcessor(sdk.NewSimpleSpanProcessor(kept))
	return made, kept
}

func TestATraceIsKeptWholeOrNotAtAll(t *testing.T) {
	t.Setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
	t.Setenv("OTEL_TRACES_SAMPLER_ARG", "0.5")
	traces, kept := newTraces(t)
	now := time.Now()
	sampled := 0
	const all = 200
	for i := range all {
		root := core.DeliverySpan(fmt.Sprint(i))
		traces.Record(core.Span{SpanContext: root, Name: "root", Start: now, End: now})
		traces.Record(core.Span{SpanContext: root.Child("a"), Parent: root, Name: "child", Start: now, End: now})
		if traces.Sampled(root) {
			sampled++
		}
	}
	count := map[string]int{}
	for _, s := range kept.GetSpans() {
		if s.Name == "child" && s.Parent.TraceID() != s.SpanContext.TraceID() {
			t.Errorf("a child of another trace: %+v", s)
		}
		count[s.Name]++
	}
	if count["root"] != sampled || count["child"] != sampled || sampled < all/4 || sampled > all*3/4 {
		t.Errorf("%d of %d are sampled, %v kept", sampled, all, count)
	}
}

func TestTextsOfSpansAreBoundedAndValid(t *testing.T) {
	traces, kept := newTraces(t)
	root := core.DeliverySpan("1")
	traces.Record(core.Span{
		SpanContext: root, Name: "root", Start: time.Now(), End: time.Now(), Fault: "\xff" + strings.Repeat("é", 500),
		About: []core.SpanAttribute{{Key: "oore.step.name", Value: "\xfe" + strings.Repeat("é", 500)}, {Key: "oore.attempt", Value: 3}},
	})
	s := kept.GetSpans()[0]
	if s.SpanContext.TraceID() != root.Trace || s.SpanContext.SpanID() != root.Span {
		t.Errorf("the span is %v, want %v", s.SpanContext, root)
	}
	for _, text := range []string{s.Status.Description, s.Attributes[0].Value.AsString()} {
		if !utf8.ValidString(text) || len(text) > textLimit || len(text) < textLimit/2 {
			t.Errorf("the text is %q", text)
		}
	}
}

func TestACollectorThatIsAwayIsSpokenOfOnce(t *testing.T) {
	var told strings.Builder
	log := slog.New(slog.NewTextHandler(&told, nil))
	down := failing{true}
	e := &exporter{SpanExporter: &down, log: log, meter: core.NoMeter{}}
	for range 5 {
		if err := e.ExportSpans(t.Context(), nil); err != nil {
			t.Error("the SDK would print this:", err)
		}
	}
	down.down = false
	for range 5 {
		_ = e.ExportSpans(t.Context(), nil)
	}
	if strings.Count(told.String(), "level=WARN") != 1 || strings.Count(told.String(), "level=INFO") != 1 {
		t.Errorf("the log says\n%s", told.String())
	}
}

type failing struct{ down bool }

func (f *failing) ExportSpans(context.Context, []sdk.ReadOnlySpan) error {
	if f.down {
		return errors.New("connection refused")
	}
	return nil
}

func (*failing) Shutdown(context.Context) error { return nil }
