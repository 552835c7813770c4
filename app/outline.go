package app

import (
	"context"
	"math"
	"slices"
	"sync"

	"github.com/oore-ci/oore/app/core"
)

// keptOutlines bounds the logs whose groups are remembered.
const keptOutlines = 64

// LogOutline finds the groups in a build's log. The first look at a long log reads all
// of it; what it found is remembered, and a log that grew is read on from there.
func (a *App) LogOutline(ctx context.Context, actor core.Actor, buildID string) ([]core.LogGroup, error) {
	b, err := a.FindBuild(ctx, actor, buildID)
	if err != nil {
		return nil, err
	}
	o := a.outlines.of(b.ID)
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := a.readOutline(ctx, b, o); err != nil {
		return nil, err
	}
	return slices.Clone(o.found.Groups), nil
}

func (a *App) readOutline(ctx context.Context, b core.Build, o *outline) error {
	for end := int64(math.MaxInt64); !o.whole && o.next < end; {
		chunks, extent, err := a.logChunks(ctx, b, o.next, math.MaxInt64, searchPage)
		if err != nil {
			return err
		}
		if len(chunks) == 0 {
			break
		}
		end = min(end, extent.Next) // what a living build prints meanwhile would have no end
		for _, c := range chunks {
			if err := c.Each(o.add); err != nil {
				return err
			}
		}
	}
	if o.whole = b.LogComplete(); o.whole {
		o.found.End()
	}
	return nil
}

// outline is what is known of the groups of one log.
type outline struct {
	mu    sync.Mutex
	found core.Grouping
	next  int64 // the sequence to read on from
	whole bool
}

func (o *outline) add(r core.LogRecord) {
	if r.Sequence >= o.next { // a chunk may begin before what was asked for
		o.found.Add(r)
		o.next = r.Sequence + 1
	}
}

// outlines remembers those that were asked for of late.
type outlines struct {
	mu     sync.Mutex
	builds map[string]*outline
	order  []string // the one to be forgotten next first
}

func newOutlines() *outlines { return &outlines{builds: map[string]*outline{}} }

func (o *outlines) of(buildID string) *outline {
	o.mu.Lock()
	defer o.mu.Unlock()
	if known, ok := o.builds[buildID]; ok {
		return known
	}
	if len(o.order) == keptOutlines {
		delete(o.builds, o.order[0])
		o.order = o.order[1:]
	}
	o.order = append(o.order, buildID)
	o.builds[buildID] = &outline{}
	return o.builds[buildID]
}
