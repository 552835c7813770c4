package app

import (
	"context"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// OwnsBlobs tells whether this database is already the one that deletes where blobs are, and
// since or from when. KindConflict: a server that runs on it keeps them elsewhere, so that
// whoever asks has other settings than it.
func (a *App) OwnsBlobs(ctx context.Context, actor core.Actor) (owns bool, begins time.Time, err error) {
	if err := core.Allow(actor, core.ActManageInstance, nil); err != nil {
		return false, time.Time{}, err
	}
	servers, err := a.Servers(ctx)
	if err != nil {
		return false, time.Time{}, err
	}
	for _, s := range servers {
		here, err := a.blobs.Identity()
		if err != nil {
			return false, time.Time{}, err
		}
		if s.Blobs != here {
			return false, time.Time{}, core.Errorf(core.KindConflict,
				"the server on %s keeps artifacts and logs elsewhere (%s, here %s): give this command the OORE_BLOB_URL of the server; nothing was changed", s.Name, s.Blobs, here)
		}
	}
	claim, owner, err := a.blobOwner(ctx)
	return owner == core.BlobsOurs, claim.NotBefore, err
}
