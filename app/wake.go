package app

import "sync"

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
)

func topicBuild(id string) string { return "build:" + id }

// bell wakes whoever waits for a topic: a channel a topic, closed by the next ring.
type bell struct {
	mu     sync.Mutex
	topics map[string]chan struct{}
}

func newBell() *bell { return &bell{topics: map[string]chan struct{}{}} }

// wait returns a channel that closes at the next ring. Take it before reading what
// you wait for, or a ring in between is lost.
func (b *bell) wait(topic string) <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	ch, ok := b.topics[topic]
	if !ok {
		ch = make(chan struct{})
		b.topics[topic] = ch
	}
	return ch
}

func (b *bell) ring(topics ...string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, topic := range topics {
		if ch, ok := b.topics[topic]; ok {
			close(ch)
			delete(b.topics, topic)
		}
	}
}
