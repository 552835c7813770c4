package handlers

import (
	"crypto/sha256"
	"strings"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app/core"
)

// Limits of the API (docs/api.md): far beyond what a person or a script needs, and short of
// what keeps others waiting.
const (
	perCredential    = 100 // requests a second
	credentialAtOnce = 3000
	perAddress       = 200
	addressAtOnce    = 6000
	maxBuckets       = 20_000 // of each kind; some 2 MiB
)

// buckets count requests by who sends them: each fills by rate, and holds at most burst.
type buckets struct {
	rate, burst float64
	now         func() time.Time

	mu   sync.Mutex
	each map[[16]byte]bucket
}

type bucket struct {
	left float64
	at   time.Time
}

func newBuckets(rate, burst float64, now func() time.Time) *buckets {
	return &buckets{rate: rate, burst: burst, now: now, each: map[[16]byte]bucket{}}
}

// take returns how long the sender has to wait; 0: nothing.
func (b *buckets) take(sender string) time.Duration {
	sum := sha256.Sum256([]byte(sender))
	key, now := [16]byte(sum[:]), b.now()
	b.mu.Lock()
	defer b.mu.Unlock()
	mine, known := b.each[key]
	if !known {
		b.makeRoom(now)
		mine = bucket{b.burst, now}
	}
	mine.left = min(b.burst, mine.left+now.Sub(mine.at).Seconds()*b.rate)
	mine.at = now
	wait := time.Duration(0)
	if mine.left >= 1 {
		mine.left--
	} else {
		wait = time.Duration((1 - mine.left) / b.rate * float64(time.Second))
	}
	b.each[key] = mine
	return wait
}

// makeRoom forgets senders that are quiet, and all of them if none is: memory is bounded
// whoever makes up addresses.
func (b *buckets) makeRoom(now time.Time) {
	if len(b.each) < maxBuckets {
		return
	}
	for key, one := range b.each {
		if one.left+now.Sub(one.at).Seconds()*b.rate >= b.burst {
			delete(b.each, key)
		}
	}
	if len(b.each) >= maxBuckets {
		clear(b.each)
	}
}

// limitRate guards /v1. Forges and Slack have limits of their own kind, and runners none:
// what they send is work that was asked for.
func limitRate(credentials, addresses *buckets, credential func(c *fiber.Ctx) string) fiber.Handler {
	return func(c *fiber.Ctx) error {
		for _, free := range []string{"/v1/webhooks/", "/v1/slack/", "/v1/runners/"} {
			if strings.HasPrefix(c.Path(), free) {
				return c.Next()
			}
		}
		wait := addresses.take(c.IP())
		if secret := credential(c); secret != "" {
			wait = max(wait, credentials.take(secret))
		}
		if wait == 0 {
			return c.Next()
		}
		e := core.Errorf(core.KindLimited, "Too many requests at once; wait a moment")
		e.RetryAfter = wait
		return e
	}
}
