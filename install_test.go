package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/oore-ci/oore/handlers/github/githubtest"
)

// publicHTTPS is what an iPhone is told; the tests reach the same server at its own address.
const publicHTTPS = "https://ci.example.com"

// mobile is a repository whose build makes an APK, by Android's own tools, and an IPA.
func mobile(t *testing.T) map[string]string {
	t.Helper()
	apk, err := os.ReadFile("runner/testdata/android/shop.apk")
	if err != nil {
		t.Fatal(err)
	}
	icon := image.NewNRGBA(image.Rect(0, 0, 180, 180))
	for i := range icon.Pix {
		icon.Pix[i] = 0xff
	}
	icon.SetNRGBA(90, 90, color.NRGBA{200, 0, 0, 255})
	var drawn bytes.Buffer
	if err := png.Encode(&drawn, icon); err != nil {
		t.Fatal(err)
	}
	info := func(keys string) string {
		return `<?xml version="1.0"?><plist version="1.0"><dict>` + keys + `</dict></plist>`
	}
	text := func(key, value string) string { return "<key>" + key + "</key><string>" + value + "</string>" }
	return map[string]string{
		".oore.yaml": "version: 1\nplatforms: []\ncommands:\n  build:\n    - sh make.sh\nartifacts: {patterns: ['out/*']}\n",
		"make.sh":    "set -e\nmkdir out\ncp prebuilt.apk out/shop.apk\ngit archive --format=zip -o out/Shop.ipa HEAD Payload\n",
		// No build on this machine can call Android's tools; what they made is in the repository.
		"prebuilt.apk": string(apk),
		"Payload/Shop.app/Info.plist": info(text("CFBundleIdentifier", "com.acme.shop") + text("CFBundleShortVersionString", "1.4.0") + text("CFBundleVersion", "42") +
			text("CFBundleDisplayName", "Shop &lt;b&gt;&amp;") + "<key>CFBundleIcons</key><dict><key>CFBundlePrimaryIcon</key><dict><key>CFBundleIconFiles</key><array><string>AppIcon60x60</string></array></dict></dict>"),
		"Payload/Shop.app/AppIcon60x60@3x.png":      drawn.String(),
		"Payload/Shop.app/embedded.mobileprovision": "0\x82signed" + info("<key>ProvisionedDevices</key><array><string>0000-1</string><string>0000-2</string></array>") + "\x00\x01",
	}
}

// installSite is a server that has built the apps, of a push and of a pull request.
func installSite(t *testing.T, database string) (s *site, project projectView, apk, ipa artifactView) {
	t.Helper()
	s = newSite(t, database, mobile(t), "OORE_PUBLIC_URL="+publicHTTPS)
	project = s.githubProject("acme/shop", nil)
	s.program.pipeline(project.ID, "Mobile", nil)
	b := s.decided(s.deliver("push", s.gh.PushPayload(s.repo, "main", "", s.head)))
	id := b.Verdicts[0].BuildID
	if end := s.ended(id); end.Status != "succeeded" {
		t.Fatalf("the build ended as %+v:\n%s", end, s.rawLog(id))
	}
	var list artifactsView
	s.must("GET", "/v1/builds/"+id+"/artifacts", nil, &list)
	if list.Total != 2 || list.Artifacts[0].Kind != "ipa" || list.Artifacts[1].Kind != "apk" {
		t.Fatalf("artifacts %+v", list)
	}
	return s, project, list.Artifacts[1], list.Artifacts[0]
}

// local is an address of the public host as the tests reach it.
func (s *site) local(address string) string {
	s.t.Helper()
	path, ok := strings.CutPrefix(address, publicHTTPS+"/")
	if !ok {
		s.t.Fatalf("%q is no address of the server", address)
	}
	return s.url + "/" + path
}

type shareView struct {
	ID        string `json:"id"`
	URL       string `json:"url"`
	CreatedBy string `json:"created_by"`
	SingleUse bool   `json:"single_use"`
	Uses      int    `json:"uses"`
	ExpiresAt int64  `json:"expires_at"`
}

