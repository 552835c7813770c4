package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

type artifactView struct {
	ID       string            `json:"id"`
	BuildID  string            `json:"build_id"`
	Name     string            `json:"name"`
	Kind     string            `json:"kind"`
	Size     int64             `json:"size_bytes"`
	SHA256   string            `json:"sha256"`
	Metadata map[string]string `json:"metadata"`
}

type artifactsView struct {
	Artifacts []artifactView `json:"artifacts"`
	Total     int            `json:"total"`
}

// keeping is a .oore.yaml whose build makes an IPA and a large file.
func keeping(seed string) map[string]string {
	const info = `<?xml version="1.0"?><plist version="1.0"><dict><key>CFBundleIdentifier</key><string>com.acme.shop</string><key>CFBundleShortVersionString</key><string>1.4.0</string></dict></plist>`
	return map[string]string{
		".oore.yaml":                  "version: 1\ncommands:\n  build:\n    - sh make.sh\nartifacts: {patterns: ['out/*', 'nothing/**']}\n",
		"Payload/Shop.app/Info.plist": info,
		"make.sh": "set -e\nmkdir out\ngit archive --format=zip -o out/Shop.ipa HEAD Payload\n" +
			"yes " + seed + " | head -c 3000000 > 'out/large file.bin'\nln -s /etc/passwd out/passwd\n",
	}
}

// ask sends a request with its own headers, "Name: value".
func (p *program) ask(method, url string, headers ...string) (*http.Response, []byte) {
	p.t.Helper()
	req, err := http.NewRequest(method, url, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return resp, body
}

func TestWhatABuildMakesCanBeLoaded(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		s := newSite(t, database, keeping("large"))
		project := s.githubProject("acme/shop", nil)
		s.program.pipeline(project.ID, "iOS", nil)
		b := s.decided(s.deliver("push", s.gh.PushPayload(s.repo, "main", "", s.head)))
		id := b.Verdicts[0].BuildID
		if end := s.ended(id); end.Status != "succeeded" {
			t.Fatalf("the build ended as %+v:\n%s", end, s.rawLog(id))
		}
		var list artifactsView
		s.must("GET", "/v1/builds/"+id+"/artifacts", nil, &list)
		if list.Total != 2 || list.Artifacts[0].Name != "Shop.ipa" || list.Artifacts[0].Kind != "ipa" ||
			list.Artifacts[0].Metadata["bundle_id"] != "com.acme.shop" || list.Artifacts[0].Metadata["version"] != "1.4.0" {
			t.Fatalf("artifacts %+v", list)
		}
		large := list.Artifacts[1]
		want := bytes.Repeat([]byte("large\n"), 500_000)
		sum := sha256.Sum256(want)
		if large.Name != "large file.bin" || large.Size != 3_000_000 || large.SHA256 != hex.EncodeToString(sum[:]) {
			t.Fatalf("artifact %+v", large)
		}
		bearer := "Authorization: Bearer " + adminToken
		download := s.url + "/v1/artifacts/" + large.ID + "/download"
		resp, body := s.ask("GET", download, bearer)
		if resp.StatusCode != 200 || !bytes.Equal(body, want) || resp.Header.Get("Content-Disposition") != `attachment; filename="large file.bin"` {
			t.Errorf("%d with %d bytes, %v", resp.StatusCode, len(body), resp.Header)
		}
		resp, body = s.ask("GET", download, bearer, "Range: bytes=2999994-")
		if resp.StatusCode != 206 || string(body) != "large\n" {
			t.Errorf("%d %q", resp.StatusCode, body)
		}
		if resp, _ = s.ask("GET", download); resp.StatusCode != 401 {
			t.Errorf("without a token: %d", resp.StatusCode)
		}

		var link struct {
			URL       string `json:"url"`
			ExpiresAt int64  `json:"expires_at"`
		}
		s.must("POST", "/v1/artifacts/"+large.ID+"/download-link", nil, &link)
		if _, body = s.ask("GET", link.URL); !bytes.Equal(body, want) || link.ExpiresAt == 0 {
			t.Errorf("the link %+v gives %d bytes", link, len(body))
		}
		if resp, _ = s.ask("GET", link.URL+"x"); resp.StatusCode != 404 {
			t.Errorf("another link: %d", resp.StatusCode)
		}
		_, said := s.ask("GET", s.url+"/v1/builds/"+id+"/logs", bearer, "Accept: text/plain")
		for _, says := range []string{"Collected large file.bin, 3.0 MB, SHA-256 " + large.SHA256, "com.acme.shop 1.4.0", "Nothing matches nothing/**."} {
			if !strings.Contains(string(said), says) {
				t.Errorf("the log lacks %q:\n%s", says, said)
			}
		}

		// A restart changes nothing, and a second build keeps equal bytes once.
		s.stop()
		s.start()
		var again buildView
		s.must("POST", "/v1/builds/"+id+"/rerun", nil, &again)
		if end := s.ended(again.ID); end.Status != "succeeded" {
			t.Fatalf("the rerun ended as %+v", end)
		}
		s.must("GET", "/v1/projects/"+project.ID+"/artifacts?limit=3", nil, &list)
		if list.Total != 4 || len(list.Artifacts) != 3 || list.Artifacts[0].BuildID != again.ID {
			t.Errorf("the project's artifacts are %+v", list)
		}
		if _, body = s.ask("GET", download, bearer); !bytes.Equal(body, want) {
			t.Errorf("after a restart it has %d bytes", len(body))
		}
		if kept := s.kept(large.SHA256); len(kept) != 1 {
			t.Errorf("the bytes lie in %q", kept)
		}
	})
}

// kept lists the files of the data folder with that name.
func (p *program) kept(sum string) []string {
	p.t.Helper()
	for _, pair := range p.env {
		if dir, ok := strings.CutPrefix(pair, "OORE_DATA_DIR="); ok {
			files, err := filepath.Glob(filepath.Join(dir, "blobs", "*", sum+"*"))
			if err != nil {
				p.t.Fatal(err)
			}
			return files
		}
	}
	return nil
}

func TestABuildThatMakesNothingFails(t *testing.T) {
	s := newSite(t, "", map[string]string{".oore.yaml": "version: 1\ncommands: {build: ['true']}\nartifacts: {patterns: ['**/*.apk']}\n"})
	project := s.githubProject("acme/shop", nil)
	s.program.pipeline(project.ID, "Android", nil)
	id := s.decided(s.deliver("push", s.gh.PushPayload(s.repo, "main", "", s.head))).Verdicts[0].BuildID
	end := s.ended(id)
	if end.Status != "failed" || end.StatusReason != "artifact_missing" || !strings.Contains(end.StatusMessage, "**/*.apk") {
		t.Errorf("the build ended as %+v", end)
	}
}
