package core

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"time"
)

// SpanContext names a span of a trace, as W3C's Trace Context does. The names follow from
// the ids of what the spans are about: no server need store or tell them, and what is
// decided after a restart, or by another server, is in the same trace.
type SpanContext struct {
	Trace [16]byte
	Span  [8]byte
}

// DeliverySpan is the first span of a delivery's trace: that it arrived.
func DeliverySpan(id string) SpanContext {
	return traceOf("delivery", id).Child("receive")
}

// BuildSpan is that the build was made: in the trace of the delivery that asked for it, or
// for the build of which it is a rerun; else it is the first span of a trace of its own.
func BuildSpan(b Build) SpanContext {
	if b.DeliveryID != "" {
		return traceOf("delivery", b.DeliveryID).Child("build:" + b.ID)
	}
	return traceOf("build", b.ID).Child("build:" + b.ID)
}

// AttemptSpan is the first span of the trace of a runner's hold on the build, which it
// has or had.
func AttemptSpan(b Build) SpanContext {
	if b.AssignedAt == nil {
		return SpanContext{}
	}
	return traceOf("attempt", b.ID+":"+strconv.FormatInt(b.AssignedAt.UnixMicro(), 10)).Child("attempt")
}

func traceOf(kind, id string) (c SpanContext) {
	sum := sha256.Sum256([]byte("oore:" + kind + ":" + id))
	copy(c.Trace[:], sum[:])
	return c
}

// Child is another span of the same trace: the same name gives the same.
func (c SpanContext) Child(name string) SpanContext {
	sum := sha256.Sum256(append(c.Trace[:len(c.Trace):len(c.Trace)], name...))
	copy(c.Span[:], sum[:])
	return c
}

// TraceID is the trace in 32 hexadecimal digits.
func (c SpanContext) TraceID() string { return hex.EncodeToString(c.Trace[:]) }

// Traceparent is the header of W3C's Trace Context. sampled: whoever goes on with the trace
// should record what it does.
func (c SpanContext) Traceparent(sampled bool) string {
	flags := "-00"
	if sampled {
		flags = "-01"
	}
	return "00-" + c.TraceID() + "-" + hex.EncodeToString(c.Span[:]) + flags
}

// Span is a piece of work that has ended. Nothing in it is secret, and nothing but the
// names of steps is a text that somebody wrote.
type Span struct {
	SpanContext
	Name   string
	Kind   SpanKind
	Parent SpanContext   // in the same trace; zero: it is the first
	Links  []SpanContext // what it has to do with, in other traces
	Start  time.Time
	End    time.Time
	Fault  string // a code; empty: all went well
	About  []SpanAttribute
}

// SpanKind says on whose behalf a span's work was done.
type SpanKind string

// The kinds of spans.
const (
	SpanInternal SpanKind = ""
	SpanServer   SpanKind = "server" // somebody outside asked us
	SpanClient   SpanKind = "client" // we asked somebody outside
)

// SpanAttribute is what a span says. Value is a string, []string, int or bool.
type SpanAttribute struct {
	Key   string // with the prefix oore.
	Value any
}

// Tracer takes spans to whoever collects them. Implementations are safe for concurrent use
// and never block: what cannot be sent is dropped.
type Tracer interface {
	Record(s Span)
	// Sampled tells whether the spans of a trace are sent.
	Sampled(c SpanContext) bool
}
