package app

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/oore-ci/oore/app/core"
)

const (
	// readyFor is how long an answer is good for others who ask: each look writes.
	readyFor = time.Second
	// writePatience is how long the database may take for a small change.
	writePatience = time.Second
	// blobPatience is how long the blob store, which may be far, may take for a small file.
	blobPatience = 3 * time.Second
	// standstill is how long what must never stand still may go without a success, or three
	// of its rounds, whichever is longer.
	standstill = 5 * time.Minute
)

// readiness is the last answer to whoever asked whether the house can do its work.
type readiness struct {
	mu              sync.Mutex
	at              time.Time
	err             error
	database, blobs probe
}

// probe is a question that may never be answered, whatever its context says: a folder on a
// drive of the network hangs. It is asked once at a time.
type probe struct {
	out   chan error // nil: it is not being asked
	asked time.Time
}

// Ready tells whether the house can do its work: KindUnavailable says what is wrong, all of
// it. It is true of the last second.
func (a *App) Ready(ctx context.Context) error {
	r := &a.readiness
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.at.IsZero() || time.Since(r.at) >= readyFor {
		err := a.lookReady(ctx)
		if ctx.Err() != nil {
			return ctx.Err() // who asked has gone; the next one looks
		}
		r.at, r.err = time.Now(), err
	}
	return r.err
}

// lookReady looks at all that the house stands on.
func (a *App) lookReady(ctx context.Context) error {
	faults := []error{a.databaseReady(ctx), a.blobsReady(ctx), a.databaseDisk.room()}
	for _, work := range a.pulses.late(time.Now()) {
		faults = append(faults, core.Errorf(core.KindUnavailable, "The work in the background named %s has had no success for too long: the log says why", work))
	}
	var said []string
	for _, err := range faults {
		if err == nil {
			continue
		}
		what := "Something that the server stands on fails; its log says what"
		if core.KindOf(err) != core.KindInternal {
			what = core.MessageOf(err)
		}
		said = append(said, what)
	}
	if len(said) == 0 {
		return nil
	}
	return core.Errorf(core.KindUnavailable, "%s", strings.Join(said, "; ")).Because(errors.Join(faults...))
}

// databaseReady tells whether the database takes changes, in time, and is of this program
// and key.
func (a *App) databaseReady(ctx context.Context) error {
	return a.readiness.database.inTime(ctx, writePatience, "The database does not take a change", func(ctx context.Context) error {
		if err := a.store.Ready(ctx); err != nil {
			return err
		}
		return a.keyOpens(ctx)
	})
}

// blobsReady tells whether blobs are taken, in time.
func (a *App) blobsReady(ctx context.Context) error {
	return a.readiness.blobs.inTime(ctx, blobPatience, "The place of artifacts and logs does not take a file", a.blobs.Ready)
}

// inTime asks f, and says what is late if there is no answer, or none but that patience is
// over.
func (p *probe) inTime(ctx context.Context, patience time.Duration, late string, f func(context.Context) error) error {
	now := time.Now()
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case <-p.out: // what was asked long ago says nothing about now
		p.out = nil
	default:
	}
	if p.out == nil {
		p.out, p.asked = make(chan error, 1), now
		go func(out chan<- error) {
			asking, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience) // the next may wait for the answer, too
			defer cancel()
			out <- f(asking)
		}(p.out)
	}
	var err error
	select {
	case err = <-p.out:
		p.out = nil
	case <-limited.Done():
		err = limited.Err()
	}
	if ctx.Err() == nil && time.Since(p.asked) >= patience {
		return core.Errorf(core.KindUnavailable, "%s within %s", late, patience).Because(err)
	}
	return err
}

// keyOpens opens one thing that is sealed, or, where that is of another key, finds one that
// is of this one.
func (a *App) keyOpens(ctx context.Context) error {
	page, err := a.store.ListSealed(ctx, "", 1)
	if err != nil || len(page) == 0 {
		return err
	}
	if a.vault != nil && a.vault.Sealed(page[0].Data) {
		if _, err := a.vault.Open(page[0].Data, page[0].Place); err == nil {
			return nil
		}
	}
	return a.KeyFits(ctx)
}

// pulses are the works in the background that this server does now, and when each last had
// success.
type pulses struct {
	mu sync.Mutex
	of map[*pulse]bool
}

type pulse struct {
	work  string
	every time.Duration
	at    time.Time
}

// begin counts the start of a work as a success, so that a server is ready at once.
func (p *pulses) begin(work string, every time.Duration) *pulse {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.of == nil {
		p.of = map[*pulse]bool{}
	}
	one := &pulse{work, every, time.Now()}
	p.of[one] = true
	return one
}

// end forgets a work that is another server's now, or nobody's.
func (p *pulses) end(one *pulse) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.of, one)
}

// beat notes a success of all works of that name: what takes long tells that it goes on.
func (p *pulses) beat(work string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for one := range p.of {
		if one.work == work {
			one.at = time.Now()
		}
	}
}

func (p *pulses) success(one *pulse) {
	p.mu.Lock()
	defer p.mu.Unlock()
	one.at = time.Now()
}

// late lists the works without which builds are not made, told or taken back, and that
// stand still. What is left to do later makes nobody turn away from a server that serves.
func (p *pulses) late(now time.Time) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var names []string
	for one := range p.of {
		switch one.work {
		case turnReaper, topicInbox, topicOutbox, topicSurvey:
			if now.Sub(one.at) > max(standstill, 3*one.every) {
				names = append(names, fmt.Sprintf("%q", one.work))
			}
		}
	}
	return names
}
