package app

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/oore-ci/oore/app/core"
)

const (
	inboxBatch    = 128
	inboxMost     = 1024 // deliveries that are waiting here, without their payloads
	inboxShare    = 256  // waiting in one lane: what comes beyond is put off, or others would not be read
	inboxTogether = 8    // deliveries in one transaction: more would keep new ones waiting
	inboxPerHost  = 16   // decided at once of one host: another host's do not wait for them
)

// inboxLanes hand what has come to those who decide about it. Deliveries of one
// repository are taken one after another, in the order in which they came; all others
// side by side, so that a forge which is slow about one keeps nobody else waiting. Of a
// repository that sends more than is decided the rest stays in the store until its lane has
// room, and none of it overtakes another.
// Commands, which ask the forge about everybody who writes one, have lanes of their own.
type inboxLanes struct {
	app *App

	mu      sync.Mutex
	waiting map[string][]understood  // by lane; a lane that is here has somebody at work
	off     map[string]*putOff       // by lane
	taken   map[string]bool          // ids of the deliveries that are waiting or decided about
	slots   map[string]chan struct{} // by host
	working sync.WaitGroup
}

// putOff is what stays in the store until its lane has room.
type putOff struct {
	ids   map[string]bool
	names map[string]bool // of the repository, as the store knows them by
}

func newInboxLanes(a *App) *inboxLanes {
	return &inboxLanes{app: a, waiting: map[string][]understood{}, off: map[string]*putOff{}, taken: map[string]bool{}, slots: map[string]chan struct{}{}}
}

// take reads what has come and was not taken yet.
func (l *inboxLanes) take(ctx context.Context) (more bool, err error) {
	known, busy := l.known()
	if len(known) >= inboxMost {
		return false, nil // whoever ends rings
	}
	due, err := l.app.store.DueDeliveries(ctx, l.app.now(), inboxBatch, known, busy)
	if err != nil {
		return false, fmt.Errorf("read the inbox: %w", err)
	}
	later := map[string][]string{} // ids by repository
	closed := map[string]bool{}    // lanes that had no room for one of these: none of them overtakes it
	for _, d := range due {
		u := l.app.understand(ctx, d)
		u.delivery.Payload = nil
		if !l.put(ctx, u, closed) && d.Repository != u.event.RepositoryName {
			later[u.event.RepositoryName] = append(later[u.event.RepositoryName], d.ID)
		}
	}
	for repository, ids := range later {
		if err := l.app.store.PutOffDeliveries(ctx, repository, ids); err != nil {
			return false, err
		}
	}
	return len(due) > 0, nil // large payloads come in smaller batches
}

// known are the ids of what is here, and busy the repositories of which no more is wanted.
func (l *inboxLanes) known() (ids, busy []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	ids = slices.Collect(maps.Keys(l.taken))
	for lane, off := range l.off {
		if len(l.waiting[lane]) > max(0, l.share()-inboxBatch) {
			busy = slices.AppendSeq(busy, maps.Keys(off.names))
		}
	}
	return ids, busy
}

// share is how many may wait in a lane: few if many lanes are full. The caller holds mu.
func (l *inboxLanes) share() int {
	if len(l.taken) > inboxMost/2 {
		return 2 * inboxTogether
	}
	return inboxShare
}

// putsOff tells whether a lane takes the delivery later: it has enough, or older ones of it
// have been put off. It closes the lane then. The caller holds mu.
func (l *inboxLanes) putsOff(lane string, u understood, closed map[string]bool) bool {
	name, off := u.event.RepositoryName, l.off[lane]
	wasOff := u.delivery.Repository != "" // they come in their order
	if name == "" || !closed[lane] && len(l.waiting[lane]) < l.share() && (off == nil || wasOff) {
		if off != nil {
			if delete(off.ids, u.delivery.ID); len(off.ids) == 0 {
				delete(l.off, lane)
			}
		}
		return false
	}
	if off == nil {
		off = &putOff{ids: map[string]bool{}, names: map[string]bool{}}
		l.off[lane] = off
	}
	off.ids[u.delivery.ID], off.names[name], closed[lane] = true, true, true
	return true
}

// put gives a delivery to its lane, unless that is closed; false: it is put off.
func (l *inboxLanes) put(ctx context.Context, u understood, closed map[string]bool) bool {
	host := string(u.delivery.Provider) + ":" + u.host
	lane := host + ":" + u.event.RepositoryID
	if u.event.Chat != nil {
		host += ":chat"
		lane += ":chat"
		if u.event.RepositoryID == "" {
			lane += u.event.Chat.AuthorID // in Slack nobody waits for anybody else
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if u.event.Chat == nil && l.putsOff(lane, u, closed) {
		return false
	}
	l.taken[u.delivery.ID] = true
	_, busy := l.waiting[lane]
	l.waiting[lane] = append(l.waiting[lane], u)
	if busy {
		return true
	}
	if l.slots[host] == nil {
		l.slots[host] = make(chan struct{}, inboxPerHost)
	}
	slots := l.slots[host]
	l.working.Go(func() { l.work(ctx, lane, slots) })
	return true
}

// work empties a lane.
func (l *inboxLanes) work(ctx context.Context, lane string, slots chan struct{}) {
	for group := l.next(lane, nil); len(group) > 0; group = l.next(lane, group) {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			continue
		}
		for _, together := range batches(group) {
			if ctx.Err() != nil {
				break
			}
			if err := l.app.processTogether(ctx, together); err != nil {
				l.app.warn(ctx, "worker", "work", topicInbox, "error", err)
			}
		}
		<-slots
	}
}

// next takes all that waits in a lane, after those are done with which were taken last.
func (l *inboxLanes) next(lane string, done []understood) []understood {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(done) > 0 && len(l.taken) >= inboxMost || l.off[lane] != nil {
		defer l.app.bell.ringHere(topicInbox)
	}
	for _, u := range done {
		delete(l.taken, u.delivery.ID)
	}
	group := l.waiting[lane]
	if len(group) == 0 {
		delete(l.waiting, lane)
		return nil
	}
	l.waiting[lane] = nil
	return group
}

// batches cuts a group into what is decided in one transaction. A command asks the
// forge and so stands alone.
func batches(group []understood) [][]understood {
	var all [][]understood
	for _, u := range group {
		last := len(all) - 1
		if last < 0 || u.event.Chat != nil || len(all[last]) == inboxTogether {
			all = append(all, nil)
			last++
		}
		all[last] = append(all[last], u)
	}
	return all
}

type understood struct {
	delivery core.Delivery // without its payload
	host     string        // the integration's: what the delivery is believed about
	event    core.Event
	err      error
}
