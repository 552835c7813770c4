package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"

	"gorm.io/gorm"

	"github.com/oore-ci/oore/app/core"
)

// groupMax bounds how many transactions share one commit.
const groupMax = 256

// groupWriter is SQLite's writer. Whoever waits when the last commit is done shares
// the next one, and so one fsync: each runs in its own goroutine, one after another,
// in a savepoint of its own if it is more than a statement, and is answered when all
// are durable.
type groupWriter struct {
	conn  conn
	known *statements
	queue chan *turn
	quit  chan struct{}
	done  chan struct{}

	checkpoints checkpointer
}

// turn is one transaction in the queue.
type turn struct {
	ctx    context.Context
	single bool          // one statement: SQLite undoes it by itself when it fails
	begin  chan struct{} // the writer: now it is yours
	end    chan error    // the owner: I am through
	answer chan error    // the writer: it is durable, or not
}

// newGroupWriter writes through c; db opens another connection for checkpoints.
func newGroupWriter(c *sql.Conn, db *sql.DB, damage *atomic.Bool, meter core.Meter) *groupWriter {
	known := newStatements(c)
	w := &groupWriter{
		conn: conn{ConnPool: known, uncancelable: true, damage: damage, meter: meter}, known: known,
		queue: make(chan *turn, groupMax), quit: make(chan struct{}), done: make(chan struct{}),
	}
	w.checkpoints.start(db)
	go w.run()
	return w
}

// stop ends the writer after the commit at hand. Call it once.
func (w *groupWriter) stop() {
	close(w.quit)
	<-w.done
	w.known.forget() // SQLite closes no file, and empties no log, of which it holds a statement
	w.checkpoints.stop()
}

func (w *groupWriter) single(ctx context.Context, f func(gorm.ConnPool) error) error {
	return w.await(ctx, true, f)
}

func (w *groupWriter) transact(ctx context.Context, f func(gorm.ConnPool) error) error {
	return w.await(ctx, false, f)
}

// await waits for the turn, runs f and waits for the commit.
func (w *groupWriter) await(ctx context.Context, single bool, f func(gorm.ConnPool) error) error {
	t := &turn{ctx: ctx, single: single, begin: make(chan struct{}), end: make(chan error, 1), answer: make(chan error, 1)}
	select {
	case w.queue <- t:
	case <-ctx.Done():
		return ctx.Err()
	case <-w.done:
		return errClosed()
	}
	select {
	case <-t.begin:
	case err := <-t.answer:
		return err
	case <-ctx.Done():
		return ctx.Err()
	case <-w.done:
		return errClosed()
	}
	return t.run(f, w.conn)
}

// run gives the turn back however f ends, so that a panic hurts its caller alone.
func (t *turn) run(f func(gorm.ConnPool) error, c conn) error {
	returned := false
	defer func() {
		if !returned {
			t.end <- errors.New("panic in a transaction")
			<-t.answer //nolint:errcheck // the panic goes on, and says more
		}
	}()
	err := f(c)
	returned = true
	t.end <- err
	return <-t.answer
}

func (w *groupWriter) run() {
	defer close(w.done)
	for {
		select {
		case <-w.quit:
			return
		case t := <-w.queue:
			w.commit(gather(t, w.queue, groupMax))
		}
	}
}

// gather takes first and all that waits behind it. It yields once to those whom the
// last commit has just answered: they come back at once, and would miss this one.
func gather[T any](first T, queue <-chan T, most int) []T {
	batch := []T{first}
	for yielded := false; len(batch) < most; {
		select {
		case next := <-queue:
			batch = append(batch, next)
		default:
			if yielded {
				return batch
			}
			yielded = true
			runtime.Gosched()
		}
	}
	return batch
}

// commit runs a batch in one transaction. Those that failed have their answer when
// it returns, and so have the others.
func (w *groupWriter) commit(batch []*turn) {
	if err := w.exec("BEGIN IMMEDIATE"); err != nil {
		answer(batch, fmt.Errorf("begin: %w", err))
		return
	}
	var passed []*turn
	for i, t := range batch {
		ok, err := w.give(t, len(batch) == 1)
		if err != nil { // the transaction is gone, with all that is in it
			w.rollback()
			answer(append(passed, batch[i:]...), err)
			return
		}
		if ok {
			passed = append(passed, t)
		}
	}
	if len(passed) == 0 {
		w.rollback()
		return
	}
	core.CrashPoint("commit.next")
	err := w.exec("COMMIT")
	if err != nil {
		w.rollback()
		err = fmt.Errorf("commit: %w", err)
	}
	core.CrashPoint("commit.done")
	answer(passed, err)
	w.checkpoints.committed(len(passed))
}

// give lets the owner of the turn run and tells whether it wants what it did to be
// kept; if not, it is undone and answered. An owner who has gone is passed over. An
// error means that the whole transaction is lost.
func (w *groupWriter) give(t *turn, alone bool) (ok bool, lost error) {
	savepoint := !alone && !t.single
	if savepoint {
		if err := w.exec("SAVEPOINT turn"); err != nil {
			return false, err
		}
	}
	var err error
	ran := true
	select {
	case t.begin <- struct{}{}:
		err = <-t.end
	case <-t.ctx.Done(): // its owner may hear of it from here first
		ran, err = false, t.ctx.Err()
	}
	if err == nil && savepoint {
		return true, w.exec("RELEASE turn")
	}
	if err == nil {
		return true, nil
	}
	switch {
	case alone:
		w.rollback()
	case savepoint:
		// A full disk undoes everything, not the statement alone; then there is no
		// savepoint to return to, and nobody's change may pass for durable.
		// A second try, since the interrupt of a caller who gave up may come late and hit this.
		const undo = "ROLLBACK TO turn; RELEASE turn"
		undone := w.exec(undo)
		if undone != nil {
			undone = w.exec(undo)
		}
		if undone != nil {
			return false, err
		}
	case ran && outage(err) != "":
		return false, err
	}
	t.answer <- err
	return false, nil
}

func answer(batch []*turn, err error) {
	for _, t := range batch {
		t.answer <- err
	}
}

func (w *groupWriter) exec(sql string) error {
	_, err := w.conn.ExecContext(context.Background(), sql)
	return err
}

// rollback may find that SQLite has rolled back by itself.
func (w *groupWriter) rollback() { _ = w.exec("ROLLBACK") }
