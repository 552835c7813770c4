package githubtest

import (
	"net/http"
	"strconv"
	"time"
)

// budget is what an installation may still ask in this hour.
type budget struct {
	limit, remaining int
	reset            time.Time
}

// SetBudget makes the answers to an installation say from now on what is left of its
// hourly budget. Each answer but a 304 takes one away; the double refuses nothing.
func (s *Server) SetBudget(installationID int64, limit, remaining int, reset time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.installations[installationID].budget = &budget{limit, remaining, reset}
}

// spend writes the budget of who asks into the answer. The caller holds mu.
func (s *Server) spend(c *call, a *answer) {
	t := s.lookup(bearer(c.Request))
	if t == nil || t.installation.budget == nil {
		return
	}
	b := t.installation.budget
	if a.status != http.StatusNotModified {
		b.remaining = max(b.remaining-1, 0)
	}
	if a.header == nil {
		a.header = http.Header{}
	}
	a.header.Set("X-RateLimit-Limit", strconv.Itoa(b.limit))
	a.header.Set("X-RateLimit-Remaining", strconv.Itoa(b.remaining))
	a.header.Set("X-RateLimit-Reset", strconv.FormatInt(b.reset.Unix(), 10))
}
