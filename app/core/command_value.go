package core

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

var partOfSHA = regexp.MustCompile(`\A[0-9a-f]{7,40}\z`)

// read checks an argument's value and brings it into its one form: trimmed, a list
// taken apart, a SHA in lower case, a build's number without #.
func (a ChatArgument) read(door ChatDoor, value string) ([]string, *Error) {
	if err := a.checkValue(value); err != nil {
		return nil, err
	}
	items := []string{value}
	if a.List {
		items = strings.Split(value, ",")
	}
	var values []string
	for _, item := range items {
		if item = strings.TrimSpace(item); item == "" {
			continue
		}
		item, err := a.readItem(door, item)
		if err != nil {
			return nil, err
		}
		values = append(values, item)
	}
	if len(values) == 0 {
		return nil, missingValue(a)
	}
	return values, nil
}

// checkValue holds for all kinds.
func (a ChatArgument) checkValue(value string) *Error {
	breaks := func(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp) }
	switch {
	case utf8.RuneCountInString(value) > maxChatValue:
		return wrongValue(a, "may have at most %d characters.", maxChatValue)
	case !utf8.ValidString(value) || strings.ContainsFunc(value, breaks):
		return wrongValue(a, "must be one line of text without control characters.")
	case strings.Contains(value, `"`) && strings.Contains(value, "'"):
		return wrongValue(a, "cannot hold both kinds of quotes.")
	}
	return nil
}

func (a ChatArgument) readItem(door ChatDoor, item string) (string, *Error) {
	switch a.Kind {
	case ArgText:
	case ArgNumber:
		return a.readNumber(item)
	case ArgBuild, ArgTarget:
		return a.readBuild(item)
	case ArgSHA, ArgFullSHA:
		return a.readSHA(strings.ToLower(item))
	case ArgRef:
		if wrong := checkRef(item); wrong != "" {
			err := wrongValue(a, "is %s, which is no name of a branch or tag: it %s.", CodeSpan(item), wrong)
			err.Code = CodeInvalidRef
			return "", err
		}
		return item, nil
	case ArgChoice:
		return a.readChoice(item)
	case ArgVerb:
		verb, err := verbAt(door, item)
		return verb.Name, err
	}
	return item, nil
}

func (a ChatArgument) readNumber(item string) (string, *Error) {
	n, ok := positive(item)
	if !ok || n > a.Max {
		return "", wrongValue(a, "must be a number from 1 to %d.", a.Max)
	}
	return strconv.Itoa(n), nil
}

func (a ChatArgument) readBuild(item string) (string, *Error) {
	if n, ok := positive(strings.TrimPrefix(item, "#")); ok {
		return strconv.Itoa(n), nil
	}
	if a.Kind == ArgTarget || slices.Contains(a.Choices, item) {
		return item, nil
	}
	return "", wrongValue(a, "is %s; it must be a build's number or `%s`.", CodeSpan(item), list(a.Choices))
}

func (a ChatArgument) readSHA(item string) (string, *Error) {
	switch {
	case a.Kind == ArgFullSHA && !ValidSHA(item):
		return "", SHARequired(unknownHead)
	case a.Kind == ArgSHA && !partOfSHA.MatchString(item):
		err := wrongValue(a, "is %s, which is no commit: it must have 7 to 40 hex digits.", CodeSpan(item))
		err.Code = CodeInvalidRef
		return "", err
	}
	return item, nil
}

func (a ChatArgument) readChoice(item string) (string, *Error) {
	if slices.Contains(a.Choices, item) {
		return item, nil
	}
	meant := ""
	if k := closest(item, a.Choices); k != "" {
		meant = " Did you mean `" + k + "`?"
	}
	return "", wrongValue(a, "is %s; it must be one of %s.%s", CodeSpan(item), list(a.Choices), meant)
}

// positive reads plain digits; no build counts beyond nine of them.
func positive(s string) (int, bool) {
	for _, r := range s {
		if r < '0' || r > '9' {
			return 0, false
		}
	}
	n, err := strconv.Atoi(s)
	return n, err == nil && n > 0 && n < 1e9
}
