package runner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/oore-ci/oore/app/core"
)

// exitNotFound is the shell's exit code for a program that it did not find.
const exitNotFound = 127

// steps runs the plan. The first failure is the build's; what comes after it is
// skipped, unless it always runs.
func (b *build) steps(ctx context.Context, plan core.Plan) error {
	env := commandEnv(b.hostEnv(), b.job, b.sha, plan.Env)
	var first error
	for _, s := range plan.Steps {
		if first == nil && ctx.Err() != nil {
			first = context.Cause(ctx)
		}
		if ctx.Err() != nil || (first != nil && !s.Always) {
			b.skip(s)
			continue
		}
		if err := b.step(ctx, s, env); err != nil && first == nil {
			first, b.failed = err, s.Name
		}
	}
	return first
}

func (b *build) newStep(s core.PlanStep, status core.StepStatus) core.Step {
	b.stepsSoFar++
	return core.Step{
		BuildID: b.job.Build.ID, Index: b.stepsSoFar, Name: s.Name, Command: s.Run, Status: status,
		FirstSequence: b.log.nextSequence(), StartedAt: time.Now(),
	}
}

// ownStep begins a step of ours.
func (b *build) ownStep(name string) core.Step {
	step := b.newStep(core.PlanStep{Name: name}, core.StepRunning)
	b.log.report(step)
	return step
}

func (b *build) skip(s core.PlanStep) {
	step := b.newStep(s, core.StepSkipped)
	step.FinishedAt = &step.StartedAt
	b.log.report(step)
}

// step runs one command to its end, or until ctx ends. An error is a *failure, the
// cause for which ctx ended, or a defect of ours.
func (b *build) step(ctx context.Context, s core.PlanStep, env []string) error {
	step := b.newStep(s, core.StepRunning)
	b.log.system(s.Name, "$ %s", strings.ReplaceAll(strings.TrimSpace(s.Run), "\n", "\n> "))
	b.log.report(step)
	out := &lineWriter{journal: b.log, stream: core.StreamStdout, step: s.Name, watch: b.found.watch(s, core.StreamStdout)}
	errOut := &refusals{lineWriter: &lineWriter{
		journal: b.log, stream: core.StreamStderr, step: s.Name, watch: b.found.watch(s, core.StreamStderr),
	}}
	sh := command{argv: []string{b.pool.shell, shellFlag(s.Run), s.Run}, dir: b.dir, env: env, sandbox: b.sandbox()}
	end, err := b.spawn(ctx, sh, nil, b.log.masks.writer(out), b.log.masks.writer(errOut))
	if err == nil {
		err = b.space.check(ctx)
	}
	var code *int
	var unstarted *startError
	switch {
	case errors.As(err, &unstarted) && !isDir(b.dir):
		err = failf(core.ReasonCommandFailed,
			"%s failed: the build's folder is gone: something that the build started has deleted or moved it", s.Name)
	case errors.As(err, &unstarted):
		err = failf(core.ReasonCommandFailed, "%s failed: %s", s.Name, unstarted.reason)
	case err == nil && end.Code != 0:
		code = &end.Code
		f := b.explain(s.Name, end)
		if sh.sandbox != nil && errOut.seen {
			f.details = append(f.details, refusalHint)
		}
		err = f
	case err == nil:
		code = &end.Code
	}
	b.say(ctx, s.Name, err)
	b.endStep(ctx, step, err, code)
	return err
}

// shellFlag makes a command of several lines end at the first that fails, as people know it
// of other CI: else a test that failed and a line after it were a green build.
func shellFlag(run string) string {
	if strings.Contains(strings.TrimSpace(run), "\n") {
		return "-ec"
	}
	return "-c"
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// explain makes the failure of a command that ended badly.
func (b *build) explain(name string, end exit) *failure {
	f := failf(core.ReasonCommandFailed, "%s failed: exit %d", name, end.Code)
	f.code = &end.Code
	switch {
	case end.Signal != 0:
		f.message = fmt.Sprintf("%s failed: killed by %s (exit %d)", name, unix.SignalName(end.Signal), end.Code)
		if end.Signal == syscall.SIGKILL {
			f.details = []string{"Nothing of Oore's sent it. Often the machine was out of memory."}
		}
	case end.Code == exitNotFound && b.found.missingIn(name) != "":
		tool := b.found.missingIn(name)
		f.message = fmt.Sprintf("%s failed: %s is not installed on the runner %s: install it there, or put it on its PATH (exit %d)",
			name, tool, b.pool.runner.Name, end.Code)
	case end.Code == exitNotFound:
		f.details = []string{fmt.Sprintf(
			"Exit 127 means that a program was not found. Install it on the runner %s, or put it on its PATH.", b.pool.runner.Name)}
	}
	if free, total, err := b.pool.disk(b.dir); err == nil && AlmostFull(free, total) {
		f.details = append(f.details, fmt.Sprintf("The disk of the runner %s is almost full: %s are left.", b.pool.runner.Name, core.HumanSize(free)))
	}
	return f
}

// say writes into the log why a step ended, unless all is well.
func (b *build) say(ctx context.Context, step string, err error) {
	var f *failure
	switch cause := context.Cause(ctx); {
	case err == nil:
	case errors.Is(cause, errCanceled):
		b.log.system(step, "Canceled")
	case cause != nil:
		b.log.system(step, "Stopped: %s", cause)
	case errors.As(err, &f):
		b.log.system(step, "%s", f.message)
		for _, line := range f.details {
			b.log.system(step, "%s", line)
		}
	default:
		b.log.system(step, "The runner failed: %s", err)
	}
}
