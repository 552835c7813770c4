package runner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// checkoutStep is our own step, index 0 of every build.
const checkoutStep = "checkout"

// Why a build is stopped from outside: the causes of its context.
var (
	errCanceled  = errors.New("canceled")
	errTimedOut  = errors.New("timed out")
	errShutdown  = errors.New("the runner is shutting down")
	errLeaseLost = errors.New("the build was taken away from this runner")
)

// build is one claimed build in one slot. Its worker goroutine owns it.
type build struct {
	pool  *Pool
	job   core.Job
	shim  *shim
	log   *journal
	dir   string       // the workspace
	lines *slog.Logger // of the runner's own log, about this attempt
	sha   string       // the commit, once it is known

	found  *findings
	cases  []core.TestCase // the single tests, once the build is through
	space  *space
	failed string // the step that decided the failure

	stepsSoFar int      // begun or skipped, without the checkout
	caching    *caching // nil: the configuration asks for none
	submodules int      // checked out so far
	mirrors    []string // the folders whose objects the workspace borrows
	borrowed   []string // those that are not cleaned while it runs

	began    bool // the house knows that it runs
	timeout  time.Duration
	since    time.Time
	deadline *time.Timer

	pipes   []*os.File
	readers sync.WaitGroup
}

// failure is a build's end that is the build's own: its commit, its configuration,
// its commands.
type failure struct {
	reason  string
	message string
	details []string // for the log
	code    *int
}

func (f *failure) Error() string { return f.message }

func failf(reason, format string, args ...any) *failure {
	return &failure{reason: reason, message: fmt.Sprintf(format, args...)}
}

// watched runs the build while somebody looks how much it writes.
func (b *build) watched(ctx context.Context, stop context.CancelCauseFunc) core.Result {
	watched, over := context.WithCancel(ctx)
	var watch sync.WaitGroup
	watch.Go(func() { b.space.watch(watched, stop) })
	defer watch.Wait()
	defer over()
	return b.run(ctx)
}

// run does everything between claim and finish; when it returns, commands may have
// left processes behind, but nothing of ours runs.
func (b *build) run(ctx context.Context) core.Result {
	plan, err := b.prepare(ctx)
	if err != nil {
		return b.result(ctx, err)
	}
	if plan.Timeout > 0 {
		b.timeout = plan.Timeout
		b.deadline.Reset(time.Until(b.since.Add(b.timeout)))
	}
	if err := b.begin(ctx); err != nil {
		return b.result(ctx, err)
	}
	b.record(ctx, core.Record{Ran: b.ran(plan)})
	b.restoreCaches(ctx, plan)
	result := b.result(ctx, b.work(ctx, plan))
	result.Problems, result.Tests = b.found.list(b.failed), b.tests(ctx, plan)
	b.saveCaches(ctx, result.Status == core.BuildSucceeded)
	return result
}

// tests are those of the reports that the configuration names; only without such
// reports those that commands told of, which may be the same.
func (b *build) tests(ctx context.Context, plan core.Plan) *core.TestSummary {
	sum := b.found.counted()
	if ctx.Err() == nil && len(plan.JUnitPatterns) > 0 {
		if reported := b.readReports(ctx, plan.Steps[len(plan.Steps)-1].Name, plan.JUnitPatterns); reported.Total() > 0 {
			sum = reported
		}
	}
	if sum.Total() == 0 {
		return nil
	}
	b.log.system(plan.Steps[len(plan.Steps)-1].Name, "Tests: %s", sum)
	b.cases = sum.cases
	return &sum.TestSummary
}

// prepare is the step "checkout": the commit, and what its configuration says.
func (b *build) prepare(ctx context.Context) (core.Plan, error) {
	step := core.Step{
		BuildID: b.job.Build.ID, Name: checkoutStep, Status: core.StepRunning,
		FirstSequence: b.log.nextSequence(), StartedAt: time.Now(),
	}
	b.log.report(step)
	if b.pool.unconfined != "" {
		b.log.system(checkoutStep, "This build runs without a sandbox: %s", b.pool.unconfined)
	}
	plan, err := b.checkoutAndRead(ctx)
	b.say(ctx, checkoutStep, err)
	b.endStep(ctx, step, err, nil)
	return plan, err
}

