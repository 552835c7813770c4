package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/oore-ci/oore/store"
)

// What cannot be read to its end costs the rest of a backup nothing, and is no success.
func TestWhatCannotBeReadIsFilledUpAndTold(t *testing.T) {
	fault := errors.New("input/output error")
	broken := &wholeReader{from: io.MultiReader(strings.NewReader("half"), iotest.ErrReader(fault)), left: 8, hash: sha256.New()}
	if got, err := io.ReadAll(broken); err != nil || !bytes.Equal(got, []byte("half\x00\x00\x00\x00")) || !errors.Is(broken.fault, fault) {
		t.Errorf("%q, %v, fault %v", got, err, broken.fault)
	}
	lost := lostBlobs{of: 3, all: []lostBlob{{store.BlobUse{SHA256: "aa", Of: "a log"}, errBlobMissing}}}
	var told strings.Builder
	if err := lost.tell(&told, "file"); err != nil || !strings.Contains(told.String(), "aa of a log is missing") {
		t.Errorf("one is missing: %v, %s", err, &told)
	}
	lost.all = append(lost.all, lostBlob{store.BlobUse{SHA256: "bb", Of: "a file"}, fault})
	if err := lost.tell(&told, "file"); err == nil || !strings.Contains(err.Error(), "lacks 1 of 3") || !strings.Contains(told.String(), "bb of a file input/output error") {
		t.Errorf("one cannot be read: %v, %s", err, &told)
	}
}
