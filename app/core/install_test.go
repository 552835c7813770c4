package core

import (
	"bytes"
	"image"
	"image/png"
	"strings"
	"testing"
	"time"
)

func pngOf(t *testing.T, width, height int) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := png.Encode(&out, image.NewNRGBA(image.Rect(0, 0, width, height))); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestAnIconIsASmallPNG(t *testing.T) {
	for name, c := range map[string]struct {
		icon []byte
		good bool
	}{
		"none": {nil, true}, "a small one": {pngOf(t, 1, 1), true}, "the largest": {pngOf(t, MaxIconSide, MaxIconSide), true},
		"too wide": {pngOf(t, MaxIconSide+1, 1), false}, "too high": {pngOf(t, 1, MaxIconSide+1), false},
		"too long": {append(pngOf(t, 1, 1), make([]byte, MaxIcon)...), false},
		"an SVG":   {[]byte("<svg xmlns='http://www.w3.org/2000/svg'/>"), false}, "nothing": {[]byte{}, false},
		"a page": {[]byte("<script>alert(1)</script>"), false},
	} {
		if err := (Artifact{Name: "a", Kind: ArtifactAPK, Icon: c.icon}).Validate(); (err == nil) != c.good || !c.good && KindOf(err) != KindInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhyAnIPhoneCannotInstall(t *testing.T) {
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	whole := map[string]string{
		MetaBundleID: "com.acme.shop", MetaTitle: "Shop", MetaVersion: "1.4.0", MetaBuildNumber: "42",
		MetaDistribution: DistributionDevices, MetaProfileExpires: "2026-12-01T12:00:00Z",
	}
	if faults := (Artifact{Metadata: whole}).InstallFaults(true, now); len(faults) > 0 {
		t.Errorf("a good one has %q", faults)
	}
	for says, change := range map[string]map[string]string{
		"CFBundleIdentifier":    {MetaBundleID: ""},
		"CFBundleDisplayName":   {MetaTitle: ""},
		"CFBundleVersion":       {MetaVersion: "", MetaBuildNumber: ""},
		"provisioning profile,": {MetaDistribution: ""},
		"App Store":             {MetaDistribution: DistributionStore},
		"expired on 30 Nov":     {MetaProfileExpires: "2026-11-30T12:00:00Z"},
	} {
		a := Artifact{Metadata: map[string]string{}}
		for key, text := range whole {
			a.Metadata[key] = text
		}
		for key, text := range change {
			a.Metadata[key] = text
		}
		if faults := a.InstallFaults(true, now); len(faults) != 1 || !strings.Contains(faults[0], says) {
			t.Errorf("%s: %q", says, faults)
		}
	}
	if faults := (Artifact{}).InstallFaults(false, now); len(faults) != 5 || !strings.Contains(faults[0], "HTTPS") {
		t.Errorf("one without anything has %q", faults)
	}
	for _, good := range []map[string]string{{MetaVersion: "", MetaBuildNumber: "42"}, {MetaDistribution: DistributionEnterprise, MetaProfileExpires: ""}} {
		a := Artifact{Metadata: map[string]string{MetaBundleID: "x", MetaTitle: "x", MetaVersion: "1", MetaDistribution: DistributionDevices}}
		for key, text := range good {
			a.Metadata[key] = text
		}
		if faults := a.InstallFaults(true, now); len(faults) > 0 {
			t.Errorf("%v: %q", good, faults)
		}
	}
}

func TestWhereAForgeCanLoadAnImage(t *testing.T) {
	for address, want := range map[string]bool{
		"https://ci.example.com": true, "https://ci.example.com:8443/oore": true, "http://8.8.8.8": true, "http://[2001:4860:4860::8888]:80": true, "https://CI.EXAMPLE.com.": true,
		"http://127.0.0.1:8787": false, "http://localhost": false, "http://ci": false, "https://ci.local": false, "https://ci.corp.internal": false, "https://ci.lan.": false,
		"http://10.1.2.3": false, "http://192.168.1.1": false, "http://100.64.0.1": false, "http://169.254.1.1": false, "http://[::1]": false, "http://[fd00::1]": false,
		"http://[::ffff:10.0.0.1]": false, "http://0.0.0.0": false, "": false, "://": false, "http://ci.": false, "https://local.example.com": true,
	} {
		if got := PublicAddress(address); got != want {
			t.Errorf("%s: %t", address, got)
		}
	}
}
