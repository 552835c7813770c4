// Package logtest holds what builds print to break a log.
package logtest

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"math/rand/v2"
	"strings"
	"unicode/utf16"
)

// maxLine is where a log breaks a line: core.MaxLogLine.
const maxLine = 16 << 10

// Log is what a command prints.
type Log struct {
	Name    string
	Content []byte
	Piece   int // bytes that are written at once; 0: as many as may be
}

// Hostile is a table of logs that must come out byte for byte.
func Hostile() []Log {
	var all []Log
	for _, group := range []func() []Log{ends, controls, encodings, torn, sizes, terminals, disguises, binaries} {
		all = append(all, group()...)
	}
	return all
}

func text(name, content string) Log { return Log{Name: name, Content: []byte(content)} }

func ends() []Log {
	return []Log{
		text("nothing", ""),
		text("one line feed", "\n"),
		text("one byte", "x"),
		text("no line feed at the end", "one\ntwo"),
		text("only line feeds", strings.Repeat("\n", 300_000)),
		text("line feeds at the end", "one\n\n\n\n"),
		text("lines of one byte", strings.Repeat("x\n", 200_000)),
		text("spaces at the ends", "  one  \n\t two\t \n   "),
	}
}

func controls() []Log {
	bar := ""
	for i := range 10_000 {
		bar += fmt.Sprintf("\r%3d %% %-50s", i/100, strings.Repeat("#", i/200))
	}
	return []Log{
		text("CRLF", "one\r\ntwo\r\n"),
		text("a progress bar", bar),
		text("a progress bar with line feeds", strings.ReplaceAll(bar, "%", "%\r\n")),
		text("only carriage returns", strings.Repeat("\r", 100_000)),
		text("a carriage return at the end", "one\r"),
		text("LFCR", "one\n\rtwo\n\r"),
		text("NUL in lines", "10%\r20%\r\x00done\r\n\x00\n"),
		text("only NUL", strings.Repeat("\x00", 100_000)),
		text("a sparse file", "a"+strings.Repeat("\x00", 3<<20)+"b\n"),
		text("backspaces", "b\bbo\bol\bld\bd _\bu\n"+strings.Repeat("|\b/\b-\b\\\b", 10_000)),
		text("bells", strings.Repeat("\a", 10_000)+"\n"),
		text("vertical tabs and form feeds", "one\vtwo\fthree\x85four\n"),
		text("every control character", "\x01\x02\x03\x04\x05\x06\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1c\x1d\x1e\x1f\x7f\n"),
	}
}

func encodings() []Log {
	wide := func(order func(uint16) []byte) []byte {
		var b []byte
		for _, unit := range utf16.Encode([]rune("\ufeffein Gerät 🚀\nund noch eins\n")) {
			b = append(b, order(unit)...)
		}
		return b
	}
	return []Log{
		text("invalid UTF-8", "a\xff\xfe\nb\xc3\n\xe2\x82"),
		text("overlong forms", "\xc0\x80 \xc1\xbf \xe0\x80\x80 \xf0\x80\x80\x80\n"),
		text("lone surrogates", "\xed\xa0\x80 \xed\xb0\x80 \xed\xbf\xbf\n"),
		text("surrogates in pairs", "\xed\xa0\xbd\xed\xba\x80\n"),
		text("beyond Unicode", "\xf4\x90\x80\x80 \xf5\x80\x80\x80 \xf8\x88\x80\x80\x80\n"),
		text("continuation bytes", strings.Repeat("\x80\xbf", 50_000)),
		text("beginnings of characters", strings.Repeat("\xe2\x82\n\xf0\x9f\x9a\n", 1000)),
		text("a character that the end tears", "one\n\xf0\x9f\x9a"),
		text("a byte order mark", "\xef\xbb\xbfone\n\xef\xbb\xbf\n"),
		{Name: "UTF-16, little end first", Content: wide(func(u uint16) []byte { return []byte{byte(u), byte(u >> 8)} })},
		{Name: "UTF-16, big end first", Content: wide(func(u uint16) []byte { return []byte{byte(u >> 8), byte(u)} })},
		text("Latin 1", "Ger\xe4t\n\xa9 \xdcbersicht\n"),
		text("other separators of lines", "one\u2028two\u2029three\u0085four\n"),
		text("directions", "\u202eenil eno\u202c \u2066x\u2069\u200f\n"),
		text("nothing to see", "a\u200bb\u200d\ufeffc\u00ad\u2060d\U000e0041\n"),
		text("marks on marks", "Z"+strings.Repeat("\u0300\u0323", 5000)+"\n"),
		text("no characters", "\ufffe\uffff\ufdd0\U0010ffff\n"),
	}
}

