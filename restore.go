package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store"
	"github.com/oore-ci/oore/store/backup"
)

// restoreCommand fills an empty database and data folder from a backup. All that can
// be found wrong is found before anything is written.
func restoreCommand(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("restore", flag.ContinueOnError)
	flags.SetOutput(stderr)
	dir := flags.String("data-dir", "", "the new data folder [OORE_DATA_DIR]")
	path, err := fileAndFlags(flags, args)
	if err != nil {
		return err
	}
	cfg, err := serverConfig(*dir, stderr)
	if err != nil {
		return err
	}
	file, saved, err := openBackup(path)
	if err != nil {
		return err
	}
	defer file.Close()
	key, err := chooseKey(cfg, saved.Header)
	if err != nil {
		return err
	}
	if err := keyOfRows(saved, key); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if err := wantFresh(cfg, saved.Header.RunnerID); err != nil {
		return err
	}
	log := newLogger(cfg, stderr)
	defer flush(log)
	if err := restore(ctx, cfg, saved, key, log); err != nil {
		return err
	}
	notes := ""
	if !saved.Header.Artifacts {
		notes = "; the files of artifacts are not in the backup, so copy the folder " + cfg.BlobDir + " from where you keep it"
		if cfg.S3 != nil {
			notes = "; the files of artifacts are not in the backup, so the bucket " + cfg.S3.Bucket + " must have them"
		}
	}
	_, err = fmt.Fprintf(stdout, "%s, made by Oore %s on %s, is restored%s. Check it with `oore verify`, then start the server.\n"+
		"It deletes no artifact and no log of others: if it takes the place of the server that was saved, and is no rehearsal, run `oore blobs own`.\n",
		path, saved.Header.Oore, saved.Header.CreatedAt.Format("2006-01-02 15:04:05 MST"), notes)
	return err
}

