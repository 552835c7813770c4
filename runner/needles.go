package runner

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/oore-ci/oore/app/core"
)

// minPart is the shortest part of a secret that is hidden by itself, in bytes.
const minPart = 8

// needles lists the texts that give a secret away: itself, its lines, and what the
// usual tools make of it. White space around it is no part of it.
func needles(value string) []string {
	trimmed := strings.TrimSpace(value)
	if utf8.RuneCountInString(trimmed) < core.MinSecretChars {
		return nil
	}
	all := append([]string{trimmed}, partsOf(trimmed)...)
	all = append(all, base64Forms(trimmed)...)
	for _, whole := range []string{trimmed, trimmed + "\n", value} {
		encoded, inURL := base64.StdEncoding.EncodeToString([]byte(whole)), base64.URLEncoding.EncodeToString([]byte(whole))
		all = append(all, encoded, strings.TrimRight(encoded, "="), inURL, strings.TrimRight(inURL, "="))
		all = append(append(all, wrapped(encoded, 64)...), wrapped(encoded, 76)...) // openssl, coreutils
		digits := hex.EncodeToString([]byte(whole))
		all = append(all, digits, strings.ToUpper(digits))
		all = append(all, wrapped(digits, 60)...) // xxd
	}
	all = append(all, urlForms(trimmed)...)
	all = append(all, quotedForms(trimmed)...)
	return all
}

// partsOf are the lines of a value, also those that are lines only once it is decoded
// as JSON: a key within a service account's file.
func partsOf(value string) []string {
	var parts []string
	for _, lines := range []string{value, strings.NewReplacer(`\n`, "\n", `\r`, "\n").Replace(value)} {
		if !strings.ContainsAny(lines, "\r\n") {
			continue
		}
		for line := range strings.FieldsFuncSeq(lines, func(r rune) bool { return r == '\r' || r == '\n' }) {
			if line = strings.TrimSpace(line); len(line) >= minPart {
				parts = append(parts, line)
			}
		}
	}
	return parts
}

// base64Forms is what of the value appears for certain in the base64 of something that
// contains it: it may begin at any of three places of a group, and what stands around
// it decides about the characters at its ends.
func base64Forms(value string) []string {
	var forms []string
	for shift := range 3 {
		padded := append(make([]byte, shift), value...)
		from, to := (8*shift+5)/6, 8*len(padded)/6
		for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			forms = append(forms, encoding.EncodeToString(padded)[from:to])
		}
	}
	return forms
}

// wrapped cuts a long encoding as tools do that print lines of a fixed width.
func wrapped(encoded string, width int) []string {
	var lines []string
	for len(encoded) > width || len(lines) > 0 && len(encoded) >= minPart {
		n := min(width, len(encoded))
		lines, encoded = append(lines, encoded[:n]), encoded[n:]
	}
	return lines
}

// urlForms differ in what they leave as it is.
func urlForms(value string) []string {
	plus := url.QueryEscape(value)
	component := strings.ReplaceAll(plus, "+", "%20")
	forms := []string{plus, component, url.PathEscape(value)}
	forms = append(forms, strings.NewReplacer("%21", "!", "%27", "'", "%28", "(", "%29", ")", "%2A", "*").Replace(component)) // JavaScript's
	for _, form := range forms {
		forms = append(forms, lowerPercents(form))
	}
	return forms
}

func lowerPercents(s string) string {
	b := []byte(s)
	for i := range b {
		inside := i > 0 && b[i-1] == '%' || i > 1 && b[i-2] == '%'
		if inside && 'A' <= b[i] && b[i] <= 'F' {
			b[i] += 'a' - 'A'
		}
	}
	return string(b)
}

// quotedForms are those of JSON, programming languages, XML and the shell, without the
// quotes around them.
func quotedForms(value string) []string {
	escaped, _ := json.Marshal(value) // strings can be encoded always
	unquote := func(s string) string { return s[1 : len(s)-1] }
	inJSON := unquote(string(escaped))
	plain := strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(inJSON)
	goQuoted := unquote(strconv.Quote(value))
	return []string{
		inJSON, plain, strings.ReplaceAll(plain, "/", `\/`), asciiJSON(plain),
		goQuoted, unquote(strconv.QuoteToASCII(value)), strings.ReplaceAll(strings.ReplaceAll(goQuoted, `\"`, `"`), "'", `\'`),
		html.EscapeString(value), strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(value),
		strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&apos;").Replace(value),
		strings.ReplaceAll(value, "'", `'\''`), strings.ReplaceAll(value, "'", `'"'"'`),
		escape(value, "\\\"$`"), escape(value, "\\\"$`!"), escape(value, " \t!\"#$&'()*,;<=>?[\\]^`{|}~"), escape(value, " \t!\"#$&'()*;<>?[\\]^`{|}"),
	}
}

func asciiJSON(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r < utf8.RuneSelf:
			b.WriteRune(r)
		case r > 0xffff:
			r -= 0x10000
			fmt.Fprintf(&b, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// escape puts a backslash before each of the characters.
func escape(s, characters string) string {
	var b strings.Builder
	for i := range len(s) {
		if strings.IndexByte(characters, s[i]) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
