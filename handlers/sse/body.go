// Package sse is how an answer is sent that lasts: pieces as they come, to a reader who
// may still have them. It must not know what is sent.
package sse

import (
	"io"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gofiber/fiber/v2"
)

// Body is the body of an answer that is made while it is sent. The server reads a
// piece, writes it to the connection and comes back for the next, so nothing is
// made faster than the reader takes it, and no goroutine outlives the request.
type Body struct {
	Conn     net.Conn
	Patience time.Duration // a reader that takes nothing for so long is gone
	Next     func() ([]byte, error)
	Done     func() // called when the answer ends; may be nil
	rest     []byte
	err      error // what Next ended with

	streams  *Streams     // nil: it is no event stream
	waiting  atomic.Int64 // bytes that are made and that the reader has not taken
	deadline time.Time    // of the last write
}

// Read implements io.Reader. It moves the connection's write deadline, since the
// server writes what it returns right after.
func (b *Body) Read(p []byte) (int, error) {
	b.waiting.Store(int64(len(b.rest)))
	for len(b.rest) == 0 && b.err == nil {
		b.rest, b.err = b.Next()
		b.waiting.Store(int64(len(b.rest)))
	}
	b.deadline = time.Now().Add(b.Patience)
	if err := b.Conn.SetWriteDeadline(b.deadline); err != nil {
		return 0, err
	}
	if len(b.rest) == 0 {
		return 0, b.err
	}
	n := copy(p, b.rest)
	b.rest = b.rest[n:]
	return n, nil
}

// Close implements io.Closer: the server calls it when the answer has ended, however it
// did.
func (b *Body) Close() error {
	if b.streams != nil {
		b.streams.closed(b)
	}
	if b.Done != nil {
		b.Done()
	}
	return nil
}

// stalled tells of a body that is closed whether that was for its last write, which took
// too long.
func (b *Body) stalled() bool { return !b.deadline.IsZero() && !time.Now().Before(b.deadline) }

var _ io.ReadCloser = (*Body)(nil)

// Start says that events follow, and that a proxy must not hold them back.
func Start(c *fiber.Ctx) {
	c.Set(fiber.HeaderContentType, "text/event-stream; charset=utf-8")
	c.Set(fiber.HeaderCacheControl, "no-store")
	c.Set("X-Accel-Buffering", "no")
}

// Event is one event as it is sent. data is one line; an empty id leaves the one before.
func Event(name, id string, data []byte) []byte {
	var b strings.Builder
	b.WriteString("event: " + name)
	if id != "" {
		b.WriteString("\nid: " + id)
	}
	b.WriteString("\ndata: ")
	b.Write(data)
	b.WriteString("\n\n")
	return []byte(b.String())
}

// Heartbeat keeps a silent stream alive: it tells proxies that it is, and the server
// whether the reader is gone.
func Heartbeat() []byte { return []byte(": still here\n\n") }
