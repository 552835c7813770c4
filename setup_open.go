package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/store"
)

// setUp opens the server's data, does the steps that are asked for, and tells of all.
func setUp(ctx context.Context, cfg Config, ask setupAsk) (setupResult, error) {
	result := setupResult{URL: cfg.PublicURL, DataDir: cfg.DataDir}
	if ask.nothing() { // who only looks makes no data folder
		if err := wantDatabase(cfg); err != nil {
			return result, fmt.Errorf("%w; or begin here: oore setup --admin YOU@EXAMPLE.COM", err)
		}
	}
	if err := wantServersUser(cfg.DataDir); err != nil {
		return result, err
	}
	lock, err := tryDataDir(cfg.DataDir)
	if err != nil {
		return result, err
	}
	if lock != nil {
		defer lock.Close() // no server starts meanwhile, and no key is renewed
	}
	r, err := newRooms(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		return result, err
	}
	db, err := openBeside(ctx, cfg, lock)
	if err != nil {
		return result, err
	}
	defer db.Close()
	hold, err := holdKey(ctx, db)
	if err != nil {
		return result, err
	}
	defer hold.Close()
	a, vault, err := appForSetup(ctx, cfg, db, r, lock)
	if err != nil {
		return result, err
	}
	if result.Running, err = agreeWithServers(ctx, a, vault, lock); err != nil {
		return result, err
	}
	if err := a.Reconnect(ctx); err != nil {
		return result, err
	}
	result.Steps = setupSteps{app: a, cfg: cfg, ask: ask}.all(ctx)
	return result, nil
}

// openBeside makes the database only where no server runs.
func openBeside(ctx context.Context, cfg Config, lock *os.File) (*store.Store, error) {
	if lock == nil {
		if err := wantDatabase(cfg); err != nil {
			return nil, err
		}
	}
	return store.Open(ctx, cfg.DatabaseURL, store.Options{Log: slog.New(slog.DiscardHandler)})
}

// appForSetup makes the encryption key only where no server runs.
func appForSetup(ctx context.Context, cfg Config, db *store.Store, r rooms, lock *os.File) (*app.App, *app.Vault, error) {
	err := checkRotation(cfg)
	if err != nil {
		return nil, nil, err
	}
	var vault *app.Vault
	if lock == nil {
		vault, err = findVault(cfg)
	} else {
		vault, err = openVault(ctx, cfg, db)
	}
	if err != nil {
		return nil, nil, err
	}
	a, err := appBeside(cfg, db, r, vault)
	return a, vault, err
}

// agreeWithServers refuses to seal with a key that the servers of the database do not
// have, and tells whether there are any.
func agreeWithServers(ctx context.Context, a *app.App, vault *app.Vault, lock *os.File) (running bool, err error) {
	servers, err := a.Servers(ctx)
	if err != nil {
		return false, err
	}
	for _, s := range servers {
		if s.KeyID != vault.KeyID() {
			return false, fmt.Errorf("the server on %s has another encryption key: run this beside it, on its data folder, or with its OORE_ENCRYPTION_KEY", s.Name)
		}
	}
	return lock == nil || len(servers) > 0, a.KeyFits(ctx)
}
