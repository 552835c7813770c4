package api

import (
	"context"
	"net"
	"syscall"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app/core"
)

// lookEvery is how often a long poll looks whether its asker is still there.
const lookEvery = 200 * time.Millisecond

// longPoll is a context that ends when the server stops, or the asker has hung up: what
// is claimed for a runner that is gone would wait for nobody.
func (a *API) longPoll(c *fiber.Ctx) (context.Context, context.CancelFunc, error) {
	select {
	case <-a.stop:
		return nil, nil, stops()
	default:
	}
	ctx, cancel := context.WithCancel(c.UserContext())
	conn := c.Context().Conn() // c is recycled after the handler, and so not used below
	go func() {
		tick := time.NewTicker(lookEvery)
		defer tick.Stop()
		defer cancel()
		for {
			select {
			case <-ctx.Done():
				return
			case <-a.stop:
				return
			case <-tick.C:
				if hungUp(conn) {
					return
				}
			}
		}
	}()
	return ctx, cancel, nil
}

func stops() *core.Error {
	return core.Errorf(core.KindUnavailable, "The server stops; try again in a moment")
}

// hungUp tells whether the other end has closed the connection, without taking
// anything from it.
func hungUp(conn net.Conn) bool {
	socket, ok := conn.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return true
	}
	gone := false
	err = raw.Control(func(fd uintptr) {
		n, _, err := syscall.Recvfrom(int(fd), make([]byte, 1), syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		gone = err == nil && n == 0 || err == syscall.ECONNRESET
	})
	return gone || err != nil
}
