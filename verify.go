package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store"
	"github.com/oore-ci/oore/store/archive"
)

// verifiedAtOnce is how many bytes of a log are in memory while it is compared.
const verifiedAtOnce = 4 << 20

// verifyCommand checks what is stored, or what is in a backup, against what Oore promises.
// It changes nothing, and a server may be running.
func verifyCommand(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("verify", flag.ContinueOnError)
	flags.SetOutput(stderr)
	dir := flags.String("data-dir", "", "the server's data folder [OORE_DATA_DIR]")
	asJSON := flags.Bool("json", false, "for programs")
	read := flags.Bool("blobs", false, "read the files of artifacts and logs through and compare their SHA-256")
	path, err := flagsAndMaybeFile(flags, args)
	if err != nil {
		return err
	}
	cfg, err := serverConfig(*dir, stderr)
	if err != nil {
		return err
	}
	var findings []store.Finding
	if path == "" {
		findings, err = verify(ctx, cfg, *read)
	} else {
		findings, err = verifyBackup(ctx, cfg, path)
	}
	if err != nil {
		return err
	}
	broken := 0
	for _, f := range findings {
		if f.Count > 0 {
			broken++
		}
	}
	if *asJSON {
		err = json.NewEncoder(stdout).Encode(map[string]any{"ok": broken == 0, "findings": findings})
	} else {
		err = printFindings(stdout, findings)
	}
	if err == nil && broken > 0 {
		err = fmt.Errorf("%d of %d promises are broken", broken, len(findings))
	}
	return err
}

func printFindings(w io.Writer, findings []store.Finding) error {
	var faults []error
	print := func(format string, args ...any) {
		_, err := fmt.Fprintf(w, format, args...)
		faults = append(faults, err)
	}
	for _, f := range findings {
		switch {
		case f.Skipped != "":
			print("not checked  %-9s %s: %s\n", f.ID, f.Sentence, f.Skipped)
		case f.Count == 0:
			print("ok           %-9s %s\n", f.ID, f.Sentence)
		default:
			print("BROKEN       %-9s %s\n", f.ID, f.Sentence)
		}
		for _, breach := range f.Broken {
			print("             %-9s - %s\n", "", breach)
		}
		if more := f.Count - len(f.Broken); more > 0 {
			print("             %-9s - and %d more\n", "", more)
		}
		for _, warning := range f.Warnings {
			print("warning      %-9s - %s\n", f.ID, warning)
		}
		if more := f.Warned - len(f.Warnings); more > 0 {
			print("warning      %-9s - and %d more\n", f.ID, more)
		}
	}
	return errors.Join(faults...)
}

func verify(ctx context.Context, cfg Config, read bool) (findings []store.Finding, err error) {
	if err := wantDatabase(cfg); err != nil {
		return nil, err
	}
	db, err := store.OpenUnchanged(ctx, cfg.DatabaseURL)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	var uses []store.BlobUse
	var logs []store.ShippedLog
	err = db.Snapshot(ctx, func(v *store.Snapshot) (err error) {
		if findings, err = v.Verify(); err == nil {
			uses, err = blobsOf(v, true)
		}
		if err == nil && read {
			logs, err = v.ShippedLogs()
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	files, err := verifyBlobs(ctx, cfg, db, uses, logs, read)
	return append(findings, files), err
}

func verifyBlobs(ctx context.Context, cfg Config, db *store.Store, uses []store.BlobUse, logs []store.ShippedLog, read bool) (store.Finding, error) {
	f := store.Finding{ID: "blobs", Sentence: "The files of artifacts and logs are there", Broken: []string{}}
	if read {
		f.Sentence += ", as they were"
	}
	if len(uses) == 0 {
		return f, nil
	}
	if _, err := os.Stat(cfg.BlobDir); cfg.S3 == nil && err != nil { // NewLocal would make it
		f.Note(cfg.BlobDir + ": " + err.Error())
		return f, nil
	}
	blobs, err := cfg.openBlobs()
	if err != nil {
		return f, err
	}
	bad := map[string]bool{}
	for _, use := range uses {
		trouble, err := verifyBlob(ctx, blobs, use.SHA256, read)
		if err != nil {
			return f, err
		}
		if trouble == "" {
			continue
		}
		bad[use.SHA256] = true
		unused, err := db.UnusedBlobs(ctx, []string{use.SHA256}, time.Time{})
		if err != nil {
			return f, err
		}
		if len(unused) == 0 { // else it was deleted meanwhile
			f.Note(use.Of + ": " + use.SHA256 + " " + trouble)
		}
	}
	return f, verifyLogs(ctx, &f, blobs, logs, bad)
}

// verifyLogs compares archived logs with what their runners shipped. bad are the blobs with
// which something was wrong already.
func verifyLogs(ctx context.Context, f *store.Finding, blobs core.BlobStore, logs []store.ShippedLog, bad map[string]bool) error {
	logArchive, err := archive.New(blobs)
	if err != nil {
		return err
	}
	for _, log := range logs {
		if bad[log.Object.SHA256] {
			continue
		}
		kept := core.LogTally{From: log.Shipped.From, Next: log.Shipped.From}
		for kept.Next < log.Object.Next && err == nil {
			var chunks []core.LogChunk
			chunks, err = logArchive.Read(ctx, log.Object, kept.Next, log.Object.Next, verifiedAtOnce)
			for _, c := range chunks {
				kept.Add(c)
			}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			f.Note("the log of build " + log.Object.BuildID + " cannot be read: " + core.MessageOf(err))
			err = nil
			continue
		}
		if kept != log.Shipped {
			f.Note("the log of build " + log.Object.BuildID + " is not what its runner shipped")
		}
	}
	return nil
}

// verifyBlob says what is wrong with a blob.
func verifyBlob(ctx context.Context, blobs core.BlobStore, sum string, read bool) (trouble string, err error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	r, err := blobs.Open(ctx, sum)
	if err != nil && core.KindOf(err) == core.KindNotFound {
		return "is missing", nil
	}
	if err != nil {
		return "cannot be opened: " + err.Error(), ctx.Err()
	}
	defer r.Close()
	if !read {
		return "", nil
	}
	hash := sha256.New()
	if _, err := io.Copy(hash, r); err != nil {
		return "cannot be read: " + err.Error(), nil
	}
	if found := hex.EncodeToString(hash.Sum(nil)); found != sum {
		return "has been changed: it is " + found, nil
	}
	return "", nil
}
