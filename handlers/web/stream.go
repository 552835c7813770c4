package web

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/sse"
)

// StreamCommands are those that a page stays current by.
type StreamCommands interface {
	sse.Access
	BuildChanged(buildID string) <-chan struct{}
	BuildsChanged() <-chan struct{}
	BuildsVersion(ctx context.Context, actor core.Actor) (core.BuildsVersion, error)
}

// timing holds the rhythm of a page's stream.
type timing struct {
	heartbeat time.Duration // longest silence
	reread    time.Duration // longest time between looks, in case a ring was lost or came in another process
	pause     time.Duration // shortest time between two events of a kind, whatever happens
	recheck   time.Duration // longest time between looks at what the reader may do
	patience  time.Duration // longest time that one write may take
	life      time.Duration // then the page opens another
}

func defaultTiming() timing {
	return timing{
		heartbeat: 15 * time.Second, reread: 5 * time.Second, pause: 250 * time.Millisecond, recheck: time.Minute, patience: 30 * time.Second, life: 30 * time.Minute,
	}
}

// maxStreams is how many streams one person may have: a tab has one, and none while it
// is hidden. Who is refused asks every few seconds instead.
const maxStreams = 20

// beginStream counts one more of a person; end takes it back. KindLimited: they have enough.
func (p *Pages) beginStream(actor core.Actor) (end func(), err error) {
	who := actor.Identity()
	if who == "" {
		who = "name:" + actor.Name
	}
	end, ok := p.streams.Begin(who, maxStreams)
	if !ok {
		return nil, core.Errorf(core.KindLimited, "You have %d streams open; close a tab", maxStreams)
	}
	return end, nil
}

// source is what a stream tells of.
type source interface {
	// look reads what there is and returns the events that the reader does not know yet;
	// ended: no more will come.
	look(ctx context.Context, actor core.Actor) (events [][]byte, ended bool, err error)
	// changed closes when it is time to look again.
	changed() <-chan struct{}
	// project is the id of the one whose streams it counts among, known once it has looked;
	// empty: none's.
	project() string
}

// stream sends a source's events to one page. An error of its first look is an answer of
// its own.
func (p *Pages) stream(c *fiber.Ctx, actor core.Actor, s source) error {
	end, err := p.beginStream(actor)
	if err != nil {
		p.sent.Dropped(sse.DropLimit)
		return err
	}
	l := &feed{pages: p, source: s, reader: sse.NewReader(p.app, actor, p.timing.recheck, time.Now), began: time.Now()}
	err = l.look(c.UserContext())
	left := func() {}
	if id := s.project(); err == nil && id != "" {
		if left, err = p.projectStreams.BeginOf(id); err != nil {
			p.sent.Dropped(sse.DropLimit)
		}
	}
	if err != nil {
		end()
		return err
	}
	sse.Start(c)
	c.Status(http.StatusOK)
	l.queue = append([][]byte{[]byte("retry: 2000\n\n")}, l.queue...)
	p.sent.Send(c, &sse.Body{Conn: c.Context().Conn(), Patience: p.timing.patience, Next: l.next, Done: func() { end(); left() }})
	return nil
}

// feed is one page's stream.
type feed struct {
	pages  *Pages
	source source
	reader *sse.Reader
	began  time.Time

	ring   <-chan struct{}
	looked time.Time
	wrote  time.Time
	queue  [][]byte
	ended  bool
}

func (l *feed) look(ctx context.Context) error {
	l.ring, l.looked = l.source.changed(), time.Now()
	events, ended, err := l.source.look(ctx, l.reader.Actor)
	l.queue, l.ended = append(l.queue, events...), ended
	return err
}

// next returns the next bytes to send and waits until there are any.
func (l *feed) next() ([]byte, error) {
	for len(l.queue) == 0 {
		if l.ended {
			return nil, io.EOF
		}
		if sse.Stopped(l.pages.stop) || !l.wait() {
			l.queue, l.ended = append(l.queue, sse.Reconnect()), true
		}
		if len(l.queue) > 0 {
			break
		}
		err := l.reader.Check(context.Background())
		if err == nil {
			err = l.look(context.Background())
		}
		if err != nil {
			l.cut(err)
			return nil, io.EOF // the page tries again, and is told then
		}
	}
	piece := l.queue[0]
	l.queue, l.wrote = l.queue[1:], time.Now()
	return piece, nil
}

// cut notes why the stream ends before its time.
func (l *feed) cut(err error) {
	kind := core.KindOf(err)
	if kind == core.KindInternal {
		l.pages.log.Error("a page's stream was cut", "error", err)
	} else if kind != core.KindUnavailable {
		l.pages.sent.Dropped(sse.DropRevoked)
	}
}

// wait returns when it is time to look again or to say something; false: the server stops.
func (l *feed) wait() bool {
	t := l.pages.timing
	if pause := t.pause - time.Since(l.looked); pause > 0 && !l.sleep(pause) {
		return false
	}
	timer := time.NewTimer(max(0, min(t.reread, t.heartbeat-time.Since(l.wrote), t.life-time.Since(l.began))))
	defer timer.Stop()
	select {
	case <-l.ring:
	case <-l.reader.User:
	case <-l.reader.Credential:
	case <-timer.C:
		switch {
		case time.Since(l.began) >= t.life:
			l.queue, l.ended = append(l.queue, sse.Event("reload", "", []byte("{}"))), true
		case time.Since(l.wrote) >= t.heartbeat:
			l.queue = append(l.queue, sse.Heartbeat())
		}
	case <-l.pages.stop:
		return false
	}
	return true
}

func (l *feed) sleep(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-l.pages.stop:
		return false
	}
}
