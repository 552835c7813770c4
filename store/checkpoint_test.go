package store_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// What is committed must reach the database file while the store is at work, or the
// log beside it would grow and every read would search it.
func TestCommitsReachTheDatabaseFileBesideTheWriter(t *testing.T) {
	path := filepath.Join(t.TempDir(), "oore.db")
	h := furnish(t, "sqlite:"+path)
	const deliveries, size = 1000, 16 << 10 // half of what makes the writer take a checkpoint itself
	ok(t, inParallel(8, func(worker int) error {
		for n := range deliveries / 8 {
			d := newDelivery(fmt.Sprintf("%d-%d", worker, n))
			d.Payload = bytes.Repeat([]byte("x"), size)
			if _, _, err := h.ReceiveDelivery(t.Context(), d); err != nil {
				return err
			}
		}
		return nil
	}))
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		info, err := os.Stat(path)
		ok(t, err)
		if info.Size() > deliveries*size/2 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("the database file has %d bytes, want most of %d", info.Size(), deliveries*size)
		}
	}
}
