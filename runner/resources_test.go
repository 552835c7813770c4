package runner

import (
	"archive/zip"
	"bytes"
	"image/color"
	"iter"
	"maps"
	"strings"
	"testing"

	"github.com/oore-ci/oore/app/core"
)

func TestAndroidsIconIsTheSharpestOne(t *testing.T) {
	said := map[string]string{core.MetaPackage: "com.acme.shop", core.MetaVersionName: "1.4.0", core.MetaVersionCode: "42", core.MetaTitle: "Acme Shop"}
	blue, red := color.NRGBA{0x0b, 0x57, 0xc4, 255}, color.NRGBA{0xb3, 0x19, 0x1f, 255}
	for _, c := range []struct {
		file  string
		kind  core.ArtifactKind
		width int
		color color.NRGBA
	}{
		{"shop.apk", core.ArtifactAPK, 144, blue},    // a WebP, though there is an adaptive icon
		{"shop.aab", core.ArtifactAAB, 144, blue},    // resources.pb
		{"adaptive.apk", core.ArtifactAPK, 324, red}, // what stands in front; paths that say nothing
	} {
		t.Run(c.file, func(t *testing.T) {
			a := describedFile(t, c.kind, readTestdata(t, c.file))
			if !maps.Equal(a.Metadata, said) {
				t.Errorf("it says %v", a.Metadata)
			}
			looks(t, a.Icon, c.width, c.color)
		})
	}
}

func TestAnAppWithoutAnIconThatCanBeReadHasNone(t *testing.T) {
	shop, err := zip.NewReader(bytes.NewReader(readTestdata(t, "shop.apk")), int64(len(readTestdata(t, "shop.apk"))))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, f := range shop.File {
		if files[f.Name], err = unpacked(f, maxTable); err != nil {
			t.Fatal(err)
		}
	}
	for name, change := range map[string]func(map[string][]byte){
		"an SVG": func(f map[string][]byte) {
			f["res/mipmap-xxhdpi-v4/ic_launcher.webp"] = []byte("<svg onload=alert(1)/>")
		},
		"a bomb":       func(f map[string][]byte) { f["res/mipmap-xxhdpi-v4/ic_launcher.webp"] = make([]byte, 5<<20) },
		"no such file": func(f map[string][]byte) { delete(f, "res/mipmap-xxhdpi-v4/ic_launcher.webp") },
	} {
		changed := maps.Clone(files)
		change(changed)
		file, size := archiveOf(t, changed)
		a := core.Artifact{Kind: core.ArtifactAPK, Size: size}
		if err := describeFile(file, &a); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		looks(t, a.Icon, 48, color.NRGBA{0x14, 0x69, 0x3a, 255}) // the next best

		delete(changed, "res/mipmap-mdpi-v4/ic_launcher.png")
		delete(changed, "res/drawable-xxhdpi-v4/ic_foreground.png")
		file, size = archiveOf(t, changed)
		a = core.Artifact{Kind: core.ArtifactAPK, Size: size}
		if err := describeFile(file, &a); err != nil || a.Icon != nil || a.Metadata[core.MetaTitle] != "Acme Shop" {
			t.Errorf("%s and nothing else: %v, an icon of %d bytes, %v", name, err, len(a.Icon), a.Metadata)
		}
	}
}

// A hostile table that sends us from one resource to the next does not get far.
func TestAResourceThatIsItselfIsNotLookedForLong(t *testing.T) {
	asked := 0
	table := resourceTable(func(id uint32) iter.Seq[resource] {
		return func(yield func(resource) bool) {
			asked++
			for range 1000 {
				if !yield(resource{value: value{ref: id}}) || !yield(resource{value: value{text: strings.Repeat("x", 10)}}) {
					return
				}
			}
		}
	})
	if found := table.resolve(1); len(found) > maxValues || asked > maxLookups {
		t.Errorf("%d values after %d questions", len(found), asked)
	}
}

func FuzzResources(f *testing.F) {
	for _, c := range [][2]string{{"shop.apk", "resources.arsc"}, {"adaptive.apk", "resources.arsc"}, {"shop.aab", "base/resources.pb"}} {
		data := readTestdata(f, c[0])
		archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			f.Fatal(err)
		}
		table, err := archiveFile(archive, c[1], maxTable)
		if err != nil {
			f.Fatal(err)
		}
		for _, id := range []uint32{0, 0x7f020000, 0x7f030000, 0x7f040005} {
			f.Add(table, id)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, id uint32) {
		for _, table := range []resourceTable{binaryTable(data), protoTable(data)} {
			for _, r := range table.resolve(id) {
				if r.ref != 0 || len(r.text) > 4*maxManifestRun {
					t.Errorf("%x is %.80v", id, r)
				}
			}
		}
	})
}
