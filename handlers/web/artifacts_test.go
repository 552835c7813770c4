package web

import (
	"strings"
	"testing"

	"github.com/oore-ci/oore/app/core"
)

// fillArtifacts gives two builds files, one of them from somebody who means harm.
func (f *fake) fillArtifacts() {
	sum := strings.Repeat("0123456789abcdef", 4)
	f.artifacts = map[string][]core.Artifact{
		"b139": {
			{ID: "a1", BuildID: "b139", Name: "app-release.apk", Kind: core.ArtifactAPK, Size: 24_100_000, SHA256: sum, Metadata: map[string]string{
				core.MetaPackage: "com.acme.shop", core.MetaVersionName: "1.4.0", core.MetaVersionCode: "42",
			}},
			{ID: "a2", BuildID: "b139", Name: "size.txt", Kind: core.ArtifactFile, Size: 812, SHA256: sum},
		},
		"b1": {{ID: "a3", BuildID: "b1", Name: core.ArtifactName(hostile), Kind: core.ArtifactIPA, Size: 1, SHA256: sum, Metadata: map[string]string{core.MetaTitle: hostile}}},
	}
}

func TestABuildsPageListsItsArtifacts(t *testing.T) {
	a := site(t, filled(), owner(), "http://127.0.0.1:8787")
	_, page := get(t, a, "/builds/b139")
	for _, want := range []string{
		"<h2 id=\"artifacts-h\">Artifacts</h2>", "<strong>app-release.apk</strong>", "com.acme.shop, 1.4.0 (42)", ">APK<", "24.1 MB", ">0123456789ab<",
		`href="/artifacts/a1/download"`, "size.txt", "812 B",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if _, part := get(t, a, "/builds/b139?part=summary"); !strings.Contains(part, "app-release.apk") {
		t.Error("the part that a live page draws anew lacks the artifacts")
	}
	if _, page := get(t, a, "/builds/b140"); strings.Contains(page, "artifacts-h") {
		t.Error("a build without artifacts has a list of them")
	}
}