func (s *site) shareLink(artifactID string, in map[string]any) shareView {
	s.t.Helper()
	var link shareView
	s.must("POST", "/v1/artifacts/"+artifactID+"/share-links", in, &link)
	return link
}

func (s *site) shareLinks(artifactID string) []shareView {
	s.t.Helper()
	var list struct {
		Links []shareView `json:"share_links"`
	}
	s.must("GET", "/v1/artifacts/"+artifactID+"/share-links", nil, &list)
	return list.Links
}

// loads checks that an address gives that artifact's bytes.
func (s *site) loads(address string, a artifactView, headers ...string) {
	s.t.Helper()
	resp, body := s.ask("GET", address, headers...)
	if resp.StatusCode != http.StatusOK || sha(body) != a.SHA256 {
		s.t.Errorf("%s: %d with %d bytes", address, resp.StatusCode, len(body))
	}
}

func sha(body []byte) string { return fmt.Sprintf("%x", sha256.Sum256(body)) }

// isGone checks that nothing below an install page's address is there any more.
func (s *site) isGone(address string) {
	s.t.Helper()
	for _, path := range []string{"", "/app", "/icon", "/manifest.plist", "/qr.svg", "/qr.png"} {
		for _, method := range []string{"GET", "HEAD"} {
			if resp, _ := s.ask(method, address+path); resp.StatusCode != http.StatusNotFound {
				s.t.Errorf("%s %s is answered %d", method, path, resp.StatusCode)
			}
		}
	}
}

func TestAnAppIsSharedUntilItIsRevoked(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		s, project, apk, ipa := installSite(t, database)
		if apk.Metadata["title"] != "Acme Shop" || apk.Metadata["package_name"] != "com.acme.shop" || ipa.Metadata["title"] != "Shop <b>&" || ipa.Metadata["distribution"] != "registered_devices" {
			t.Errorf("%v and %v", apk.Metadata, ipa.Metadata)
		}
		bearer := "Authorization: Bearer " + adminToken
		for id, width := range map[string]int{apk.ID: 144, ipa.ID: 180} {
			resp, body := s.ask("GET", s.url+"/v1/artifacts/"+id+"/icon", bearer)
			img, err := png.Decode(bytes.NewReader(body))
			if err != nil || img.Bounds().Dx() != width || resp.Header.Get("Content-Type") != "image/png" || resp.Header.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("the icon: %d %v, %v", resp.StatusCode, resp.Header, err)
			}
		}

		link := s.shareLink(apk.ID, map[string]any{"expires_in": 600})
		address := s.local(link.URL)
		if left := time.Until(time.Unix(link.ExpiresAt, 0)); left < 9*time.Minute || left > 10*time.Minute || link.ID == "" {
			t.Errorf("link %+v", link)
		}
		s.stop() // a restart changes nothing
		s.start()
		resp, page := s.ask("GET", address, "Accept: text/html")
		for _, want := range []string{"<h1>Acme Shop</h1>", "1.4.0 (42)", apk.SHA256, s.head, `href="` + strings.TrimPrefix(link.URL, publicHTTPS) + `/app"`} {
			if resp.StatusCode != http.StatusOK || !strings.Contains(string(page), want) {
				t.Errorf("%d, the page lacks %q", resp.StatusCode, want)
			}
		}
		if resp, _ := s.ask("HEAD", address+"/app"); resp.StatusCode != http.StatusOK || resp.ContentLength != apk.Size || resp.Header.Get("Content-Type") != "application/vnd.android.package-archive" {
			t.Errorf("HEAD: %d, %d bytes, %v", resp.StatusCode, resp.ContentLength, resp.Header)
		}
		s.loads(address+"/app", apk)
		resp, body := s.ask("GET", address+"/app", fmt.Sprintf("Range: bytes=%d-", apk.Size-10))
		if resp.StatusCode != http.StatusPartialContent || len(body) != 10 {
			t.Errorf("the end of it: %d with %d bytes", resp.StatusCode, len(body))
		}
		s.loads(address+"/app", apk)
		if links := s.shareLinks(apk.ID); len(links) != 1 || links[0].Uses != 2 || links[0].CreatedBy != "admin token" || links[0].URL != "" {
			t.Errorf("links %+v", links)
		}
		if status := s.call("DELETE", "/v1/share-links/"+link.ID, nil, nil); status != http.StatusNoContent {
			t.Errorf("revoked: %d", status)
		}
		s.isGone(address)
		if status := s.call("DELETE", "/v1/share-links/"+link.ID, nil, nil); status != http.StatusNotFound {
			t.Errorf("revoked again: %d", status)
		}

		// Testers find the newest by themselves.
		resp, page = s.ask("GET", s.url+"/apps/"+project.Slug, bearer, "Accept: text/html")
		if resp.StatusCode != http.StatusOK || !strings.Contains(string(page), `href="/i/`+apk.ID+`"`) || !strings.Contains(string(page), "Shop &lt;b&gt;&amp;") {
			t.Errorf("the releases: %d\n%s", resp.StatusCode, page)
		}
		if resp, _ = s.ask("GET", s.url+"/i/"+apk.ID, "Accept: text/html"); resp.StatusCode != http.StatusSeeOther {
			t.Errorf("without a sign-in: %d", resp.StatusCode)
		}
		s.tellsOfLinks(strings.TrimPrefix(link.URL, publicHTTPS+"/i/"), link.ID)
	})
}

