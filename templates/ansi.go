package templates

import (
	"html/template"
	"strconv"
	"strings"
	"unicode/utf8"
)

// ansi renders the lines of one step: SGR escapes become classes, every other escape
// is dropped, a carriage return starts the line anew as on a terminal, and all the
// rest is text. The style lasts from line to line.
type ansi struct {
	links  LogLinks
	faulty bool // the line before named a faulty place

	bold, dim, italic, underline, strike, inverse bool
	fg, bg                                        int // 1 to 16; 0: the default
}

// tokens names the style by its classes, e.g. "b f2".
func (a *ansi) tokens() string {
	var t []string
	for _, s := range []struct {
		on   bool
		name string
	}{{a.bold, "b"}, {a.dim, "d"}, {a.italic, "i"}, {a.underline, "u"}, {a.strike, "s"}, {a.inverse, "v"}} {
		if s.on {
			t = append(t, s.name)
		}
	}
	if a.fg > 0 {
		t = append(t, "f"+strconv.Itoa(a.fg-1))
	}
	if a.bg > 0 {
		t = append(t, "g"+strconv.Itoa(a.bg-1))
	}
	return strings.Join(t, " ")
}

// classes is tokens with inverse worked out: only both defaults swapped need a class
// of their own.
func (a *ansi) classes() string {
	shown := *a
	if a.inverse && a.fg+a.bg > 0 {
		shown.inverse, shown.fg, shown.bg = false, a.bg, a.fg
	}
	return shown.tokens()
}

// line renders one line. No input makes other markup than <span class="…"> and links.
func (a *ansi) line(content []byte) template.HTML {
	var out, text strings.Builder
	style, returned := a.classes(), false
	a.faulty = false
	flush := func() {
		styled := text.Len() > 0 && style != ""
		if styled {
			out.WriteString(`<span class="` + style + `">`)
		}
		a.faulty = a.links.write(&out, text.String()) || a.faulty
		if styled {
			out.WriteString("</span>")
		}
		text.Reset()
		style = a.classes()
	}
	for s := string(content); len(s) > 0; {
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r == 0x1b:
			length, sgr, isSGR := escape(s)
			size = length
			if isSGR {
				a.apply(sgr)
				flush()
			}
		case r == '\r':
			returned = true // the line starts anew once something is printed over it
		case r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069: // would turn around what follows
		case r == '\t' || r >= 0x20 && (r < 0x7f || r > 0x9f): // other controls show nothing
			if returned {
				out.Reset()
				text.Reset()
				returned = false
			}
			text.WriteRune(r)
		}
		s = s[size:]
	}
	flush()
	return template.HTML(out.String()) //nolint:gosec // all text went through HTMLEscapeString
}

// escape measures the escape sequence at the start of s; for SGR it gives the
// parameters. A string sequence (OSC, DCS, …) without its end hides nothing: only
// its opening is dropped.
func escape(s string) (size int, sgr string, isSGR bool) {
	if len(s) == 1 {
		return 1, "", false
	}
	i := 1
	switch s[1] {
	case '[':
		for i = 2; i < len(s) && s[i] >= 0x30 && s[i] <= 0x3f; i++ {
		}
		params := s[2:i]
		plain := i
		for ; i < len(s) && s[i] >= 0x20 && s[i] <= 0x2f; i++ {
		}
		if i < len(s) && s[i] >= 0x40 && s[i] <= 0x7e {
			return i + 1, params, s[i] == 'm' && i == plain && (params == "" || params[0] <= ';')
		}
		return i, "", false
	case ']', 'P', 'X', '^', '_':
		return 2 + stringEnd(s[2:], s[1] == ']'), "", false
	}
	for ; i < len(s) && s[i] >= 0x20 && s[i] <= 0x2f; i++ {
	}
	if i < len(s) && s[i] >= 0x30 && s[i] <= 0x7e {
		i++
	}
	return i, "", false
}

// stringEnd is the length of a string sequence's rest with its terminator, 0 if it
// has none.
func stringEnd(s string, belEnds bool) int {
	for i := range len(s) {
		if s[i] == 0x07 && belEnds {
			return i + 1
		}
		if s[i] == 0x1b && i+1 < len(s) && s[i+1] == '\\' {
			return i + 2
		}
	}
	return 0
}

