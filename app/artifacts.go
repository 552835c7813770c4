package app

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"time"

	"github.com/oore-ci/oore/app/core"
)

const (
	defaultLinkLife = 5 * time.Minute
	maxLinkLife     = time.Hour

	sweepEvery = time.Hour
)

// topicSweep rings when rows with blobs were deleted.
const topicSweep = "sweep"

// PutArtifact keeps what r gives as a file of the lease's build, which must be
// running. The same name again replaces the file. Where a.Size and a.SHA256 are
// given, other bytes are refused: KindInvalid. More than 4 GiB: KindTooLarge. The disk
// has no room: KindUnavailable.
func (a *App) PutArtifact(ctx context.Context, l core.Lease, artifact core.Artifact, r io.Reader) error {
	if err := artifact.Validate(); err != nil {
		return err
	}
	if _, err := a.collecting(ctx, a.store, l, artifact.Name); err != nil {
		return err
	}
	if err := a.blobDisk.room(); err != nil {
		return err
	}
	sum, size, err := a.blobs.Put(ctx, &limitedReader{r: r, left: core.MaxArtifactSize, name: artifact.Name})
	if err != nil {
		return err
	}
	if artifact.SHA256 != "" && (artifact.SHA256 != sum || artifact.Size != size) {
		return core.Errorf(core.KindInvalid, "%s arrived with %d bytes and the SHA-256 %s, not as it was announced: something changed it meanwhile", artifact.Name, size, sum)
	}
	core.CrashPoint("artifact.put")
	artifact.SHA256, artifact.Size = sum, size
	if artifact.IconSHA256, err = a.putIcon(ctx, artifact.Icon); err != nil {
		return err
	}
	artifact.ID, artifact.CreatedAt, artifact.ExpiresAt = a.newID(), a.now(), nil
	var b core.Build
	err = a.store.InTx(ctx, func(tx core.Store) (err error) {
		if b, err = a.collecting(ctx, tx, l, artifact.Name); err != nil {
			return err
		}
		artifact.BuildID, artifact.ProjectID = b.ID, b.ProjectID
		_, err = tx.SaveArtifact(ctx, artifact)
		return err
	})
	if err != nil {
		return err
	}
	core.CrashPoint("artifact.stored")
	a.log.Info("artifact stored", "build", b.ID, "attempt", b.AssignedAt, "name", artifact.Name, "size", size, "sha256", sum)
	a.changed(l.BuildID)
	return nil
}

// putIcon keeps an icon; what a runner says of blobs that are here counts for nothing.
func (a *App) putIcon(ctx context.Context, icon []byte) (sum string, err error) {
	if icon == nil {
		return "", nil
	}
	sum, _, err = a.blobs.Put(ctx, bytes.NewReader(icon))
	return sum, err
}

// collecting loads the lease's build, which must still run and have room for the name.
func (a *App) collecting(ctx context.Context, s core.Store, l core.Lease, name string) (core.Build, error) {
	b, err := a.leased(ctx, s, l)
	if err != nil {
		return b, err
	}
	if b.Status != core.BuildRunning {
		return b, core.Codef(core.KindConflict, core.CodeInvalidTransition, "Build #%d is %s; only a running build hands in artifacts", b.Number, b.Status)
	}
	known, err := s.ListArtifacts(ctx, b.ID)
	if err != nil || len(known) < core.MaxArtifacts {
		return b, err
	}
	for _, k := range known {
		if k.Name == name {
			return b, nil
		}
	}
	return b, core.Errorf(core.KindTooLarge, "Build #%d has %d artifacts already; no build may have more", b.Number, core.MaxArtifacts)
}

// limitedReader ends with KindTooLarge where an artifact grows beyond its limit.
type limitedReader struct {
	r    io.Reader
	left int64
	name string
}

func (l *limitedReader) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	if l.left -= int64(n); l.left < 0 {
		return 0, core.Errorf(core.KindTooLarge, "%s is larger than 4 GiB, the most that an artifact may have", l.name)
	}
	return n, err
}

// ListArtifacts lists what a build made, by name.
func (a *App) ListArtifacts(ctx context.Context, actor core.Actor, buildID string) ([]core.Artifact, error) {
	if _, err := a.FindBuild(ctx, actor, buildID); err != nil {
		return nil, err
	}
	return a.store.ListArtifacts(ctx, buildID)
}

// ListProjectArtifacts lists what a project's builds made, newest first, and its number.
func (a *App) ListProjectArtifacts(ctx context.Context, actor core.Actor, projectID string, page core.Page) ([]core.Artifact, int, error) {
	if _, err := a.FindProject(ctx, actor, projectID); err != nil {
		return nil, 0, err
	}
	return a.store.ListProjectArtifacts(ctx, projectID, page)
}

