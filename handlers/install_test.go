package handlers

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
)

func installDoor(t *testing.T, kind core.ArtifactKind) *testServer {
	t.Helper()
	s := serve(t, nil)
	s.fake.Artifact = core.Artifact{ID: someID, Name: "Shop." + string(kind), Kind: kind, Size: 7, SHA256: strings.Repeat("0", 64), IconSHA256: strings.Repeat("1", 64), Metadata: map[string]string{
		core.MetaBundleID: "com.acme.shop", core.MetaTitle: "Shop", core.MetaVersion: "1.4.0", core.MetaDistribution: core.DistributionDevices,
	}}
	s.fake.File, s.fake.Expires = "content", time.Now().Add(time.Hour)
	return s
}

// commands are the names of those that were asked, each once.
func (s *testServer) commands() []string {
	var names []string
	for _, call := range s.fake.Calls() {
		names = append(names, call.Command)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func TestAnInstallPageIsForMembersAndForWhoHasALink(t *testing.T) {
	s := installDoor(t, core.ArtifactAPK)
	const page = "Accept: text/html"
	if got := s.ask("GET", "/i/"+someID, "", page); got.status != http.StatusSeeOther || got.header.Get("Location") != "/login?next=%2Fi%2F"+someID {
		t.Errorf("a guest: %d to %s", got.status, got.header.Get("Location"))
	}
	if calls := s.fake.Calls(); len(calls) > 0 {
		t.Errorf("asked %v", calls)
	}
	if got := s.ask("GET", "/i/"+someID, "", page, "Cookie: "+cookie); got.status != http.StatusOK || !strings.Contains(got.body, "<h1>Shop</h1>") {
		t.Errorf("a member: %d", got.status)
	}
	if got := s.ask("GET", "/i/ooreh_x", "", page); got.status != http.StatusOK || !strings.Contains(got.body, "<h1>Shop</h1>") || s.fake.Last().ID != "ooreh_x" {
		t.Errorf("who has a link: %d, asked %+v", got.status, s.fake.Last())
	}
	s.fake.Err = core.Errorf(core.KindNotFound, "This link is unknown")
	if got := s.ask("GET", "/i/ooreh_x", "", page); got.status != http.StatusNotFound || !strings.Contains(got.body, "not good any more") {
		t.Errorf("a link that has ended: %d", got.status)
	}
	s.expect(s.ask("GET", "/i/ooreh_x/app", ""), http.StatusNotFound, "not_found")
	s.expect(s.ask("GET", "/i/ooreh_x/manifest.plist", ""), http.StatusNotFound, "not_found")
	s.expect(s.ask("GET", "/i/ooreh_x/icon", ""), http.StatusNotFound, "not_found")
}

func TestASharedFileIsLoadedInParts(t *testing.T) {
	s := installDoor(t, core.ArtifactAPK)
	for _, c := range []struct {
		header, body string
		status       int
		begins       bool
	}{
		{"X: y", "content", http.StatusOK, true},
		{"Range: bytes=0-3", "cont", http.StatusPartialContent, true},
		{"Range: bytes=4-", "ent", http.StatusPartialContent, false},
		{"Range: bytes=0-", "content", http.StatusPartialContent, true},
	} {
		got := s.ask("GET", "/i/ooreh_x/app", "", c.header)
		if got.status != c.status || got.body != c.body || s.fake.Last().In != c.begins {
			t.Errorf("%s: %d %q, begins %v", c.header, got.status, got.body, s.fake.Last().In)
		}
		for header, want := range map[string]string{
			"Content-Type": "application/vnd.android.package-archive", "Content-Disposition": "attachment; filename=Shop.apk", "X-Content-Type-Options": "nosniff",
			"Content-Security-Policy": "sandbox; default-src 'none'", "Referrer-Policy": "no-referrer", "Cache-Control": "private, no-store",
		} {
			if got.header.Get(header) != want {
				t.Errorf("%s: %s %q", c.header, header, got.header.Get(header))
			}
		}
	}
}

// A manifest, a file and an icon are loaded by an iPhone that sends no cookies, and by
// HEAD as often as it likes.
func TestASingleUseIsUsedByGETAlone(t *testing.T) {
	s := installDoor(t, core.ArtifactIPA)
	s.fake.Begun = "oorei_begun"
	for _, path := range []string{"/i/ooreh_once", "/i/ooreh_once/app", "/i/ooreh_once/manifest.plist", "/i/ooreh_once/icon", "/i/ooreh_once/qr.svg", "/i/ooreh_once/qr.png"} {
		if got := s.ask("HEAD", path, ""); got.status != http.StatusOK {
			t.Errorf("HEAD %s: %d", path, got.status)
		}
	}
	if asked := s.commands(); slices.Contains(asked, "BeginInstall") || s.fake.Last().In == true {
		t.Fatalf("HEAD asked for %q", asked)
	}
	got := s.ask("GET", "/i/ooreh_once/app", "", "Range: bytes=0-3")
	if got.status != http.StatusSeeOther || got.header.Get("Location") != "/i/oorei_begun/app" || got.header.Get("Cache-Control") != "no-store" {
		t.Errorf("%d to %s, %v", got.status, got.header.Get("Location"), got.header)
	}
	if got = s.ask("GET", "/i/oorei_begun/app", ""); got.status != http.StatusOK || got.body != "content" {
		t.Errorf("%d %q", got.status, got.body)
	}
	got = s.ask("GET", "/i/ooreh_once/manifest.plist", "")
	if got.status != http.StatusOK || !strings.Contains(got.body, "<string>https://ci.example.com/i/oorei_begun/app</string>") {
		t.Errorf("%d %s", got.status, got.body)
	}
	got = s.ask("POST", "/i/ooreh_once/install", "", "Sec-Fetch-Site: same-origin")
	if got.status != http.StatusSeeOther || got.header.Get("Location") != "/i/oorei_begun" {
		t.Errorf("%d to %s", got.status, got.header.Get("Location"))
	}
}

func TestAnIconIsAnImageAndNothingElse(t *testing.T) {
	s := installDoor(t, core.ArtifactAPK)
	for _, path := range []string{"/v1/artifacts/" + someID + "/icon", "/artifacts/" + someID + "/icon", "/i/ooreh_x/icon"} {
		got := s.ask("GET", path, "", "Cookie: "+cookie)
		if got.status != http.StatusOK || got.body != "content" {
			t.Errorf("%s: %d %q", path, got.status, got.body)
		}
		for header, want := range map[string]string{"Content-Type": "image/png", "X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox; default-src 'none'"} {
			if got.header.Get(header) != want {
				t.Errorf("%s: %s %q", path, header, got.header.Get(header))
			}
		}
	}
	if s.fake.Closed() != 3 {
		t.Errorf("%d icons were closed", s.fake.Closed())
	}
}
