package store

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"gorm.io/gorm"

	"github.com/oore-ci/oore/app/core"
)

var _ core.Relay = (*relay)(nil)

const (
	relayChannel = "oore"
	// relayPause is the least time between two of our notifications. A commit with one
	// holds a lock of the whole database, so they are few, small, in no other's
	// transaction, and wait for no disk.
	relayPause   = 20 * time.Millisecond
	relayPayload = 7000 // bytes; PostgreSQL takes 8000
	relayMost    = 5000 // topics at once; who has more rings relayAll
	relayAll     = "*"
	// relayTimeout bounds a notification; one that is lost is no harm.
	relayTimeout = 2 * time.Second
	// relayCheck is how often a silent connection is tried.
	relayCheck = 15 * time.Second
)

// relay carries rings by LISTEN and NOTIFY.
type relay struct {
	config *pgx.ConnConfig
	pool   gorm.ConnPool
	id     string // begins our notifications: we do not hear ourselves

	mu      sync.Mutex
	waiting map[string]bool // topics that nobody has been told yet
	wake    chan struct{}
	quit    chan struct{}
	done    chan struct{}
}

// Relay carries rings to other servers; nil: the database has none.
func (s *Store) Relay() core.Relay {
	if s.db.relay == nil {
		return nil
	}
	return s.db.relay
}

func newRelay(config *pgx.ConnConfig, pool gorm.ConnPool) *relay {
	r := &relay{
		config: config, pool: pool, id: rand.Text(), waiting: map[string]bool{},
		wake: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{}),
	}
	go r.run()
	return r
}

// stop ends it. Call it once, before the pool is closed.
func (r *relay) stop() {
	close(r.quit)
	<-r.done
}

// Send is core.Relay's.
func (r *relay) Send(topics ...string) {
	r.mu.Lock()
	for _, topic := range topics {
		if len(r.waiting) >= relayMost {
			clear(r.waiting)
			topic = relayAll
		}
		if !r.waiting[relayAll] {
			r.waiting[topic] = true
		}
	}
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default: // it is awake
	}
}

// run sends what has gathered, at once after a quiet moment.
func (r *relay) run() {
	defer close(r.done)
	for {
		select {
		case <-r.quit:
			return
		case <-r.wake:
		}
		r.notify(r.take())
		select {
		case <-r.quit:
			return
		case <-time.After(relayPause):
		}
	}
}

func (r *relay) take() map[string]bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	taken := r.waiting
	r.waiting = map[string]bool{}
	return taken
}

// notify tells the other servers. They look by themselves too, so a fault costs them time
// and nothing else.
func (r *relay) notify(topics map[string]bool) {
	ctx, cancel := context.WithTimeout(context.Background(), relayTimeout)
	defer cancel()
	_, _ = r.pool.ExecContext(ctx, "SELECT pg_notify($1, m) FROM unnest($2::text[]) m WHERE set_config('synchronous_commit', 'off', true) = 'off'",
		relayChannel, r.messages(topics))
}

// messages are the topics, as many in each as PostgreSQL takes.
func (r *relay) messages(topics map[string]bool) (all []string) {
	var b strings.Builder
	for topic := range topics {
		if b.Len()+len(topic) > relayPayload {
			all = append(all, b.String())
			b.Reset()
		}
		if b.Len() == 0 {
			b.WriteString(r.id)
		}
		b.WriteString(" " + topic)
	}
	if b.Len() > 0 {
		all = append(all, b.String())
	}
	return all
}

// Listen is core.Relay's. Behind a pooler nobody would hear, and the listening connection
// would go to others, whose long transactions keep what is said to it for ever.
func (r *relay) Listen(ctx context.Context, rung func(topics []string), missed func()) {
	if pooled(r.config) {
		<-ctx.Done()
		return
	}
	for ctx.Err() == nil {
		_ = r.listen(ctx, rung, missed) // whatever it was, connect anew
		select {
		case <-ctx.Done():
		case <-time.After(connectTimeout / 2):
		}
	}
}

// listen hears until its connection breaks.
func (r *relay) listen(ctx context.Context, rung func(topics []string), missed func()) error {
	c, err := pgx.ConnectConfig(ctx, r.config)
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), relayTimeout)
		defer cancel()
		_ = c.Close(ctx)
	}()
	if _, err := c.Exec(ctx, "LISTEN "+relayChannel); err != nil {
		return err
	}
	missed()
	for {
		n, err := r.hear(ctx, c)
		switch {
		case err != nil:
			return err
		case n == nil:
			continue
		}
		topics := strings.Fields(n.Payload)
		switch {
		case len(topics) < 2 || topics[0] == r.id:
		case topics[1] == relayAll:
			missed()
		default:
			rung(topics[1:])
		}
	}
}

// hear waits for a notification, and sees to it that the connection lives: nil without an
// error is none yet.
func (r *relay) hear(ctx context.Context, c *pgx.Conn) (*pgconn.Notification, error) {
	waiting, cancel := context.WithTimeout(ctx, relayCheck)
	defer cancel()
	n, err := c.WaitForNotification(waiting)
	if err == nil || ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) {
		return n, err
	}
	checking, cancel := context.WithTimeout(ctx, relayTimeout)
	defer cancel()
	return nil, c.Ping(checking)
}
