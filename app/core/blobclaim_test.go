package core_test

import (
	"testing"

	"github.com/oore-ci/oore/app/core"
)

func TestWhoOwnsWhereBlobsAre(t *testing.T) {
	for _, c := range []struct {
		name  string
		claim core.BlobClaim
		noted string
		want  core.BlobOwner
	}{
		{"nobody has been here", core.BlobClaim{ID: "a"}, "", core.BlobsUnclaimed},
		{"nobody has, and we may be a rehearsal", core.BlobClaim{ID: "a", Restored: true}, "", core.BlobsOfTheOriginal},
		{"we have", core.BlobClaim{ID: "a", Sweeps: 3}, "a 3", core.BlobsOurs},
		{"we were killed before we noted a sweep", core.BlobClaim{ID: "a", Sweeps: 4}, "a 3", core.BlobsOurs},
		{"a later state of this database has", core.BlobClaim{ID: "a", Sweeps: 3}, "a 4", core.BlobsOfTheOriginal},
		{"another has", core.BlobClaim{ID: "a", Sweeps: 3}, "b 1", core.BlobsAnothers},
		{"it is damaged", core.BlobClaim{ID: "a", Sweeps: 3}, "a", core.BlobsAnothers},
		{"it is damaged more", core.BlobClaim{ID: "a", Sweeps: 3}, "\x00", core.BlobsAnothers},
		{"an editor was here", core.BlobClaim{ID: "a", Sweeps: 3}, "a 3\n", core.BlobsOurs},
	} {
		if got := c.claim.OwnerOf(c.noted); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
	claim := core.BlobClaim{ID: "a", Sweeps: 7}
	if got := claim.OwnerOf(claim.String()); got != core.BlobsOurs {
		t.Errorf("its own claim is %d", got)
	}
}
