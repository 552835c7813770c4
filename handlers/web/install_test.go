package web

import (
	"bytes"
	"image/png"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"howett.net/plist"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

const (
	overHTTP  = "http://127.0.0.1:8787"
	overHTTPS = "https://ci.example.com"
)

func mustHold(t *testing.T, page string, wanted ...string) {
	t.Helper()
	for _, want := range wanted {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

func mustLack(t *testing.T, page string, unwanted ...string) {
	t.Helper()
	for _, text := range unwanted {
		if strings.Contains(page, text) {
			t.Errorf("the page has %q", text)
		}
	}
}

func TestAnInstallPageSaysWhatItInstalls(t *testing.T) {
	a := site(t, filled(), owner(), overHTTPS)
	answer, page := get(t, a, "/i/"+artifactAPK)
	mustHold(t, page, "<h1>app-release.apk</h1>", "1.4.0 (42)", "com.acme.shop", "24.1 MB", "#139", "a1b2c3d4e5f60718293a4b5c6d7e8f9012345678", strings.Repeat("0123456789abcdef", 4),
		`src="/artifacts/`+artifactAPK+`/icon"`, `href="/artifacts/`+artifactAPK+`/download">Install</a>`, `<svg class="qr"`, `https://ci.example.com/i/oorei_of_`+artifactAPK)
	for header, want := range map[string]string{"Cache-Control": "no-store", "Referrer-Policy": "strict-origin", "X-Robots-Tag": "noindex"} {
		if got := answer.Header.Get(header); got != want {
			t.Errorf("%s: %q", header, got)
		}
	}
	_, page = get(t, a, "/i/"+artifactAAB)
	mustHold(t, page, ">Download</a>", "for Google Play", `<span class="appicon" aria-hidden="true">A</span>`)
	for _, path := range []string{"/i/00000000-0000-4000-8000-000000000000", "/i/%7B" + artifactAPK + "%7D", "/i/a1"} {
		if answer, _ = get(t, a, path); answer.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d", path, answer.StatusCode)
		}
	}
}

func TestAGuestSeesTheAppAndNothingElse(t *testing.T) {
	a := site(t, filled(), owner(), overHTTPS)
	_, page := get(t, a, "/i/ooreh_apk")
	mustHold(t, page, "<h1>app-release.apk</h1>", `href="/i/ooreh_apk/app">Install</a>`, `src="/i/ooreh_apk/icon"`, "FlutterShop #139", "This link ends", "https://ci.example.com/i/ooreh_apk")
	mustLack(t, page, `aria-label="Main"`, "Sign out", "/builds/", "/projects/", "share-links", "/artifacts/", "By API", "oorei_of")
	answer, page := get(t, a, "/i/ooreh_none")
	if answer.StatusCode != http.StatusNotFound {
		t.Errorf("status %d", answer.StatusCode)
	}
	mustHold(t, page, "This link is not good any more", "Ask whoever sent it")
}

func TestAnIPhoneInstallsOverHTTPSWhatIsWhole(t *testing.T) {
	a := site(t, filled(), owner(), overHTTPS)
	const apple = "itms-services://?action=download-manifest&amp;url=https%3A%2F%2Fci.example.com%2Fi%2F"
	_, page := get(t, a, "/i/oorei_ipa")
	mustHold(t, page, `href="`+apple+`oorei_ipa%2Fmanifest.plist"`, "signed for 12 registered devices", `href="/i/oorei_ipa/app"`)
	_, page = get(t, a, "/i/"+artifactIPA)
	mustHold(t, page, `href="`+apple+"oorei_of_"+artifactIPA+`%2Fmanifest.plist"`, `href="/artifacts/`+artifactIPA+`/download"`)
	_, page = get(t, a, "/i/"+artifactBareIPA)
	mustHold(t, page, "lacks CFBundleIdentifier", "lacks CFBundleDisplayName", "no provisioning profile", "Download the IPA")
	mustLack(t, page, "itms-services")
	_, page = get(t, site(t, filled(), owner(), overHTTP), "/i/oorei_ipa")
	mustHold(t, page, "OORE_PUBLIC_URL", "Download the IPA")
	mustLack(t, page, "itms-services", "CFBundle")
}

type appleManifest struct {
	Items []struct {
		Assets   []map[string]string `plist:"assets"`
		Metadata map[string]string   `plist:"metadata"`
	} `plist:"items"`
}

func readManifest(t *testing.T, text string) appleManifest {
	t.Helper()
	var m appleManifest
	if format, err := plist.Unmarshal([]byte(text), &m); err != nil || format != plist.XMLFormat || len(m.Items) != 1 {
		t.Fatalf("format %d, %v: %s", format, err, text)
	}
	return m
}

func TestTheManifestIsWhatAnIPhoneReads(t *testing.T) {
	f := filled()
	a := site(t, f, owner(), overHTTPS)
	answer, text := get(t, a, "/i/oorei_ipa/manifest.plist")
	if got := answer.Header.Get("Content-Type"); got != "application/xml; charset=utf-8" {
		t.Errorf("Content-Type %q", got)
	}
	m := readManifest(t, text).Items[0]
	if len(m.Assets) != 1 || m.Assets[0]["kind"] != "software-package" || m.Assets[0]["url"] != "https://ci.example.com/i/oorei_ipa/app" {
		t.Errorf("assets %v", m.Assets)
	}
	for key, want := range map[string]string{"bundle-identifier": "com.acme.shop", "bundle-version": "1.4.0", "kind": "software", "title": "Acme Shop iOS"} {
		if m.Metadata[key] != want {
			t.Errorf("%s: %q", key, m.Metadata[key])
		}
	}
	ipa := f.shared["oorei_ipa"]
	ipa.Artifact.IconSHA256 = "x"
	f.shared["oorei_ipa"] = ipa
	_, text = get(t, a, "/i/oorei_ipa/manifest.plist")
	if assets := readManifest(t, text).Items[0].Assets; len(assets) != 2 || assets[1]["url"] != "https://ci.example.com/i/oorei_ipa/icon" {
		t.Errorf("assets %v", assets)
	}
	_, text = get(t, a, "/i/ooreh_hostile/manifest.plist")
	inert := strings.NewReplacer("\x1b", "\ufffd", "\x07", "\ufffd").Replace(hostile) // XML has no such characters
	if m := readManifest(t, text).Items[0]; m.Metadata["title"] != inert || m.Metadata["bundle-identifier"] != inert || strings.Contains(text, "<script") {
		t.Errorf("%s", text)
	}
	for path, status := range map[string]int{"/i/ooreh_apk/manifest.plist": http.StatusNotFound, "/i/none/manifest.plist": http.StatusNotFound} {
		if answer, _ := get(t, a, path); answer.StatusCode != status {
			t.Errorf("%s: %d", path, answer.StatusCode)
		}
	}
	if answer, text := get(t, site(t, f, owner(), overHTTP), "/i/oorei_ipa/manifest.plist"); answer.StatusCode != http.StatusConflict || strings.Contains(text, "<plist") {
		t.Errorf("over HTTP: %d", answer.StatusCode)
	}
}

func TestLookingAtALinkUsesNothingUp(t *testing.T) {
	f := filled()
	a := site(t, f, owner(), overHTTPS)
	_, page := get(t, a, "/i/ooreh_once_ipa")
	mustHold(t, page, `<form method="post" action="/i/ooreh_once_ipa/install">`, "This link works once")
	mustLack(t, page, "itms-services", "/app\"", "manifest")
	for _, path := range []string{"/i/ooreh_once_ipa", "/i/ooreh_once_ipa/manifest.plist", "/i/ooreh_once_ipa/qr.svg", "/i/" + artifactIPA} {
		if answer, _ := do(t, a, httptest.NewRequest(http.MethodHead, path, nil)); answer.StatusCode != http.StatusOK {
			t.Errorf("HEAD %s: %d", path, answer.StatusCode)
		}
	}
	if _, page := get(t, a, "/i/ooreh_once_ipa/qr.svg"); !strings.HasPrefix(page, "<svg ") {
		t.Errorf("%.100s", page)
	}
	if len(f.asked) > 0 {
		t.Fatalf("asked for %q", f.asked)
	}
	answer, _ := post(t, a, "/i/ooreh_once_ipa/install", nil)
	if answer.StatusCode != http.StatusSeeOther || answer.Header.Get("Location") != "/i/oorei_ipa" || answer.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%d to %s", answer.StatusCode, answer.Header.Get("Location"))
	}
	if answer, page := post(t, a, "/i/none/install", nil); answer.StatusCode != http.StatusNotFound || !strings.Contains(page, "not good any more") {
		t.Errorf("%d", answer.StatusCode)
	}
	// Who loads the manifest without the page has begun the install, and its file is of it.
	_, text := get(t, a, "/i/ooreh_once_ipa/manifest.plist")
	if got := readManifest(t, text).Items[0].Assets[0]["url"]; got != "https://ci.example.com/i/oorei_ipa/app" {
		t.Errorf("the file is at %s", got)
	}
	// What could not be installed is not begun.
	f.asked = nil
	if answer, _ := get(t, site(t, f, owner(), overHTTP), "/i/ooreh_once_ipa/manifest.plist"); answer.StatusCode != http.StatusConflict || len(f.asked) > 0 {
		t.Errorf("%d, asked for %q", answer.StatusCode, f.asked)
	}
}

func TestSharingFromThePage(t *testing.T) {
	f := filled()
	a := site(t, f, owner(), overHTTPS)
	_, page := get(t, a, "/i/"+artifactAPK)
	mustHold(t, page, `action="/i/`+artifactAPK+`/share-links"`, `action="/i/`+artifactAPK+`/share-links/s1/revoke"`, ">3<", ">0 of 1<")
	mustLack(t, page, "ooreh_")
	_, page = post(t, a, "/i/"+artifactAPK+"/share-links", url.Values{"expires_in": {"3600"}, "single_use": {"1"}})
	mustHold(t, page, "The link is made.", `data-copy="https://ci.example.com/i/ooreh_new_of_`+artifactAPK+`"`)
	if want := []app.ShareLink{{Life: time.Hour, SingleUse: true}}; !slices.Equal(f.sharedNow, want) {
		t.Errorf("asked for %+v", f.sharedNow)
	}
	f.refuse = core.Errorf(core.KindInvalid, "expires_in: too long")
	answer, page := post(t, a, "/i/"+artifactAPK+"/share-links", url.Values{"expires_in": {"x"}})
	if answer.StatusCode != http.StatusBadRequest || f.sharedNow[1].Life >= 0 {
		t.Errorf("%d, %+v", answer.StatusCode, f.sharedNow)
	}
	mustHold(t, page, "expires_in: too long")
	mustLack(t, page, "The link is made.")
	f.refuse = nil
	answer, _ = post(t, a, "/i/"+artifactAPK+"/share-links/s1/revoke", nil)
	if answer.StatusCode != http.StatusSeeOther || answer.Header.Get("Location") != "/i/"+artifactAPK || !slices.Contains(f.asked, "revoke s1") {
		t.Errorf("%d to %s, asked for %q", answer.StatusCode, answer.Header.Get("Location"), f.asked)
	}
}

func TestTestersSeeWhatToInstall(t *testing.T) {
	viewer := core.Actor{Kind: core.ActorUser, Name: "tess", Role: core.RoleViewer}
	a := site(t, filled(), viewer, overHTTPS)
	_, page := get(t, a, "/apps/fluttershop")
	mustHold(t, page, "<h1>Apps of FlutterShop</h1>", `href="/i/`+artifactAPK+`"`, `href="/i/`+artifactIPA+`"`, "Acme Shop iOS", "1.4.0 (42)", "Android release", "feature/stripe-v3",
		`src="/artifacts/`+artifactAPK+`/icon"`, "/v1/projects/p1/artifacts")
	mustLack(t, page, artifactAAB, artifactFile)
	_, page = get(t, a, "/apps/local")
	mustHold(t, page, "Nothing to install yet")
	if answer, _ := get(t, a, "/apps/none"); answer.StatusCode != http.StatusNotFound {
		t.Errorf("status %d", answer.StatusCode)
	}
	_, page = get(t, a, "/projects/p1")
	mustHold(t, page, `href="/apps/fluttershop"`)
}

func TestAQRCodeIsAnImageOfAnAddress(t *testing.T) {
	a := site(t, filled(), owner(), overHTTPS)
	for path, contentType := range map[string]string{
		"/i/" + artifactAPK + "/qr.svg": "image/svg+xml", "/i/" + artifactAPK + "/qr.png": "image/png",
		"/i/00000000-0000-4000-8000-000000000000/qr.png": "image/png", // tells nobody what there is
		"/i/ooreh_apk/qr.svg":                            "image/svg+xml",
	} {
		answer, body := get(t, a, path)
		if answer.StatusCode != http.StatusOK || answer.Header.Get("Content-Type") != contentType || answer.Header.Get("X-Content-Type-Options") != "nosniff" ||
			answer.Header.Get("Content-Security-Policy") != "default-src 'none'" {
			t.Errorf("%s: %d %v", path, answer.StatusCode, answer.Header)
		}
		if secret := strings.Contains(path, "ooreh_"); secret != (answer.Header.Get("Cache-Control") == "no-store") {
			t.Errorf("%s: Cache-Control %q", path, answer.Header.Get("Cache-Control"))
		}
		if contentType == "image/png" {
			if img, err := png.Decode(bytes.NewReader([]byte(body))); err != nil || img.Bounds().Dx() < 180 {
				t.Errorf("%s: %v", path, err)
			}
		}
	}
	for _, path := range []string{"/i/none/qr.svg", "/i/none/qr.png", "/i/%7B" + artifactAPK + "%7D/qr.svg"} {
		if answer, _ := get(t, a, path); answer.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d", path, answer.StatusCode)
		}
	}
}
