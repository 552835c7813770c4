package app_test

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

// fakeTracer keeps what is recorded, and samples all.
type fakeTracer struct {
	mu    sync.Mutex
	spans []core.Span
}

func (f *fakeTracer) Record(s core.Span) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.spans = append(f.spans, s)
}

func (*fakeTracer) Sampled(core.SpanContext) bool { return true }

func (f *fakeTracer) named(name string) []core.Span {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []core.Span
	for _, s := range f.spans {
		if s.Name == name {
			all = append(all, s)
		}
	}
	return all
}

// traced is a house that somebody traces, and its log.
func traced(t *testing.T, over ...func(core.Store) core.Store) (*house, *fakeTracer, *bytes.Buffer) {
	t.Helper()
	tracer := &fakeTracer{}
	h, log := logged(t, tracer, over...)
	return h, tracer, log
}

// logged is a house and its log. A nil tracer: nobody traces it.
func logged(t *testing.T, tracer core.Tracer, over ...func(core.Store) core.Store) (*house, *bytes.Buffer) {
	t.Helper()
	h, log := newHouse(t), &bytes.Buffer{}
	var db core.Store = testTime{h.store, h.clock}
	for _, o := range over {
		db = o(db)
	}
	var err error
	h.App, err = app.New(app.Deps{
		Store: db, Blobs: h.blobs, Archive: newArchive(t, h.blobs), Tracer: tracer,
		Forges: map[core.Provider]core.Forge{core.ProviderGitHub: h.forge}, Reporters: map[core.Provider]core.Reporter{core.ProviderGitHub: h.forge},
		Decoders: map[core.Provider]core.Decoder{core.ProviderGitHub: jsonDecoder{}},
		Clock:    h.clock.now, NewID: uuid.NewString, Log: slog.New(slog.NewTextHandler(log, nil)), PublicURL: "https://ci.example.com", LogLimit: 1 << 20,
	})
	if err != nil {
		t.Fatal(err)
	}
	return h, log
}

func TestEachAttemptOfABuildIsATraceOfItsOwn(t *testing.T) {
	h, tracer, log := traced(t)
	h.pipeline(t, h.project(t).ID, "Android")
	d := h.deliver(t, push("main", strings.Repeat("a", 40)))
	first := h.claim(t)
	if err := h.RecoverRunner(t.Context(), first.Lease.RunnerID); err != nil {
		t.Fatal(err)
	}
	h.clock.forward(time.Second)
	second := h.running(t)
	if err := h.ReportStep(t.Context(), second.Lease, core.Step{BuildID: second.Build.ID, Name: "checkout", Status: core.StepRunning, StartedAt: h.clock.now()}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.CancelBuild(t.Context(), h.owner, second.Build.ID); err != nil {
		t.Fatal(err)
	}
	if len(tracer.named("build.attempt")) != 1 {
		t.Error("an attempt ended while its runner still holds the build")
	}
	if err := h.Finish(t.Context(), second.Lease, core.Result{Status: core.BuildCanceled}); err != nil {
		t.Fatal(err)
	}
	attempts, made := tracer.named("build.attempt"), tracer.named("build.create")
	if len(attempts) != 2 || len(made) != 1 || len(tracer.named("build.wait")) != 2 {
		t.Fatalf("spans %+v", tracer.spans)
	}
	for i, job := range []*core.Job{first, second} {
		a := attempts[i]
		if a.Traceparent(true) != job.Traceparent || a.Trace == made[0].Trace || !slices.Equal(a.Links, []core.SpanContext{made[0].SpanContext}) || a.End.Before(a.Start) {
			t.Errorf("attempt %d: %+v", i, a)
		}
	}
	if attempts[0].Trace == attempts[1].Trace || attempts[0].Fault != core.ReasonRunnerLost || attempts[1].Fault != "" {
		t.Errorf("the attempts are %+v", attempts)
	}
	if steps := tracer.named("build.step"); len(steps) != 1 || steps[0].Parent != attempts[1].SpanContext {
		t.Errorf("the steps are %+v", steps)
	}
	trace := core.DeliverySpan(d.ID).TraceID()
	for _, line := range []string{"delivery received", "delivery decided", "build queued", "build assigned", "build running", "build canceled"} {
		if !slices.ContainsFunc(strings.Split(log.String(), "\n"), func(l string) bool {
			return strings.Contains(l, `"`+line+`"`) && strings.Contains(l, "delivery="+d.ID) && strings.Contains(l, "trace_id="+trace)
		}) {
			t.Errorf("no line %q with its ids in\n%s", line, log)
		}
	}
}

// As in the log of any house, traced or not.
func TestTheLogTellsAttemptsApart(t *testing.T) {
	h, log := logged(t, nil)
	h.pipeline(t, h.project(t).ID, "Android")
	h.deliver(t, push("main", strings.Repeat("a", 40)))
	first := h.claim(t)
	if err := h.RecoverRunner(t.Context(), first.Lease.RunnerID); err != nil {
		t.Fatal(err)
	}
	h.clock.forward(time.Second)
	second := h.running(t)
	if err := h.Finish(t.Context(), second.Lease, core.Result{Status: core.BuildSucceeded}); err != nil {
		t.Fatal(err)
	}
	one, two := "attempt="+first.Build.AssignedAt.Format(time.RFC3339Nano), "attempt="+second.Build.AssignedAt.Format(time.RFC3339Nano)
	if one == two {
		t.Fatal("both were claimed at once")
	}
	var got []string
	for line := range strings.Lines(log.String()) {
		if strings.Contains(line, "build="+first.Build.ID) {
			_, line, _ = strings.Cut(line, "msg=")
			attempt := ""
			switch {
			case strings.Contains(line, one):
				attempt = " first"
			case strings.Contains(line, two):
				attempt = " second"
			}
			got = append(got, line[:strings.Index(line[1:], `"`)+2]+attempt)
		}
		if strings.Contains(line, first.Lease.Token) || strings.Contains(line, second.Lease.Token) {
			t.Errorf("a lease's token is in the log: %s", line)
		}
	}
	if want := []string{
		`"build queued"`, `"build assigned" first`, `"build queued" first`, `"build taken back from a lost runner" first`,
		`"build assigned" second`, `"build running" second`, `"build succeeded" second`,
	}; !slices.Equal(got, want) {
		t.Errorf("the log says\n%s\nwant\n%s\nin\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"), log)
	}
}

