package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store"
	"github.com/oore-ci/oore/store/backup"
)

// backupCommand writes what the server knows into a file, while the server runs.
func backupCommand(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("backup", flag.ContinueOnError)
	flags.SetOutput(stderr)
	dir := flags.String("data-dir", "", "the server's data folder [OORE_DATA_DIR]")
	artifacts := flags.Bool("artifacts", false, "with the files of artifacts")
	withoutKey := flags.Bool("without-key", false, "without the encryption key, which then has to be kept elsewhere")
	path, err := fileAndFlags(flags, args)
	if err != nil {
		return err
	}
	cfg, err := serverConfig(*dir, stderr)
	if err != nil {
		return err
	}
	if err := wantDatabase(cfg); err != nil {
		return err
	}
	header, err := newHeader(cfg, *withoutKey, *artifacts)
	if err != nil {
		return err
	}
	db, err := store.OpenUnchanged(ctx, cfg.DatabaseURL)
	if err != nil {
		return err
	}
	defer db.Close()
	if err := keyFits(ctx, cfg, db); err != nil {
		return fmt.Errorf("no backup was made: %w", err)
	}
	var rows int
	var lost lostBlobs
	err = newFile(path, func(file io.Writer) (err error) {
		rows, err = writeBackup(ctx, db, cfg, header, file, &lost)
		return err
	})
	if err != nil {
		return err
	}
	if err := lost.tell(stderr, path); err != nil {
		return err
	}
	if err := db.NoteBackup(ctx, header.CreatedAt); err != nil {
		fmt.Fprintf(stderr, "oore: the backup is whole, but oore doctor will not know of it: %s\n", core.MessageOf(err))
	}
	_, err = fmt.Fprintf(stdout, "%s: %d rows%s\n", path, rows, backupNotes(header))
	return err
}

func backupNotes(h backup.Header) string {
	notes := ", without the files of artifacts"
	if h.Artifacts {
		notes = ", with the files of artifacts"
	}
	if h.Key == nil {
		return notes + ", without the encryption key: secrets cannot be read without it, so keep it elsewhere"
	}
	return notes + ", with the encryption key: whoever can read the file can read all secrets, so keep it as you keep a key"
}

// fileAndFlags is the one argument of a command whose flags may stand on either side.
func fileAndFlags(flags *flag.FlagSet, args []string) (string, error) {
	path, err := flagsAndMaybeFile(flags, args)
	if err == nil && path == "" {
		err = usageError{fmt.Errorf("usage: oore %s FILE", flags.Name())}
	}
	return path, err
}

// flagsAndMaybeFile is fileAndFlags for a command that may go without; empty: it does.
func flagsAndMaybeFile(flags *flag.FlagSet, args []string) (string, error) {
	if err := flags.Parse(args); err != nil {
		return "", flagError(err)
	}
	path := flags.Arg(0)
	if path != "" {
		if err := flags.Parse(flags.Args()[1:]); err != nil {
			return "", flagError(err)
		}
	}
	if flags.NArg() > 0 {
		return "", usageError{fmt.Errorf("usage: oore %s FILE", flags.Name())}
	}
	return path, nil
}

func newHeader(cfg Config, withoutKey, artifacts bool) (backup.Header, error) {
	h := backup.Header{Oore: version, CreatedAt: time.Now().UTC(), Database: "postgres", RunnerID: knownRunnerID(cfg.DataDir), Artifacts: artifacts}
	if _, sqlite := store.SQLitePath(cfg.DatabaseURL); sqlite {
		h.Database = "sqlite"
	}
	if err := checkRotation(cfg); err != nil { // a part of it is sealed with another key than the backup's would be
		return h, err
	}
	key, err := readKey(cfg)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("there is no encryption key in %s: run this where the server runs, as its user, or set OORE_ENCRYPTION_KEY", cfg.DataDir)
	}
	if err != nil {
		return h, err
	}
	if !withoutKey {
		h.Key = key
	}
	h.KeyID, err = keyID(key)
	return h, err
}

// keyFits refuses a key that opens nothing of what is stored.
func keyFits(ctx context.Context, cfg Config, db *store.Store) error {
	vault, err := findVault(cfg)
	if err != nil {
		return err
	}
	return vault.Fits(ctx, db)
}

func keyID(key []byte) (string, error) {
	vault, err := app.NewVault(key)
	if err != nil {
		return "", err
	}
	return vault.KeyID(), nil
}

// newFile fills a file that only its owner can read. It has its name only when it is
// whole, and replaces no other.
func newFile(path string, fill func(io.Writer) error) (err error) {
	taken := fmt.Errorf("%s is there already; give another name", path)
	if _, err := os.Lstat(path); err == nil { //nolint:gosec // whoever types the command chooses the file
		return taken
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".oore-backup-*")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	err = fill(file)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	core.CrashPoint("backup.written")
	err = os.Link(file.Name(), path)
	if errors.Is(err, fs.ErrExist) {
		return taken
	}
	if err != nil { // a disk without hard links, as exFAT
		if _, there := os.Lstat(path); there == nil { //nolint:gosec // as above
			return taken
		}
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return err
	}
	core.CrashPoint("backup.named")
	folder, err := os.Open(filepath.Dir(path)) //nolint:gosec // whoever types the command chooses the folder, as its file above
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// writeBackup writes the rows of one moment, and then the blobs that those need.
func writeBackup(ctx context.Context, db *store.Store, cfg Config, h backup.Header, file io.Writer, lost *lostBlobs) (rows int, err error) {
	var w *backup.Writer
	var blobs []store.BlobUse
	err = db.Snapshot(ctx, func(v *store.Snapshot) (err error) {
		h.Schema, h.Oldest = v.Schema(), v.Oldest()
		if w, err = backup.NewWriter(file, h); err != nil {
			return err
		}
		if blobs, err = blobsOf(v, h.Artifacts); err != nil {
			return err
		}
		return v.Rows(w.Row)
	})
	if err == nil {
		err = writeBlobs(ctx, cfg, w, blobs, lost)
	}
	if err != nil {
		return 0, err
	}
	return w.Rows(), w.Close()
}

// blobsOf are archived logs and, where they are wanted, the files of artifacts.
func blobsOf(v *store.Snapshot, artifacts bool) ([]store.BlobUse, error) {
	logs, err := v.LogBlobs()
	if err != nil || !artifacts {
		return logs, err
	}
	files, err := v.ArtifactBlobs()
	return append(logs, files...), err
}
