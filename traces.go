package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/traces"
)

// traces tells whether OpenTelemetry's variables ask for traces. What the SDK would pass
// over in silence is a fault.
func (e environment) traces() (on bool, err error) {
	endpoint := "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
	if e.lookup(endpoint) == "" {
		endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT"
	}
	exporter := cmp.Or(e.lookup("OTEL_TRACES_EXPORTER"), "otlp")
	if e.lookup(endpoint) == "" || exporter == "none" || strings.EqualFold(e.lookup("OTEL_SDK_DISABLED"), "true") {
		return false, nil
	}
	var faults []error
	if u, err := url.Parse(e.lookup(endpoint)); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		faults = append(faults, fmt.Errorf("%s: give the address of the collector, http://host:4318 or https://…", endpoint))
	}
	protocol := cmp.Or(e.lookup("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"), e.lookup("OTEL_EXPORTER_OTLP_PROTOCOL"), "http/protobuf")
	if exporter != "otlp" || protocol != "http/protobuf" {
		faults = append(faults, errors.New("OTEL_TRACES_EXPORTER, OTEL_EXPORTER_OTLP_PROTOCOL: traces are sent by otlp and http/protobuf alone (collectors take it at port 4318)"))
	}
	samplers := []string{"", "always_on", "always_off", "traceidratio", "parentbased_always_on", "parentbased_always_off", "parentbased_traceidratio"}
	if !slices.Contains(samplers, e.lookup("OTEL_TRACES_SAMPLER")) {
		faults = append(faults, fmt.Errorf("OTEL_TRACES_SAMPLER: give one of %s", strings.Join(samplers[1:], ", ")))
	}
	return true, errors.Join(faults...)
}

func (c *Config) readTraces(environ []string) []error {
	var err error
	if c.Traces, err = environment(environ).traces(); err != nil {
		return []error{err}
	}
	return nil
}

// openTraces begins to trace, if the settings ask for it.
func (s *server) openTraces(ctx context.Context, id string) (err error) {
	if s.cfg.Traces {
		s.traces, err = traces.New(ctx, traces.Options{Version: version, ServerID: id, Log: s.log, Meter: s.metrics})
	}
	return err
}

// tracer is nil where nobody traces.
func (s *server) tracer() core.Tracer {
	if s.traces == nil {
		return nil
	}
	return s.traces
}

func (s *server) closeTraces() {
	if s.traces != nil {
		s.traces.Close()
	}
}
