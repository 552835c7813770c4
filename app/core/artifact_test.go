package core

import (
	"reflect"
	"strings"
	"testing"
)

func TestNamesOfArtifactsAreNeverPaths(t *testing.T) {
	for file, want := range map[string]string{
		"app-release.apk": "app-release.apk", "Läden 1.ipa": "Läden 1.ipa", "": "_", ".": "_", "..": "_", "a/b": "a_b", `a\b`: "a_b",
		"a\nb\x00": "a_b_", "bad\xff.apk": "bad_.apk", "bidi\u202egpj.apk": "bidi_gpj.apk", ".hidden": ".hidden", "...": "...",
		strings.Repeat("x", 300) + ".apk": strings.Repeat("x", 251) + ".apk",
		strings.Repeat("ä", 200) + ".apk": strings.Repeat("ä", 125) + ".apk",
	} {
		got := ArtifactName(file)
		if got != want {
			t.Errorf("%q becomes %q, want %q", file, got, want)
		}
		if err := (Artifact{Name: got, Kind: ArtifactFile}).Validate(); err != nil {
			t.Errorf("%q: %v", got, err)
		}
	}
}

func TestWhatNoRunnerMaySayOfAnArtifact(t *testing.T) {
	good := Artifact{Name: "a", Kind: ArtifactAPK, Size: MaxArtifactSize, SHA256: strings.Repeat("0a", 32), Metadata: map[string]string{MetaTitle: "Shop"}}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*Artifact){
		"no name":     func(a *Artifact) { a.Name = "" },
		"a path":      func(a *Artifact) { a.Name = "../a" },
		"no kind":     func(a *Artifact) { a.Kind = "exe" },
		"less":        func(a *Artifact) { a.Size = -1 },
		"more":        func(a *Artifact) { a.Size++ },
		"no hash":     func(a *Artifact) { a.SHA256 = strings.Repeat("0A", 32) },
		"two lines":   func(a *Artifact) { a.Metadata = map[string]string{"k": "a\nb"} },
		"an odd key":  func(a *Artifact) { a.Metadata = map[string]string{"": "b"} },
		"a long text": func(a *Artifact) { a.Metadata = map[string]string{"k": strings.Repeat("x", 257)} },
	} {
		a := good
		change(&a)
		if err := a.Validate(); KindOf(err) != KindInvalid && KindOf(err) != KindTooLarge {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestMetadataIsOnlyWhatIsWorthShowing(t *testing.T) {
	a := Artifact{Name: "a", Kind: ArtifactIPA}
	for _, value := range []string{"", " \t", "a\nb", "bad \xff", strings.Repeat("x", 257)} {
		a.AddMetadata(MetaTitle, value)
	}
	if a.Metadata != nil {
		t.Errorf("it keeps %q", a.Metadata)
	}
	a.AddMetadata(MetaVersion, " 1.4.0 ")
	if a.Version() != "1.4.0" {
		t.Errorf("version %q", a.Version())
	}
	a.AddMetadata(MetaBuildNumber, "42")
	if a.Version() != "1.4.0 (42)" || a.Validate() != nil {
		t.Errorf("version %q", a.Version())
	}
}

func TestPlatformsHavePatternsUnlessTheFileSaysOtherwise(t *testing.T) {
	const android, macOS = "build/app/outputs/flutter-apk/*.apk", "build/macos/Build/Products/Release/*.app"
	for yaml, want := range map[string]Plan{
		"platforms: [android, macos]":                               {ArtifactPatterns: []string{android, "build/app/outputs/bundle/**/*.aab", macOS}},
		"platforms: [ios]":                                          {ArtifactPatterns: []string{"build/ios/ipa/*.ipa"}},
		"platforms: []":                                             {},
		"platforms: [android]\nartifacts: {patterns: []}":           {ArtifactPatterns: []string{}},
		"platforms: [android]\nartifacts: {}":                       {ArtifactPatterns: []string{}},
		"platforms: [android]\nartifacts: {patterns: ['out/*.so']}": {ArtifactPatterns: []string{"out/*.so"}, ArtifactsRequired: true},
	} {
		file, err := ParseWorkflow([]byte("version: 1\ncommands: {build: ['true']}\n" + yaml + "\n"))
		if err != nil {
			t.Fatal(err)
		}
		plan, err := ResolveConfig(Pipeline{}, file)
		if err != nil || !reflect.DeepEqual(plan.ArtifactPatterns, want.ArtifactPatterns) || plan.ArtifactsRequired != want.ArtifactsRequired {
			t.Errorf("%q: %q, required %v, %v", yaml, plan.ArtifactPatterns, plan.ArtifactsRequired, err)
		}
	}
}

func TestSizesAsPeopleReadThem(t *testing.T) {
	for size, want := range map[int64]string{
		0: "0 B", 999: "999 B", 1000: "1.0 kB", 24_100_000: "24.1 MB", 999_949: "999.9 kB", 999_999: "1.0 MB", 4 << 30: "4.3 GB", 5_000_000_000_000: "5000.0 GB",
	} {
		if got := HumanSize(size); got != want {
			t.Errorf("%d is %q, want %q", size, got, want)
		}
	}
}
