package github

import (
	"context"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/oore-ci/oore/app/core"
)

// What one installation may write. GitHub asks for a second between writes, and for
// at most 80 new pieces of content in a minute and 500 in an hour.
const (
	writesPerSecond = 1
	writesAtOnce    = 20
	writesKept      = 5 // of those at once, for results
	commentsPerHour = 400
	commentsAtOnce  = 40
	commentsKept    = 15 // of those at once, for results
)

// patience is how long a call waits for its turn. The outbox has other installations
// to serve, so a longer wait is the caller's.
const patience = 2 * time.Second

// foretellMost is how far ahead a turn is foretold: the outbox looks again by then.
const foretellMost = time.Minute

// reservedShare of an hour's budget, as one part in so many, is kept for results.
const reservedShare = 5

// lane is one installation's way to GitHub, or the App's own: it spaces writes, and
// it is closed while GitHub keeps us out.
type lane struct {
	now func() time.Time

	mu       sync.Mutex
	writes   *rate.Limiter
	comments *rate.Limiter
	results  foretold  // turns of writes
	talk     foretold  // turns of comments
	until    time.Time // closed before
	strikes  int       // limits in a row that named no end
	budget   budget
	statuses tally
}

// budget is what GitHub says is left of the hour.
type budget struct {
	limit, remaining int
	reset            time.Time
}

func newLane(now func() time.Time) *lane {
	return &lane{
		now:      now,
		writes:   rate.NewLimiter(writesPerSecond, writesAtOnce),
		comments: rate.NewLimiter(rate.Limit(commentsPerHour)/3600, commentsAtOnce),
		results:  foretold{every: time.Second / writesPerSecond},
		talk:     foretold{every: time.Hour / commentsPerHour},
		statuses: tally{sent: map[statusKey]int{}},
	}
}

type progressMark struct{}

// asProgress marks the calls made with the context as telling no result.
func asProgress(ctx context.Context) context.Context {
	return context.WithValue(ctx, progressMark{}, true)
}

type replyMark struct{}

// asReply marks the calls made with the context as an answer to a command: reports have
// comments kept for them.
func asReply(ctx context.Context) context.Context { return context.WithValue(ctx, replyMark{}, true) }

func isProgress(ctx context.Context) bool { return ctx.Value(progressMark{}) != nil }

// admit returns when the request may go, or KindLimited with when to try again.
func (l *lane) admit(r *http.Request) error {
	if err := l.open(); err != nil || !writes(r) {
		return err
	}
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
	return l.open() // it may have closed meanwhile
}

// writes tells what counts as a write. A token costs the installation nothing.
func writes(r *http.Request) bool {
	return r.Method != http.MethodGet && r.Method != http.MethodHead && !mints(r)
}

func comments(r *http.Request) bool {
	if strings.HasSuffix(r.URL.Path, "/reactions") {
		return false
	}
	return strings.HasSuffix(r.URL.Path, "/comments") || strings.Contains(r.URL.Path, "/issues/comments/")
}

func mints(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/access_tokens") }

func (l *lane) open() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if left := l.until.Sub(l.now()); left > 0 {
		return limitReached(left)
	}
	return nil
}

// reserve takes a turn, and tells how long it is until then. Progress takes none of
// the last turns and never queues, so that a result waits for other results alone.
func (l *lane) reserve(r *http.Request) (wait time.Duration, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	if short := 1 + writesKept - l.writes.TokensAt(now); short > 0 && isProgress(r.Context()) {
		return 0, turnIn(time.Duration(short / writesPerSecond * float64(time.Second))) // soon: the result may follow
	}
	if short := 1 + commentsKept - l.comments.TokensAt(now); short > 0 && comments(r) && r.Context().Value(replyMark{}) != nil {
		return 0, turnIn(time.Duration(short / commentsPerHour * float64(time.Hour)))
	}
	turns, line := []*rate.Reservation{l.writes.ReserveN(now, 1)}, &l.results
	wait = turns[0].DelayFrom(now)
	if comments(r) {
		turns = append(turns, l.comments.ReserveN(now, 1))
		if later := turns[1].DelayFrom(now); later > wait {
			wait, line = later, &l.talk
		}
	}
	if wait <= patience && wait <= timeLeft(r.Context()) {
		return wait, nil
	}
	for _, turn := range turns {
		turn.CancelAt(now)
	}
	return 0, turnIn(line.turn(now, wait))
}

// foretold is the last turn that somebody was told of who has to come again. Each is told
// one of their own: all would come at once else, time and again, to find one.
type foretold struct {
	every time.Duration // a turn
	last  time.Time
}

// turn is how long it is until the next one, at least wait. Who stands behind all that are
// foretold comes at any moment among them, and not all at once at the end.
func (f *foretold) turn(now time.Time, wait time.Duration) time.Duration {
	next := f.last.Add(f.every).Sub(now)
	if next > foretellMost {
		return max(wait, rand.N(foretellMost))
	}
	wait = max(wait, next)
	f.last = now.Add(wait)
	return wait
}

func turnIn(wait time.Duration) *core.Error {
	return limited(wait, "Oore writes no faster than GitHub wants it to; the next turn is in %s", core.HumanDuration(wait))
}

func timeLeft(ctx context.Context) time.Duration {
	deadline, ok := ctx.Deadline()
	if !ok {
		return patience
	}
	return time.Until(deadline)
}

// spare is KindLimited when the hour's budget is so far gone that what is left must
// be kept for results.
func (l *lane) spare() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	left := l.budget.reset.Sub(l.now())
	if left <= 0 || l.budget.remaining*reservedShare >= l.budget.limit {
		return nil
	}
	left = clamp(left)
	return limited(left, "Little is left of GitHub's hourly budget and kept for results; it begins anew in %s", core.HumanDuration(left))
}

// heed learns from an answer. If that is a rate limit the lane closes, for the time
// in the error.
func (l *lane) heed(r *http.Request, resp *http.Response) *core.Error {
	a := readAnswer(resp)
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	if !mints(r) { // that is of another budget
		l.count(resp.Header)
	}
	pause, closed := a.limit(now)
	if closed {
		return limitReached(l.close(now, pause))
	}
	if resp.StatusCode < 300 && writes(r) {
		l.strikes = 0
	}
	return nil
}

func (l *lane) count(h http.Header) {
	limit, err1 := strconv.Atoi(h.Get("X-RateLimit-Limit"))
	remaining, err2 := strconv.Atoi(h.Get("X-RateLimit-Remaining"))
	reset, err3 := strconv.ParseInt(h.Get("X-RateLimit-Reset"), 10, 64)
	if err1 == nil && err2 == nil && err3 == nil {
		l.budget = budget{limit, remaining, time.Unix(reset, 0)}
	}
}

// close keeps everybody out for the pause; 0: GitHub named none. Calls that were
// under way when the lane closed do not count as tries.
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

// gate lets a client's requests through its lane.
type gate struct {
	lane *lane
	next http.RoundTripper
}

// RoundTrip implements http.RoundTripper. A rate limit becomes a *core.Error.
func (g gate) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := g.lane.admit(r); err != nil {
		if r.Body != nil {
			r.Body.Close()
		}
		return nil, err
	}
	resp, err := g.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if err := g.lane.heed(r, resp); err != nil {
		resp.Body.Close()
		return nil, err
	}
	return resp, nil
}
