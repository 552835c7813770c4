package templates

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/oore-ci/oore/app/core"
)

func TestBadges(t *testing.T) {
	seen := map[string]core.BuildStatus{}
	for _, status := range []core.BuildStatus{"", core.BuildSucceeded, core.BuildFailed, core.BuildTimedOut} {
		for _, name := range []string{"Android release", "", "<script>alert(1)</script>\"'&", "\x1b]0;x\x07a\u202eb\u0000" + strings.Repeat("long ", 200) + "\xff", "日本語"} {
			picture := string(Badge(name, status))
			for decoder := xml.NewDecoder(strings.NewReader(picture)); ; {
				token, err := decoder.Token()
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatalf("%q: %v in %s", name, err, picture)
				}
				if start, ok := token.(xml.StartElement); ok && start.Name.Local == "script" {
					t.Errorf("%q brings a script", name)
				}
			}
			if strings.ContainsAny(picture, "\x1b\x07\u202e\x00") || len(picture) > 2500 {
				t.Errorf("%q: %d bytes: %s", name, len(picture), picture)
			}
			if other, found := seen[picture]; found && other != status {
				t.Errorf("%s looks like %s", status, other)
			}
			seen[picture] = status
			if want := chip(status).Word; status != "" && !strings.Contains(picture, ">"+want+"</text>") || status == "" && !strings.Contains(picture, ">Unknown</text>") {
				t.Errorf("%s is not said: %s", status, picture)
			}
		}
	}
	for _, color := range []string{"#14693a", "#b3191f", "#8a4b00", "#4b5563", "#3b4351"} {
		if got := contrast(t, "#ffffff", color); got < 4.5 {
			t.Errorf("white on %s is %.2f:1", color, got)
		}
	}
}
