package runner

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"google.golang.org/protobuf/encoding/protowire"
	"howett.net/plist"

	"github.com/oore-ci/oore/app/core"
)

// archiveOf writes a zip and opens it.
func archiveOf(t testing.TB, files map[string][]byte) (*os.File, int64) {
	t.Helper()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for name, content := range files {
		w, err := z.Create(name)
		if err == nil {
			_, err = w.Write(content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return fileOf(t, out.Bytes()), int64(out.Len())
}

func fileOf(t testing.TB, content []byte) *os.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "archive")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	return file
}

func described(t testing.TB, kind core.ArtifactKind, files map[string][]byte) (map[string]string, error) {
	t.Helper()
	file, size := archiveOf(t, files)
	a := core.Artifact{Kind: kind, Size: size}
	err := describeFile(file, &a)
	return a.Metadata, err
}

// binaryManifest writes a manifest as aapt does: a string pool, the ids of its first
// strings, one element.
func binaryManifest(inUTF8 bool, versionName, pkg string, versionCode uint32) []byte {
	le := binary.LittleEndian
	strings := []string{"versionCode", "versionName", "package", "manifest", versionName, pkg}
	var pool, offsets []byte
	for _, s := range strings {
		offsets = le.AppendUint32(offsets, uint32(len(pool)))
		if inUTF8 {
			pool = append(pool, byte(len([]rune(s))), byte(len(s)))
			pool = append(append(pool, s...), 0)
			continue
		}
		units := utf16.Encode([]rune(s))
		pool = le.AppendUint16(pool, uint16(len(units)))
		for _, u := range units {
			pool = le.AppendUint16(pool, u)
		}
		pool = le.AppendUint16(pool, 0)
	}
	for len(pool)%4 != 0 {
		pool = append(pool, 0)
	}
	chunk := func(kind, header uint16, body []byte) []byte {
		out := le.AppendUint16(nil, kind)
		out = le.AppendUint16(out, header)
		out = le.AppendUint32(out, uint32(8+len(body)))
		return append(out, body...)
	}
	words := func(words ...uint32) (out []byte) {
		for _, w := range words {
			out = le.AppendUint32(out, w)
		}
		return out
	}
	flags := uint32(0)
	if inUTF8 {
		flags = stringsUTF8
	}
	poolBody := append(append(words(uint32(len(strings)), 0, flags, uint32(28+len(offsets)), 0), offsets...), pool...)
	none := ^uint32(0)
	element := words(1, none, none, 3)
	for _, half := range []uint16{20, 20, 3, 0, 0, 0} {
		element = le.AppendUint16(element, half)
	}
	attribute := func(name, raw uint32, kind byte, data uint32) {
		element = append(element, words(none, name, raw)...)
		element = append(element, 8, 0, 0, kind)
		element = append(element, words(data)...)
	}
	attribute(0, none, valueDec, versionCode)
	attribute(1, 4, valueString, 4)
	attribute(2, 5, valueString, 5)
	body := append(chunk(chunkStrings, 28, poolBody), chunk(chunkResources, 8, words(attrVersionCode, attrVersionName))...)
	return chunk(chunkXML, 8, append(body, chunk(chunkElement, 16, element)...))
}

func protoManifest(attributes ...[2]string) []byte {
	element := protowire.AppendString(protowire.AppendTag(nil, 3, protowire.BytesType), "manifest")
	for _, at := range attributes {
		attribute := protowire.AppendString(protowire.AppendTag(nil, attributeName, protowire.BytesType), at[0])
		attribute = protowire.AppendString(protowire.AppendTag(attribute, attributeValue, protowire.BytesType), at[1])
		if at[0] == "versionCode" {
			attribute = protowire.AppendVarint(protowire.AppendTag(attribute, attributeID, protowire.VarintType), attrVersionCode)
		}
		element = protowire.AppendBytes(protowire.AppendTag(element, elementAttribute, protowire.BytesType), attribute)
	}
	return protowire.AppendBytes(protowire.AppendTag(nil, nodeElement, protowire.BytesType), element)
}

func infoPlist(t testing.TB, format int, info map[string]any) []byte {
	t.Helper()
	data, err := plist.Marshal(info, format)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestWhatAFileSaysOfItself(t *testing.T) {
	real, err := os.ReadFile("testdata/android/AndroidManifest.xml")
	if err != nil {
		t.Fatal(err)
	}
	info := map[string]any{
		"CFBundleIdentifier": "com.acme.shop", "CFBundleShortVersionString": "1.4.0", "CFBundleVersion": "42", "CFBundleName": "Runner", "CFBundleDisplayName": "Läden",
		"UIDeviceFamily": []int{1, 2}, "LSRequiresIPhoneOS": true,
	}
	android := map[string]string{core.MetaPackage: "com.acme.shop", core.MetaVersionName: "1.4.0-β", core.MetaVersionCode: "42"}
	apple := map[string]string{core.MetaBundleID: "com.acme.shop", core.MetaVersion: "1.4.0", core.MetaBuildNumber: "42", core.MetaTitle: "Läden"}
	for _, c := range []struct {
		name string
		kind core.ArtifactKind
		file string
		data []byte
		want map[string]string
	}{
		{"a real APK's manifest", core.ArtifactAPK, "AndroidManifest.xml", real, map[string]string{core.MetaPackage: "net.sorablue.shogo.FWMeasure", core.MetaVersionCode: "1", core.MetaVersionName: "テスト版"}},
		{"an APK in UTF-8", core.ArtifactAPK, "AndroidManifest.xml", binaryManifest(true, "1.4.0-β", "com.acme.shop", 42), android},
		{"an APK in UTF-16", core.ArtifactAPK, "AndroidManifest.xml", binaryManifest(false, "1.4.0-β", "com.acme.shop", 42), android},
		{
			"an AAB", core.ArtifactAAB, "base/manifest/AndroidManifest.xml",
			protoManifest([2]string{"versionCode", "42"}, [2]string{"versionName", "1.4.0-β"}, [2]string{"package", "com.acme.shop"}, [2]string{"x", "y"}), android,
		},
		{"an IPA, binary", core.ArtifactIPA, "Payload/Runner.app/Info.plist", infoPlist(t, plist.BinaryFormat, info), apple},
		{"an IPA, XML", core.ArtifactIPA, "Payload/Runner.app/Info.plist", infoPlist(t, plist.XMLFormat, info), apple},
		{"any other zip", core.ArtifactFile, "AndroidManifest.xml", real, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := described(t, c.kind, map[string][]byte{"a/Info.plist": []byte("no"), c.file: c.data})
			if err != nil || !maps.Equal(got, c.want) {
				t.Errorf("%v, %v", got, err)
			}
		})
	}
}

func TestBombsAreNotUnpacked(t *testing.T) {
	bomb := make([]byte, 64<<20) // of zeros: some 64 KiB packed
	for kind, name := range map[core.ArtifactKind]string{
		core.ArtifactAPK: "AndroidManifest.xml", core.ArtifactAAB: "base/manifest/AndroidManifest.xml", core.ArtifactIPA: "Payload/x.app/Info.plist",
	} {
		if got, err := described(t, kind, map[string][]byte{name: bomb}); err == nil || !strings.Contains(err.Error(), "more than") || len(got) > 0 {
			t.Errorf("%s: %v, %v", kind, got, err)
		}
	}
	// The end of a zip that claims a directory of 4 GiB.
	end := append([]byte("PK\x05\x06"), bytes.Repeat([]byte{0xfe}, 18)...)
	end[20], end[21] = 0, 0
	a := core.Artifact{Kind: core.ArtifactAPK, Size: int64(len(end))}
	if err := describeFile(fileOf(t, end), &a); err == nil || !strings.Contains(err.Error(), "too many files") {
		t.Errorf("error %v", err)
	}
}

func TestWhatIsDamagedSaysNothing(t *testing.T) {
	selfReferring := []byte("bplist00\xd1\x01\x00\x51a\x08\x0b\x00\x00\x00\x00\x00\x00\x01\x01\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x0d")
	for name, c := range map[string]struct {
		kind core.ArtifactKind
		path string
		data []byte
	}{
		"no manifest":         {core.ArtifactAPK, "x", nil},
		"a text manifest":     {core.ArtifactAPK, "AndroidManifest.xml", []byte("<manifest/>")},
		"an empty manifest":   {core.ArtifactAPK, "AndroidManifest.xml", nil},
		"no message":          {core.ArtifactAAB, "base/manifest/AndroidManifest.xml", []byte{0xff}},
		"no property list":    {core.ArtifactIPA, "Payload/x.app/Info.plist", []byte("bplist00 and nothing that follows it at all")},
		"a list in itself":    {core.ArtifactIPA, "Payload/x.app/Info.plist", selfReferring},
		"a list of no fields": {core.ArtifactIPA, "Payload/x.app/Info.plist", []byte(`<plist><array/></plist>`)},
	} {
		if got, err := described(t, c.kind, map[string][]byte{c.path: c.data}); err == nil || len(got) > 0 {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	a := core.Artifact{Kind: core.ArtifactAPK, Size: 5}
	if err := describeFile(fileOf(t, []byte("hello")), &a); err == nil {
		t.Error("a text is no zip")
	}
}

func FuzzManifests(f *testing.F) {
	real, err := os.ReadFile("testdata/android/AndroidManifest.xml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(real)
	f.Add(binaryManifest(true, "1", "p", 1))
	f.Add(binaryManifest(false, "1", "p", 1))
	f.Add(protoManifest([2]string{"package", "p"}))
	f.Fuzz(func(t *testing.T, data []byte) {
		a := core.Artifact{Name: "a", Kind: core.ArtifactAPK}
		_, _, _ = noteManifest(binaryElements(data), &a)
		_, _, _ = noteManifest(protoElements(data), &a)
		_, _ = noteInfoPlist(data, &a)
		noteProfile(data, &a)
		if err := a.Validate(); err != nil {
			t.Error(err)
		}
	})
}
