package web

import (
	"strings"
	"testing"
	"time"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

// Ids of artifacts, which are UUIDs in their pages' addresses.
const (
	artifactAPK     = "00000000-0000-4000-8000-0000000000a1"
	artifactFile    = "00000000-0000-4000-8000-0000000000a2"
	artifactHostile = "00000000-0000-4000-8000-0000000000a3"
	artifactIPA     = "00000000-0000-4000-8000-0000000000a4"
	artifactBareIPA = "00000000-0000-4000-8000-0000000000a5"
	artifactAAB     = "00000000-0000-4000-8000-0000000000a6"
)

// fillArtifacts gives two builds files, one of them from somebody who means harm, and
// links to some of them.
func (f *fake) fillArtifacts() {
	sum := strings.Repeat("0123456789abcdef", 4)
	ipa := map[string]string{
		core.MetaBundleID: "com.acme.shop", core.MetaTitle: "Acme Shop iOS", core.MetaVersion: "1.4.0", core.MetaBuildNumber: "42",
		core.MetaDistribution: core.DistributionDevices, core.MetaDevices: "12",
	}
	end := time.Now().Add(36 * time.Hour)
	f.artifacts = map[string][]core.Artifact{
		"b139": {
			{ID: artifactAPK, BuildID: "b139", ProjectID: "p1", Name: "app-release.apk", Kind: core.ArtifactAPK, Size: 24_100_000, SHA256: sum, IconSHA256: sum, CreatedAt: ago(time.Hour), Metadata: map[string]string{
				core.MetaPackage: "com.acme.shop", core.MetaVersionName: "1.4.0", core.MetaVersionCode: "42",
			}},
			{ID: artifactFile, BuildID: "b139", ProjectID: "p1", Name: "size.txt", Kind: core.ArtifactFile, Size: 812, SHA256: sum, CreatedAt: ago(time.Hour)},
			{ID: artifactIPA, BuildID: "b139", ProjectID: "p1", Name: "Shop.ipa", Kind: core.ArtifactIPA, Size: 31_000_000, SHA256: sum, CreatedAt: ago(time.Hour), ExpiresAt: &end, Metadata: ipa},
			{ID: artifactBareIPA, BuildID: "b139", ProjectID: "p1", Name: "Bare.ipa", Kind: core.ArtifactIPA, Size: 1, SHA256: sum, CreatedAt: ago(time.Hour)},
			{ID: artifactAAB, BuildID: "b139", ProjectID: "p1", Name: "app.aab", Kind: core.ArtifactAAB, Size: 1, SHA256: sum, CreatedAt: ago(time.Hour)},
		},
		"b1": {{ID: artifactHostile, BuildID: "b1", ProjectID: "p2", Name: core.ArtifactName(hostile), Kind: core.ArtifactIPA, Size: 1, SHA256: sum, Metadata: map[string]string{
			core.MetaTitle: hostile, core.MetaBundleID: hostile, core.MetaVersion: hostile, core.MetaBuildNumber: hostile, core.MetaDistribution: core.DistributionDevices, core.MetaDevices: hostile,
		}}},
	}
	f.shareLinks = []core.Credential{
		{ID: "s1", Kind: core.CredentialShare, Name: "sam", ArtifactID: artifactAPK, CreatedAt: ago(time.Hour), ExpiresAt: &end, Uses: 3},
		{ID: "s2", Kind: core.CredentialShare, Name: hostile, ArtifactID: artifactAPK, CreatedAt: ago(time.Minute), ExpiresAt: &end, SingleUse: true},
	}
	b139, b1 := f.artifacts["b139"], f.artifacts["b1"]
	f.shared = map[string]app.Shared{
		"ooreh_file": {Artifact: b139[1], ExpiresAt: end}, "ooreh_once": {Artifact: b139[4], ExpiresAt: end, SingleUse: true},
		"oorei_ipa": {Artifact: b139[2], ExpiresAt: end}, "ooreh_once_ipa": {Artifact: b139[2], ExpiresAt: end, SingleUse: true},
		"ooreh_hostile": {Artifact: b1[0], ExpiresAt: end}, "ooreh_apk": {Artifact: b139[0], ExpiresAt: end},
	}
}

func TestABuildsPageListsItsArtifacts(t *testing.T) {
	a := site(t, filled(), owner(), "http://127.0.0.1:8787")
	_, page := get(t, a, "/builds/b139")
	for _, want := range []string{
		"<h2 id=\"artifacts-h\">Artifacts</h2>", "<strong>app-release.apk</strong>", "com.acme.shop, 1.4.0 (42)", ">APK<", "24.1 MB", ">0123456789ab<",
		`href="/artifacts/` + artifactAPK + `/download"`, `href="/i/` + artifactAPK + `"`, `data-copy="http://127.0.0.1:8787/i/` + artifactAPK + `"`, `src="/i/` + artifactAPK + `/qr.svg"`,
		"size.txt", "812 B", `href="/artifacts/` + artifactFile + `/download"`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(page, `"/i/`+artifactFile) {
		t.Error("a text can be installed")
	}
	if _, part := get(t, a, "/builds/b139?part=summary"); !strings.Contains(part, "app-release.apk") {
		t.Error("the part that a live page draws anew lacks the artifacts")
	}
	if _, page := get(t, a, "/builds/b140"); strings.Contains(page, "artifacts-h") {
		t.Error("a build without artifacts has a list of them")
	}
}
