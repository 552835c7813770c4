package api

import (
	"context"
	"encoding/json"
	"io"
	"math"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/sse"
)

// timing holds the rhythm of a stream.
type timing struct {
	heartbeat time.Duration // longest silence
	reread    time.Duration // longest time between reads, in case a ring was lost
	recheck   time.Duration // longest time between looks at what the reader may do
	patience  time.Duration // longest time that one write may take
	challenge time.Duration // between the two events of a challenge
	gather    time.Duration // shortest time between a write and the next look at a log that goes on
}

func defaultTiming() timing {
	return timing{heartbeat: 15 * time.Second, reread: 5 * time.Second, recheck: time.Minute, patience: 30 * time.Second, challenge: 5 * time.Second, gather: 20 * time.Millisecond}
}

// Stream answers GET /v1/builds/{id}/logs/stream (contract, "Log stream"). It reads
// from the store behind the reader's own cursor: a late, slow or returning reader
// misses nothing and costs nobody anything.
func (a *API) Stream(c *fiber.Ctx, actor core.Actor) error {
	id, err := pathID(c, "Build")
	if err != nil {
		return err
	}
	after, err := streamStart(c)
	if err != nil {
		return err
	}
	s := &logStream{api: a, reader: sse.NewReader(a.app, actor, a.timing.recheck, a.now), buildID: id, after: after}
	// The first read is made here, so that an error is still an answer of its own.
	if err := s.read(c.UserContext()); err != nil {
		return err
	}
	end, err := a.streams.BeginOf(s.page.Build.ProjectID)
	if err != nil {
		a.sent.Dropped(sse.DropLimit)
		return err
	}
	sse.Start(c)
	if c.Method() == fiber.MethodHead {
		end()
		return nil
	}
	a.sent.Send(c, &sse.Body{Conn: c.Context().Conn(), Patience: a.timing.patience, Next: s.next, Done: end})
	return nil
}

// streamStart is the sequence after which the reader wants to go on. What the
// browser remembers of a broken stream is newer than what its address says.
func streamStart(c *fiber.Ctx) (int64, error) {
	last := c.Get("Last-Event-ID")
	if last == "" {
		return queryInt(c, "after_sequence", -1, -1, math.MaxInt64-1)
	}
	after, err := strconv.ParseInt(last, 10, 64)
	if err != nil || after < -1 || after == math.MaxInt64 {
		return 0, invalid("Last-Event-ID must be the id of an event of this stream")
	}
	return after, nil
}

// logStream is one reader of one build's log.
type logStream struct {
	api     *API
	reader  *sse.Reader
	buildID string
	after   int64 // the sequence sent last

	ring  <-chan struct{} // closes when there may be more than page
	page  app.LogPage
	fresh bool     // page was read and not yet sent
	queue [][]byte // to be sent, in order
	ended bool

	told  core.Build // as the reader knows it
	wrote time.Time
}

func (s *logStream) read(ctx context.Context) (err error) {
	s.ring = s.api.app.BuildChanged(s.buildID)
	s.page, err = s.api.app.ReadLog(ctx, s.reader.Actor, s.buildID, s.after, 0)
	s.fresh = err == nil
	return err
}

// next returns the next bytes to send and waits until there are any.
func (s *logStream) next() ([]byte, error) {
	for len(s.queue) == 0 {
		if s.ended {
			return nil, io.EOF
		}
		if sse.Stopped(s.api.stop) { // however much there is still to send
			s.leave()
			continue
		}
		if s.fresh {
			s.send()
			continue
		}
		if s.page.Next >= s.page.Total && !s.wait() {
			s.leave()
			continue
		}
		s.advance()
	}
	piece := s.queue[0]
	s.queue = s.queue[1:]
	s.wrote = time.Now()
	return piece, nil
}

// leave tells the reader to go on at another server, or at this one's next start.
func (s *logStream) leave() { s.queue, s.ended = append(s.queue, sse.Reconnect()), true }

// advance reads on. A reader whose build is gone, or who may no longer see it, is
// sent away; so is one who must try again because we cannot read.
func (s *logStream) advance() {
	err := s.reader.Check(context.Background())
	if err == nil {
		err = s.read(context.Background())
	}
	if err == nil {
		return
	}
	if kind := core.KindOf(err); kind == core.KindInternal || kind == core.KindUnavailable {
		s.api.log.Error("log stream cut", "build", s.buildID, "error", err)
	} else {
		s.api.sent.Dropped(sse.DropRevoked)
	}
	s.ended = true
}

// wait returns when it is time to read again, or false when the server stops.
func (s *logStream) wait() bool {
	t := s.api.timing
	timer := time.NewTimer(min(t.reread, t.heartbeat-time.Since(s.wrote)))
	defer timer.Stop()
	select {
	case <-s.ring:
		return s.gather()
	case <-s.reader.User:
	case <-s.reader.Credential:
	case <-timer.C:
		if time.Since(s.wrote) >= t.heartbeat {
			s.queue = append(s.queue, sse.Heartbeat())
		}
	case <-s.api.stop:
		return false
	}
	return true
}

// gather lets more come right after a write: a build that prints a line a millisecond would
// else have each of its readers woken as often. What comes after a silence is sent at once.
func (s *logStream) gather() bool {
	timer := time.NewTimer(s.api.timing.gather - time.Since(s.wrote))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-s.api.stop:
		return false
	}
}

// send queues what the page has that the reader does not know.
func (s *logStream) send() {
	s.fresh = false
	if s.told.Status == "" {
		s.queue = append(s.queue, []byte("retry: 2000\n\n"))
		s.sendStatus()
	}
	if n := len(s.page.Records); n > 0 {
		s.after = s.page.Records[n-1].Sequence
		s.queue = append(s.queue, s.api.events.encode(s.buildID, s.page.Records))
	}
	s.sendStatus()
	if s.page.Complete {
		done, _ := json.Marshal(map[string]core.BuildStatus{"status": s.page.Build.Status}) // cannot fail
		s.queue = append(s.queue, sse.Event("done", "", done))
		s.ended = true
	}
}

// sendStatus queues the build if its state is news. Reads of one moment are shared
// between readers, so one may be a little older than the last; it is passed over.
func (s *logStream) sendStatus() {
	b := s.page.Build
	if b.Status == s.told.Status || b.UpdatedAt.Before(s.told.UpdatedAt) {
		return
	}
	s.told = b
	data, err := json.Marshal(s.api.renderBuild(b))
	if err != nil {
		s.api.log.Error("render a build", "build", s.buildID, "error", err)
		return
	}
	s.queue = append(s.queue, sse.Event("status", "", data))
}