func TestAScheduledBuildIsOneLineOfTheLog(t *testing.T) {
	h, log := logged(t, nil)
	s := h.schedule(t, h.pipeline(t, h.project(t).ID, "Android"), "*/10 * * * *")
	h.clock.forward(10 * time.Minute)
	h.turn(t)
	build := h.findSchedule(t, s.ID).LastBuildID
	var about []string
	for line := range strings.Lines(log.String()) {
		if build != "" && strings.Contains(line, "build="+build) {
			about = append(about, line)
		}
	}
	if len(about) != 1 || !strings.Contains(about[0], `"build queued"`) || !strings.Contains(about[0], "schedule="+s.ID) {
		t.Errorf("about the build there is %q in\n%s", about, log)
	}
}

func TestARerunIsInTheTraceOfItsDelivery(t *testing.T) {
	h, tracer, _ := traced(t)
	p := h.pipeline(t, h.project(t).ID, "Android")
	d := h.deliver(t, push("main", strings.Repeat("a", 40)))
	job := h.running(t)
	if err := h.Finish(t.Context(), job.Lease, core.Result{Status: core.BuildFailed, Reason: "a word of the runner's own"}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.RerunBuild(t.Context(), h.owner, job.Build.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := h.TriggerBuild(t.Context(), h.owner, app.TriggerBuild{ProjectID: p.ProjectID, PipelineID: p.ID}); err != nil {
		t.Fatal(err)
	}
	made, root := tracer.named("build.create"), core.DeliverySpan(d.ID)
	if len(made) != 3 || made[0].Parent != root || made[1].Parent != root || made[0].Span == made[1].Span {
		t.Fatalf("builds were made in %+v", made)
	}
	if made[2].Parent != (core.SpanContext{}) || made[2].Trace == root.Trace {
		t.Errorf("a build of no delivery was made in %+v", made[2])
	}
	if a := tracer.named("build.attempt"); len(a) != 1 || a[0].Fault != "other" {
		t.Errorf("the attempts are %+v", a)
	}
}

// undone is a store whose transactions are undone at their end.
type undone struct {
	core.Store
	on *bool
}

func (u undone) InTx(ctx context.Context, do func(core.Store) error) error {
	return u.Store.InTx(ctx, func(tx core.Store) error {
		if err := do(tx); err != nil || !*u.on {
			return err
		}
		return errInjected
	})
}

// What is not durable did not happen.
func TestWhatATransactionUndoesIsNotTold(t *testing.T) {
	on := false
	h, tracer, log := traced(t, func(s core.Store) core.Store { return undone{s, &on} })
	h.pipeline(t, h.project(t).ID, "Android")
	h.deliver(t, push("main", strings.Repeat("a", 40)))
	job := h.running(t)
	for _, on = range []bool{true, false} {
		err := h.Finish(t.Context(), job.Lease, core.Result{Status: core.BuildSucceeded})
		if (err != nil) != on || (len(tracer.named("build.attempt")) == 0) != on || strings.Contains(log.String(), "build succeeded") == on {
			t.Errorf("undone %v, %v: told %+v, %s", on, err, tracer.named("build.attempt"), log)
		}
	}
}
