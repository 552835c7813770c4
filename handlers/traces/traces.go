// Package traces sends spans to a collector of OpenTelemetry, by OTLP over HTTP. It
// knows the protocol and no command. All is set by OpenTelemetry's own variables, which
// its SDK reads.
package traces

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/oore-ci/oore/app/core"
)

var _ core.Tracer = (*Traces)(nil)

const (
	// closeTime bounds the wait for a collector when the server stops.
	closeTime = 3 * time.Second
	// textLimit is what is sent of a text at most, in bytes.
	textLimit = 128
)

// Options are what the spans of a server say of it, and where it says what goes wrong.
type Options struct {
	Version  string
	ServerID string
	Log      *slog.Logger
	Meter    core.Meter
}

// Traces is the core.Tracer of a server.
type Traces struct {
	provider *sdk.TracerProvider
	tracer   trace.Tracer
	meter    core.Meter
}

// New returns one that sends to the collector of the environment. It asks nobody before
// there are spans.
func New(ctx context.Context, o Options) (*Traces, error) {
	client, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, err
	}
	about, err := resource.Merge(resource.NewSchemaless(
		attribute.String("service.name", "oore"), attribute.String("service.version", o.Version), attribute.String("service.instance.id", o.ServerID),
	), resource.Environment())
	if err != nil {
		return nil, err
	}
	provider := sdk.NewTracerProvider(
		sdk.WithResource(about), sdk.WithIDGenerator(given{}), sdk.WithBatcher(&exporter{SpanExporter: client, log: o.Log, meter: o.Meter}),
	)
	return &Traces{provider: provider, meter: o.Meter, tracer: provider.Tracer("github.com/oore-ci/oore", trace.WithInstrumentationVersion(o.Version))}, nil
}

// Close sends what is left, as far as the collector takes it within seconds.
func (t *Traces) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	_ = t.provider.Shutdown(ctx) // the exporter has said what went wrong
}

// Record is core.Tracer's.
func (t *Traces) Record(s core.Span) {
	ctx := context.WithValue(context.Background(), givenKey{}, s.SpanContext)
	options := []trace.SpanStartOption{
		trace.WithTimestamp(s.Start), trace.WithSpanKind(kindOf(s.Kind)), trace.WithAttributes(attributes(s.About)...),
	}
	for _, to := range s.Links {
		options = append(options, trace.WithLinks(trace.Link{SpanContext: t.context(to)}))
	}
	if s.Parent != (core.SpanContext{}) {
		ctx = trace.ContextWithSpanContext(ctx, t.context(s.Parent))
	}
	_, span := t.tracer.Start(ctx, s.Name, options...)
	if span.IsRecording() {
		t.meter.Note(core.MetricSpans, 1, "made")
	}
	if s.Fault != "" {
		span.SetStatus(codes.Error, bounded(s.Fault))
	}
	span.End(trace.WithTimestamp(s.End))
}

// Sampled is core.Tracer's. Samplers decide by the trace's id, so the first span, which is
// not kept here, is decided as the true one was.
func (t *Traces) Sampled(c core.SpanContext) bool {
	_, first := t.tracer.Start(context.WithValue(context.Background(), givenKey{}, c), "")
	return first.SpanContext().IsSampled()
}

func (t *Traces) context(c core.SpanContext) trace.SpanContext {
	var flags trace.TraceFlags
	return trace.NewSpanContext(trace.SpanContextConfig{TraceID: c.Trace, SpanID: c.Span, TraceFlags: flags.WithSampled(t.Sampled(c))})
}

// givenKey is where a span's names are on their way through the SDK.
type givenKey struct{}

// given is the SDK's source of ids: they are given.
type given struct{}

// NewIDs is sdk.IDGenerator's.
func (given) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	c, _ := ctx.Value(givenKey{}).(core.SpanContext)
	return c.Trace, c.Span
}

// NewSpanID is sdk.IDGenerator's.
func (g given) NewSpanID(ctx context.Context, _ trace.TraceID) trace.SpanID {
	_, id := g.NewIDs(ctx)
	return id
}

func kindOf(k core.SpanKind) trace.SpanKind {
	switch k {
	case core.SpanServer:
		return trace.SpanKindServer
	case core.SpanClient:
		return trace.SpanKindClient
	case core.SpanInternal:
	}
	return trace.SpanKindInternal
}

func attributes(about []core.SpanAttribute) []attribute.KeyValue {
	var all []attribute.KeyValue
	for _, a := range about {
		switch v := a.Value.(type) {
		case string:
			all = append(all, attribute.String(a.Key, bounded(v)))
		case []string:
			all = append(all, attribute.StringSlice(a.Key, v))
		case int:
			all = append(all, attribute.Int(a.Key, v))
		case bool:
			all = append(all, attribute.Bool(a.Key, v))
		}
	}
	return all
}

// bounded is the beginning of a text. Invalid UTF-8 would cost the whole batch.
func bounded(s string) string { return beginning(s, textLimit) }

func beginning(s string, limit int) string { return strings.ToValidUTF8(s[:min(len(s), limit)], "") }