// tellsOfLinks checks that the log tells of a link's life and that its secret stands
// nowhere.
func (s *site) tellsOfLinks(secret, id string) {
	s.t.Helper()
	output := s.output.String()
	for _, says := range []string{"share link made", "share link used", "share link revoked", id} {
		if !strings.Contains(output, says) {
			s.t.Errorf("the log lacks %q", says)
		}
	}
	if strings.Contains(output, secret) {
		s.t.Error("the log tells a link's secret")
	}
	for _, pair := range s.env {
		dir, ok := strings.CutPrefix(pair, "OORE_DATA_DIR=")
		if !ok {
			continue
		}
		files, err := filepath.Glob(filepath.Join(dir, "*"))
		if err != nil {
			s.t.Fatal(err)
		}
		for _, file := range files {
			if data, err := os.ReadFile(file); err == nil && bytes.Contains(data, []byte(secret)) {
				s.t.Errorf("%s holds a link's secret", file)
			}
		}
	}
}

// A phone opens the page, loads the manifest by a program that sends no cookies, and then
// the file, in parts: all that is one use.
func TestAnIPhoneInstallsOnceByALinkOfASingleUse(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		s, _, _, ipa := installSite(t, database)
		link := s.shareLink(ipa.ID, map[string]any{"single_use": true})
		address := s.local(link.URL)
		for range 2 { // a preview and a scanner
			for _, path := range []string{"", "/app", "/manifest.plist", "/icon", "/qr.svg"} {
				if resp, _ := s.ask("HEAD", address+path); resp.StatusCode != http.StatusOK {
					t.Errorf("HEAD %s: %d", path, resp.StatusCode)
				}
			}
			if resp, page := s.ask("GET", address, "Accept: text/html"); resp.StatusCode != http.StatusOK || strings.Contains(string(page), "itms-services") {
				t.Errorf("the page: %d\n%s", resp.StatusCode, page)
			}
		}
		if resp, _ := s.ask("POST", address+"/install", "Sec-Fetch-Site: cross-site"); resp.StatusCode != http.StatusForbidden {
			t.Errorf("from another site: %d", resp.StatusCode)
		}
		resp, _ := s.ask("POST", address+"/install", "Origin: "+publicHTTPS)
		if resp.StatusCode != http.StatusSeeOther {
			t.Fatalf("to begin is answered %d", resp.StatusCode)
		}
		s.isGone(address)

		_, page := s.ask("GET", s.url+resp.Header.Get("Location"), "Accept: text/html")
		apple := regexp.MustCompile(`href="itms-services://\?action=download-manifest&amp;url=([^"]+)"`).FindSubmatch(page)
		if apple == nil {
			t.Fatalf("the page lacks the button:\n%s", page)
		}
		manifestURL := strings.NewReplacer("%3A", ":", "%2F", "/").Replace(string(apple[1]))
		resp, manifest := s.ask("GET", s.local(manifestURL))
		if resp.StatusCode != http.StatusOK || !strings.HasPrefix(resp.Header.Get("Content-Type"), "application/xml") {
			t.Fatalf("the manifest: %d %v", resp.StatusCode, resp.Header)
		}
		addresses := regexp.MustCompile(`<key>url</key><string>([^<]+)</string>`).FindAllSubmatch(manifest, -1)
		if len(addresses) != 2 || !bytes.Contains(manifest, []byte("<string>com.acme.shop</string>")) || !bytes.Contains(manifest, []byte("<string>Shop &lt;b&gt;&amp;</string>")) {
			t.Fatalf("the manifest is %s", manifest)
		}
		file := s.local(string(addresses[0][1]))
		for range 2 {
			s.loads(file, ipa)
		}
		if resp, body := s.ask("GET", file, "Range: bytes=0-3"); resp.StatusCode != http.StatusPartialContent || string(body) != "PK\x03\x04" {
			t.Errorf("a part: %d %q", resp.StatusCode, body)
		}
		if resp, body := s.ask("GET", s.local(string(addresses[1][1]))); resp.StatusCode != http.StatusOK || !bytes.HasPrefix(body, []byte("\x89PNG")) {
			t.Errorf("the icon: %d", resp.StatusCode)
		}
		if links := s.shareLinks(ipa.ID); len(links) != 1 || links[0].Uses != 1 || !links[0].SingleUse {
			t.Errorf("links %+v", links)
		}
		if status := s.call("DELETE", "/v1/share-links/"+link.ID, nil, nil); status != http.StatusNoContent {
			t.Errorf("revoked: %d", status)
		}
		s.isGone(strings.TrimSuffix(file, "/app"))

		// By hand, without the page.
		once := s.local(s.shareLink(ipa.ID, map[string]any{"single_use": true}).URL)
		resp, _ = s.ask("GET", once+"/app", "Range: bytes=0-3")
		if resp.StatusCode != http.StatusSeeOther {
			t.Fatalf("the file is answered %d", resp.StatusCode)
		}
		s.loads(s.url+resp.Header.Get("Location"), ipa)
		s.isGone(once)
	})
}

