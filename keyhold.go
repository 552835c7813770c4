package main

import (
	"context"
	"errors"
	"time"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store"
)

// keepKeyEvery is how often a server looks whether its hold on the encryption key is there.
const keepKeyEvery = 5 * time.Second

func errKeyIsRenewed() error {
	return errors.New("the encryption key is being renewed: start the server when `oore secrets rotate-key` has ended, with the new key")
}

// checkKey refuses a key that is not the one in use, and notes when it was renewed last.
func (s *server) checkKey(ctx context.Context) (err error) {
	if s.rotation, err = s.app.LastKeyRotation(ctx); err != nil {
		return err
	}
	return s.app.KeyFits(ctx)
}

// holdKey keeps the key from being renewed while a server of this database runs.
func holdKey(ctx context.Context, db *store.Store) (*store.KeyHold, error) {
	hold, err := db.HoldKey(ctx, false)
	if core.KindOf(err) == core.KindConflict {
		return nil, errKeyIsRenewed()
	}
	return hold, err
}

// keepKey takes the hold again that a lost connection ended, and ends the server if the key
// has been renewed meanwhile, or is.
func (s *server) keepKey(ctx context.Context) error {
	tick := time.NewTicker(keepKeyEvery)
	defer tick.Stop()
	unsure := false // whether the key has been renewed since the hold was lost
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		lost, err := s.key.Renew(ctx)
		switch {
		case core.KindOf(err) == core.KindConflict && err != nil:
			return errKeyIsRenewed()
		case err != nil:
			unsure = unsure || lost
			continue // the database is away, and comes back
		case lost || unsure:
			now, err := s.app.LastKeyRotation(ctx)
			if unsure = err != nil; err == nil && now != s.rotation {
				return errors.New("the encryption key was renewed while the database was away: start the server with the new one")
			}
		}
	}
}
