package runner

import (
	"context"
	"io"
	"math/rand/v2"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// Jobs is what a runner asks of the house. Every call after Claim carries the
// lease; a lease that is no longer the build's is refused with code lease_lost.
// Repeating AppendLog, ReportStep, Record, PutArtifact or Finish does no harm. It must be
// safe for concurrent use.
type Jobs interface {
	// Heartbeat tells that a runner lives. Its first beat gives up all that it held.
	Heartbeat(ctx context.Context, b core.RunnerBeat) error
	// Claim waits up to wait for a build; nil without an error: none came.
	Claim(ctx context.Context, r core.Runner, wait time.Duration) (*core.Job, error)
	// Renew extends the lease at once, then waits up to wait for a reason to stop.
	Renew(ctx context.Context, l core.Lease, wait time.Duration) (core.Renewal, error)
	// Checkout gives address and credential of the repository, for one fetch.
	Checkout(ctx context.Context, l core.Lease) (core.Checkout, error)
	// Secrets gives the secrets that the build's configuration names, all or none. Codes
	// secret_missing and secret_refused: the build fails.
	Secrets(ctx context.Context, l core.Lease, names []string) ([]core.SecretValue, error)
	// Start moves the build to running.
	Start(ctx context.Context, l core.Lease, sha string) error
	// AppendLog stores chunks; the same chunk again changes nothing.
	AppendLog(ctx context.Context, l core.Lease, chunks []core.LogChunk) error
	// ReportStep stores a step's state.
	ReportStep(ctx context.Context, l core.Lease, s core.Step) error
	// Record keeps what the build was about to do, and its single tests.
	Record(ctx context.Context, l core.Lease, r core.Record) error
	// PutArtifact keeps what r gives; the same name again replaces it. Bytes that are not
	// those that a.Size and a.SHA256 announce are refused.
	PutArtifact(ctx context.Context, l core.Lease, a core.Artifact, r io.Reader) error
	// Finish ends the build and lets go of the lease.
	Finish(ctx context.Context, l core.Lease, r core.Result) error
}

// maxPause bounds the pause between two tries: a lease lives only so long, and a
// runner that sleeps finds its build taken away.
const maxPause = 5 * time.Second

// persist repeats a call to the house until it succeeds, is refused for good, or
// ctx ends; then it returns the call's last error.
func persist(ctx context.Context, call func() error) error {
	for n := 1; ; n++ {
		err := call()
		if err == nil || refused(err) {
			return err
		}
		if !pause(ctx, min(core.Backoff(n), maxPause)) {
			return err
		}
	}
}

// refused tells an answer that will not change from an outage.
func refused(err error) bool {
	switch core.KindOf(err) {
	case core.KindInternal, core.KindUnavailable, core.KindLimited:
		return false
	case core.KindInvalid, core.KindUnauthorized, core.KindForbidden, core.KindNotFound,
		core.KindConflict, core.KindGone, core.KindTooLarge:
		return true
	}
	return false
}

// pause sleeps between half of d and d, so that runners that failed together do not
// come back together. It tells whether ctx still lives.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d/2 + rand.N(d/2+1))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
