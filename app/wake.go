package app

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/oore-ci/oore/app/core"
)

// Topics of the bell. A ring carries no data: whoever wakes reads the store again,
// so a lost or doubled ring does no harm (every waiter has a slow tick too).
const (
	topicQueue     = "queue"
	topicInbox     = "inbox"
	topicInventory = "inventory"
	topicOutbox    = "outbox"
	topicSchedules = "schedules"
	topicRetention = "retention"
	topicSources   = "sources"
	topicServers   = "servers" // nobody waits for it: who hears it knows that there are others
)

func topicBuild(id string) string { return "build:" + id }

// mostTopics bounds what a bell remembers: a topic is forgotten when it rings, and some
// never do.
const mostTopics = 10_000

// bell wakes whoever waits for a topic: a channel a topic, closed by the next ring.
type bell struct {
	relay   core.Relay  // nil: there are no other servers
	company atomic.Bool // there are some now

	mu     sync.Mutex
	topics map[string]chan struct{}
}

func newBell(r core.Relay) *bell { return &bell{relay: r, topics: map[string]chan struct{}{}} }

// wait returns a channel that closes at the next ring. Take it before reading what
// you wait for, or a ring in between is lost.
func (b *bell) wait(topic string) <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	ch, ok := b.topics[topic]
	if !ok && len(b.topics) >= mostTopics { // of builds and tokens that nobody waits for any more
		b.wakeAll()
	}
	if !ok {
		ch = make(chan struct{})
		b.topics[topic] = ch
	}
	return ch
}

// ring wakes those who wait, here and at the other servers.
func (b *bell) ring(topics ...string) {
	b.ringHere(topics...)
	if b.relay != nil && b.company.Load() {
		b.relay.Send(topics...)
	}
}

// ringAll wakes everybody here.
func (b *bell) ringAll() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.wakeAll()
}

// wakeAll forgets all topics; whoever waits looks once in vain. The caller holds mu.
func (b *bell) wakeAll() {
	for _, ch := range b.topics {
		close(ch)
	}
	clear(b.topics)
}

// ringHere is ring for what concerns this server alone.
func (b *bell) ringHere(topics ...string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, topic := range topics {
		if ch, ok := b.topics[topic]; ok {
			close(ch)
			delete(b.topics, topic)
		}
	}
}

// hear takes over what the other servers ring, until ctx ends.
func (a *App) hear(ctx context.Context) error {
	if a.bell.relay != nil {
		a.bell.relay.Listen(ctx, a.heard, a.missedRings)
	}
	return nil
}

// heard forgets what is remembered of things that have changed, then wakes who waits for
// them.
func (a *App) heard(topics []string) {
	a.bell.company.Store(true)
	for _, topic := range topics {
		if id, ok := strings.CutPrefix(topic, topicBuild("")); ok {
			a.tails.forget(id)
		}
		if topic == topicBuilds {
			a.versions.forget()
		}
	}
	a.bell.ringHere(topics...)
}

// missedRings is heard for anything that may have changed.
func (a *App) missedRings() {
	a.tails.forgetAll()
	a.versions.forget()
	a.bell.ringAll()
}
