package core

import (
	"fmt"
	"strings"
	"unicode"
)

// Codes of commands that were not understood.
const (
	CodeUnknownCommand = "unknown_command"
	CodeMissingValue   = "missing_value"
	CodeDuplicateArg   = "duplicate_arg"
	CodeUnknownArg     = "unknown_arg"
	CodeUnclosedQuote  = "unclosed_quote"
	CodeTooMany        = "too_many"
)

// unknownHead stands where the parser would have to know the pull request.
const unknownHead = "<full sha of the head>"

// SHARequired refuses an approval that does not name the commit; head is the commit to
// name. The parser, which does not know it, leaves a gap to fill in.
func SHARequired(head string) *Error {
	return Codef(KindInvalid, CodeSHARequired,
		"Name the commit you reviewed by its whole SHA; the line to paste is: `/oore approve %s`.", head)
}

func unknownCommand(door ChatDoor, word string) *Error {
	var known []string
	for _, v := range ChatVerbs() {
		if v.At(door) {
			known = append(append(known, v.Name), v.Aliases...)
		}
	}
	meant := ""
	if k := closest(word, known); k != "" {
		meant = fmt.Sprintf(" Did you mean `%s`?", k)
	}
	return Codef(KindInvalid, CodeUnknownCommand, "Unknown command %s.%s `/oore help` lists all commands.", CodeSpan(word), meant)
}

func otherDoor(door ChatDoor, verb string) *Error {
	where := "in Slack"
	if door == DoorSlack {
		where = "in pull requests"
	}
	return Codef(KindInvalid, CodeUnknownCommand, "Command `%s` works %s only. `/oore help` lists the commands for here.", verb, where)
}

func unknownArgument(v ChatVerb, word string) *Error {
	if k := closest(word, v.keys()); k != "" {
		return Codef(KindInvalid, CodeUnknownArg, "Unknown argument %s; did you mean `%s`?", CodeSpan(word), k)
	}
	return Codef(KindInvalid, CodeUnknownArg, "Unknown argument %s; `/oore help %s` lists the arguments.", CodeSpan(word), v.Name)
}

func missingValue(a ChatArgument) *Error {
	return Codef(KindInvalid, CodeMissingValue, "Argument `%s` needs a value, e.g. `%s`.", a.Key, a.Example)
}

func duplicateArgument(key string) *Error {
	return Codef(KindInvalid, CodeDuplicateArg, "Argument `%s` given twice.", key)
}

func unclosedQuote() *Error {
	return Codef(KindInvalid, CodeUnclosedQuote, "A quote is not closed.")
}

func tooMany() *Error {
	return Codef(KindInvalid, CodeTooMany, "Only the first %d commands of a comment are run.", maxChatCommands)
}

// wrongValue says of an argument what its value must be; the sentence follows its name.
func wrongValue(a ChatArgument, format string, args ...any) *Error {
	return Errorf(KindInvalid, "Argument `%s` "+format, append([]any{a.Key}, args...)...)
}

// CodeSpan shows a person's text in a message, where it can start no line and no markup.
func CodeSpan(text string) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case r == '`':
			return '\''
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r) || r == unicode.ReplacementChar:
			return -1
		}
		return r
	}, text)
	text = strings.TrimSpace(truncate(strings.TrimSpace(text), 60))
	return "`" + orElse(text, "…") + "`"
}

// closest names the known word that was probably meant, or "": more than two slips of the
// finger, or than half of the known word, make another word.
func closest(word string, known []string) string {
	best, least := "", 3
	for _, k := range known {
		if d := editDistance(strings.ToLower(word), k); d < least && 2*d <= len(k) {
			best, least = k, d
		}
	}
	return best
}
