package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	// shutdownGrace is what requests get to end, downloads say, once no more are taken.
	shutdownGrace = 10 * time.Second
	// hurriedGrace is shutdownGrace where somebody waits for the end.
	hurriedGrace = 2 * time.Second
	// leaveTime is how long a server that is one of several says at /readyz that it leaves
	// before it takes no more requests: a proxy asks every few seconds.
	leaveTime = 10 * time.Second
	// askTime bounds the question who else is there.
	askTime = 3 * time.Second
	// lastReportsTime bounds the wait for what is being told outside.
	lastReportsTime = 5 * time.Second
)

// run serves until ctx ends, or a part of it fails, and then stops in order.
func (s *server) run(ctx context.Context) error {
	if err := s.takeBack(ctx); err != nil {
		if ctx.Err() != nil {
			return nil // told to stop before it began
		}
		return err
	}
	hurried, calm := inAHurry()
	defer calm()
	s.log.Info("listening", "addr", s.ln.Addr().String(), "runners", s.cfg.Runners)
	g, failed := errgroup.WithContext(context.WithoutCancel(ctx))
	workers, stopWorkers := context.WithCancel(failed)
	builds, stopBuilds := context.WithCancel(failed)
	defer stopWorkers()
	defer stopBuilds()
	g.Go(func() error { return s.http.Listener(s.ln) })
	g.Go(func() error { return s.app.RunWorkers(workers) })
	g.Go(func() error { return s.watcher.Run(workers) })
	g.Go(func() error { return s.keepKey(workers) })
	poolDone := make(chan struct{})
	g.Go(func() error {
		defer close(poolDone)
		if s.pool == nil {
			return nil
		}
		return s.pool.Run(builds)
	})
	g.Go(func() error {
		select {
		case <-ctx.Done():
		case <-failed.Done():
		}
		s.end(failed, hurried, poolDone, stopBuilds)
		stopWorkers()
		return nil
	})
	if err := g.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// inAHurry closes the channel when builds are not to be waited for: at Ctrl-C, and at a
// second signal. Call stop when nobody listens any more.
func inAHurry() (hurried <-chan struct{}, stop func()) {
	signals, done, over := make(chan os.Signal, 2), make(chan struct{}), make(chan struct{})
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		for n := 1; ; n++ {
			select {
			case s := <-signals:
				if s == os.Interrupt || n > 1 {
					close(done)
					return
				}
			case <-over:
				return
			}
		}
	}()
	return done, func() {
		signal.Stop(signals)
		close(over)
	}
}

// end stops a server that serves, in order: builds come to their end or are handed back,
// the last reports are sent, answers that last end, no more requests are taken.
func (s *server) end(ctx context.Context, hurried, idle <-chan struct{}, stopBuilds func()) {
	close(s.draining)
	left := time.After(leaveTime)
	if ctx.Err() == nil {
		s.drain(ctx, hurried, idle)
	}
	select {
	case <-idle:
	default:
		s.log.Info("handing back the builds that run: they are run again")
	}
	stopBuilds()
	<-idle
	if ctx.Err() == nil && !happened(hurried) {
		s.leave(ctx, hurried, left)
	}
	if ctx.Err() == nil && !happened(hurried) {
		last, cancel := context.WithTimeout(ctx, lastReportsTime)
		s.app.LastReports(last)
		cancel()
	}
	s.log.Info("stopping")
	close(s.stop)
	grace := shutdownGrace
	if happened(hurried) {
		grace = hurriedGrace
	}
	if err := s.http.ShutdownWithTimeout(grace); errors.Is(err, context.DeadlineExceeded) {
		s.log.Warn("answers were cut that had not ended, downloads perhaps", "after", grace)
	} else if err != nil {
		s.log.Error("stop listening", "error", err)
	}
}

// drain takes no more builds and waits for those that run, as long as the settings say and
// nobody is in a hurry. All else goes on meanwhile.
func (s *server) drain(ctx context.Context, hurried, idle <-chan struct{}) {
	if s.pool != nil {
		s.pool.Drain()
	}
	s.log.Info("draining: takes no more builds, and stops with the last that runs, at Ctrl-C or at a second signal", "at_most", s.cfg.Drain)
	select {
	case <-idle:
	case <-hurried:
	case <-ctx.Done():
	case <-time.After(s.cfg.Drain):
	}
}

// leave lets one of several servers go on until requests go to the others, however little
// time builds were given: they are handed back by then, should it be killed.
func (s *server) leave(ctx context.Context, hurried <-chan struct{}, left <-chan time.Time) {
	if !s.beside(ctx) {
		return // nobody else takes requests
	}
	select {
	case <-left:
	case <-hurried:
	case <-ctx.Done():
	}
}

// beside tells whether another server takes requests too, or may do so.
func (s *server) beside(ctx context.Context) bool {
	asking, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	servers, err := s.app.Servers(asking)
	return ctx.Err() == nil && (err != nil || len(servers) > 1)
}

func happened(event <-chan struct{}) bool {
	select {
	case <-event:
		return true
	default:
		return false
	}
}
