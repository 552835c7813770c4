package core

import "time"

// Lease is a runner's hold on a build. Every call after the claim carries it, and a
// token that is not the build's own is refused with KindConflict, code lease_lost.
type Lease struct {
	BuildID  string
	RunnerID string
	Token    string
}

// LeaseTTL is how long a lease lives without renewal; runners renew every third of it.
const LeaseTTL = 60 * time.Second

// Job is a build as handed to a runner: everything that is fixed before the
// checkout. What to run follows from the commit's own file (ResolveConfig).
type Job struct {
	Lease      Lease
	Build      Build
	Pipeline   Pipeline
	Repository Repository
	BuildURL   string
	NextLog    int64 // the sequence of the first record that the runner will write
	LogLimit   int64 // bytes kept of the log
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
}

// Runner is who claims builds.
type Runner struct {
	ID     string
	Name   string
	Labels []string
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
