package blob_test

import (
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store/blob/blobtest"
)

func TestAPlaceKnowsItsOwner(t *testing.T) {
	t.Run("folder", func(t *testing.T) {
		l, dir := newLocal(t)
		knowsItsOwner(t, l)
		if got := files(t, dir); len(got) != 1 {
			t.Errorf("the folder holds %q", got)
		}
	})
	t.Run("s3", func(t *testing.T) {
		address, _ := blobtest.NewBucket(t)
		knowsItsOwner(t, newS3(t, address))
	})
}

func knowsItsOwner(t *testing.T, b core.BlobStore) {
	t.Helper()
	if owner, err := b.Owner(t.Context()); owner != "" || err != nil {
		t.Errorf("a new place is %q's, %v", owner, err)
	}
	for _, owner := range []string{"one 1", "one 2", "two"} {
		if err := b.SetOwner(t.Context(), owner); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Sweep(t.Context(), time.Now().Add(time.Hour), all); err != nil {
			t.Fatal(err)
		}
		if got, err := b.Owner(t.Context()); got != owner || err != nil {
			t.Errorf("it is %q's, want %q, %v", got, owner, err)
		}
	}
}
