package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store"
	"github.com/oore-ci/oore/store/blob"
)

// openBlobs opens where the settings keep artifacts and ended logs.
func (c Config) openBlobs() (core.BlobStore, error) {
	if c.S3 != nil {
		return blob.NewS3(*c.S3, c.BlobDir)
	}
	return blob.NewLocal(c.BlobDir)
}

// blobsAsTheyAre is openBlobs for who must not make the folder.
func (c Config) blobsAsTheyAre() (core.BlobStore, error) {
	if c.S3 != nil {
		return c.openBlobs()
	}
	return blob.LocalAt(c.BlobDir), nil
}

// wantBlobs refuses a folder in which no server keeps anything.
func (c Config) wantBlobs() error {
	if c.S3 == nil && !blob.LocalAt(c.BlobDir).Made() {
		return fmt.Errorf("no server keeps artifacts and logs in %s: give the OORE_BLOB_URL of the server; nothing was changed", c.BlobDir)
	}
	return nil
}

// blobsCommand is what an operator does to the place of artifacts and ended logs.
func blobsCommand(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	switch {
	case len(args) > 0 && args[0] == "migrate":
		return migrateCommand(ctx, args, stdout, stderr)
	case len(args) > 0 && args[0] == "own":
		return ownCommand(ctx, args, stdout, stderr)
	}
	return usageError{errors.New("usage: oore blobs migrate --to s3://bucket?endpoint=… or a folder\n       oore blobs own")}
}

// ownCommand makes the database the one that deletes where its blobs are.
func ownCommand(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("blobs own", flag.ContinueOnError)
	flags.SetOutput(stderr)
	dir := flags.String("data-dir", "", "the server's data folder [OORE_DATA_DIR]")
	if err := flags.Parse(args[1:]); err != nil {
		return flagError(err)
	}
	if flags.NArg() > 0 {
		return usageError{fmt.Errorf("blobs own takes no argument %q", flags.Arg(0))}
	}
	cfg, err := serverConfig(*dir, stderr)
	if err != nil {
		return err
	}
	if err := wantServersUser(cfg.DataDir); err != nil {
		return err
	}
	if err := cfg.wantBlobs(); err != nil {
		return err
	}
	return withApp(ctx, *dir, stderr, func(a *app.App) error {
		owns, begins, err := a.OwnsBlobs(ctx, commandLine())
		if err != nil {
			return err
		}
		if owns {
			return printOwned(stdout, begins)
		}
		begins, err = a.OwnBlobs(ctx, commandLine())
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(stdout, "From now on this database alone deletes where artifacts and logs are. It begins in seven days, at %s: until then the database that did so before can take them back by the same command.\n",
			begins.UTC().Format("2006-01-02 15:04 MST"))
		return err
	})
}

func printOwned(w io.Writer, begins time.Time) error {
	since := ""
	if begins.After(time.Now()) {
		since = ", from " + begins.UTC().Format("2006-01-02 15:04 MST") + " on"
	}
	_, err := fmt.Fprintf(w, "This database alone deletes where artifacts and logs are already%s. Nothing was changed.\n", since)
	return err
}

// migrateCommand moves what the settings keep to another place, while the server runs or
// not. What is there already is left out, so that a migration that was ended goes on.
func migrateCommand(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("blobs migrate", flag.ContinueOnError)
	flags.SetOutput(stderr)
	dir := flags.String("data-dir", "", "the server's data folder [OORE_DATA_DIR]")
	from := flags.String("from", "", "where they are (default: OORE_BLOB_URL)")
	to := flags.String("to", "", "where they shall be, as OORE_BLOB_URL has it")
	if err := flags.Parse(args[1:]); err != nil {
		return flagError(err)
	}
	if flags.NArg() > 0 || *to == "" {
		return usageError{errors.New("usage: oore blobs migrate --to s3://bucket?endpoint=… or a folder")}
	}
	cfg, err := serverConfig(*dir, stderr)
	if err != nil {
		return err
	}
	if err := wantServersUser(cfg.DataDir); err != nil {
		return err
	}
	old, err := cfg.placedAt(*from)
	if err != nil {
		return err
	}
	if err := old.wantBlobs(); err != nil {
		return err
	}
	source, err := old.openBlobs()
	if err != nil {
		return err
	}
	next, err := cfg.placedAt(*to)
	if err != nil {
		return err
	}
	target, err := next.openBlobs()
	if err != nil {
		return err
	}
	return migrateBlobs(ctx, cfg, source, target, stdout, stderr)
}

