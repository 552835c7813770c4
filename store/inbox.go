package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// inbox stores deliveries on PostgreSQL: all that arrive while one statement runs go
// into the next, which makes thousands a second possible where a transaction each
// would make one wait for the disk.
type inbox struct {
	conn  conn
	queue chan *arrival
	quit  chan struct{}
	done  chan struct{}
}

type arrival struct {
	ctx     context.Context // the caller's: who has given up must not be stored after all
	values  []any           // insertDelivery's
	created bool
	answer  chan error // nil: durable
}

const (
	inboxMax   = 256
	inboxBytes = 8 << 20 // of payload in one statement
	// inboxTimeout lets go of a server that has stopped answering.
	inboxTimeout = 10 * time.Second
)

func newInbox(c conn) *inbox {
	b := &inbox{conn: c, queue: make(chan *arrival, inboxMax), quit: make(chan struct{}), done: make(chan struct{})}
	go b.run()
	return b
}

// stop ends the inbox after the statement at hand. Call it once.
func (b *inbox) stop() {
	close(b.quit)
	<-b.done
}

// receive stores a delivery and tells whether it was new. What a caller gave up waiting
// for is not stored, unless the database did that at the same moment.
func (b *inbox) receive(ctx context.Context, values []any) (created bool, err error) {
	a := &arrival{ctx: ctx, values: clean(values), answer: make(chan error, 1)}
	select {
	case b.queue <- a:
	case <-ctx.Done():
		return false, ctx.Err()
	case <-b.done:
		return false, errClosed()
	}
	select {
	case err := <-a.answer:
		return a.created, err
	case <-ctx.Done():
		return false, ctx.Err()
	case <-b.done:
		return false, errClosed()
	}
}

func (b *inbox) run() {
	defer close(b.done)
	for {
		select {
		case <-b.quit:
			return
		case a := <-b.queue:
			batch := gather(a, b.queue, inboxMax)
			for len(batch) > 0 {
				n := prefix(batch)
				b.store(batch[:n])
				batch = batch[n:]
			}
		}
	}
}

// prefix is how many of the batch fit into one statement.
func prefix(batch []*arrival) int {
	size := 0
	for i, a := range batch {
		payload, _ := a.values[len(a.values)-1].([]byte)
		if size += len(payload); size > inboxBytes && i > 0 {
			return i
		}
	}
	return len(batch)
}

// store answers the whole batch. What the database refuses together it gets one by
// one, so that a delivery which cannot be stored does not take others with it; when a
// caller gives up, the others are tried without it.
func (b *inbox) store(batch []*arrival) {
	ctx, cancel := context.WithTimeout(context.Background(), inboxTimeout)
	defer cancel()
	for {
		batch = waiting(batch)
		if len(batch) == 0 {
			return
		}
		err := b.attempt(ctx, batch)
		switch {
		case err != nil && ctx.Err() != nil:
			err = core.Errorf(core.KindUnavailable, noAnswer).Because(err)
		case errors.Is(err, errGivenUp):
			continue
		case err != nil && len(batch) > 1 && outage(err) == "":
			for _, a := range batch {
				b.store([]*arrival{a})
			}
			return
		}
		for _, a := range batch {
			a.answer <- err
		}
		return
	}
}

var errGivenUp = errors.New("a caller gave up")

// waiting answers those who have given up, and returns the others.
func waiting(batch []*arrival) []*arrival {
	return slices.DeleteFunc(batch, func(a *arrival) bool {
		err := a.ctx.Err()
		if err != nil {
			a.answer <- err
		}
		return err != nil
	})
}

// attempt stores the batch, or is errGivenUp when one of the callers did.
func (b *inbox) attempt(ctx context.Context, batch []*arrival) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	for _, a := range batch {
		stop := context.AfterFunc(a.ctx, func() { cancel(errGivenUp) })
		defer stop()
	}
	err := b.insert(ctx, batch)
	if err != nil && errors.Is(context.Cause(ctx), errGivenUp) {
		return errGivenUp
	}
	return err
}

const insertDeliveries = "INSERT INTO deliveries (" + deliveryColumns + `)
	SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
	$10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::bigint[], $17::bigint[], $18::bigint[], $19::bigint[], $20::bytea[])
	ON CONFLICT (provider, delivery_id) DO NOTHING RETURNING id`

// insert runs one statement. Two processes that insert the same deliveries wait for
// each other in the same order.
func (b *inbox) insert(ctx context.Context, batch []*arrival) error {
	slices.SortStableFunc(batch, func(x, y *arrival) int { return strings.Compare(x.key(), y.key()) })
	columns := make([]any, len(batch[0].values))
	for i := range columns {
		columns[i] = column(batch, i)
	}
	rows, err := b.conn.QueryContext(ctx, insertDeliveries, columns...)
	if err != nil {
		return err
	}
	core.CrashPoint("inbox.inserted")
	return markCreated(batch, rows)
}

func (a *arrival) key() string {
	provider, _ := a.values[1].(string)
	id, _ := a.values[2].(string)
	return provider + " " + id
}

// column gathers one column of the batch in the type that its array needs.
func column(batch []*arrival, i int) any {
	switch batch[0].values[i].(type) {
	case []byte:
		return gatherColumn[[]byte](batch, i)
	case int:
		return gatherColumn[int](batch, i)
	case int64:
		return gatherColumn[int64](batch, i)
	case *int64:
		return gatherColumn[*int64](batch, i)
	}
	return gatherColumn[any](batch, i)
}

func gatherColumn[T any](batch []*arrival, i int) []T {
	values := make([]T, len(batch))
	for j, a := range batch {
		values[j], _ = a.values[i].(T)
	}
	return values
}

func markCreated(batch []*arrival, rows *sql.Rows) error {
	defer func() { _ = rows.Close() }()
	byID := make(map[string]*arrival, len(batch))
	for _, a := range batch {
		id, _ := a.values[0].(string)
		byID[id] = a
	}
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return err
		}
		if a := byID[id]; a != nil {
			a.created = true
		}
	}
	return rows.Err()
}
