package store

import (
	"context"
	"database/sql"
	"sync"
)

const (
	// checkpointAfter is how many transactions there are between two checkpoints.
	checkpointAfter = 250
	// walPages is where the writer takes a checkpoint itself, because this one has
	// fallen behind: 32 MiB.
	walPages = "8000"
)

// checkpointer copies what SQLite has committed from its log into the database file.
// It does so beside the writer: within a commit all who share it would wait for it.
type checkpointer struct {
	pending int // counted by the writer alone
	due     chan struct{}
	working sync.WaitGroup
}

// start works on a connection of its own until stop.
func (c *checkpointer) start(db *sql.DB) {
	c.due = make(chan struct{}, 1)
	c.working.Go(func() {
		for range c.due {
			// What goes wrong here goes wrong in the writer's own checkpoint too, and
			// there somebody waits for an answer.
			_, _ = db.ExecContext(context.Background(), "PRAGMA wal_checkpoint(PASSIVE)")
		}
	})
}

// committed never waits.
func (c *checkpointer) committed(transactions int) {
	if c.pending += transactions; c.pending < checkpointAfter {
		return
	}
	select {
	case c.due <- struct{}{}:
		c.pending = 0
	default: // it is at work
	}
}

// stop waits for the checkpoint at hand. The writer must have stopped.
func (c *checkpointer) stop() {
	close(c.due)
	c.working.Wait()
}
