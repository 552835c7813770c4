package api

import (
	"strings"
	"testing"
	"time"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

func TestADownloadIsTheWholeFileOrARangeOfIt(t *testing.T) {
	fake := fullCommands()
	s := serve(t, fake)
	path := "/artifacts/" + deliveryID + "/download"
	etag := `"` + fake.Artifact.SHA256 + `"`
	for i, c := range []struct {
		header       []string
		status       int
		body         string
		contentRange string
	}{
		{nil, 200, fake.File, ""},
		{[]string{"Range: bytes=0-3"}, 206, "abcd", "bytes 0-3/26"},
		{[]string{"Range: bytes=20-"}, 206, "uvwxyz", "bytes 20-25/26"},
		{[]string{"Range: bytes=-2"}, 206, "yz", "bytes 24-25/26"},
		{[]string{"Range: bytes=-99"}, 206, fake.File, "bytes 0-25/26"},
		{[]string{"Range: bytes=25-99999999999999999999"}, 206, "z", "bytes 25-25/26"},
		{[]string{"Range: bytes=0-3", "If-Range: " + etag}, 206, "abcd", "bytes 0-3/26"},
		{[]string{"Range: bytes=0-3", `If-Range: "other"`}, 200, fake.File, ""},
		{[]string{"Range: bytes=0-1,4-5"}, 200, fake.File, ""},
		{[]string{"Range: bytes=5-2"}, 200, fake.File, ""},
		{[]string{"Range: lines=1-2"}, 200, fake.File, ""},
		{[]string{"Range: bytes=-"}, 200, fake.File, ""},
		{[]string{"If-None-Match: " + etag}, 304, "", ""},
		{[]string{`If-None-Match: "a", W/` + etag}, 304, "", ""},
		{[]string{"Range: bytes=26-"}, 400, "", "bytes */26"}, // the door makes it 416
		{[]string{"Range: bytes=-0"}, 400, "", "bytes */26"},
	} {
		got := s.ask("GET", path, "", c.header...)
		if got.status != c.status || got.status < 300 && string(got.body) != c.body || got.header.Get("Content-Range") != c.contentRange {
			t.Errorf("%q: %d %q, Content-Range %q", c.header, got.status, got.body, got.header.Get("Content-Range"))
		}
		for deadline := time.Now().Add(patience); fake.Closed() < i+1; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%q: the file stays open", c.header)
			}
		}
	}
	head := s.ask("HEAD", path, "")
	if head.status != 200 || head.header.Get("Content-Length") != "26" || len(head.body) > 0 {
		t.Errorf("HEAD: %d, %v", head.status, head.header)
	}
}

func TestADownloadCannotBecomeAPage(t *testing.T) {
	fake := fullCommands()
	s := serve(t, fake)
	for name, want := range map[string]string{
		"app.apk":        `attachment; filename=app.apk`,
		"my app (1).apk": `attachment; filename="my app (1).apk"`,
		`a";x="b.html`:   `attachment; filename="a\";x=\"b.html"`,
		"Läden.ipa":      `attachment; filename*=utf-8''L%C3%A4den.ipa`,
	} {
		fake.Artifact.Name, fake.Artifact.Kind = name, core.ArtifactFile
		got := s.ask("GET", "/artifacts/"+deliveryID+"/download", "")
		for header, value := range map[string]string{
			"Content-Disposition": want, "X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox; default-src 'none'",
			"Content-Type": "application/octet-stream", "Cross-Origin-Resource-Policy": "same-site", "Cache-Control": "private, no-store",
		} {
			if got.header.Get(header) != value {
				t.Errorf("%s: %s is %q, want %q", name, header, got.header.Get(header), value)
			}
		}
	}
	fake.Artifact.Kind = core.ArtifactAPK
	if got := s.ask("GET", "/artifacts/"+deliveryID+"/download", ""); got.header.Get("Content-Type") != "application/vnd.android.package-archive" {
		t.Errorf("an APK is %q", got.header.Get("Content-Type"))
	}
}

func TestHowLongALinkLives(t *testing.T) {
	fake := fullCommands()
	s := serve(t, fake)
	path := "/artifacts/" + deliveryID + "/download-link"
	for body, want := range map[string]time.Duration{"": 0, "{}": 0, `{"expires_in":60}`: time.Minute} {
		if got := s.ask("POST", path, body); got.status != 201 || fake.Last().In != want {
			t.Errorf("%q: %d, asked for %v", body, got.status, fake.Last().In)
		}
		if got := s.ask("POST", "/artifacts/"+deliveryID+"/share-links", body); got.status != 201 || fake.Last().In != (app.ShareLink{Life: want}) {
			t.Errorf("%q: %d, asked for %v", body, got.status, fake.Last().In)
		}
	}
	for body, says := range map[string]string{
		`{"expires_in":0}`: "expires_in", `{"expires_in":-1}`: "expires_in", `{"expires_in":99999999999}`: "expires_in", `{"expires":1}`: "Unknown field",
	} {
		for _, path := range []string{path, "/artifacts/" + deliveryID + "/share-links"} {
			if got := s.ask("POST", path, body); got.status == 201 || !strings.Contains(string(got.body), says) {
				t.Errorf("%s %q: %d %s", path, body, got.status, got.body)
			}
		}
	}
}
