package templates

import (
	"regexp"
	"strings"
	"testing"
)

func TestAnsi(t *testing.T) {
	for _, test := range []struct{ name, in, out string }{
		{"plain", "hello", "hello"},
		{"markup is text", `<b title="x">&'`, `&lt;b title=&#34;x&#34;&gt;&amp;&#39;`},
		{"color", "\x1b[32mok\x1b[0m done", `<span class="f2">ok</span> done`},
		{"bright, background, attributes", "\x1b[1;3;4;9;93;44mx", `<span class="b i u s f11 g4">x</span>`},
		{"reset without parameters", "\x1b[31ma\x1b[mb", `<span class="f1">a</span>b`},
		{"empty parameter is reset", "\x1b[31ma\x1b[;1mb", `<span class="f1">a</span><span class="b">b</span>`},
		{"attributes end", "\x1b[1;2ma\x1b[22mb", `<span class="b d">a</span>b`},
		{"inverse of the defaults", "\x1b[7mx\x1b[27my", `<span class="v">x</span>y`},
		{"inverse of a color", "\x1b[31;7mx", `<span class="g1">x</span>`},
		{"256 colors are clamped", "\x1b[38;5;196mred\x1b[38;5;7;48;5;232mx", `<span class="f9">red</span><span class="f7 g0">x</span>`},
		{"true colors are clamped", "\x1b[38;2;250;10;10mred", `<span class="f9">red</span>`},
		{"colon form", "\x1b[38:2::0:0:255mblue\x1b[38:5:2mgreen\x1b[4:3mcurly\x1b[4:0mnone", `<span class="f4">blue</span><span class="f2">green</span><span class="u f2">curly</span><span class="f2">none</span>`},
		{"a color cut short is no style", "\x1b[38;5mx\x1b[38mx\x1b[48;2;1mx", "xxx"},
		{"what follows a color still counts", "\x1b[38;5;2;1mx", `<span class="b f2">x</span>`},
		{"absurd numbers", "\x1b[99999999999999999999;31mx", `<span class="f1">x</span>`},
		{"private sequences", "\x1b[?25lx\x1b[>4;2mx", "xx"},
		{"cursor and erase", "a\x1b[2Kb\x1b[10;20Hc\x1b[Jd", "abcd"},
		{"a space between is another command", "\x1b[31 mx", "x"},
		{"window title", "\x1b]0;title\x07x\x1b]2;title\x1b\\y", "xy"},
		{"link", "\x1b]8;;https://evil.example\x1b\\text\x1b]8;;\x1b\\", "text"},
		{"an unfinished string hides nothing", "a\x1b]0;rm -rf /", "a0;rm -rf /"},
		{"device control", "\x1bPq#0;2;0;0;0\x1b\\x", "x"},
		{"character sets and keypad", "\x1b(B\x1b=x\x1b7y", "xy"},
		{"escape at the end", "x\x1b", "x"},
		{"unfinished CSI", "x\x1b[31", "x"},
		{"CSI broken off by a letter of another script", "x\x1b[3é", "xé"},
		{"carriage return starts anew", "10%\r50%\r100%", "100%"},
		{"carriage return at the end", "done\r", "done"},
		{"carriage return before a reset", "\x1b[32mdone\r\x1b[0m", `<span class="f2">done</span>`},
		{"style before a carriage return lasts", "\x1b[31ma\rb", `<span class="f1">b</span>`},
		{"tab stays, other controls go", "a\tb\x00\x07\x08\x7f\u0085c", "a\tbc"},
		{"invalid UTF-8", "a\xffb", "a\uFFFDb"},
		{"an escape cannot make a class", "\x1b[\"><script>mx", `&gt;&lt;script&gt;mx`},
	} {
		if got := string((&ansi{}).line([]byte(test.in))); got != test.out {
			t.Errorf("%s: %q gives\n%s, want\n%s", test.name, test.in, got, test.out)
		}
	}
}

func TestAnsiStyleLastsFromLineToLine(t *testing.T) {
	var a ansi
	a.line([]byte("\x1b[1;35;7mstart"))
	if got := a.tokens(); got != "b v f5" {
		t.Errorf("tokens %q", got)
	}
	if got := string(a.line([]byte("next"))); got != `<span class="b g5">next</span>` {
		t.Errorf("next line %s", got)
	}
}

// Whatever the bytes, the only markup is spans of known classes, and they nest well.
func FuzzAnsi(f *testing.F) {
	f.Add([]byte("\x1b[38;5;196;1mx\r\x1b]8;;u\x07<b>\x1b[0m"))
	f.Add([]byte("\x1b[48:2::1:2:3m\x1bP\x1b\\\xff"))
	span := regexp.MustCompile(`<span class="(?:[bdiusv]|[fg]1?[0-9])(?: (?:[bdiusv]|[fg]1?[0-9]))*">([^<>"']*)</span>`)
	f.Fuzz(func(t *testing.T, line []byte) {
		out := string((&ansi{}).line(line))
		if rest := span.ReplaceAllString(out, "$1"); strings.ContainsAny(rest, `<>"'`+"\x1b\r\x00") {
			t.Errorf("%q gives %s", line, out)
		}
	})
}
