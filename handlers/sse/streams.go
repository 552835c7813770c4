package sse

import (
	"context"
	"sync"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app/core"
)

// Why a reader who would have gone on was sent away.
const (
	DropStall   = "stall"   // it took nothing for as long as the stream's patience
	DropRevoked = "revoked" // what it reads is gone, or no longer its to see
	DropLimit   = "limit"   // it has enough streams already
)

// Streams are the event streams that are sent now, whichever door they go through. They
// are safe for concurrent use.
type Streams struct {
	meter core.Meter

	mu   sync.Mutex
	open map[*Body]struct{}
}

// NewStreams returns none.
func NewStreams(meter core.Meter) *Streams {
	for _, reason := range []string{DropStall, DropRevoked, DropLimit} {
		meter.Note(core.MetricStreamsDropped, 0, reason) // a rate sees no first rise of a series that was not there
	}
	return &Streams{meter: meter, open: map[*Body]struct{}{}}
}

// Send answers with the body. It counts as a stream until the server closes it.
func (s *Streams) Send(c *fiber.Ctx, b *Body) {
	b.streams = s
	s.mu.Lock()
	s.open[b] = struct{}{}
	s.mu.Unlock()
	s.meter.Note(core.MetricStreams, 1)
	c.Context().SetBodyStream(b, -1)
}

func (s *Streams) closed(b *Body) {
	s.mu.Lock()
	_, open := s.open[b]
	delete(s.open, b)
	s.mu.Unlock()
	if !open {
		return
	}
	s.meter.Note(core.MetricStreams, -1)
	if b.stalled() {
		s.Dropped(DropStall)
	}
}

// Dropped notes that a reader was sent away for a reason above.
func (s *Streams) Dropped(reason string) { s.meter.Note(core.MetricStreamsDropped, 1, reason) }

// Readings tell how much waits for the reader who is the furthest behind. What it has not
// taken it will be sent from the store: here lies one piece at most.
func (s *Streams) Readings(context.Context) ([]core.Reading, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	most := int64(0)
	for b := range s.open {
		most = max(most, b.waiting.Load())
	}
	return []core.Reading{{Metric: core.MetricStreamLag, Value: float64(most)}}, nil
}
