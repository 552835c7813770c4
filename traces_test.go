package main

import (
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/oore-ci/oore/app/core"
)

// traceCollector is a double of a collector of OpenTelemetry: it reads what OTLP over HTTP
// brings as its protocol says.
type traceCollector struct {
	*httptest.Server
	mu       sync.Mutex
	spans    []*otlp.Span
	services map[string]bool
	faults   []string
}

func newTraceCollector(t *testing.T) *traceCollector {
	c := &traceCollector{services: map[string]bool{}}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		defer c.mu.Unlock()
		body, err := io.ReadAll(r.Body)
		var in collector.ExportTraceServiceRequest
		if err == nil {
			err = proto.Unmarshal(body, &in)
		}
		if err != nil || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" || r.Header.Get("X-Team") != "mobile" {
			c.faults = append(c.faults, fmt.Sprint(r.Method, " ", r.URL, " ", r.Header, " ", err))
		}
		for _, resource := range in.ResourceSpans {
			for _, a := range resource.Resource.Attributes {
				c.services[a.Key+"="+a.Value.GetStringValue()] = true
			}
			for _, scope := range resource.ScopeSpans {
				c.spans = append(c.spans, scope.Spans...)
			}
		}
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	t.Cleanup(c.Close)
	return c
}

// settings are the environment of a server that sends its traces here.
func (c *traceCollector) settings(more ...string) []string {
	return append([]string{
		"OTEL_EXPORTER_OTLP_ENDPOINT=" + c.URL, "OTEL_EXPORTER_OTLP_HEADERS=x-team=mobile", "OTEL_SERVICE_NAME=ci", "OTEL_BSP_SCHEDULE_DELAY=100",
	}, more...)
}

// named are the spans of a name that have arrived, oldest first.
func (c *traceCollector) named(name string) []*otlp.Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []*otlp.Span
	for _, s := range c.spans {
		if s.Name == name {
			all = append(all, s)
		}
	}
	slices.SortFunc(all, func(a, b *otlp.Span) int { return int(int64(a.StartTimeUnixNano) - int64(b.StartTimeUnixNano)) })
	return all
}

// one is the span of a name, once it has arrived.
func (c *traceCollector) one(t *testing.T, name string) *otlp.Span {
	t.Helper()
	eventually(t, "there is a span "+name, func() bool { return len(c.named(name)) > 0 })
	all := c.named(name)
	if len(all) != 1 {
		t.Fatalf("%d spans %s: %v", len(all), name, all)
	}
	return all[0]
}

func spanValue(s *otlp.Span, key string) string {
	for _, a := range s.Attributes {
		if a.Key == key {
			if n := a.Value.GetIntValue(); n != 0 {
				return fmt.Sprint(n)
			}
			return a.Value.GetStringValue()
		}
	}
	return ""
}

func wantParent(t *testing.T, s, parent *otlp.Span) {
	t.Helper()
	if hex.EncodeToString(s.TraceId) != hex.EncodeToString(parent.TraceId) || hex.EncodeToString(s.ParentSpanId) != hex.EncodeToString(parent.SpanId) {
		t.Errorf("%s is not within %s: %v, %v", s.Name, parent.Name, s, parent)
	}
	if s.EndTimeUnixNano < s.StartTimeUnixNano {
		t.Errorf("%s ends before it begins", s.Name)
	}
}

func wantLink(t *testing.T, s, to *otlp.Span) {
	t.Helper()
	if hex.EncodeToString(s.TraceId) == hex.EncodeToString(to.TraceId) && s.Name == "build.attempt" {
		t.Errorf("%s is nested in the trace of %s", s.Name, to.Name)
	}
	for _, l := range s.Links {
		if hex.EncodeToString(l.TraceId) == hex.EncodeToString(to.TraceId) && hex.EncodeToString(l.SpanId) == hex.EncodeToString(to.SpanId) {
			return
		}
	}
	t.Errorf("%s is not linked to %s: %v", s.Name, to.Name, s)
}

