package github

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// Bounds of how long GitHub can make us wait. It names seconds up to an hour; where
// it names nothing, it asks for a minute, and for more each time.
const (
	minPause     = time.Second
	unknownPause = time.Minute
	maxPause     = time.Hour
)

// maxInFlight is how many requests of one App may be under way at a time. GitHub
// refuses more than 100.
const maxInFlight = 80

// crowd lets so many requests pass at a time; the others wait.
type crowd struct {
	next   http.RoundTripper
	places chan struct{}
}

func newCrowd(next http.RoundTripper) *crowd {
	return &crowd{next: next, places: make(chan struct{}, maxInFlight)}
}

// RoundTrip implements http.RoundTripper.
func (c *crowd) RoundTrip(r *http.Request) (*http.Response, error) {
	select {
	case c.places <- struct{}{}:
	case <-r.Context().Done():
		if r.Body != nil {
			r.Body.Close()
		}
		return nil, r.Context().Err()
	}
	defer func() { <-c.places }()
	return c.next.RoundTrip(r)
}

// limit tells whether the answer comes from a rate limit, and how long to keep away;
// 0: it does not say. The library knows neither status 429 nor a secondary limit
// that only its text names.
func (a *answered) limit(now time.Time) (pause time.Duration, limited bool) {
	if a.status != http.StatusForbidden && a.status != http.StatusTooManyRequests {
		return 0, false
	}
	if d, ok := retryAfter(a.header, now); ok {
		return d, true
	}
	text := strings.ToLower(a.message)
	return 0, a.header.Get("X-RateLimit-Remaining") == "0" || a.status == http.StatusTooManyRequests ||
		strings.Contains(text, "rate limit") || strings.Contains(text, "abuse detection") ||
		strings.HasSuffix(a.docs, "secondary-rate-limits") || strings.HasSuffix(a.docs, "abuse-rate-limits")
}

// retryAfter reads Retry-After or, when the budget is used up, when it begins anew.
func retryAfter(h http.Header, now time.Time) (time.Duration, bool) {
	if seconds, err := strconv.ParseInt(h.Get("Retry-After"), 10, 32); err == nil {
		return clamp(time.Duration(seconds) * time.Second), true
	}
	reset, err := strconv.ParseInt(h.Get("X-RateLimit-Reset"), 10, 64)
	if err != nil || h.Get("X-RateLimit-Remaining") != "0" {
		return 0, false
	}
	return clamp(time.Unix(reset, 0).Sub(now)), true
}

func clamp(d time.Duration) time.Duration { return min(max(d, minPause), maxPause) }

func limited(pause time.Duration, format string, args ...any) *core.Error {
	e := core.Errorf(core.KindLimited, format, args...)
	e.RetryAfter = pause
	return e
}

// limitReached is what every call gets while GitHub keeps us out.
func limitReached(pause time.Duration) *core.Error {
	return limited(pause, "GitHub's rate limit is reached; it opens again in %s", core.HumanDuration(pause))
}
