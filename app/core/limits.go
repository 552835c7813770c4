package core

import (
	"fmt"
	"path"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/bmatcuk/doublestar/v4"
)

// The limits of what a person may configure, whether by the API or in a file.
const (
	maxStageCommands = 128
	maxCommandLength = 2048
	maxListItems     = 64 // build arguments, patterns, labels, secrets, cache rules
	maxArgLength     = 2048
	maxPatternLength = 512
	maxEnvVars       = 128
	maxEnvKey        = 128
	maxEnvValue      = 4096
	maxVersionLength = 64
	maxNameLength    = 100
	maxConcurrent    = 100
	minTimeout       = time.Second
	maxTimeout       = 24 * time.Hour
)

// Each check below returns what is wrong with a value, worded to follow the name of
// its field, or "" when nothing is.

func checkText(s string, limit int) string {
	switch {
	case strings.TrimSpace(s) == "":
		return "must not be empty"
	case utf8.RuneCountInString(s) > limit:
		return fmt.Sprintf("must have at most %d characters", limit)
	case !utf8.ValidString(s) || strings.ContainsRune(s, 0):
		return "must be UTF-8 text without NUL characters"
	}
	return ""
}

// checkLine is for what appears in lists and log headings.
func checkLine(s string, limit int) string {
	if wrong := checkText(s, limit); wrong != "" {
		return wrong
	}
	if strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return "must be one line of printable characters"
	}
	return ""
}

func checkName(s string) string { return checkLine(s, maxNameLength) }

func checkArg(s string) string { return checkLine(s, maxArgLength) }

func checkSecretName(s string) string {
	if !validEnvName(s) || len(s) > maxEnvKey {
		return fmt.Sprintf("is %q; a secret's name is letters, digits and underscores, and starts with no digit", truncate(s, 40))
	}
	return ""
}

func checkCount(n, limit int) string {
	if n > limit {
		return fmt.Sprintf("must have at most %d entries", limit)
	}
	return ""
}

func checkCommand(c Command) string {
	if wrong := checkText(c.Run, maxCommandLength); wrong != "" {
		return wrong
	}
	if c.Name == "" {
		return ""
	}
	if wrong := checkLine(c.Name, maxNameLength); wrong != "" {
		return "has a name that " + wrong
	}
	return ""
}

func checkEnvVar(v EnvVar) string {
	switch {
	case !validEnvName(v.Key):
		return fmt.Sprintf("has the name %q; a name is letters, digits and underscores, and starts with no digit", truncate(v.Key, 40))
	case len(v.Key) > maxEnvKey:
		return fmt.Sprintf("has a name of more than %d characters", maxEnvKey)
	case reservedEnvName(v.Key):
		return fmt.Sprintf("sets %s, which a build may not set: it changes how programs are found or loaded, or is Oore's own", v.Key)
	case utf8.RuneCountInString(v.Value) > maxEnvValue:
		return fmt.Sprintf("has a value of more than %d characters", maxEnvValue)
	case !utf8.ValidString(v.Value) || strings.ContainsRune(v.Value, 0):
		return "has a value that is not UTF-8 text without NUL characters"
	}
	return ""
}

func validEnvName(name string) bool {
	for i, r := range name {
		letter := r == '_' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return name != ""
}

// reservedEnvName tells the variables by which a repository could make the programs
// around its build run other code, and those that Oore sets itself.
func reservedEnvName(name string) bool {
	for _, prefix := range []string{"LD_", "DYLD_", "GIT_", "PYTHON", "PERL5", "OORE_"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	switch name {
	case "BASH_ENV", "ENV", "IFS", "PATH", "PROMPT_COMMAND", "NODE_OPTIONS", "RUBYOPT", "JAVA_TOOL_OPTIONS", "CI", "OORE":
		return true
	}
	return false
}

func checkRefPattern(pattern string) string {
	if strings.TrimPrefix(pattern, "!") == "" {
		return "must not be empty"
	}
	return checkLine(pattern, maxPatternLength)
}

// checkPathPattern is for doublestar patterns of files in the repository.
func checkPathPattern(pattern string) string {
	if wrong := checkLine(pattern, maxPatternLength); wrong != "" {
		return wrong
	}
	if wrong := checkRelative(pattern); wrong != "" {
		return wrong
	}
	if !doublestar.ValidatePattern(pattern) {
		return "is no valid pattern; look for an unclosed [ or {"
	}
	return ""
}

func checkRelative(name string) string {
	switch {
	case path.IsAbs(name) || strings.ContainsRune(name, '\\'):
		return "must be relative to the repository, with / between folders"
	case path.Clean("/"+name) != "/"+name:
		return `must not contain "..", "." or empty parts`
	}
	return ""
}

func checkTimeout(d time.Duration) string {
	if d < minTimeout || d > maxTimeout {
		return "must be between 1 second and 24 hours"
	}
	return ""
}

func checkConcurrency(c Concurrency) string {
	if c.MaxConcurrent < 0 || c.MaxConcurrent > maxConcurrent {
		return fmt.Sprintf("must be between 0 (no bound) and %d", maxConcurrent)
	}
	return ""
}

func checkLabel(label string) string {
	if wrong := checkLine(label, maxNameLength); wrong != "" {
		return wrong
	}
	if strings.ContainsAny(label, " ,") {
		return "must not contain a space or a comma"
	}
	return ""
}

func platforms() []string { return []string{"android", "ios", "macos"} }

func checkOneOf[S ~string](value S, allowed ...S) string {
	for _, a := range allowed {
		if value == a {
			return ""
		}
	}
	return fmt.Sprintf("is %q; it must be one of %s", truncate(string(value), 40), list(allowed)) + suggest(value, allowed)
}

// suggest names the word that was probably meant, as the end of a message.
func suggest[S ~string](word S, known []S) string {
	best, least := "", 3 // more than two slips of the finger is another word
	for _, k := range known {
		if d := editDistance(string(word), string(k)); d < least && d < len(k) {
			best, least = string(k), d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", best)
}

// editDistance counts the insertions, deletions and replacements between a and b.
// Beyond what suggest cares about, the difference in length is answer enough.
func editDistance(a, b string) int {
	if diff := max(len(a)-len(b), len(b)-len(a)); diff > 2 {
		return diff
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		corner := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := corner
			if a[i] != b[j] {
				cost++
			}
			corner = row[j+1]
			row[j+1] = min(cost, corner+1, row[j]+1)
		}
	}
	return row[len(b)]
}
