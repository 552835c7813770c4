package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store"
)

// nextKeyFile holds the new key as long as not everything is sealed with it. A server does
// not start beside it.
func nextKeyFile(dir string) string { return keyFile(dir) + ".new" }

// rotatedKeyFile holds the new key until the operator has given it to every server.
func rotatedKeyFile(dir string) string { return keyFile(dir) + ".next" }

// checkRotation refuses a server whose key is not, or not alone, the one in use.
func checkRotation(cfg Config) error {
	if isThere(nextKeyFile(cfg.DataDir)) {
		return errors.New("the encryption key is being renewed, and not everything is sealed anew: run `oore secrets rotate-key` again, to its end")
	}
	path := rotatedKeyFile(cfg.DataDir)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var next Config
	if err == nil {
		err = readEncryptionKey(&next, string(data))
	}
	if err != nil {
		return fmt.Errorf("the encryption key was renewed, and the new one cannot be read: make %s readable for this user; if OORE_ENCRYPTION_KEY is the new key already, delete that file: %w", path, err)
	}
	if !bytes.Equal(next.EncryptionKey, cfg.EncryptionKey) {
		return fmt.Errorf("the encryption key was renewed: set OORE_ENCRYPTION_KEY to what is in %s, then delete that file", path)
	}
	return nil
}

// secretsCommand renews the key that seals what is stored, or replaces one that is lost.
func secretsCommand(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) == 0 || args[0] != "rotate-key" && args[0] != "replace-lost-key" {
		return usageError{errors.New("usage: oore secrets rotate-key [--data-dir DIR]\n       oore secrets replace-lost-key [--yes] [--data-dir DIR]")}
	}
	flags := flag.NewFlagSet("secrets "+args[0], flag.ContinueOnError)
	flags.SetOutput(stderr)
	dir := flags.String("data-dir", "", "the server's data folder [OORE_DATA_DIR]")
	lost, sure := args[0] == "replace-lost-key", false
	if lost {
		flags.BoolVar(&sure, "yes", false, "forget what nobody can open any more; without it, say only what that is")
	}
	if err := flags.Parse(args[1:]); err != nil {
		return flagError(err)
	}
	if flags.NArg() > 0 {
		return usageError{fmt.Errorf("secrets %s takes no argument %q", args[0], flags.Arg(0))}
	}
	cfg, err := serverConfig(*dir, stderr)
	if err != nil {
		return err
	}
	return withKeyAlone(ctx, cfg, func(db *store.Store) error {
		if lost {
			return replaceLostKey(ctx, cfg, db, sure, stdout)
		}
		return rotateKey(ctx, cfg, db, stdout)
	})
}

// withKeyAlone opens the database while no server uses its key.
func withKeyAlone(ctx context.Context, cfg Config, f func(*store.Store) error) error {
	if err := wantDatabase(cfg); err != nil {
		return err
	}
	if err := wantServersUser(cfg.DataDir); err != nil {
		return err
	}
	lock, err := lockDataDir(ctx, cfg.DataDir)
	if err != nil {
		return err
	}
	defer lock.Close()
	db, err := store.Open(ctx, cfg.DatabaseURL, store.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	defer db.Close()
	hold, err := db.HoldKey(ctx, true)
	if core.KindOf(err) == core.KindConflict {
		return errors.New("another server uses this database: stop all of them first")
	}
	if err != nil {
		return err
	}
	defer hold.Close()
	return f(db)
}

func rotateKey(ctx context.Context, cfg Config, db *store.Store, stdout io.Writer) error {
	old, err := readKey(cfg)
	if err != nil {
		return err
	}
	fresh, ready, err := nextKey(cfg.DataDir)
	if err != nil {
		return err
	}
	vault, err := app.NewVault(old)
	if err != nil {
		return err
	}
	next, err := app.NewVault(fresh)
	if err != nil {
		return err
	}
	a, err := appBeside(cfg, db, rooms{}, vault)
	if err != nil {
		return err
	}
	total, err := a.RotateKey(ctx, commandLine(), next, ready)
	if err != nil {
		return err
	}
	return keepNextKey(cfg, vault.KeyID(), old, total, stdout)
}

// nextKey is the new key: that of a run which was interrupted, or one made now, which ready
// puts on the disk.
func nextKey(dir string) (key []byte, ready func() error, err error) {
	path := nextKeyFile(dir)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		key := make([]byte, 32)
		rand.Read(key) // never fails: it ends the program instead
		return key, func() error { return writeKey(path, key) }, nil
	}
	if err != nil {
		return nil, nil, err
	}
	var cfg Config
	if err := readEncryptionKey(&cfg, string(data)); err != nil {
		return nil, nil, fmt.Errorf("%s is damaged: if no row is sealed with it yet, delete it and run this again; else put it back from a backup", path)
	}
	return cfg.EncryptionKey, func() error { return nil }, nil
}

func writeKey(path string, key []byte) error { return writeWhole(path, encodeKey(key)) }

// writeWhole writes a small file whole or not at all, and returns when it outlives a loss
// of power.
func writeWhole(path string, content []byte) error {
	part := path + ".part"
	file, err := os.OpenFile(part, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	return renameKey(part, path)
}

func renameKey(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return err
	}
	folder, err := os.Open(filepath.Dir(to))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// keepNextKey makes the new key the server's. The old one is kept: backups need it.
func keepNextKey(cfg Config, oldID string, old []byte, total int, stdout io.Writer) error {
	kept := keyFile(cfg.DataDir) + "." + oldID
	if err := writeKey(kept, old); err != nil {
		return fmt.Errorf("keep the old key: %w", err)
	}
	to := keyFile(cfg.DataDir)
	if cfg.EncryptionKey != nil {
		to = rotatedKeyFile(cfg.DataDir)
	}
	core.CrashPoint("key.kept")
	if err := renameKey(nextKeyFile(cfg.DataDir), to); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "%d sealed with a new key, in %s.\nThe old key is in %s: backups made before need it; delete it when there are none.\n", total, to, kept)
	if cfg.EncryptionKey != nil {
		fmt.Fprintln(stdout, "Set OORE_ENCRYPTION_KEY to the new key for every server, then delete that file, before you start them.")
	}
	return nil
}
