package runner

import (
	"context"
	"sync"
)

// shelf knows which mirrors are in use, so that none is cleaned or removed under a
// build. Its zero value is empty, and it is safe for concurrent use.
type shelf struct {
	mu       sync.Mutex
	borrowed map[string]int // by folder
	cleaned  map[string]*cleaning
}

// cleaning is the work on a mirror that nobody uses. It stops for whoever wants it.
type cleaning struct {
	stop context.CancelFunc
	done chan struct{}
}

// borrow keeps the mirror from being cleaned until it is given back. It waits for a
// cleaning to stop.
func (s *shelf) borrow(ctx context.Context, dir string) error {
	s.mu.Lock()
	if s.borrowed == nil {
		s.borrowed = map[string]int{}
	}
	s.borrowed[dir]++
	c := s.cleaned[dir]
	s.mu.Unlock()
	if c == nil {
		return nil
	}
	c.stop()
	select {
	case <-c.done:
		return nil
	case <-ctx.Done():
		s.giveBack(dir)
		return context.Cause(ctx)
	}
}

func (s *shelf) giveBack(dir string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.borrowed[dir]--; s.borrowed[dir] == 0 {
		delete(s.borrowed, dir)
	}
}

// clean does something to the mirror if nobody uses it, or else does nothing. Its ctx
// ends when somebody wants the mirror.
func (s *shelf) clean(ctx context.Context, dir string, do func(context.Context)) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	c := &cleaning{stop: stop, done: make(chan struct{})}
	s.mu.Lock()
	idle := s.borrowed[dir] == 0 && s.cleaned[dir] == nil
	if idle {
		if s.cleaned == nil {
			s.cleaned = map[string]*cleaning{}
		}
		s.cleaned[dir] = c
	}
	s.mu.Unlock()
	if !idle {
		return
	}
	do(ctx)
	s.mu.Lock()
	delete(s.cleaned, dir)
	s.mu.Unlock()
	close(c.done)
}
