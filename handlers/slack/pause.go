package slack

import (
	"sync"
	"time"
)

// pause remembers until when Slack wants nothing of us. It is safe for concurrent use.
type pause struct {
	now func() time.Time

	mu    sync.Mutex
	until time.Time
}

func (p *pause) begin(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if until := p.now().Add(d); until.After(p.until) {
		p.until = until
	}
}

// left is how long it lasts yet; 0 or less: it is over.
func (p *pause) left() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.until.Sub(p.now())
}