func (b *build) checkoutAndRead(ctx context.Context) (core.Plan, error) {
	if err := b.checkout(ctx); err != nil {
		return core.Plan{}, err
	}
	core.CrashPoint("checkout.done")
	if err := b.space.check(ctx); err != nil {
		return core.Plan{}, err
	}
	plan, err := readPlan(b.dir, b.job.Pipeline, b.job.Build.Platforms...)
	if err != nil {
		return core.Plan{}, err
	}
	for _, note := range plan.Notes {
		b.log.system(checkoutStep, "%s", note)
	}
	if err := b.chooseFlutter(ctx, &plan); err != nil {
		return plan, err
	}
	return plan, b.takeSecrets(ctx, &plan)
}

// origin says in words where the commit comes from.
func (b *build) origin() string {
	in := b.job.Build
	switch {
	case in.Tag != "":
		return " (tag " + in.Tag + ")"
	case in.PullRequest != nil:
		return fmt.Sprintf(" (pull request %d)", in.PullRequest.Number)
	case in.Branch != "":
		return " (" + in.Branch + ")"
	}
	return ""
}

// begin tells the house that the build runs now. A house that says no has ended it.
func (b *build) begin(ctx context.Context) error {
	err := persist(ctx, func() error { return b.pool.jobs.Start(ctx, b.job.Lease, b.sha) })
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case core.CodeOf(err) == core.CodeInvalidTransition:
		return errCanceled
	case err != nil && refused(err):
		return errors.Join(errLeaseLost, err)
	case err != nil:
		return err
	}
	b.began = true
	return nil
}

// endStep reports a step's end as the error, or the lack of one, tells it.
func (b *build) endStep(ctx context.Context, step core.Step, err error, code *int) {
	now := time.Now()
	step.FinishedAt, step.ExitCode = &now, code
	switch {
	case errors.Is(err, errCanceled) || errors.Is(context.Cause(ctx), errCanceled):
		step.Status = core.StepCanceled
	case err != nil:
		step.Status = core.StepFailed
	default:
		step.Status = core.StepSucceeded
	}
	if last := b.log.nextSequence() - 1; last >= step.FirstSequence {
		step.LastSequence = &last
	}
	b.log.report(step)
}

// shortDuration writes 30m, not 30m0s.
func shortDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// result turns the error with which a build ended into its result.
func (b *build) result(ctx context.Context, err error) core.Result {
	if cause := context.Cause(ctx); cause != nil && err != nil {
		err = cause
	}
	var f *failure
	switch {
	case err == nil:
		return core.Result{Status: core.BuildSucceeded}
	case errors.Is(err, errCanceled):
		return core.Result{Status: core.BuildCanceled, Reason: core.ReasonCanceledByUser, Message: "Canceled"}
	case errors.Is(err, errTimedOut):
		return core.Result{
			Status: core.BuildTimedOut, Reason: core.ReasonTimedOut,
			Message: "Timed out after " + shortDuration(b.timeout),
		}
	case errors.Is(err, errShutdown):
		return core.Result{
			Status: core.BuildFailed, Reason: core.ReasonRunnerShutdown, Message: "The runner was shut down during the build",
		}
	case errors.Is(err, errLeaseLost): // nobody will ask, but where this process stood still and the house does not know yet
		return core.Result{Status: core.BuildFailed, Reason: core.ReasonRunnerLost, Message: "The runner " + b.pool.runner.Name + " stood still for too long"}
	case errors.As(err, &f):
		return core.Result{Status: core.BuildFailed, Reason: f.reason, Message: f.message, ExitCode: f.code}
	}
	b.lines.Error("build", "error", err)
	return core.Result{Status: core.BuildFailed, Reason: core.ReasonRunnerError, Message: "The runner failed: " + err.Error()}
}
