package core

import (
	"fmt"
	"strings"
)

// CacheKey is the template of a cache's key: text, with values between {{ and }}. The
// values are `hashFiles "pattern" …`, .OS and .Arch.
type CacheKey struct {
	text  string
	parts []keyPart
}

// keyPart is literal text, or a value.
type keyPart struct {
	text     string
	value    string   // "": it is text
	patterns []string // of hashFiles
}

// The values of a key.
const (
	keyHashFiles = "hashFiles"
	keyOS        = ".OS"
	keyArch      = ".Arch"
)

// KeyValues is what a key's values stand for.
type KeyValues struct {
	Platform string // as a runner's, "macos/arm64"
	// HashFiles gives a digest of the files that match the patterns.
	HashFiles func(patterns []string) (string, error)
}

// String is the template as it was written.
func (k CacheKey) String() string { return k.text }

// Fill writes the key. The error is that of HashFiles.
func (k CacheKey) Fill(v KeyValues) (string, error) {
	system, arch, _ := strings.Cut(v.Platform, "/")
	var key strings.Builder
	for _, p := range k.parts {
		switch p.value {
		case keyHashFiles:
			digest, err := v.HashFiles(p.patterns)
			if err != nil {
				return "", err
			}
			key.WriteString(digest)
		case keyOS:
			key.WriteString(system)
		case keyArch:
			key.WriteString(arch)
		default:
			key.WriteString(p.text)
		}
	}
	return key.String(), nil
}

// parseCacheKey reads a template; wrong is worded as with the checks.
func parseCacheKey(s string) (k CacheKey, wrong string) {
	if wrong := checkLine(s, maxPatternLength); wrong != "" {
		return k, wrong
	}
	k.text = s
	for s != "" {
		text, action, opened := strings.Cut(s, "{{")
		if strings.Contains(text, "}}") {
			return k, "has }} without {{ before it"
		}
		if text != "" {
			k.parts = append(k.parts, keyPart{text: text})
		}
		if !opened {
			break
		}
		var p keyPart
		if p, s, wrong = parseAction(action); wrong != "" {
			return k, wrong
		}
		k.parts = append(k.parts, p)
	}
	return k, ""
}

// parseAction reads what follows a {{, to its }} and on to rest.
func parseAction(s string) (p keyPart, rest, wrong string) {
	for first := true; ; first = false {
		s = strings.TrimLeft(s, " ")
		if after, ended := strings.CutPrefix(s, "}}"); ended {
			return p, after, p.complete()
		}
		var word string
		quoted := s != "" && strings.ContainsRune(`"'`, rune(s[0]))
		if word, s, wrong = keyWord(s); wrong != "" {
			return p, s, wrong
		}
		switch {
		case first && quoted:
			return p, s, fmt.Sprintf("has text in {{ }}, where a value is meant: write %s", keyExample)
		case first:
			p.value = word
		default:
			p.patterns = append(p.patterns, word)
			if !quoted {
				return p, s, fmt.Sprintf("has %q without quotes in {{ }}: write %s", truncate(word, 40), keyExample)
			}
		}
		if wrong = p.checkNext(); wrong != "" {
			return p, s, wrong
		}
	}
}

const keyExample = `{{ hashFiles "pubspec.lock" }}`

// keyWord takes a word or a quoted text off the front of an action.
func keyWord(s string) (word, rest, wrong string) {
	if s == "" {
		return "", "", "has {{ without }} after it"
	}
	if quote := s[:1]; quote == `"` || quote == "'" {
		text, rest, closed := strings.Cut(s[1:], quote)
		if !closed {
			return "", "", "has a quote in {{ }} that does not end"
		}
		return text, rest, ""
	}
	end := 0
	for end < len(s) && wordByte(s[end]) {
		end++
	}
	if end == 0 {
		return "", "", fmt.Sprintf("has %q in {{ }}: write %s", firstRune(s), keyExample)
	}
	return s[:end], s[end:], ""
}

func wordByte(c byte) bool {
	return c == '.' || c == '_' || c == '-' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

func firstRune(s string) string {
	for _, r := range s {
		return string(r)
	}
	return ""
}

// checkNext looks at the newest word of the action.
func (p keyPart) checkNext() string {
	known := []string{keyHashFiles, keyOS, keyArch}
	switch {
	case len(p.patterns) == 0:
		return checkKeyValue(p.value, known)
	case p.value != keyHashFiles:
		return fmt.Sprintf("gives %s something, which takes nothing", p.value)
	case len(p.patterns) > maxListItems:
		return fmt.Sprintf("gives hashFiles more than %d patterns", maxListItems)
	}
	pattern := p.patterns[len(p.patterns)-1]
	if wrong := checkPathPattern(pattern); wrong != "" {
		return fmt.Sprintf("has the pattern %q, which %s", truncate(pattern, 40), wrong)
	}
	return ""
}

func checkKeyValue(value string, known []string) string {
	for _, k := range known {
		if value == k {
			return ""
		}
	}
	return fmt.Sprintf(`has {{ %s }}, which is none of hashFiles "pattern", .OS and .Arch`, truncate(value, 40)) + suggest(value, known)
}

func (p keyPart) complete() string {
	switch {
	case p.value == "":
		return "has an empty {{ }}"
	case p.value == keyHashFiles && len(p.patterns) == 0:
		return "has hashFiles without a pattern: write " + keyExample
	}
	return ""
}