// FindArtifact returns an artifact that the actor may see.
func (a *App) FindArtifact(ctx context.Context, actor core.Actor, id string) (core.Artifact, error) {
	artifact, err := a.store.FindArtifact(ctx, id)
	if err != nil {
		return core.Artifact{}, err
	}
	project, err := a.store.FindProject(ctx, artifact.ProjectID)
	if err == nil && core.Allow(actor, core.ActRead, &project) != nil || core.KindOf(err) == core.KindNotFound {
		err = core.Errorf(core.KindNotFound, "Artifact not found")
	}
	if err != nil {
		return core.Artifact{}, err
	}
	return artifact, nil
}

// OpenArtifact opens an artifact's file. One that is no longer kept is KindGone, code
// artifact_expired.
func (a *App) OpenArtifact(ctx context.Context, actor core.Actor, id string) (core.Artifact, io.ReadSeekCloser, error) {
	artifact, err := a.FindArtifact(ctx, actor, id)
	if err != nil {
		return artifact, nil, err
	}
	return a.openArtifact(ctx, artifact)
}

func (a *App) openArtifact(ctx context.Context, artifact core.Artifact) (core.Artifact, io.ReadSeekCloser, error) {
	gone := core.Codef(core.KindGone, core.CodeArtifactGone, "%s is no longer kept; run the build again to make it anew", artifact.Name)
	if artifact.ExpiresAt != nil && !a.now().Before(*artifact.ExpiresAt) {
		return artifact, nil, gone
	}
	file, err := a.blobs.Open(ctx, artifact.SHA256)
	if core.KindOf(err) == core.KindNotFound {
		a.log.Error("the file of an artifact is missing", "artifact", artifact.ID, "sha256", artifact.SHA256)
		return artifact, nil, gone
	}
	return artifact, file, err
}

// artifactLinks lists what a build that has ended made, with the addresses of install
// pages and files for who has signed in.
func (a *App) artifactLinks(ctx context.Context, b core.Build) ([]core.ArtifactLink, error) {
	if !b.Status.Terminal() {
		return nil, nil
	}
	all, err := a.store.ListArtifacts(ctx, b.ID)
	if err != nil {
		return nil, err
	}
	var links []core.ArtifactLink
	for _, artifact := range all {
		link := core.ArtifactLink{Artifact: artifact, URL: a.publicURL + "/artifacts/" + artifact.ID + "/download"}
		if artifact.Kind.Installable() {
			link.URL = a.installURL(artifact.ID)
			if core.PublicAddress(a.publicURL) {
				link.QRURL = link.URL + "/qr.png"
			}
		}
		links = append(links, link)
	}
	return links, nil
}

// CreateDownloadLink makes an address at which anybody can load one artifact's file,
// for 5 minutes or as long as life says, at most an hour.
func (a *App) CreateDownloadLink(ctx context.Context, actor core.Actor, id string, life time.Duration) (url string, expires time.Time, err error) {
	if life == 0 {
		life = defaultLinkLife
	}
	if life < time.Second || life > maxLinkLife {
		return "", time.Time{}, core.Errorf(core.KindInvalid, "expires_in: a link may live 1 to %d seconds", int(maxLinkLife.Seconds()))
	}
	artifact, err := a.FindArtifact(ctx, actor, id)
	if err != nil {
		return "", time.Time{}, err
	}
	entry := core.AuditEntry{
		Action: core.AuditArtifactLink, TargetKind: core.TargetArtifact, TargetID: artifact.ID, Target: artifact.Name, ProjectID: artifact.ProjectID,
	}
	var secret string
	var c core.Credential
	err = a.noting(ctx, actor, entry, func(tx core.Store) (err error) {
		secret, c, err = a.issue(ctx, tx, core.Credential{
			Kind: core.CredentialDownload, Name: actor.Name, UserID: actor.UserID, Role: core.RoleViewer, ArtifactID: artifact.ID,
		}, life)
		return err
	})
	if err != nil {
		return "", time.Time{}, fmt.Errorf("make a download link: %w", err)
	}
	a.log.Info("download link made", "artifact", artifact.ID, "actor", actor.Name)
	return a.publicURL + "/dl/" + secret, *c.ExpiresAt, nil
}

// OpenDownloadLink opens the file that a link is for. An unknown or expired one is
// KindNotFound.
func (a *App) OpenDownloadLink(ctx context.Context, secret string) (core.Artifact, io.ReadSeekCloser, error) {
	unknown := core.Errorf(core.KindNotFound, "This link is unknown or has expired; ask for a new one")
	c, err := a.credential(ctx, core.CredentialDownload, secret)
	if core.KindOf(err) == core.KindUnauthorized {
		return core.Artifact{}, nil, unknown
	}
	if err != nil {
		return core.Artifact{}, nil, err
	}
	artifact, err := a.store.FindArtifact(ctx, c.ArtifactID)
	if core.KindOf(err) == core.KindNotFound {
		return core.Artifact{}, nil, unknown
	}
	if err != nil {
		return core.Artifact{}, nil, err
	}
	return a.openArtifact(ctx, artifact)
}
