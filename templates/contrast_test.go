package templates

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/oore-ci/oore/app/core"
)

var pair = `light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)`

// tokens reads `name: light-dark(…)` of the rule with the selector.
func tokens(t *testing.T, css, selector string) map[string][2]string {
	t.Helper()
	_, rule, found := strings.Cut(css, "\n  "+selector+" {")
	if !found {
		t.Fatalf("app.css has no rule %s", selector)
	}
	rule, _, _ = strings.Cut(rule, "}")
	out := map[string][2]string{}
	for _, m := range regexp.MustCompile(`([-\w]+): `+pair).FindAllStringSubmatch(rule, -1) {
		out[m[1]] = [2]string{m[2], m[3]}
	}
	return out
}

func luminance(t *testing.T, hex string) float64 {
	t.Helper()
	n, err := strconv.ParseUint(hex[1:], 16, 32)
	if err != nil {
		t.Fatal(err)
	}
	channel := func(v uint64) float64 {
		c := float64(v&0xff) / 255
		if c <= 0.03928 {
			return c / 12.92
		}
		return math.Pow((c+0.055)/1.055, 2.4)
	}
	return 0.2126*channel(n>>16) + 0.7152*channel(n>>8) + 0.0722*channel(n)
}

func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	x, y := luminance(t, a), luminance(t, b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// WCAG AA: text 4.5:1, shapes and borders 3:1, in both themes (ux.md 3.6).
func TestContrast(t *testing.T) {
	whole, err := joined("static/app.css/*")
	if err != nil {
		t.Fatal(err)
	}
	css := string(whole.Body)
	check := func(what string, fg, bg [2]string, least float64) {
		t.Helper()
		for i, theme := range []string{"light", "dark"} {
			if got := contrast(t, fg[i], bg[i]); got < least {
				t.Errorf("%s, %s: %s on %s is %.2f:1, needs %.1f", what, theme, fg[i], bg[i], got, least)
			}
		}
	}
	root := tokens(t, css, ":root")
	for _, p := range []struct {
		fg, bg string
		least  float64
	}{
		{"text", "bg", 4.5},
		{"text", "subtle", 4.5},
		{"muted", "bg", 4.5},
		{"muted", "subtle", 4.5},
		{"link", "bg", 4.5},
		{"link", "subtle", 4.5},
		{"danger", "bg", 4.5},
		{"danger", "subtle", 4.5},
		{"on-primary", "primary", 4.5},
		{"strong", "bg", 3},
		{"strong", "subtle", 3},
		{"primary", "bg", 3},
		{"text", "log", 4.5},
		{"muted", "log", 4.5},
		{"link", "log", 4.5},
		{"text", "hit", 4.5},
		{"muted", "hit", 4.5},
	} {
		check(p.fg+" on "+p.bg, root["--"+p.fg], root["--"+p.bg], p.least)
	}
	states := []string{"skipped"}
	for _, s := range core.BuildStatuses() {
		states = append(states, string(s))
	}
	for _, s := range states {
		state := tokens(t, css, "[data-state="+s+"]")
		check(s+" on its tint", state["--fg"], state["--tint"], 4.5)
		check(s+" on the page", state["--fg"], root["--bg"], 4.5)
		check("text on the tint of "+s, root["--text"], state["--tint"], 4.5)
	}
	inLog := tokens(t, css, ".log :is(.w, .l)")
	check("text on a faulty line", root["--text"], inLog["--band"], 4.5)
	check("text on what was found", root["--text"], inLog["--now"], 4.5)
	for _, selector := range []string{".f0", ".f1, .f9", ".f2, .f10", ".f3, .f11", ".f4, .f12", ".f5, .f13", ".f6, .f14", ".f7, .f15", ".f8"} {
		color := tokens(t, css, selector)["color"]
		check(selector+" in the log", color, root["--log"], 4.5)
		if selector != ".f0" && selector != ".f8" { // these take the text's color there
			check(selector+" in a marked line", color, root["--hit"], 4.5)
			check(selector+" in a faulty line", color, inLog["--band"], 4.5)
		}
	}
	for _, selector := range []string{
		".g0, .g8, .g7, .g15", ".g1, .g9", ".g2, .g10", ".g3, .g11", ".g4, .g12", ".g5, .g13", ".g6, .g14",
	} {
		check("text on "+selector, root["--text"], tokens(t, css, selector)["background"], 4.5)
	}
}