// placedAt are the settings with another place; empty: as they are.
func (c Config) placedAt(address string) (Config, error) {
	if address != "" {
		if err := readBlobURL(&c, address); err != nil {
			return c, usageError{err}
		}
		c.placeBlobs()
	}
	return c, nil
}

func migrateBlobs(ctx context.Context, cfg Config, source, target core.BlobStore, stdout, stderr io.Writer) error {
	db, err := store.OpenUnchanged(ctx, cfg.DatabaseURL)
	if err != nil {
		return err
	}
	defer db.Close()
	var uses []store.BlobUse
	err = db.Snapshot(ctx, func(v *store.Snapshot) (err error) {
		uses, err = blobsOf(v, true)
		return err
	})
	if err != nil {
		return err
	}
	seen, copied, there, lost := map[string]bool{}, 0, 0, 0
	lose := func(use store.BlobUse, trouble error) error {
		unused, err := db.UnusedBlobs(ctx, []string{use.SHA256}, time.Time{})
		if err == nil && len(unused) == 0 { // else it was deleted meanwhile
			lost++
			_, err = fmt.Fprintf(stderr, "oore: %s of %s %s\n", use.SHA256, use.Of, trouble)
		}
		return err
	}
	for _, use := range uses {
		if seen[use.SHA256] {
			continue
		}
		seen[use.SHA256] = true
		moved, err := migrateBlob(ctx, source, target, use.SHA256)
		switch {
		case errors.Is(err, errBlobChanged):
			err = lose(use, err)
		case err != nil && core.KindOf(err) == core.KindNotFound:
			err = lose(use, errBlobMissing)
		case err != nil:
			return fmt.Errorf("%s of %s: %w", use.SHA256, use.Of, err)
		case moved:
			copied++
		default:
			there++
		}
		if err != nil {
			return err
		}
	}
	if _, err = fmt.Fprintf(stdout, "%d copied, %d there already, %d missing or changed.\n", copied, there, lost); err != nil {
		return err
	}
	if lost > 0 {
		return fmt.Errorf("%d files are neither here nor there as they were: put them back from where you keep them and run this again, or let retention end what needs them", lost)
	}
	_, err = fmt.Fprintln(stdout, "Set OORE_BLOB_URL to the new place, restart the server, run this once more with --from the old place, and then `oore verify --blobs`.")
	return err
}

// migrateBlob copies one, whose hash the target computes anew.
func migrateBlob(ctx context.Context, source, target core.BlobStore, sum string) (moved bool, err error) {
	if has, err := target.Open(ctx, sum); err == nil {
		return false, has.Close()
	} else if core.KindOf(err) != core.KindNotFound {
		return false, err
	}
	r, err := source.Open(ctx, sum)
	if err != nil {
		return false, err
	}
	defer r.Close()
	found, _, err := target.Put(ctx, r)
	if err == nil && found != sum {
		err = fmt.Errorf("%w: it is %s now", errBlobChanged, found)
	}
	return err == nil, err
}

// placeBlobs chooses the folder of blobs, where the settings name none.
func (c *Config) placeBlobs() {
	if c.BlobDir == "" && c.S3 != nil {
		c.BlobDir = filepath.Join(c.DataDir, "spool")
	} else if c.BlobDir == "" {
		c.BlobDir = filepath.Join(c.DataDir, "blobs")
	}
}