func TestADeliveryIsOneTraceFromItsWebhookToTheStatus(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		c := newTraceCollector(t)
		s := newSite(t, database, workflow(`echo "parent $TRACEPARENT"`), c.settings("OORE_RUNNERS=0")...)
		s.program.pipeline(s.githubProject("acme/shop", nil).ID, "Android", nil)
		delivery := s.deliver("push", s.gh.PushPayload(s.repo, "main", "", s.head))
		id := s.decided(delivery).Verdicts[0].BuildID
		s.stop() // the trace goes on after a restart
		s.start()
		newRemoteRunner(t, s.url, "mac")
		if b := s.ended(id); b.Status != "succeeded" {
			t.Fatalf("the build is %s:\n%s", b.Status, s.rawLog(id))
		}
		eventually(t, "GitHub knows it", func() bool { return slices.Contains(s.states(s.head, "oore/android"), "success") })
		receive, decide, create, wait, attempt := c.one(t, "delivery.receive"), c.one(t, "delivery.decide"), c.one(t, "build.create"), c.one(t, "build.wait"), c.one(t, "build.attempt")
		if receive.Kind != otlp.Span_SPAN_KIND_SERVER || len(receive.ParentSpanId) != 0 || spanValue(receive, "oore.delivery.id") != delivery || spanValue(receive, "oore.event") != "push" {
			t.Errorf("the first span is %v", receive)
		}
		wantParent(t, decide, receive)
		wantParent(t, create, receive)
		wantParent(t, wait, create)
		wantLink(t, wait, attempt)
		wantLink(t, attempt, create)
		if len(attempt.ParentSpanId) != 0 || spanValue(attempt, "oore.build.id") != id || spanValue(attempt, "oore.status") != "succeeded" {
			t.Errorf("the attempt is %v", attempt)
		}
		if spanValue(decide, "oore.reason") != core.WhyBuilds || spanValue(create, "oore.delivery.id") != delivery {
			t.Errorf("decided and made as %v, %v", decide, create)
		}
		eventually(t, "the spans of the steps and of the result's status have arrived", func() bool {
			reports := c.named("report.status")
			return len(c.named("build.step")) >= 2 && len(reports) > 0 && len(reports[len(reports)-1].Links) > 0
		})
		for _, step := range c.named("build.step") {
			wantParent(t, step, attempt)
		}
		reports := c.named("report.status")
		for _, report := range reports {
			wantParent(t, report, create)
		}
		wantLink(t, reports[len(reports)-1], attempt)
		parent := fmt.Sprintf("parent 00-%x-%x-01\n", attempt.TraceId, attempt.SpanId)
		if raw := s.rawLog(id); !strings.Contains(raw, parent) {
			t.Errorf("the build saw no %q:\n%s", parent, raw)
		}
		trace := hex.EncodeToString(receive.TraceId)
		for _, line := range [][]string{{"delivery received", delivery, `"request":`}, {"delivery decided", delivery}, {"build queued", delivery, id}, {"build running", delivery, id}, {"build succeeded", delivery, id}} {
			s.wantLine(append(line, trace)...)
		}
		c.wantClean(t, "acme", "shop", "main", s.head, "First commit", adminToken, "TRACEPARENT")
		if f := s.scrape(); f.sum(core.MetricSpans, "sent") == 0 || f.sum(core.MetricSpans, "made") < f.sum(core.MetricSpans, "sent") {
			t.Errorf("the metric of spans is %v", f[core.MetricSpans])
		}
	})
}

// wantLine looks for a line of the server's log that holds all the words.
func (p *program) wantLine(words ...string) {
	p.t.Helper()
	for line := range strings.Lines(p.output.String()) {
		if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(line, w) }) {
			return
		}
	}
	p.t.Errorf("no line of the log has %q", words)
}

// wantClean looks through all that arrived for what must not leave the house.
func (c *traceCollector) wantClean(t *testing.T, secrets ...string) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.faults) > 0 || !c.services["service.name=ci"] {
		t.Errorf("the collector was asked %v, for %v", c.faults, c.services)
	}
	for _, s := range c.spans {
		text := s.String()
		for _, secret := range secrets {
			if strings.Contains(text, secret) {
				t.Errorf("a span says %q: %s", secret, text)
			}
		}
	}
}