// torn are written in small pieces.
func torn() []Log {
	const words = "größer € 🚀 日本語\r\n\xff\xe2\x82 é\n"
	var all []Log
	for _, piece := range []int{1, 2, 3, 5, 7} {
		all = append(all, Log{Name: fmt.Sprintf("in pieces of %d", piece), Content: []byte(strings.Repeat(words, 4)), Piece: piece})
	}
	long := strings.Repeat("🚀", maxLine/4-1) + "abc" + "🚀" + "\n"
	return append(all, Log{Name: "a long line in pieces", Content: []byte(long), Piece: 1021})
}

func sizes() []Log {
	return []Log{
		text("a line of 16 KiB less one", strings.Repeat("x", maxLine-1)+"\n"),
		text("a line of 16 KiB exactly", strings.Repeat("x", maxLine)+"\n"),
		text("a line of 16 KiB and one", strings.Repeat("x", maxLine+1)+"\n"),
		text("16 KiB without a line feed", strings.Repeat("x", maxLine)),
		text("32 KiB and a carriage return", strings.Repeat("x", 2*maxLine)+"\r\n"),
		text("many long lines", strings.Repeat(strings.Repeat("y", 3*maxLine+5)+"\n", 20)),
		text("a line of 10 MB without an end", strings.Repeat("0123456789", 1_000_000)),
		text("a long line of rockets", "x"+strings.Repeat("🚀", 100_000)+"\n"),
		text("a long line of bad bytes", strings.Repeat("\xe2\x82", 3*maxLine)+"\n"),
	}
}

// terminals speaks to one.
func terminals() []Log {
	return []Log{
		text("colors", "\x1b[31;1mred\x1b[0m \x1b[38;2;1;2;3mtrue\x1b[m \x1b[38;5;196m256\x1b[0m\n"),
		text("a sequence without an end", "\x1b["+strings.Repeat("1;", 50_000)),
		text("a link", "\x1b]8;;javascript:alert(1)\x1b\\here\x1b]8;;\x07\n"),
		text("the clipboard", "\x1b]52;c;cm0gLXJmIC8=\x07\n"),
		text("a title without an end", "\x1b]0;"+strings.Repeat("t", 100_000)),
		text("strings for devices", "\x1bPq#0;2;0;0;0\x1b\\ \x1b_hidden\x1b\\ \x1b^x\x1b\\ \x1bX\x9c\n"),
		text("the cursor", "\x1b[2J\x1b[H\x1b[1A\x1b[2K\x1b[s\x1b[u\x1b[?25l\x1b[?1049h\x1bc\n"),
		text("questions", "\x1b[6n\x1b[c\x1b[>c\x1b]10;?\x07\x05\n"),
		text("one byte sequences", "\x9b31mred\x9b0m \x9d0;t\x9c \x90x\x9c\n"),
		text("another alphabet", "\x0e lqqk \x0f \x1b(0lqqk\x1b(B\n"),
		text("only escapes", strings.Repeat("\x1b", 10_000)+"\n\x1b"),
	}
}

// disguises look like something that somebody acts on.
func disguises() []Log {
	return []Log{
		text("markup", `<img src=x onerror=alert(1)></script><script>alert(1)</script>&lt;&#60;`+"\n"),
		text("Markdown", "```\n</details>\n@all **x** <!-- oore:report -->\n"),
		text("commands of other runners", "::set-env name=PATH::/x\n##vso[task.setvariable]x\n::add-mask::x\n##[error]no\n"),
		text("events", "data: {}\n\nevent: done\ndata: {\"status\":\"succeeded\"}\nid: 99\n\n"),
		text("our own words", "The log reached its limit: 5 bytes of output were not kept.\nCanceled\n***\n"),
		text("formats and templates", "%s %n %!d(MISSING) {{.Secret}} ${HOME} $(id) `id`\n"),
		text("SQL and JSON", "'; DROP TABLE builds; --\n{\"sequence\":0,\"content\":\"\\u0000\"}\n\\u0000 \\x00\n"),
	}
}

func binaries() []Log {
	r := rand.New(rand.NewPCG(6, 60))
	random := make([]byte, 300_000)
	for i := range random {
		random[i] = byte(r.IntN(256))
	}
	var bytes256, pairs []byte
	for a := range 256 {
		bytes256 = append(bytes256, byte(a))
		for b := range 256 {
			pairs = append(pairs, byte(a), byte(b))
		}
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write(pairs) // a buffer takes all
	_ = z.Close()
	return []Log{
		{Name: "random bytes", Content: random},
		{Name: "every byte", Content: bytes256},
		{Name: "every pair of bytes", Content: pairs},
		{Name: "a packed file", Content: packed.Bytes()},
	}
}
