package templates

import (
	"fmt"
	"html"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxInline   = 100 // characters of a name in a table
	maxError    = 300 // characters of the first error
	maxTailLine = 500 // characters of a line of log, after escaping
)

// joiner after an @ or # keeps a forge from reading a mention or a reference. It has
// no width.
const joiner = "\u200d"

var (
	terminalEscape = regexp.MustCompile("\x1b(?:\\[[0-9;:?<=>]*[ -/]*[@-~]|\\][^\x07\x1b]*(?:\x07|\x1b\\\\)?)")
	backticks      = regexp.MustCompile("`+")
)

// visible spells out what a reader would not see or what would reorder the text:
// control and format characters (bidi, zero width) and odd line ends.
func visible(s string) string {
	var out strings.Builder
	for _, r := range strings.ToValidUTF8(s, "\uFFFD") {
		if r != '\t' && unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
			fmt.Fprintf(&out, "[U+%04X]", r)
			continue
		}
		out.WriteRune(r)
	}
	return out.String()
}

// inline makes one short line of s.
func inline(s string) string { return oneLine(s, maxInline) }

func oneLine(s string, limit int) string {
	text := []rune(visible(strings.Join(strings.Fields(s), " ")))
	if len(text) > limit {
		text = append(text[:limit-1], '…')
	}
	return string(text)
}

// htmlText writes s where Markdown is not read, only HTML.
func htmlText(s string) string { return unlinked(html.EscapeString(inline(s))) }

// markdown writes s as plain text of a table's cell.
func markdown(s string) string { return markdownLine(s, maxInline) }

func markdownLine(s string, limit int) string {
	return unlinked(strings.NewReplacer(
		"&", "&amp;", "<", "&lt;", ">", "&gt;", "www.", `www\.`,
		`\`, `\\`, "`", "\\`", "|", `\|`, "*", `\*`, "_", `\_`, "~", `\~`, "[", `\[`, "]", `\]`, "!", `\!`, ":", `\:`, "$", `\$`,
	).Replace(oneLine(s, limit)))
}

// markdownURL writes an address so that it ends where it should.
func markdownURL(s string) string {
	return strings.NewReplacer("(", "%28", ")", "%29", "@", "%40", "<", "%3C", ">", "%3E", " ", "%20", "\n", "%0A", "[", "%5B", "]", "%5D", "`", "%60").Replace(s)
}

func unlinked(s string) string {
	return strings.NewReplacer("&#", "&#", "@", "@"+joiner, "#", "#"+joiner).Replace(s)
}

// tailLines prepares log for a fence, in which markup is inert anyhow: it must not be
// escaped there, or readers would see the escapes.
func tailLines(raw []string) []string {
	lines := make([]string, 0, len(raw))
	for _, s := range raw {
		s = strings.TrimRight(terminalEscape.ReplaceAllString(s, ""), " \t\r\n")
		s = s[strings.LastIndexByte(s, '\r')+1:]     // a progress bar: what stood there last
		s = s[:min(len(s), utf8.UTFMax*maxTailLine)] // the rest is cut below in any case
		s = strings.ReplaceAll(visible(s), "@", "@"+joiner)
		if strings.HasPrefix(s, "/") {
			s = " " + s // GitLab would run it as a command of the bot
		}
		if text := []rune(s); len(text) > maxTailLine {
			s = string(text[:maxTailLine-1]) + "…"
		}
		lines = append(lines, s)
	}
	for len(lines) > 0 && lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}

// fence is longer than every run of back-ticks in the text.
func fence(text string) string {
	longest := 2
	for _, run := range backticks.FindAllString(text, -1) {
		longest = max(longest, len(run))
	}
	return strings.Repeat("`", longest+1)
}
