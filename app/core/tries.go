package core

import (
	"context"
	"time"
)

// Tries are what was tried of late at the door: of an account, or from an address.
type Tries struct {
	Count int
	Last  time.Time
}

// TryStore counts tries, for all servers together.
type TryStore interface {
	// FindTries returns the zero value when there is nothing.
	FindTries(ctx context.Context, key string) (Tries, error)
	// SwapTries stores next if old still is what is there, and tells whether it was.
	SwapTries(ctx context.Context, key string, old, next Tries) (bool, error)
	// DeleteTries deletes those whose last was before a moment.
	DeleteTries(ctx context.Context, before time.Time) error
}
