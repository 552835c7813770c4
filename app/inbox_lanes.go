package app

import (
	"context"
	"fmt"
	"sync"

	"github.com/oore-ci/oore/app/core"
)

const (
	inboxBatch    = 128
	inboxMost     = 1024 // deliveries that are waiting here, without their payloads
	inboxTogether = 8    // deliveries in one transaction: more would keep new ones waiting
	inboxPerHost  = 16   // decided at once of one host: another host's do not wait for them
)

// inboxLanes hand what has come to those who decide about it. Deliveries of one
// repository are taken one after another, in the order in which they came; all others
// side by side, so that a forge which is slow about one keeps nobody else waiting.
// Commands, which ask the forge about everybody who writes one, have lanes of their own.
type inboxLanes struct {
	app *App

	mu      sync.Mutex
	waiting map[string][]understood  // by lane; a lane that is here has somebody at work
	taken   map[string]bool          // ids of the deliveries that are waiting or decided about
	slots   map[string]chan struct{} // by host
	working sync.WaitGroup
}

func newInboxLanes(a *App) *inboxLanes {
	return &inboxLanes{app: a, waiting: map[string][]understood{}, taken: map[string]bool{}, slots: map[string]chan struct{}{}}
}

// take reads what has come and was not taken yet.
func (l *inboxLanes) take(ctx context.Context) (more bool, err error) {
	known := l.known()
	if len(known) >= inboxMost {
		return false, nil // whoever ends rings
	}
	due, err := l.app.store.DueDeliveries(ctx, l.app.now(), inboxBatch, known)
	if err != nil {
		return false, fmt.Errorf("read the inbox: %w", err)
	}
	for _, d := range due {
		u := l.app.understand(ctx, d)
		u.delivery.Payload = nil
		l.put(ctx, u)
	}
	return len(due) > 0, nil // large payloads come in smaller batches
}

func (l *inboxLanes) known() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	ids := make([]string, 0, len(l.taken))
	for id := range l.taken {
		ids = append(ids, id)
	}
	return ids
}

func (l *inboxLanes) put(ctx context.Context, u understood) {
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
	l.taken[u.delivery.ID] = true
	_, busy := l.waiting[lane]
	l.waiting[lane] = append(l.waiting[lane], u)
	if busy {
		return
	}
	if l.slots[host] == nil {
		l.slots[host] = make(chan struct{}, inboxPerHost)
	}
	slots := l.slots[host]
	l.working.Go(func() { l.work(ctx, lane, slots) })
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
	if len(done) > 0 && len(l.taken) >= inboxMost {
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
