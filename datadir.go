package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/google/uuid"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/store"
)

// lockPatience is for a restart right after a kill: a child that the killed server
// was just starting holds its lock for a moment longer.
const lockPatience = 3 * time.Second

// lockDataDir makes the folder and keeps a second server out of it: both would
// believe that they alone run what the embedded runner holds.
func lockDataDir(ctx context.Context, dir string) (*os.File, error) {
	ctx, cancel := context.WithTimeout(ctx, lockPatience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		lock, err := tryDataDir(dir)
		if lock != nil || err != nil {
			return lock, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("another Oore runs on the data folder %s; stop it, or set OORE_DATA_DIR to another folder", dir)
		case <-tick.C:
		}
	}
}

// tryDataDir is lockDataDir without patience; nil: another Oore runs there.
func tryDataDir(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the data folder: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the data folder: %w", err)
	}
	if syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		return nil, lock.Close()
	}
	return lock, nil
}

func keyFile(dir string) string { return filepath.Join(dir, "encryption.key") }

// openVault takes the encryption key of the settings, or the data folder's own. It makes
// one where nothing is sealed yet: who lost theirs must not find another in its place.
func openVault(ctx context.Context, cfg Config, db *store.Store) (*app.Vault, error) {
	if err := checkRotation(cfg); err != nil {
		return nil, err
	}
	vault, err := findVault(cfg)
	if !errors.Is(err, fs.ErrNotExist) {
		return vault, err
	}
	key := make([]byte, 32)
	rand.Read(key) // never fails: it ends the program instead
	if vault, err = app.NewVault(key); err != nil {
		return nil, err
	}
	if err := vault.Fits(ctx, db); err != nil {
		return nil, err
	}
	if err := writeKey(keyFile(cfg.DataDir), key); err != nil {
		return nil, fmt.Errorf("keep the encryption key: %w", err)
	}
	return vault, nil
}

// findVault is openVault for a key that there is: fs.ErrNotExist otherwise.
func findVault(cfg Config) (*app.Vault, error) {
	key, err := readKey(cfg)
	if err != nil {
		return nil, err
	}
	return app.NewVault(key)
}

// readKey is the encryption key of the settings or the data folder; fs.ErrNotExist:
// there is none.
func readKey(cfg Config) ([]byte, error) {
	if cfg.EncryptionKey != nil {
		return cfg.EncryptionKey, nil
	}
	path := keyFile(cfg.DataDir)
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the encryption key: %w", err)
	}
	if err := readEncryptionKey(&cfg, string(data)); err != nil {
		return nil, fmt.Errorf("%s is damaged: put it back from a backup (if there is none, `oore secrets replace-lost-key` says what that costs), or %w", path, err)
	}
	return cfg.EncryptionKey, nil
}

func encodeKey(key []byte) []byte { return []byte(base64.StdEncoding.EncodeToString(key) + "\n") }

// runnerID is the embedded runner's lasting identity: after a restart it takes back
// what it held, and nothing that another server's runner holds.
func runnerID(dir string) (string, error) {
	if id := knownRunnerID(dir); id != "" {
		return id, nil
	}
	id := newID()
	return id, os.WriteFile(runnerIDPath(dir), []byte(id+"\n"), 0o600)
}

func runnerIDPath(dir string) string { return filepath.Join(dir, "runner-id") }

// knownRunnerID is empty where no server has started yet.
func knownRunnerID(dir string) string {
	data, err := os.ReadFile(runnerIDPath(dir))
	if id := strings.TrimSpace(string(data)); err == nil && uuid.Validate(id) == nil {
		return id
	}
	return ""
}