// apply changes the style by the parameters of one SGR sequence.
func (a *ansi) apply(params string) {
	p := strings.Split(params, ";")
	for i := 0; i < len(p); i++ {
		sub := strings.Split(p[i], ":")
		n, ok := sgrNumber(sub[0])
		if !ok {
			continue
		}
		switch {
		case n == 38 || n == 48:
			color, used := 0, 0
			if len(sub) > 1 {
				color = clamp(withoutSpace(sub[1:]))
			} else if used = colorLength(p[i+1:]); used > 0 {
				color = clamp(p[i+1 : i+1+used])
			}
			i += used
			if color > 0 && n == 38 {
				a.fg = color
			} else if color > 0 {
				a.bg = color
			}
		case n == 4 && len(sub) > 1:
			a.underline = sub[1] != "0"
		default:
			a.attribute(n)
		}
	}
}

// sgrNumber reads one parameter; an empty one is 0.
func sgrNumber(s string) (int, bool) {
	if s == "" {
		return 0, true
	}
	n, err := strconv.Atoi(s)
	return n, err == nil && len(s) < 10
}

func (a *ansi) attribute(n int) {
	switch {
	case n >= 30 && n <= 37:
		a.fg = n - 29
	case n >= 90 && n <= 97:
		a.fg = n - 81
	case n >= 40 && n <= 47:
		a.bg = n - 39
	case n >= 100 && n <= 107:
		a.bg = n - 91
	}
	switch n {
	case 0:
		*a = ansi{links: a.links, faulty: a.faulty}
	case 1:
		a.bold = true
	case 2:
		a.dim = true
	case 3:
		a.italic = true
	case 4:
		a.underline = true
	case 7:
		a.inverse = true
	case 9:
		a.strike = true
	case 22:
		a.bold, a.dim = false, false
	case 23:
		a.italic = false
	case 24:
		a.underline = false
	case 27:
		a.inverse = false
	case 29:
		a.strike = false
	case 39:
		a.fg = 0
	case 49:
		a.bg = 0
	}
}

// colorLength says how many parameters after 38 or 48 belong to it.
func colorLength(p []string) int {
	switch {
	case len(p) >= 2 && p[0] == "5":
		return 2
	case len(p) >= 4 && p[0] == "2":
		return 4
	}
	return len(p) // cut short: the rest is no style of its own
}

// withoutSpace drops the color space that the colon form may carry: 2:<space>:r:g:b.
func withoutSpace(p []string) []string {
	if len(p) >= 5 && p[0] == "2" {
		return append([]string{"2"}, p[2:5]...)
	}
	return p
}

// clamp turns a 256-color (5, n) or a true color (2, r, g, b) into 1 + one of the
// sixteen; 0 if it is neither.
func clamp(p []string) int {
	v := make([]int, len(p))
	for i := range p {
		n, ok := sgrNumber(p[i])
		if !ok {
			return 0
		}
		v[i] = min(n, 255)
	}
	switch {
	case len(v) == 4 && v[0] == 2:
		return nearest(v[1], v[2], v[3])
	case len(v) != 2 || v[0] != 5:
		return 0
	case v[1] < 16:
		return v[1] + 1
	case v[1] >= 232:
		grey := 8 + 10*(v[1]-232)
		return nearest(grey, grey, grey)
	}
	steps, n := [...]int{0, 95, 135, 175, 215, 255}, v[1]-16
	return nearest(steps[n/36], steps[n/6%6], steps[n%6])
}

// nearest is 1 + the color of xterm's sixteen that is closest.
func nearest(r, g, b int) int {
	palette := [16][3]int{
		{0, 0, 0},
		{205, 0, 0},
		{0, 205, 0},
		{205, 205, 0},
		{0, 0, 238},
		{205, 0, 205},
		{0, 205, 205},
		{229, 229, 229},
		{127, 127, 127},
		{255, 0, 0},
		{0, 255, 0},
		{255, 255, 0},
		{92, 92, 255},
		{255, 0, 255},
		{0, 255, 255},
		{255, 255, 255},
	}
	best, bestDistance := 0, 1<<30
	for i, c := range palette {
		d := (c[0]-r)*(c[0]-r) + (c[1]-g)*(c[1]-g) + (c[2]-b)*(c[2]-b)
		if d < bestDistance {
			best, bestDistance = i, d
		}
	}
	return best + 1
}
