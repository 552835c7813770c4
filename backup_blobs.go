package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store"
	"github.com/oore-ci/oore/store/backup"
)

// writeBlobs writes all that it can: one file that is gone or damaged must not cost the rest.
func writeBlobs(ctx context.Context, cfg Config, w *backup.Writer, uses []store.BlobUse, lost *lostBlobs) error {
	if len(uses) == 0 {
		return nil
	}
	blobs, err := cfg.blobsAsTheyAre()
	if err != nil {
		return err
	}
	done := map[string]bool{}
	for _, use := range uses {
		if done[use.SHA256] {
			continue
		}
		done[use.SHA256] = true
		trouble, err := writeBlob(ctx, blobs, w, use.SHA256)
		if err != nil {
			return err
		}
		if trouble != nil {
			lost.all = append(lost.all, lostBlob{use, trouble})
		}
	}
	lost.of = len(done)
	return nil
}

// lostBlobs are those that a backup should hold, and does not hold as they were.
type lostBlobs struct {
	all []lostBlob
	of  int // that it should hold
}

type lostBlob struct {
	store.BlobUse
	why error
}

var errBlobMissing, errBlobChanged = errors.New("is missing"), errors.New("has been changed")

// lostShown is how many of them are listed.
const lostShown = 20

// tell lists them. It is an error when nothing is there, since the place is a wrong one, and
// when something cannot be read, which may be there at the next try.
func (l lostBlobs) tell(w io.Writer, path string) error {
	unread := 0
	for n, b := range l.all {
		if !errors.Is(b.why, errBlobMissing) && !errors.Is(b.why, errBlobChanged) {
			unread++
		}
		if n < lostShown {
			fmt.Fprintf(w, "oore: %s of %s %s, and so the backup lacks it\n", b.SHA256, b.Of, b.why)
		}
	}
	if len(l.all) > lostShown {
		fmt.Fprintf(w, "oore: and %d more\n", len(l.all)-lostShown)
	}
	switch {
	case l.of > 0 && len(l.all) == l.of:
		return fmt.Errorf("%s has the rows, and none of the %d logs and files that it should hold: give this command the server's OORE_BLOB_URL and make another; doctor does not count this one", path, l.of)
	case unread > 0:
		return fmt.Errorf("%s lacks %d of %d logs and files that could not be read: see why above, and make another; doctor does not count this one", path, unread, l.of)
	}
	return nil
}

// writeBlob tells what is wrong with the blob. One that ends while it is read is filled up
// with zeros, since its size stands before it: a restore sees that it is not what it was.
func writeBlob(ctx context.Context, blobs core.BlobStore, w *backup.Writer, sum string) (trouble, err error) {
	r, err := blobs.Open(ctx, sum)
	if err != nil && core.KindOf(err) == core.KindNotFound {
		return errBlobMissing, nil
	}
	if err != nil {
		return err, ctx.Err()
	}
	defer r.Close()
	size, err := r.Seek(0, io.SeekEnd)
	if err == nil {
		_, err = r.Seek(0, io.SeekStart)
	}
	if err != nil {
		return err, ctx.Err()
	}
	whole := &wholeReader{from: r, left: size, hash: sha256.New()}
	if err := errors.Join(w.Blob(sum, size, whole), ctx.Err()); err != nil {
		return nil, err
	}
	switch {
	case hex.EncodeToString(whole.hash.Sum(nil)) == sum:
		return nil, nil
	case whole.fault != nil && !errors.Is(whole.fault, io.EOF):
		return whole.fault, nil
	}
	return errBlobChanged, nil
}

// wholeReader reads as many bytes as it should, whatever becomes of what it reads from.
type wholeReader struct {
	from  io.Reader
	left  int64
	hash  hash.Hash
	fault error
}

// Read implements io.Reader.
func (w *wholeReader) Read(p []byte) (n int, err error) {
	if w.left == 0 {
		return 0, io.EOF
	}
	p = p[:min(int64(len(p)), w.left)]
	if w.fault == nil {
		n, w.fault = w.from.Read(p)
	}
	if n == 0 && w.fault != nil {
		clear(p)
		n = len(p)
	}
	w.hash.Write(p[:n])
	w.left -= int64(n)
	return n, nil
}
