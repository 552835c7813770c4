package templates

import (
	"bytes"
	"encoding/xml"
	"errors"
	"image/png"
	"io"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/oore-ci/oore/app/core"
)

// The drawing has the squares of the image, which the library has made, in their places.
func TestTheQRCodeIsDrawnAsItIs(t *testing.T) {
	for _, text := range []string{"https://ci.example.com/i/00000000-0000-4000-8000-0000000000a1", "http://127.0.0.1:8787/i/ooreh_" + strings.Repeat("x", 43)} {
		q, err := qrCode(text)
		if err != nil {
			t.Fatal(err)
		}
		black := map[[2]int]bool{}
		for _, m := range regexp.MustCompile(`M(\d+) (\d+)h(\d+)v1h-(\d+)z`).FindAllStringSubmatch(q.Path, -1) {
			var n [4]int
			for i := range n {
				if n[i], err = strconv.Atoi(m[i+1]); err != nil {
					t.Fatal(err)
				}
			}
			if n[2] != n[3] {
				t.Errorf("%s is no bar", m[0])
			}
			for x := range n[2] {
				black[[2]int{n[0] + x, n[1]}] = true
			}
		}
		data, err := QRPNG(text)
		if err != nil {
			t.Fatal(err)
		}
		img, err := png.Decode(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		scale := img.Bounds().Dx() / (q.Size + 8)
		for y := range q.Size {
			for x := range q.Size {
				r, _, _, _ := img.At((x+4)*scale, (y+4)*scale).RGBA()
				if (r == 0) != black[[2]int{x, y}] {
					t.Fatalf("%s differs at %d, %d", text, x, y)
				}
			}
		}
		svg, err := QRSVG(text)
		if err != nil || xml.Unmarshal(svg, new(struct{})) != nil || !bytes.Contains(svg, []byte(q.Path)) {
			t.Errorf("%v: %s", err, svg)
		}
	}
	for _, draw := range []func(string) ([]byte, error){QRSVG, QRPNG} {
		if _, err := draw(strings.Repeat("x", 3000)); err == nil {
			t.Error("a text that fits in no code is drawn")
		}
	}
}

func TestAManifestHoldsWhateverAnAppIsCalled(t *testing.T) {
	var out bytes.Buffer
	m := AppleManifest{FileURL: "https://ci.example.com/i/x/app?a=1&b=2", BundleID: hostile, Version: "]]>", Title: "</string><key>\x00"}
	if err := m.Write(&out); err != nil {
		t.Fatal(err)
	}
	d := xml.NewDecoder(&out)
	var texts []string
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if text, ok := token.(xml.CharData); ok && strings.TrimSpace(string(text)) != "" {
			texts = append(texts, string(text))
		}
	}
	// Control characters are none in XML.
	want := []string{
		"items", "assets", "kind", "software-package", "url", m.FileURL,
		"metadata", "bundle-identifier", strings.ReplaceAll(hostile, "\x07", "\uFFFD"), "bundle-version", m.Version, "kind", "software", "title", "</string><key>\uFFFD",
	}
	if strings.Join(texts, "\n") != strings.Join(want, "\n") {
		t.Errorf("it says %q", texts)
	}
}

func TestTheLetterOfAnAppWithoutAnIcon(t *testing.T) {
	for title, want := range map[string]string{"acme": "A", "„Läden“": "L", "…": "?", "<b>": "B", "4 U": "4"} {
		if got := letter(core.Artifact{Name: title}); got != want {
			t.Errorf("%q: %q", title, got)
		}
	}
}
