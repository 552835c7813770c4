package app

import (
	"context"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// What says that no blob is deleted, and what to do about it.
const (
	blobsAnothers   = "nothing is deleted there: another database deletes there"
	blobsOriginal   = "nothing is deleted there: this database was restored or copied, and the original may still need them"
	blobsOwnCommand = "If this database takes the place of the other for good: oore blobs own. In a rehearsal leave it so, or set OORE_BLOB_URL to another place"
)

// sweepBlobs deletes bytes that no artifact has any more, or never had: a server was
// killed between storing them and their row. Only the database that owns the place may:
// to another, as one restored for a rehearsal, nearly all is unknown.
func (a *App) sweepBlobs(ctx context.Context) (more bool, err error) {
	if a.clock.doubtful() {
		return false, nil
	}
	claim, owner, err := a.blobOwner(ctx)
	if err != nil {
		return false, err
	}
	switch {
	case owner == core.BlobsAnothers || owner == core.BlobsOfTheOriginal:
		a.warn(ctx, "artifacts and logs: "+whyKept(owner)+". "+blobsOwnCommand)
		return false, nil
	case a.now().Before(claim.NotBefore):
		return false, nil
	}
	if claim.ID == "" {
		claim.ID = a.newID()
	}
	claim.Sweeps++
	if err := a.store.SaveBlobClaim(ctx, claim, a.now()); err != nil { // first, so that it is never behind
		return false, err
	}
	if err := a.blobs.SetOwner(ctx, claim.String()); err != nil || owner == core.BlobsUnclaimed { // two may claim it at once: the next round tells whose it is
		return false, err
	}
	if noted, err := a.blobs.Owner(ctx); err != nil || noted != claim.String() { // another took it over meanwhile
		return false, err
	}
	before := a.now()
	if wall := a.wall(); wall.Before(before) { // files bear this machine's time
		before = wall
	}
	before = before.Add(-core.BlobGrace)
	n, err := a.blobs.Sweep(ctx, before, func(ctx context.Context, sums []string) ([]string, error) {
		return a.store.UnusedBlobs(ctx, sums, before)
	})
	if n > 0 {
		a.log.Info("blobs deleted", "count", n)
	}
	return false, err
}

// blobOwner tells what the owner of the place of blobs is to this database, whose claim
// has no ID yet if it never owned one.
func (a *App) blobOwner(ctx context.Context) (core.BlobClaim, core.BlobOwner, error) {
	claim, err := a.store.FindBlobClaim(ctx)
	if err != nil && core.KindOf(err) != core.KindNotFound {
		return claim, 0, err
	}
	noted, err := a.blobs.Owner(ctx)
	return claim, claim.OwnerOf(noted), err
}

// OwnBlobs makes this database the one that deletes what it does not need where blobs are,
// instead of whichever did. It begins seven days later, at the time that is returned.
func (a *App) OwnBlobs(ctx context.Context, actor core.Actor) (begins time.Time, err error) {
	if err := core.Allow(actor, core.ActManageInstance, nil); err != nil {
		return time.Time{}, err
	}
	claim, _, err := a.blobOwner(ctx)
	if err != nil {
		return time.Time{}, err
	}
	// A new name: whoever has this one by a copy is not the owner.
	claim = core.BlobClaim{ID: a.newID(), Sweeps: claim.Sweeps, NotBefore: a.now().Add(core.BlobRest)}
	entry := core.AuditEntry{Action: core.AuditBlobsOwn, TargetKind: core.TargetSettings, TargetID: "blobs", Target: "artifacts and logs"}
	err = a.noting(ctx, actor, entry, func(tx core.Store) error { return tx.SaveBlobClaim(ctx, claim, a.now()) })
	if err == nil {
		err = a.blobs.SetOwner(ctx, claim.String())
	}
	return claim.NotBefore, err
}

func whyKept(owner core.BlobOwner) string {
	if owner == core.BlobsAnothers {
		return blobsAnothers
	}
	return blobsOriginal
}

// checkBlobs tells whether what is no longer needed is deleted where blobs are.
func (a *App) checkBlobs(ctx context.Context) core.Check {
	claim, owner, err := a.blobOwner(ctx)
	switch {
	case err != nil:
		return core.Fail(core.MessageOf(err), "")
	case owner == core.BlobsAnothers || owner == core.BlobsOfTheOriginal:
		return core.Warn(whyKept(owner), blobsOwnCommand)
	case owner == core.BlobsUnclaimed:
		return core.Skip("no database deletes anything there yet; a server that runs begins")
	case a.now().Before(claim.NotBefore):
		return core.Good("taken over by this database; nothing is deleted before " + claim.NotBefore.UTC().Format("2006-01-02 15:04 MST"))
	}
	return core.Good("what is no longer needed is deleted by this database alone")
}
