package web

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// TestPagesAreAccessible runs axe-core on every page in both themes, on a desk and on
// a phone, and looks that nothing is wider than the phone.
func TestPagesAreAccessible(t *testing.T) {
	path := filepath.Join("..", "..", "templates", "testdata", "node_modules", "axe-core", "axe.min.js")
	axe, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; `make deps` installs it", err)
	}
	l, address := liveSite(t)
	for id, records := range l.records {
		l.records[id] = records[:min(len(records), 80)] // axe looks at every row
	}
	b := browser(t)
	for _, theme := range []string{"light", "dark"} {
		for _, width := range []int64{1280, 390} {
			b.do(chromedp.EmulateViewport(width, 844))
			_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
				{Name: "prefers-color-scheme", Value: theme}, {Name: "prefers-reduced-motion", Value: "reduce"},
			}})
			if err != nil {
				t.Fatal(err)
			}
			for _, page := range everyPage() {
				b.open(address + page)
				b.script(string(axe))
				found := evaluate[[]string](b, `axe.run().then(r => r.passes.length < 10 ? ["axe looked at nothing"] :
					r.violations.flatMap(v => v.nodes.map(n => v.id + ": " + n.target + ": " + n.failureSummary.replace(/\s+/g, " "))))`)
				for _, violation := range found {
					t.Errorf("%s %s %d: %s", page, theme, width, violation)
				}
				if wide := evaluate[int64](b, `document.documentElement.scrollWidth`); wide > width {
					t.Errorf("%s %s: %d px wide on %d", page, theme, wide, width)
				}
			}
		}
	}
}
