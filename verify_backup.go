package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/store"
	"github.com/oore-ci/oore/store/backup"
)

// verifyBackup checks what is in a backup: its rows in a database of their own, which is
// deleted afterwards, the blobs that they name, and the key that opens what is sealed.
// The server's database, folder and bucket are not touched.
func verifyBackup(ctx context.Context, cfg Config, path string) (findings []store.Finding, err error) {
	file, saved, err := openBackup(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	key, err := keyToVerify(cfg, saved.Header)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "oore-verify-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	db, err := unpackRows(ctx, "sqlite:"+filepath.Join(dir, "oore.db"), saved)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	defer db.Close()
	var uses []store.BlobUse
	err = db.Snapshot(ctx, func(v *store.Snapshot) (err error) {
		if findings, err = v.Verify(); err == nil {
			uses, err = blobsOf(v, saved.Header.Artifacts)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	files, err := verifySavedBlobs(saved, uses)
	if err != nil {
		return nil, err
	}
	sealed, err := verifySealed(ctx, db, key)
	return append(findings, files, sealed), err
}

// keyToVerify is the key under which a backup's secrets should be sealed; nil: nobody has
// it here. One that the settings give must be that one; the data folder's may have been
// renewed since, so the backup's own goes before it.
func keyToVerify(cfg Config, h backup.Header) ([]byte, error) {
	if cfg.EncryptionKey == nil {
		cfg.EncryptionKey = h.Key
	}
	if _, err := readKey(cfg); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return chooseKey(cfg, h)
}

// unpackRows fills a new database with the rows of a backup.
func unpackRows(ctx context.Context, url string, saved *backup.Backup) (*store.Store, error) {
	rows, err := store.BeginRestore(ctx, url, saved.Header.Schema, saved.Header.Oldest)
	if err != nil {
		return nil, err
	}
	err = rows.Unpack(ctx, func(add func(string, []string, []any) error) error {
		return saved.Read(backup.Contents{Row: add})
	}, slog.New(slog.DiscardHandler))
	if err = errors.Join(err, rows.Close()); err != nil {
		return nil, err
	}
	return store.OpenUnchanged(ctx, url)
}

// verifySavedBlobs reads every blob of a backup.
func verifySavedBlobs(saved *backup.Backup, uses []store.BlobUse) (store.Finding, error) {
	f := store.Finding{ID: "blobs", Sentence: "The files of artifacts and logs are in it, as they were", Broken: []string{}}
	if !saved.Header.Artifacts {
		f.Sentence = "The logs of ended builds are in it, as they were (the files of artifacts are not)"
	}
	found := map[string]string{}
	err := saved.Read(backup.Contents{Blob: func(sum string, _ int64, r io.Reader) error {
		hash := sha256.New()
		_, err := io.Copy(hash, r)
		found[sum] = hex.EncodeToString(hash.Sum(nil))
		return err
	}})
	for _, use := range uses {
		switch is, has := found[use.SHA256]; {
		case !has:
			f.Note(use.Of + ": " + use.SHA256 + " is missing")
		case is != use.SHA256:
			f.Note(use.Of + ": " + use.SHA256 + " has been changed: it is " + is)
		}
	}
	return f, err
}

// verifySealed opens all that is sealed, and keeps nothing of it.
func verifySealed(ctx context.Context, db *store.Store, key []byte) (store.Finding, error) {
	f := store.Finding{ID: "key", Sentence: "The encryption key opens all that is sealed", Broken: []string{}}
	if key == nil {
		f.Skipped = "the backup is without its key; set OORE_ENCRYPTION_KEY to it"
		return f, nil
	}
	vault, err := app.NewVault(key)
	if err != nil {
		return f, err
	}
	for after := ""; ; {
		page, err := db.ListSealed(ctx, after, 100)
		if err != nil || len(page) == 0 {
			return f, err
		}
		for _, s := range page {
			if _, err := vault.Open(s.Data, s.Place); err != nil {
				f.Note(s.Place + " does not open: it is sealed with another key, or damaged")
			}
			after = s.Place
		}
	}
}
