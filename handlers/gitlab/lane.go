package gitlab

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/oore-ci/oore/app/core"
)

// What one token may ask. GitLab.com allows 2000 calls in a minute and fewer notes;
// a host of somebody's own has limits that its administrator sets.
const (
	callsPerSecond = 10
	callsAtOnce    = 100
	notesPerSecond = 1
	notesAtOnce    = 30
)

// patience is how long a call waits for its turn. The outbox has other connections to
// serve, so a longer wait is the caller's.
const patience = 2 * time.Second

// reservedShare of a minute's budget, as one part in so many, is kept for results.
const reservedShare = 5

// Bounds of how long GitLab can make us wait. Where it names nothing it is a minute,
// and more each time.
const (
	minPause     = time.Second
	unknownPause = time.Minute
	maxPause     = time.Hour
)

// lane is one token's way to GitLab: it spaces calls, and it is closed while GitLab
// keeps us out.
type lane struct {
	now func() time.Time

	mu      sync.Mutex
	calls   *rate.Limiter
	notes   *rate.Limiter
	until   time.Time // closed before
	strikes int       // limits in a row that named no end
	budget  budget
}

// budget is what GitLab says is left until reset.
type budget struct {
	limit, remaining int
	reset            time.Time
}

func newLane(now func() time.Time) *lane {
	return &lane{now: now, calls: rate.NewLimiter(callsPerSecond, callsAtOnce), notes: rate.NewLimiter(notesPerSecond, notesAtOnce)}
}

// admit returns when the request may go, or KindLimited with when to try again.
func (l *lane) admit(r *http.Request) error {
	wait, err := l.reserve(r)
	if err != nil || wait == 0 {
		return err
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-r.Context().Done():
		return r.Context().Err()
	case <-timer.C:
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.open(l.now()) // it may have closed meanwhile
}

// open tells whether the lane is. The caller holds mu.
func (l *lane) open(now time.Time) error {
	if left := l.until.Sub(now); left > 0 {
		return limitReached(left)
	}
	return nil
}

// reserve takes a turn, and tells how long it is until then.
func (l *lane) reserve(r *http.Request) (wait time.Duration, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	if err := l.open(now); err != nil {
		return 0, err
	}
	turns := []*rate.Reservation{l.calls.ReserveN(now, 1)}
	if r.Method != http.MethodGet && strings.Contains(r.URL.Path, "/notes") {
		turns = append(turns, l.notes.ReserveN(now, 1))
	}
	for _, turn := range turns {
		wait = max(wait, turn.DelayFrom(now))
	}
	if wait <= patience && wait <= timeLeft(r.Context()) {
		return wait, nil
	}
	for _, turn := range turns {
		turn.CancelAt(now)
	}
	return 0, limited(wait, "Oore asks GitLab no faster than it should; the next turn is in %s", core.HumanDuration(wait))
}

func timeLeft(ctx context.Context) time.Duration {
	deadline, ok := ctx.Deadline()
	if !ok {
		return patience
	}
	return time.Until(deadline)
}

// spare is KindLimited when so little is left of the budget that it must be kept for
// results.
func (l *lane) spare() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	left := l.budget.reset.Sub(l.now())
	if left <= 0 || l.budget.remaining*reservedShare >= l.budget.limit {
		return nil
	}
	left = clamp(left)
	return limited(left, "Little is left of GitLab's budget of calls and kept for results; it begins anew in %s", core.HumanDuration(left))
}

// heed learns from an answer. If that is a rate limit the lane closes, for the time in
// the error.
func (l *lane) heed(resp *http.Response) *core.Error {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	limit, err1 := strconv.Atoi(resp.Header.Get("RateLimit-Limit"))
	remaining, err2 := strconv.Atoi(resp.Header.Get("RateLimit-Remaining"))
	reset, err3 := strconv.ParseInt(resp.Header.Get("RateLimit-Reset"), 10, 64)
	if err1 == nil && err2 == nil && err3 == nil {
		l.budget = budget{limit, remaining, time.Unix(reset, 0)}
	}
	if resp.StatusCode == http.StatusTooManyRequests && ownLimit(resp.Request) {
		return limitReached(max(retryAfter(resp.Header, now), unknownPause))
	}
	if resp.StatusCode == http.StatusTooManyRequests {
		return limitReached(l.close(now, retryAfter(resp.Header, now)))
	}
	if resp.StatusCode < 300 {
		l.strikes = 0
	}
	return nil
}

// ownLimit tells whether a call has a limit of its own, far below that of the rest:
// tests of a webhook and repeats of deliveries, five in a minute.
func ownLimit(r *http.Request) bool {
	return strings.HasSuffix(r.URL.Path, "/resend") || strings.HasSuffix(r.URL.Path, "/test/push_events")
}

// close keeps everybody out for the pause; 0: GitLab named none. Calls that were under
// way when the lane closed do not count as tries.
func (l *lane) close(now time.Time, pause time.Duration) time.Duration {
	left := l.until.Sub(now)
	switch {
	case pause == 0 && left > 0:
		return left
	case pause == 0:
		pause = min(unknownPause<<min(l.strikes, 10), maxPause)
		l.strikes++
	}
	if pause > left {
		l.until = now.Add(pause)
	}
	return pause
}

// retryAfter reads Retry-After or, when the budget is used up, when it begins anew; 0:
// neither is told.
func retryAfter(h http.Header, now time.Time) time.Duration {
	if seconds, err := strconv.ParseInt(h.Get("Retry-After"), 10, 32); err == nil {
		return clamp(time.Duration(seconds) * time.Second)
	}
	reset, err := strconv.ParseInt(h.Get("RateLimit-Reset"), 10, 64)
	if err != nil || h.Get("RateLimit-Remaining") != "0" {
		return 0
	}
	return clamp(time.Unix(reset, 0).Sub(now))
}

func clamp(d time.Duration) time.Duration { return min(max(d, minPause), maxPause) }

func limited(pause time.Duration, format string, args ...any) *core.Error {
	e := core.Errorf(core.KindLimited, format, args...)
	e.RetryAfter = pause
	return e
}

// limitReached is what every call gets while GitLab keeps us out.
func limitReached(pause time.Duration) *core.Error {
	return limited(pause, "GitLab's rate limit is reached; it opens again in %s", core.HumanDuration(pause))
}
