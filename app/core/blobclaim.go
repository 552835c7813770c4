package core

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// BlobRest is how long nothing is deleted after a database has taken over the place of
// blobs: who did it by mistake can still go back.
const BlobRest = 7 * 24 * time.Hour

// BlobClaim is what a database says of itself where its blobs are: another must not delete
// there what it does not know.
type BlobClaim struct {
	ID        string    // of the database; one that was restored has another than the one that was saved
	Restored  bool      // and nobody has said since that it takes the other's place
	Sweeps    int64     // that it has begun: a copy of it, or itself as it was before, has begun fewer
	NotBefore time.Time // nothing is deleted before
}

// String is the claim as BlobStore.SetOwner keeps it.
func (c BlobClaim) String() string { return fmt.Sprintf("%s %d", c.ID, c.Sweeps) }

// BlobOwner tells whose the blobs of a place are.
type BlobOwner int

// What the owner of a place may be to a database.
const (
	BlobsOurs BlobOwner = iota
	BlobsUnclaimed
	BlobsAnothers
	BlobsOfTheOriginal // of the database of which this one is a copy, or was restored from
)

// OwnerOf tells what the owner that a BlobStore has noted is to the database. What cannot
// be read is another's.
func (c BlobClaim) OwnerOf(noted string) BlobOwner {
	id, count, _ := strings.Cut(strings.TrimSpace(noted), " ")
	sweeps, err := strconv.ParseInt(count, 10, 64)
	switch {
	case noted == "" && c.Restored:
		return BlobsOfTheOriginal
	case noted == "":
		return BlobsUnclaimed
	case id != c.ID || err != nil:
		return BlobsAnothers
	case sweeps > c.Sweeps:
		return BlobsOfTheOriginal
	}
	return BlobsOurs
}

// BlobClaimStore keeps the database's claim.
type BlobClaimStore interface {
	FindBlobClaim(ctx context.Context) (BlobClaim, error)
	SaveBlobClaim(ctx context.Context, c BlobClaim, now time.Time) error
}
