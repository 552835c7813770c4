package app

import (
	"context"
	"errors"
	"io"
	"slices"

	"github.com/oore-ci/oore/app/core"
)

// Artifacts of remote runners come in parts: each is kept by itself, under its
// SHA-256, until the last one has come and the file is put together. Nothing is
// remembered between the calls, so a part may be sent again, and a restart of the
// server costs the part at hand. What is never put together is swept with the other
// blobs that nobody uses.

// PutArtifactPart keeps a part of a file of the lease's build, which must be running,
// and returns its SHA-256.
func (a *App) PutArtifactPart(ctx context.Context, l core.Lease, r io.Reader) (sum string, err error) {
	if _, err := a.collecting(ctx, a.store, l, ""); err != nil {
		return "", err
	}
	if err := a.blobDisk.room(); err != nil {
		return "", err
	}
	sum, _, err = a.blobs.Put(ctx, r)
	return sum, err
}

// JoinArtifact is PutArtifact of the parts with these SHA-256, in this order. It may be
// called again, and side by side: the file is put together once, and one that is there is
// left as it is. If ctx ends before, that goes on: KindUnavailable, code artifact_joining.
// A part that is not there: KindConflict, code part_missing.
func (a *App) JoinArtifact(ctx context.Context, l core.Lease, artifact core.Artifact, parts []string) error {
	if len(parts) > core.MaxArtifactSize/core.ArtifactPart {
		return core.Errorf(core.KindTooLarge, "%s has %d parts; an artifact may have 4 GiB", artifact.Name, len(parts))
	}
	for _, sum := range parts {
		if !core.ValidSHA256(sum) {
			return core.Errorf(core.KindInvalid, "parts: each must be a SHA-256, 64 hexadecimal digits in lower case")
		}
	}
	// Who waits for nothing still learns what is there.
	if there, err := a.hasArtifact(context.WithoutCancel(ctx), l, artifact); there || err != nil {
		return err
	}
	key := joinKey(l, artifact, parts)
	return a.joins.do(ctx, key, func(ctx context.Context) error {
		return a.inJoinTurn(ctx, key, func(ctx context.Context) error {
			file := &joined{ctx: ctx, blobs: a.blobs, parts: parts}
			defer file.close()
			return a.PutArtifact(ctx, l, artifact, file)
		})
	})
}

// hasArtifact tells whether the lease's build has this very file already.
func (a *App) hasArtifact(ctx context.Context, l core.Lease, artifact core.Artifact) (bool, error) {
	b, err := a.collecting(ctx, a.store, l, artifact.Name)
	if err != nil || artifact.SHA256 == "" {
		return false, err
	}
	all, err := a.store.ListArtifacts(ctx, b.ID)
	return slices.ContainsFunc(all, func(k core.Artifact) bool {
		return k.Name == artifact.Name && k.SHA256 == artifact.SHA256 && k.Size == artifact.Size && k.ExpiresAt == nil
	}), err
}

// joined reads blobs one after another.
type joined struct {
	ctx   context.Context
	blobs core.BlobStore
	parts []string
	open  io.ReadSeekCloser // the one at hand
}

// Read implements io.Reader.
func (j *joined) Read(p []byte) (int, error) {
	for {
		if j.open == nil {
			if len(j.parts) == 0 {
				return 0, io.EOF
			}
			blob, err := j.blobs.Open(j.ctx, j.parts[0])
			if core.KindOf(err) == core.KindNotFound {
				return 0, core.Codef(core.KindConflict, core.CodePartMissing, "The part %s is not here; send the file again", j.parts[0])
			}
			if err != nil {
				return 0, err
			}
			j.open, j.parts = blob, j.parts[1:]
		}
		n, err := j.open.Read(p)
		if errors.Is(err, io.EOF) {
			j.close()
			err = nil
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

func (j *joined) close() {
	if j.open != nil {
		_ = j.open.Close() // it was only read
		j.open = nil
	}
}
