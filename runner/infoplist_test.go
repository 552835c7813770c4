package runner

import (
	"encoding/binary"
	"image/color"
	"io"
	"maps"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
	"howett.net/plist"
)

// ipaOf writes an IPA with an application's Info.plist and other files beside it.
func ipaOf(t testing.TB, info map[string]any, beside map[string][]byte) []byte {
	t.Helper()
	files := map[string][]byte{"Payload/Shop.app/Info.plist": infoPlist(t, plist.BinaryFormat, info)}
	for name, data := range beside {
		files["Payload/Shop.app/"+name] = data
	}
	file, size := archiveOf(t, files)
	data, err := io.ReadAll(io.NewSectionReader(file, 0, size))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestApplesIconIsTheLargestThatTheListNames(t *testing.T) {
	red, green := color.NRGBA{200, 0, 0, 255}, color.NRGBA{0, 200, 0, 255}
	large := applePNG(t, filled(180, 180, red), 6)
	for name, c := range map[string]struct {
		info   map[string]any
		beside map[string][]byte
	}{
		"an asset catalog's": {
			map[string]any{"CFBundleIcons": map[string]any{"CFBundlePrimaryIcon": map[string]any{"CFBundleIconFiles": []string{"AppIcon60x60"}, "CFBundleIconName": "AppIcon"}}},
			map[string][]byte{"AppIcon60x60@2x.png": applePNG(t, filled(120, 120, green), 6), "AppIcon60x60@3x.png": large, "LaunchImage.png": plainPNGOf(t, noisy())},
		},
		"an iPad's": {
			map[string]any{"CFBundleIcons": 7, "CFBundleIcons~ipad": map[string]any{"CFBundlePrimaryIcon": map[string]any{"CFBundleIconFiles": []string{"AppIcon60x60", "AppIcon76x76"}}}},
			map[string][]byte{"AppIcon76x76@2x~ipad.png": large},
		},
		"an old one's": {map[string]any{"CFBundleIconFiles": []any{7, "Icon.png"}}, map[string][]byte{"Icon.png": large}},
		"the oldest's": {map[string]any{"CFBundleIconFile": "Icon"}, map[string][]byte{"Icon.png": large, "Icon/../../x.png": nil}},
		"a broken one": {
			map[string]any{"CFBundleIconFiles": []string{"a.png.png", "", "Icon", "Other"}},
			map[string][]byte{"a.png": nil, "Icon.png": make([]byte, 5<<20), "Other@2x.png": large},
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := describedFile(t, core.ArtifactIPA, ipaOf(t, c.info, c.beside))
			looks(t, a.Icon, 180, red)
		})
	}
	a := describedFile(t, core.ArtifactIPA, ipaOf(t, map[string]any{"CFBundleIdentifier": "x"}, map[string][]byte{"Icon.png": large}))
	if a.Icon != nil {
		t.Error("an icon that nobody names is shown")
	}
}

func TestForWhichDevicesAnIPAIsSigned(t *testing.T) {
	end := time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)
	profile := func(info map[string]any) []byte {
		return append(append([]byte("0\x82\x10\x00\x06\x09signed"), infoPlist(t, plist.XMLFormat, info)...), "\x00\x01the signature"...)
	}
	for name, c := range map[string]struct {
		profile []byte
		want    map[string]string
	}{
		"registered": {
			profile(map[string]any{"ProvisionedDevices": []string{"a", "b"}, "ExpirationDate": end}),
			map[string]string{core.MetaDistribution: core.DistributionDevices, core.MetaDevices: "2", core.MetaProfileExpires: "2027-03-01T12:00:00Z"},
		},
		"all":      {profile(map[string]any{"ProvisionsAllDevices": true}), map[string]string{core.MetaDistribution: core.DistributionEnterprise}},
		"store":    {profile(map[string]any{"Name": "Shop"}), map[string]string{core.MetaDistribution: core.DistributionStore}},
		"damaged":  {[]byte("0\x82<?xml version='1.0'?><plist><dict><key>a</plist>"), nil},
		"no list":  {[]byte("</plist><?xml"), nil},
		"too long": {append(profile(map[string]any{}), make([]byte, maxProfile)...), nil},
	} {
		a := describedFile(t, core.ArtifactIPA, ipaOf(t, map[string]any{}, map[string][]byte{"embedded.mobileprovision": c.profile}))
		if !maps.Equal(a.Metadata, c.want) {
			t.Errorf("%s: %v", name, a.Metadata)
		}
	}
}

// foldedPlist is a binary list of 60 levels, of which each holds the next one twice.
func foldedPlist() []byte {
	const levels = 60
	out := []byte("bplist00")
	var offsets []byte
	object := func(data ...byte) {
		offsets = append(offsets, byte(len(out)>>8), byte(len(out)))
		out = append(out, data...)
	}
	object(0xd1, 1, 2) // {"a": the first level}
	object(0x51, 'a')  // "a"
	for n := range levels {
		object(0xa2, byte(n+3), byte(n+3))
	}
	object(0x51, 'x')
	table := len(out)
	out = append(out, offsets...)
	out = append(out, 0, 0, 0, 0, 0, 0, 2, 1)
	for _, n := range []int{levels + 3, 0, table} {
		out = binary.BigEndian.AppendUint64(out, uint64(n))
	}
	return out
}

func TestAListThatHoldsTheSameTwiceIsNotUnfolded(t *testing.T) {
	ended := make(chan error, 1)
	go func() {
		_, err := noteInfoPlist(foldedPlist(), &core.Artifact{})
		ended <- err
	}()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err) // it is a list, and has nothing for us
		}
	case <-time.After(patience):
		t.Fatal("a list of 300 bytes takes longer than anybody waits")
	}
}

func FuzzArchives(f *testing.F) {
	for _, name := range []string{"shop.apk", "adaptive.apk", "shop.aab"} {
		f.Add(readTestdata(f, name))
	}
	f.Add(ipaOf(f, map[string]any{"CFBundleIdentifier": "a", "CFBundleIconFiles": []string{"Icon"}}, map[string][]byte{
		"Icon.png": applePNG(f, filled(8, 8, color.NRGBA{1, 2, 3, 4}), 6), "embedded.mobileprovision": []byte("<?xml?></plist>"),
	}))
	f.Fuzz(func(t *testing.T, data []byte) {
		file := fileOf(t, data)
		for _, kind := range []core.ArtifactKind{core.ArtifactAPK, core.ArtifactAAB, core.ArtifactIPA} {
			a := core.Artifact{Name: "a", Kind: kind, Size: int64(len(data))}
			_ = describeFile(file, &a) // how it is damaged is nobody's business
			if err := a.Validate(); err != nil {
				t.Error(err)
			}
		}
	})
}
