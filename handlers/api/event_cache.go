package api

import (
	"slices"
	"sync"

	"github.com/oore-ci/oore/app/core"
)

// Bounds of the event cache.
const (
	cachedPages     = 64
	cachedPageBytes = 1 << 20 // longer pages are a late reader's way through history, seldom shared
)

// eventCache lets the readers of one live log share the encoding of its lines: a
// hundred of them wake at the same ring and send the same records. A log only grows
// and a sequence is never used again, so a build and a span of sequences name the
// same bytes for ever, and nothing here can go stale.
type eventCache struct {
	mu    sync.Mutex
	pages []*eventPage // newest last
}

type eventPage struct {
	buildID     string
	first, last int64
	once        sync.Once
	bytes       []byte
}

func newEventCache() *eventCache { return &eventCache{} }

// encode returns the records as log events. The bytes are shared: do not change them.
func (c *eventCache) encode(buildID string, records []core.LogRecord) []byte {
	size := 0
	for i := range records {
		size += len(records[i].Content) + 160
	}
	if size > cachedPageBytes {
		return encodeEvents(records, size)
	}
	p := c.page(buildID, records[0].Sequence, records[len(records)-1].Sequence)
	p.once.Do(func() { p.bytes = encodeEvents(records, size) })
	return p.bytes
}

func (c *eventCache) page(buildID string, first, last int64) *eventPage {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range slices.Backward(c.pages) {
		if p.buildID == buildID && p.first == first && p.last == last {
			return p
		}
	}
	if len(c.pages) == cachedPages {
		c.pages = slices.Delete(c.pages, 0, 1)
	}
	p := &eventPage{buildID: buildID, first: first, last: last}
	c.pages = append(c.pages, p)
	return p
}

func encodeEvents(records []core.LogRecord, size int) []byte {
	out := make([]byte, 0, size)
	for i := range records {
		out = appendLogEvent(out, &records[i])
	}
	return out
}
