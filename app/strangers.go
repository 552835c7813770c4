package app

import (
	"context"
	"sync"
	"time"

	"github.com/oore-ci/oore/app/core"
)

const (
	strangerRest   = time.Hour // in which an address is noted once: a runner asks every few seconds
	mostStrangers  = 200       // addresses are noted in that time; more are an attack, and say no more
	refusedByToken = "its token is not, or no more, one of a runner"
)

// strangers remembers the addresses of which was noted lately that they were refused.
type strangers struct {
	mu   sync.Mutex
	seen map[string]time.Time
}

// first tells whether this is worth an entry.
func (s *strangers) first(address string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, at := range s.seen {
		if now.Sub(at) >= strangerRest {
			delete(s.seen, key)
		}
	}
	if _, known := s.seen[address]; known || len(s.seen) >= mostStrangers {
		return false
	}
	if s.seen == nil {
		s.seen = map[string]time.Time{}
	}
	s.seen[address] = now
	return true
}

// refusedRunner notes from where somebody came with a runner's token that is none.
func (a *App) refusedRunner(ctx context.Context, v Visitor) {
	if !a.strangers.first(addressKey(v.Address), a.now()) {
		return
	}
	a.log.Warn("a runner was refused", "address", v.Address, "why", refusedByToken)
	entry := core.AuditEntry{Action: core.AuditRunnerRefused, TargetKind: core.TargetRunner, Changes: core.AuditChanges{}.With("why", "", refusedByToken)}
	if err := a.note(ctx, a.store, v.stranger(), entry); err != nil {
		a.log.Warn("note that a runner was refused", "error", err)
	}
}
