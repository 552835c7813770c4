package app

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/oore-ci/oore/app/core"
)

const (
	stepsTime = 5 * time.Second // for reading what the steps of a trace are
	stepsMost = 256             // of one trace
	namesMost = 32              // ids that one span names of a kind
)

// about are attributes from keys and values in turn; what is empty is left out.
func about(pairs ...any) []core.SpanAttribute {
	var all []core.SpanAttribute
	for pair := range slices.Chunk(pairs, 2) {
		if key, value := pair[0].(string), pair[1]; value != "" {
			all = append(all, core.SpanAttribute{Key: "oore." + key, Value: value})
		}
	}
	return all
}

func deliveryReceived(d core.Delivery, now time.Time) core.Span {
	return core.Span{
		SpanContext: core.DeliverySpan(d.ID), Name: "delivery.receive", Kind: core.SpanServer, Start: d.ReceivedAt, End: now,
		About: about("delivery.id", d.ID, "provider", string(d.Provider), "event", d.Event),
	}
}

// deliveryDecided is one try of it. What failed is tried again.
func deliveryDecided(d core.Delivery, now time.Time) core.Span {
	root := core.DeliverySpan(d.ID)
	s := core.Span{
		SpanContext: root.Child(fmt.Sprint("decide:", now.UnixNano(), ":", d.Attempts)), Parent: root, Name: "delivery.decide", Start: d.TakenAt, End: now,
	}
	if s.Start.IsZero() {
		s.Start = now
	}
	if d.Status == core.DeliveryReceived || d.Status == core.DeliveryFailed {
		s.Fault = d.Reason.Code
	}
	projects, builds := []string{}, []string{}
	for _, v := range d.Verdicts[:min(len(d.Verdicts), namesMost)] {
		projects = append(projects, v.ProjectID)
		if v.BuildID != "" {
			builds = append(builds, v.BuildID)
		}
	}
	s.About = about("delivery.id", d.ID, "provider", string(d.Provider), "event", d.Event, "delivery.status", string(d.Status),
		"reason", d.Reason.Code, "attempt", d.Attempts, "project.ids", projects, "build.ids", builds)
	return s
}

func aboutBuild(b core.Build, more ...any) []core.SpanAttribute {
	return about(append([]any{
		"build.id", b.ID, "build.number", b.Number, "project.id", b.ProjectID, "pipeline.id", b.PipelineID, "delivery.id", b.DeliveryID,
	}, more...)...)
}

func buildCreated(b core.Build, now time.Time) core.Span {
	s := core.Span{
		SpanContext: core.BuildSpan(b), Name: "build.create", Start: b.QueuedAt, End: now,
		About: aboutBuild(b, "trigger", string(b.TriggerType), "build.source_id", b.SourceBuildID),
	}
	if b.DeliveryID != "" {
		s.Parent = core.DeliverySpan(b.DeliveryID)
	}
	return s
}

// buildWaited is a build's time in the queue, to the runner that took it, or to its end.
func buildWaited(b core.Build, now time.Time) core.Span {
	s := core.Span{
		SpanContext: core.BuildSpan(b).Child(fmt.Sprint("wait:", b.ID, ":", now.UnixMicro())), Parent: core.BuildSpan(b),
		Name: "build.wait", Start: b.QueuedAt, End: now,
		About: aboutBuild(b, "status", string(b.Status), "runner.id", b.RunnerID),
	}
	if b.AssignedAt != nil {
		s.Links = []core.SpanContext{core.AttemptSpan(b)}
	}
	return s
}

// attemptEnded is a runner's hold on a build, from the claim on. held is the build with
// what tells the hold apart, b as it is now.
func attemptEnded(held, b core.Build, reason string, now time.Time) core.Span {
	reason = core.KnownReason(cmp.Or(b.StatusReason, reason))
	s := core.Span{
		SpanContext: core.AttemptSpan(held), Name: "build.attempt", Links: []core.SpanContext{core.BuildSpan(b)}, Start: *held.AssignedAt, End: now,
		About: aboutBuild(b, "status", string(b.Status), "reason", reason, "runner.id", held.RunnerID),
	}
	switch b.Status {
	case core.BuildFailed, core.BuildTimedOut, core.BuildQueued: // queued: the runner was lost
		s.Fault = cmp.Or(reason, string(b.Status))
	case core.BuildAssigned, core.BuildRunning, core.BuildSucceeded, core.BuildCanceled, core.BuildExpired:
	}
	return s
}

func stepEnded(held core.Build, step core.Step) core.Span {
	attempt := core.AttemptSpan(held)
	s := core.Span{
		SpanContext: attempt.Child(fmt.Sprint("step:", step.Index)), Parent: attempt, Name: "build.step", Start: step.StartedAt, End: *step.FinishedAt,
		About: about("build.id", step.BuildID, "step.index", step.Index, "step.name", step.Name, "status", string(step.Status)),
	}
	if step.ExitCode != nil {
		s.About = append(s.About, about("exit_code", *step.ExitCode)...)
	}
	if step.Status == core.StepFailed {
		s.Fault = string(step.Status)
	}
	return s
}

// told records a report to the outside that began at start: of a delivery, or of builds,
// in the trace of the first.
func (a *App) told(start time.Time, e core.Effect, err error, of core.SpanContext, builds ...core.Build) {
	if a.tracer == nil || err != nil && core.KindOf(err) == core.KindLimited { // not our turn: nobody was asked
		return
	}
	now := a.now()
	s := core.Span{
		SpanContext: of.Child(fmt.Sprint("report:", e.Key, ":", now.UnixNano())), Parent: of, Name: "report." + string(e.Kind), Kind: core.SpanClient,
		Start: start, End: now,
		About: about("host_class", hostClass(e.Kind), "result", outboundCode(err), "attempt", e.Attempts+1),
	}
	if err != nil {
		s.Fault = outboundCode(err)
	}
	names := []string{}
	for _, b := range builds[:min(len(builds), namesMost)] {
		names = append(names, b.ID)
		if made := core.BuildSpan(b); made != of {
			s.Links = append(s.Links, made)
		}
		if b.AssignedAt != nil {
			s.Links = append(s.Links, core.AttemptSpan(b))
		}
	}
	s.About = append(s.About, about("build.ids", names)...)
	a.tracer.Record(s)
}

func buildsOf(c core.Comment) []core.Build {
	var all []core.Build
	for _, r := range c.Reports {
		all = append(all, r.Build)
	}
	return all
}

// traceparent is of the attempt that begins; empty: nobody traces.
func (a *App) traceparent(b core.Build) string {
	if a.tracer == nil {
		return ""
	}
	attempt := core.AttemptSpan(b)
	return attempt.Traceparent(a.tracer.Sampled(attempt))
}
