package core

import "time"

// Lease is a runner's hold on a build. Every call after the claim carries it, and a
// token that is not the build's own is refused with KindConflict, code lease_lost.
type Lease struct {
	BuildID  string
	RunnerID string
	Token    string
}

// LeaseTTL is how long a lease lives without renewal. A runner that cannot renew it
// stops what it runs before that (after FenceAfter), so nothing runs that the house
// has given up; a house that is away for less loses nothing.
const LeaseTTL = 210 * time.Second

// QueueLife is how long a build may wait for a runner before it expires. Time for which
// the queue is paused, or no server is there for long, does not count.
const QueueLife = 24 * time.Hour

// FenceAfter is how long after its last renewal a runner gives a lease up.
func FenceAfter(ttl time.Duration) time.Duration { return ttl * 6 / 7 }

// KillAfter is how long after its last renewal a build's processes are killed in any
// case, should the runner itself hang. It leaves time before the lease ends.
func KillAfter(ttl time.Duration) time.Duration { return ttl * 13 / 14 }

// RenewEvery is the longest time between two renewals.
func RenewEvery(ttl time.Duration) time.Duration { return ttl / 10 }

// ClaimTTL is how long a lease lives at first: a runner that did not even hear that
// the build is its own, and so neither renews nor starts it, holds it no longer.
func ClaimTTL(ttl time.Duration) time.Duration { return ttl / 7 }

// Job is a build as handed to a runner: everything that is fixed before the
// checkout. What to run follows from the commit's own file (ResolveConfig).
type Job struct {
	Lease      Lease
	Build      Build
	Pipeline   Pipeline
	Repository Repository
	// DefaultBranch is the project's, which need not be the repository's.
	DefaultBranch string
	BuildURL      string
	Traceparent   string // of the attempt, by W3C's Trace Context; empty: nobody traces
	NextLog       int64  // the sequence of the first record that the runner will write
	LogLimit      int64  // bytes kept of the log

	LeaseTTL time.Duration // of this house; 0: LeaseTTL
}

// Checkout is where to fetch from and with what. The credential lives minutes: ask
// anew for every fetch, never store it, never put it in a URL, an argument or a
// build's environment.
type Checkout struct {
	URL      string
	Username string
	Password string
}

// Renewal is the answer to a renewal of a lease.
type Renewal struct {
	Canceled bool // stop now: somebody canceled the build, or its time is over
}

// Result is how a build ended, as its runner saw it.
type Result struct {
	Status   BuildStatus // succeeded, failed, timed_out or canceled
	Reason   string      // a Reason… code
	Message  string      // one sentence, e.g. "build-2 failed: exit 1"
	ExitCode *int        // of the command that decided it
	Problems []Annotation
	Tests    *TestSummary // nil: no report of tests was seen
	Log      *LogTally    `json:",omitempty"` // nil: the runner does not say, or could not ship it
}

// Backoff is the pause before try n (from 1): 1 s doubling to 5 minutes. Callers
// add jitter.
func Backoff(n int) time.Duration {
	if n < 1 {
		n = 1
	}
	if n > 9 {
		return 5 * time.Minute
	}
	return min(time.Second<<(n-1), 5*time.Minute)
}