// A collector that takes requests and never answers holds up nothing.
func TestACollectorThatHangsHoldsUpNothing(t *testing.T) {
	asked, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	hanging := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		once.Do(func() { close(asked) })
		<-release
	}))
	t.Cleanup(hanging.Close)
	t.Cleanup(func() { close(release) })
	s := newSite(t, "", workflow("echo hello"), "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT="+hanging.URL+"/v1/traces",
		"OTEL_BSP_SCHEDULE_DELAY=10", "OTEL_BSP_MAX_QUEUE_SIZE=4", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE=2")
	s.program.pipeline(s.githubProject("acme/shop", nil).ID, "Android", nil)
	s.deliver("ping", []byte(`{"zen":"Keep it logically awesome."}`))
	select {
	case <-asked:
	case <-time.After(patience):
		t.Fatal("nobody asked the collector")
	}
	for range 20 { // more than the queue holds
		s.deliver("ping", []byte(`{"zen":"Keep it logically awesome."}`))
	}
	b := s.build(s.decided(s.deliver("push", s.gh.PushPayload(s.repo, "main", "", s.head))).Verdicts[0].BuildID)
	if b = s.ended(b.ID); b.Status != "succeeded" {
		t.Errorf("the build is %s", b.Status)
	}
	eventually(t, "GitHub knows it", func() bool { return slices.Contains(s.states(s.head, "oore/android"), "success") })
	s.stop() // which fails the test if it does not end
	if out := s.output.String(); strings.Contains(out, "panic") {
		t.Errorf("the server says\n%s", out)
	}
}

func TestTracesAreOffByDefault(t *testing.T) {
	c := newTraceCollector(t)
	for _, on := range []bool{false, true} {
		var env []string
		if on {
			env = c.settings()
		}
		s := newSite(t, "", workflow(`echo "parent <$TRACEPARENT>"`), env...)
		s.program.pipeline(s.githubProject("acme/shop", nil).ID, "Android", nil)
		b := s.ended(s.decided(s.deliver("push", s.gh.PushPayload(s.repo, "main", "", s.head))).Verdicts[0].BuildID)
		if got := strings.Contains(s.rawLog(b.ID), "parent <>"); got == on {
			t.Errorf("traces %v: the build printed %s", on, s.rawLog(b.ID))
		}
		s.signal(syscall.SIGQUIT) // prints all goroutines
		out := s.output.String()
		if !strings.Contains(out, "goroutine ") || strings.Contains(out, "go.opentelemetry.io/otel/sdk/trace.") != on || strings.Contains(out, "trace_id") != on {
			t.Errorf("traces %v: the server said\n%s", on, out)
		}
	}
}

func TestOpenTelemetrysVariablesDecideAboutTraces(t *testing.T) {
	const endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4318"
	for _, c := range []struct {
		env  environment
		on   bool
		says string
	}{
		{nil, false, ""},
		{environment{"OTEL_SERVICE_NAME=ci", "OTEL_TRACES_SAMPLER=sometimes"}, false, ""}, // another program's
		{environment{endpoint}, true, ""},
		{environment{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=https://collector/v1/traces"}, true, ""},
		{environment{endpoint, "OTEL_SDK_DISABLED=true"}, false, ""},
		{environment{endpoint, "OTEL_TRACES_EXPORTER=none"}, false, ""},
		{environment{endpoint, "OTEL_TRACES_SAMPLER=parentbased_traceidratio", "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"}, true, ""},
		{environment{endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL=grpc"}, true, "http/protobuf"},
		{environment{endpoint, "OTEL_TRACES_EXPORTER=zipkin"}, true, "OTEL_TRACES_EXPORTER"},
		{environment{endpoint, "OTEL_TRACES_SAMPLER=sometimes"}, true, "parentbased_always_on"},
		{environment{"OTEL_EXPORTER_OTLP_ENDPOINT=collector:4318"}, true, "OTEL_EXPORTER_OTLP_ENDPOINT"},
	} {
		on, err := c.env.traces()
		if on != c.on || (err != nil) != (c.says != "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%q: %v, %v", c.env, on, err)
		}
	}
}