func openBackup(path string) (*os.File, *backup.Backup, error) {
	file, err := os.Open(path) //nolint:gosec // whoever types the command chooses the file
	if err != nil {
		return nil, nil, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("it is no file")
	}
	var saved *backup.Backup
	if err == nil {
		saved, err = backup.Open(file, info.Size())
	}
	if err != nil {
		file.Close()
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	return file, saved, nil
}

// chooseKey is the key under which the backup's secrets are sealed. One that is
// configured must be that one.
func chooseKey(cfg Config, h backup.Header) ([]byte, error) {
	key, err := readKey(cfg)
	if errors.Is(err, fs.ErrNotExist) {
		key, err = h.Key, nil
	}
	if err != nil {
		return nil, err
	}
	if key == nil {
		return nil, fmt.Errorf("the backup is without its encryption key: set OORE_ENCRYPTION_KEY to the key %s, or put the file into %s", h.KeyID, keyFile(cfg.DataDir))
	}
	id, err := keyID(key)
	if err != nil {
		return nil, err
	}
	if id != h.KeyID {
		return nil, fmt.Errorf("the encryption key given is %s, and the backup's secrets are sealed with %s; give that one", id, h.KeyID)
	}
	return key, nil
}

// keyOfRows refuses a key that has sealed nothing of what is sealed in the backup: no
// server would start on it.
func keyOfRows(saved *backup.Backup, key []byte) error {
	vault, err := app.NewVault(key)
	if err != nil {
		return err
	}
	sealed, fits := 0, errors.New("it fits")
	err = saved.Read(backup.Contents{Row: func(_ string, columns []string, row []any) error {
		at := slices.Index(columns, "sealed")
		if at < 0 || at >= len(row) {
			return nil
		}
		data, _ := row[at].([]byte)
		if text, ok := row[at].(string); ok {
			data = []byte(text)
		}
		if vault.Sealed(data) {
			return fits
		}
		if len(data) > 0 {
			sealed++
		}
		return nil
	}})
	switch {
	case errors.Is(err, fits):
		return nil
	case err == nil && sealed > 0:
		return fmt.Errorf("the encryption key %s opens nothing of what is sealed in it: the backup was made with another key than its server's. Restore another backup; nothing was changed", vault.KeyID())
	}
	return err
}

// wantFresh refuses a data folder that a server has used. A key that somebody has put
// there, and what a restore that was killed has left, do no harm.
func wantFresh(cfg Config, runnerID string) error {
	entries, err := os.ReadDir(cfg.DataDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	key, runner := filepath.Base(keyFile(cfg.DataDir)), filepath.Base(runnerIDPath(cfg.DataDir))
	harmless := []string{"lock", key, key + ".part", runner + ".part"}
	if knownRunnerID(cfg.DataDir) == runnerID {
		harmless = append(harmless, runner)
	}
	if filepath.Dir(cfg.BlobDir) == cfg.DataDir {
		harmless = append(harmless, filepath.Base(cfg.BlobDir))
	}
	for _, path := range databaseFiles(cfg) {
		if filepath.Dir(path) == cfg.DataDir {
			harmless = append(harmless, filepath.Base(path))
		}
	}
	for _, e := range entries {
		if !slices.Contains(harmless, e.Name()) {
			return fmt.Errorf("the data folder %s is not empty: it has %s; restore into a new one (OORE_DATA_DIR)", cfg.DataDir, e.Name())
		}
	}
	return nil
}

// databaseFiles are those of SQLite; none: the database is another's.
func databaseFiles(cfg Config) []string {
	path, sqlite := store.SQLitePath(cfg.DatabaseURL)
	if !sqlite {
		return nil
	}
	return []string{path, path + "-wal", path + "-shm"}
}

// restore writes key and blobs first: when the rows are there, all is. On a fault it
// takes back what it made.
func restore(ctx context.Context, cfg Config, saved *backup.Backup, key []byte, log *slog.Logger) (err error) {
	if err := wantServersUser(cfg.DataDir); err != nil {
		return err
	}
	lock, err := lockDataDir(ctx, cfg.DataDir)
	if err != nil {
		return err
	}
	defer lock.Close()
	var made []string
	defer func() {
		for _, path := range made {
			if err != nil {
				_ = os.Remove(path) // SQLite may have removed its own
			}
		}
	}()
	if files := databaseFiles(cfg); len(files) > 0 {
		if _, err := os.Stat(files[0]); errors.Is(err, fs.ErrNotExist) {
			made = files
		}
	}
	rows, err := store.BeginRestore(ctx, cfg.DatabaseURL, saved.Header.Schema, saved.Header.Oldest)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	own := map[string][]byte{keyFile(cfg.DataDir): encodeKey(key), runnerIDPath(cfg.DataDir): []byte(saved.Header.RunnerID + "\n")}
	if cfg.EncryptionKey != nil {
		delete(own, keyFile(cfg.DataDir))
	}
	if saved.Header.RunnerID == "" {
		delete(own, runnerIDPath(cfg.DataDir))
	}
	for path, content := range own {
		if _, err := os.Stat(path); err == nil {
			continue // the same key
		}
		made = append(made, path)
		if err := writeWhole(path, content); err != nil {
			return err
		}
	}
	core.CrashPoint("restore.keyed")
	if err := restoreBlobs(ctx, cfg, saved, log); err != nil {
		return err
	}
	core.CrashPoint("restore.blobs")
	return rows.Load(ctx, func(add func(string, []string, []any) error) error {
		return saved.Read(backup.Contents{Row: add})
	}, log)
}

// restoreBlobs leaves out what was damaged before the backup was made: one old log must not
// cost all else. The sweep deletes what is stored for it under another name.
func restoreBlobs(ctx context.Context, cfg Config, saved *backup.Backup, log *slog.Logger) error {
	blobs, err := cfg.openBlobs()
	if err != nil {
		return err
	}
	var damaged []string
	err = saved.Read(backup.Contents{Blob: func(sum string, _ int64, r io.Reader) error {
		found, _, err := blobs.Put(ctx, r)
		if err == nil && found != sum {
			damaged = append(damaged, sum)
		}
		return err
	}})
	if len(damaged) > 0 { // in one line: of several that are alike the logger holds back all but the first
		log.Warn("logs or files were damaged before the backup was made, and are missing now; oore verify tells of which builds they are", "sha256", damaged)
	}
	return err
}