func TestTheCommentLeadsToTheInstallPage(t *testing.T) {
	s, _, apk, _ := installSite(t, "")
	head := s.git.Commit("feature", map[string]string{"a": "1"}, "Feature")
	s.deliver("pull_request", s.gh.PullRequestPayload("opened", s.repo, githubtest.Pull{Number: 12, HeadBranch: "feature", HeadSHA: head}))
	s.waitComment(12, head[:7])
	body := s.gh.Comments(s.repo, 12)[0].Body
	found := regexp.MustCompile(`\[Install shop\.apk\]\(` + publicHTTPS + `/i/([0-9a-f-]{36})\)`).FindStringSubmatch(body)
	if found == nil || found[1] == apk.ID || strings.Contains(body, "ooreh_") || strings.Contains(body, "oorei_") {
		t.Fatalf("the comment is\n%s", body)
	}
	if !strings.Contains(body, `<img src="`+publicHTTPS+"/i/"+found[1]+`/qr.png"`) {
		t.Errorf("the comment has no code:\n%s", body)
	}
	resp, code := s.ask("GET", s.url+"/i/"+found[1]+"/qr.png") // as the forge asks
	if _, err := png.Decode(bytes.NewReader(code)); err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("the code: %d, %v", resp.StatusCode, err)
	}
	if resp, _ := s.ask("GET", s.url+"/i/"+found[1]); resp.StatusCode != http.StatusUnauthorized && resp.StatusCode != http.StatusSeeOther {
		t.Errorf("the page: %d", resp.StatusCode)
	}
}
