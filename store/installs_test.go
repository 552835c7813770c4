package store_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store"
	"github.com/oore-ci/oore/store/storetest"
)

func shareLink(artifactID string, second int) core.Credential {
	end := at(second + 1000)
	id := newID("share")
	return core.Credential{ID: id, Kind: core.CredentialShare, Hash: id, Name: "ann", UserID: "u", Role: core.RoleViewer, ArtifactID: artifactID, CreatedAt: at(second), ExpiresAt: &end}
}

func TestShareLinksAreListedAndCounted(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, ctx := open(t, url), t.Context()
		first, second, other := shareLink("a1", 0), shareLink("a1", 1), shareLink("a2", 2)
		download := shareLink("a1", 3)
		download.Kind = core.CredentialDownload
		for _, c := range []core.Credential{second, first, other, download} {
			ok(t, s.CreateCredential(ctx, c))
		}
		for n := 1; n <= 2; n++ {
			used, err := s.UseShareLink(ctx, first.ID, at(10+n))
			ok(t, err)
			equal(t, used, true)
		}
		last := at(12)
		first.Uses, first.LastUsedAt = 2, &last
		list, err := s.ListShareLinks(ctx, "a1")
		ok(t, err)
		equal(t, list, []core.Credential{first, second})
		found, err := s.FindShareLink(ctx, first.ID)
		ok(t, err)
		equal(t, found, first)
		for _, id := range []string{"none", download.ID} {
			_, err = s.FindShareLink(ctx, id)
			refused(t, err, core.KindNotFound, core.CodeNotFound)
		}
	})
}

func TestASingleUseIsOneAmongMany(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, ctx := open(t, url), t.Context()
		link := shareLink("a1", 0)
		link.SingleUse = true
		ok(t, s.CreateCredential(ctx, link))
		var won atomic.Int32
		ok(t, inParallel(16, func(int) error {
			mine, err := s.UseShareLink(ctx, link.ID, at(1))
			if mine {
				won.Add(1)
			}
			return err
		}))
		equal(t, won.Load(), int32(1))
		gone, err := s.UseShareLink(ctx, "none", at(1))
		ok(t, err)
		equal(t, gone, false)
	})
}

func TestWhatCameOfALinkGoesWithIt(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, ctx := open(t, url), t.Context()
		link, other := shareLink("a1", 0), shareLink("a1", 1)
		install := core.Credential{ID: newID("install"), Kind: core.CredentialInstall, Hash: "i", SourceID: link.ID, CreatedAt: at(0)}
		for _, c := range []core.Credential{link, other, install} {
			ok(t, s.CreateCredential(ctx, c))
		}
		found, err := s.FindCredential(ctx, core.CredentialInstall, "i")
		ok(t, err)
		equal(t, found, install)
		was, err := s.DeleteCredential(ctx, link.ID)
		ok(t, err)
		equal(t, was, true)
		_, err = s.FindCredential(ctx, core.CredentialInstall, "i")
		refused(t, err, core.KindNotFound, core.CodeNotFound)
		_, err = s.FindShareLink(ctx, other.ID)
		ok(t, err)
	})
}

// made is a build that has ended, with artifacts of these kinds.
func (h house) made(t *testing.T, change func(*core.Build), kinds ...core.ArtifactKind) core.Build {
	t.Helper()
	b := h.newBuild()
	b.Status = core.BuildSucceeded
	change(&b)
	b = h.queue(t, b)
	for _, kind := range kinds {
		a := h.newArtifact(b, "app."+string(kind), "a")
		a.Kind = kind
		_, err := h.SaveArtifact(t.Context(), a)
		ok(t, err)
	}
	return b
}

func TestReleasesAreTheNewestOfEachPipelineAndBranch(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h, ctx := furnish(t, url), t.Context()
		other := newPipeline(h.project, "ios")
		ok(t, h.CreatePipeline(ctx, other))
		on := func(branch string) func(*core.Build) { return func(b *core.Build) { b.Branch = branch } }
		h.made(t, on("main"), core.ArtifactAPK)
		main := h.made(t, on("main"), core.ArtifactFile, core.ArtifactIPA, core.ArtifactAPK)
		feature := h.made(t, on("feature"), core.ArtifactAPK)
		tag := h.made(t, func(b *core.Build) { b.Branch, b.Tag = "", "v1" }, core.ArtifactAPK)
		ios := h.made(t, func(b *core.Build) { b.PipelineID = other.ID }, core.ArtifactIPA)
		h.made(t, on("main"), core.ArtifactAAB)                                                                       // nothing to install
		h.made(t, func(b *core.Build) { b.Status = core.BuildFailed }, core.ArtifactAPK)                              // did not succeed
		h.made(t, func(b *core.Build) { b.PullRequest = &core.PullRequest{Number: 1, Fork: true} }, core.ArtifactAPK) // a fork's main

		releases, err := h.ListReleases(ctx, h.project.ID, 10)
		ok(t, err)
		var said []string
		for _, r := range releases {
			said = append(said, fmt.Sprint(r.Build.Number, r.Build.Branch, r.Build.Tag))
			for _, a := range r.Artifacts {
				equal(t, a.BuildID, r.Build.ID)
				said = append(said, a.Name)
			}
		}
		want := []string{
			fmt.Sprint(ios.Number, "main", ""), "app.ipa", fmt.Sprint(tag.Number, "", "v1"), "app.apk", fmt.Sprint(feature.Number, "feature", ""), "app.apk",
			fmt.Sprint(main.Number, "main", ""), "app.apk", "app.ipa",
		}
		equal(t, said, want)
		releases, err = h.ListReleases(ctx, h.project.ID, 1)
		ok(t, err)
		equal(t, len(releases), 1)
		releases, err = h.ListReleases(ctx, "none", 1)
		ok(t, err)
		equal(t, len(releases), 0)
	})
}

func TestAnIconIsABlobInUse(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h, ctx := furnish(t, url), t.Context()
		a := h.newArtifact(h.queue(t, h.newBuild()), "app.apk", "a")
		a.IconSHA256 = strings.Repeat("d", 64)
		stored, err := h.SaveArtifact(ctx, a)
		ok(t, err)
		equal(t, stored, a)
		unused, err := h.UnusedBlobs(ctx, []string{a.SHA256, a.IconSHA256, strings.Repeat("e", 64)}, time.Time{})
		ok(t, err)
		equal(t, unused, []string{strings.Repeat("e", 64)})
		a.IconSHA256 = "" // the next build's file has none
		_, err = h.SaveArtifact(ctx, a)
		ok(t, err)
		unused, err = h.UnusedBlobs(ctx, []string{stored.IconSHA256}, time.Time{})
		ok(t, err)
		equal(t, unused, []string{stored.IconSHA256})
	})
}

// What earlier versions stored is there, without what they did not know.
func TestHouseWithoutInstallsIsUpgraded(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		migrateTo(t, url, 10)
		execute(t, url, `INSERT INTO credentials (id, kind, hash, name, user_id, role, build_id, created_at, expires_at, artifact_id)
			VALUES ('c1', 'download', 'h', 'ann', 'u', 'viewer', '', 1, 2, 'a1')`)
		s, err := store.Open(t.Context(), url, store.Options{})
		ok(t, err)
		t.Cleanup(func() { ok(t, s.Close()) })
		found, err := s.FindCredential(t.Context(), core.CredentialDownload, "h")
		ok(t, err)
		equal(t, found.ArtifactID, "a1")
		equal(t, found.SingleUse, false)
		equal(t, found.Uses, 0)
	})
}
