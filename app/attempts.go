package app

import (
	"context"
	"net/netip"
	"strings"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// Bounds of what may be tried at the door, at all servers together.
const (
	accountTries = 5  // wrong passwords of one account before it rests
	addressTries = 30 // of one address, behind which there may be many people
	startsMost   = 60 // journeys to another service from one address
	firstRest    = time.Minute
	longestRest  = 15 * time.Minute
)

// beginTry counts a try before it is made, so that many at once are no way around: who goes
// on after the free tries waits, each time twice as long; after a quiet quarter of an hour
// all is forgotten. An error of KindLimited: nothing was counted, or written.
func (a *App) beginTry(ctx context.Context, key string, free int) error {
	return a.changeTries(ctx, key, func(t core.Tries) (core.Tries, error) {
		now := a.now()
		if now.Sub(t.Last) >= longestRest {
			t = core.Tries{}
		}
		if over := t.Count - free; over >= 0 {
			rest := longestRest
			if over < 4 {
				rest = firstRest << over
			}
			if left := rest - now.Sub(t.Last); left > 0 {
				limited := core.Errorf(core.KindLimited, "Too many tries: wait a while, then try again")
				limited.RetryAfter = left
				return t, limited
			}
		}
		return core.Tries{Count: t.Count + 1, Last: now}, nil
	})
}

// changeTries swaps what is there until nobody else has changed it meanwhile.
func (a *App) changeTries(ctx context.Context, key string, change func(core.Tries) (core.Tries, error)) error {
	for {
		was, err := a.store.FindTries(ctx, key)
		if err != nil {
			return err
		}
		is, err := change(was)
		if err != nil || is == was {
			return err
		}
		if mine, err := a.store.SwapTries(ctx, key, was, is); mine || err != nil {
			return err
		}
	}
}

// forgetTries forgets an account's, after one that was right.
func (a *App) forgetTries(ctx context.Context, key string) {
	a.takeBack(ctx, key, func(int) int { return 0 })
}

// undoTry takes back one try, which was no failure.
func (a *App) undoTry(ctx context.Context, key string) {
	a.takeBack(ctx, key, func(count int) int { return max(0, count-1) })
}

// takeBack holds up nobody who has signed in: at worst a try too many is counted.
func (a *App) takeBack(ctx context.Context, key string, to func(count int) int) {
	err := a.changeTries(ctx, key, func(t core.Tries) (core.Tries, error) {
		t.Count = to(t.Count)
		return t, nil
	})
	if err != nil {
		a.warn(ctx, "take back a try", "error", err)
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
