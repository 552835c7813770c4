package templates

import (
	"fmt"
	"html"
	"strings"
	"unicode"

	"github.com/oore-ci/oore/app/core"
)

// badgeName is how many characters of a pipeline's name a badge shows.
const badgeName = 40

// Badge draws a pipeline's state as an SVG of its own: shape, word and color.
func Badge(name string, status core.BuildStatus) []byte {
	state, label := string(status), word(string(status))
	if status == "" {
		state, label = "expired", "Unknown"
	}
	shape, color := "", map[string]string{"succeeded": "#14693a", "failed": "#b3191f", "timed_out": "#8a4b00", "expired": "#4b5563"}[state]
	for _, i := range icons() {
		if i.State == state {
			shape = strings.ReplaceAll(string(i.Shape), "var(--knock,#fff)", color)
		}
	}
	name = badgeText(name)
	left, right := textWidth(name)+12, textWidth(label)+30
	return fmt.Appendf(nil, `<svg xmlns="http://www.w3.org/2000/svg" width="%[1]d" height="20" role="img" aria-label="%[2]s: %[3]s"><title>%[2]s: %[3]s</title>`+
		`<clipPath id="r"><rect width="%[1]d" height="20" rx="3"/></clipPath><g clip-path="url(#r)"><rect width="%[4]d" height="20" fill="#3b4351"/><rect x="%[4]d" width="%[5]d" height="20" fill="%[6]s"/></g>`+
		`<g transform="translate(%[7]d 3) scale(.875)" color="#fff">%[8]s</g>`+
		`<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11"><text x="6" y="14" textLength="%[9]d">%[2]s</text><text x="%[10]d" y="14" textLength="%[11]d">%[3]s</text></g></svg>`,
		left+right, html.EscapeString(name), label, left, right, color, left+5, shape, left-12, left+23, right-30)
}

// badgeText keeps what shows: no controls, and nothing that turns the direction.
func badgeText(name string) string {
	runes := []rune(strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) || r == unicode.ReplacementChar {
			return -1
		}
		return r
	}, strings.ToValidUTF8(name, "")))
	if len(runes) > badgeName {
		runes = append(runes[:badgeName-1], '…')
	}
	return string(runes)
}

// textWidth is about how many pixels a text takes; the SVG then makes it exactly these.
func textWidth(s string) int {
	width := 0.0
	for _, r := range s {
		switch {
		case strings.ContainsRune("fijltrI.,:;|!'()[] -", r):
			width += 4.2
		case strings.ContainsRune("mwMW@%", r):
			width += 10
		case r >= 0x1100: // East Asian letters and pictures are about as wide as high
			width += 11
		case unicode.IsUpper(r):
			width += 7.8
		default:
			width += 6.8
		}
	}
	return max(1, int(width))
}
