package store_test

import (
	"strings"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store/storetest"
)

func (h house) newArtifact(b core.Build, name, sum string) core.Artifact {
	return core.Artifact{
		ID: newID("artifact"), BuildID: b.ID, ProjectID: b.ProjectID, Name: name, Kind: core.ArtifactAPK, Size: 5 << 30,
		SHA256: strings.Repeat(sum, 64), Metadata: map[string]string{core.MetaPackage: "com.acme.shop"}, CreatedAt: at(0),
	}
}

func TestArtifactsAreKeptByBuildAndName(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h, ctx := furnish(t, url), t.Context()
		b, other := h.queue(t, h.newBuild()), h.queue(t, h.newBuild())
		zebra, apple := h.newArtifact(b, "z.apk", "a"), h.newArtifact(b, "a.apk", "b")
		for _, a := range []core.Artifact{zebra, apple, h.newArtifact(other, "z.apk", "a")} {
			stored, err := h.SaveArtifact(ctx, a)
			ok(t, err)
			equal(t, stored, a)
		}
		list, err := h.ListArtifacts(ctx, b.ID)
		ok(t, err)
		equal(t, list, []core.Artifact{apple, zebra})

		again := h.newArtifact(b, "z.apk", "c") // a repeat keeps the id: links go on to work
		end := at(9)
		again.Metadata, again.ExpiresAt, again.CreatedAt = map[string]string{}, &end, at(1)
		stored, err := h.SaveArtifact(ctx, again)
		ok(t, err)
		again.ID = zebra.ID
		equal(t, stored, again)
		found, err := h.FindArtifact(ctx, zebra.ID)
		ok(t, err)
		equal(t, found, again)
		_, err = h.FindArtifact(ctx, "none")
		refused(t, err, core.KindNotFound, core.CodeNotFound)

		page, total, err := h.ListProjectArtifacts(ctx, h.project.ID, core.Page{Limit: 1})
		ok(t, err)
		equal(t, page, []core.Artifact{again})
		equal(t, total, 3)
	})
}

func TestBlobsAreUsedAsLongAsARowHasThem(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h, ctx := furnish(t, url), t.Context()
		b := h.queue(t, h.newBuild())
		for _, a := range []core.Artifact{h.newArtifact(b, "1", "a"), h.newArtifact(b, "2", "a"), h.newArtifact(b, "3", "b")} {
			_, err := h.SaveArtifact(ctx, a)
			ok(t, err)
		}
		used, alone, gone := strings.Repeat("a", 64), strings.Repeat("b", 64), strings.Repeat("c", 64)
		unused, err := h.UnusedBlobs(ctx, []string{used, gone, alone}, time.Time{})
		ok(t, err)
		equal(t, unused, []string{gone})
		ok(t, h.DeleteProject(ctx, h.project.ID))
		unused, err = h.UnusedBlobs(ctx, []string{used, alone}, time.Time{})
		ok(t, err)
		equal(t, unused, []string{used, alone})
	})
}

func TestAnArtifactNeedsItsBuild(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h := furnish(t, url)
		b := h.newBuild() // never stored
		_, err := h.SaveArtifact(t.Context(), h.newArtifact(b, "a.apk", "a"))
		refused(t, err, core.KindNotFound, core.CodeNotFound)
	})
}

func TestADownloadLinkKnowsItsArtifact(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s := open(t, url)
		end := at(5).Add(time.Minute)
		c := core.Credential{ID: newID("link"), Kind: core.CredentialDownload, Hash: "h", Name: "ann", Role: core.RoleViewer, ArtifactID: "a1", CreatedAt: at(0), ExpiresAt: &end}
		ok(t, s.CreateCredential(t.Context(), c))
		found, err := s.FindCredential(t.Context(), core.CredentialDownload, "h")
		ok(t, err)
		equal(t, found, c)
	})
}
