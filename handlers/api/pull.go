package api

import (
	"io"
	"net"
	"time"
)

// pull is the body of an answer that is made while it is sent. The server reads a
// piece, writes it to the connection and comes back for the next, so nothing is
// made faster than the reader takes it, and no goroutine outlives the request.
type pull struct {
	conn     net.Conn
	patience time.Duration // a reader that takes nothing for so long is gone
	next     func() ([]byte, error)
	done     func() // called when the answer ends; may be nil
	rest     []byte
	err      error // what next ended with
}

// Read implements io.Reader. It moves the connection's write deadline, since the
// server writes what it returns right after.
func (p *pull) Read(b []byte) (int, error) {
	for len(p.rest) == 0 && p.err == nil {
		p.rest, p.err = p.next()
	}
	if deadlineErr := p.conn.SetWriteDeadline(time.Now().Add(p.patience)); deadlineErr != nil {
		return 0, deadlineErr
	}
	if len(p.rest) == 0 {
		return 0, p.err
	}
	n := copy(b, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

// Close implements io.Closer: the server calls it when the answer has ended, however it
// did.
func (p *pull) Close() error {
	if p.done != nil {
		p.done()
	}
	return nil
}

var _ io.ReadCloser = (*pull)(nil)
