package app

import (
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// Bounds of what may be tried at the door. Each process counts for itself.
const (
	accountTries = 5  // wrong passwords of one account before it rests
	addressTries = 30 // of one address, behind which there may be many people
	startsMost   = 60 // journeys to another service from one address
	firstRest    = time.Minute
	longestRest  = 15 * time.Minute
	triesKept    = 10_000
)

// attempts counts what failed or is being tried, by account and by address. Who goes on
// after the free tries waits, each time twice as long; after a quiet quarter of an hour
// all is forgotten.
type attempts struct {
	mu   sync.Mutex
	seen map[string]attempt
}

type attempt struct {
	count int
	last  time.Time
}

// begin counts a try before it is made, so that many at once are no way around. An error
// is KindLimited, and then nothing was counted.
func (t *attempts) begin(key string, free int, now time.Time) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	a := t.seen[key]
	if now.Sub(a.last) >= longestRest {
		a = attempt{}
	}
	if over := a.count - free; over >= 0 {
		rest := longestRest
		if over < 4 {
			rest = firstRest << over
		}
		if left := rest - now.Sub(a.last); left > 0 {
			limited := core.Errorf(core.KindLimited, "Too many tries: wait a while, then try again")
			limited.RetryAfter = left
			return limited
		}
	}
	t.makeRoom(now)
	t.seen[key] = attempt{count: a.count + 1, last: now}
	return nil
}

// makeRoom keeps strangers from filling the memory.
func (t *attempts) makeRoom(now time.Time) {
	if t.seen == nil {
		t.seen = map[string]attempt{}
	}
	if len(t.seen) < triesKept {
		return
	}
	for key, a := range t.seen {
		if now.Sub(a.last) >= longestRest {
			delete(t.seen, key)
		}
	}
	if len(t.seen) >= triesKept {
		clear(t.seen)
	}
}

// forget forgets an account's, after one that was right.
func (t *attempts) forget(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.seen, key)
}

// undo takes back one try of an address, which was no failure.
func (t *attempts) undo(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if a, ok := t.seen[key]; ok && a.count > 0 {
		a.count--
		t.seen[key] = a
	}
}

func accountKey(email string) string { return "account " + hashSecret(strings.ToLower(email)) }

// addressKey takes the network that one customer has: a /64 of IPv6.
func addressKey(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return "address " + address
	}
	ip = ip.Unmap().WithZone("")
	if ip.Is6() {
		if network, err := ip.Prefix(64); err == nil {
			return "address " + network.String()
		}
	}
	return "address " + ip.String()
}
