package core

import (
	"maps"
	"slices"
	"strings"
	"unicode"
)

// ChatCommand is one command that a person wrote to the house, understood and checked
// as far as that goes without asking anybody.
type ChatCommand struct {
	Verb    string            // a ChatVerb's name
	Args    []string          // without a key, in order; the verb's Position says what they are
	Options map[string]string // by the key's full name; nil: none
	Line    int               // of the comment, from 1; 0: from no comment
}

// String prints the command without the leading /oore, so that ParseChat gives it
// back. It holds for what a parser has returned: a value with both kinds of quotes
// cannot be written.
func (c ChatCommand) String() string {
	words := []string{c.Verb}
	for _, arg := range c.Args {
		keyLike := strings.HasPrefix(arg, "-") || strings.Contains(arg, "=")
		words = append(words, quote(arg, keyLike))
	}
	for _, key := range slices.Sorted(maps.Keys(c.Options)) {
		words = append(words, key+"="+quote(c.Options[key], false))
	}
	return strings.Join(words, " ")
}

// List splits an option that takes several values; nil when it is not set.
func (c ChatCommand) List(key string) []string {
	if c.Options[key] == "" {
		return nil
	}
	return strings.Split(c.Options[key], ",")
}

// quote writes a value so that it is read as one word.
func quote(value string, always bool) string {
	bare := !always && value != "" && !isQuote(value[0]) && !strings.ContainsFunc(value, unicode.IsSpace)
	switch {
	case bare:
		return value
	case strings.Contains(value, `"`):
		return "'" + value + "'"
	}
	return `"` + value + `"`
}

func isQuote(b byte) bool { return b == '"' || b == '\'' }
