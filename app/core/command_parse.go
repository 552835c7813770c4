package core

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The caps of what is read.
const (
	maxChatCommands = 5    // of one comment
	maxChatLine     = 1000 // characters
	maxChatValue    = 255  // characters
)

// ParseLine reads what a person wrote in Slack, without /oore. Errors as with ParseChat.
func ParseLine(text string) (ChatCommand, error) {
	if mention.MatchString(text) {
		return ChatCommand{}, Errorf(KindInvalid, "A mention of a person or channel is no value; write the name itself.")
	}
	if err := checkChatLine(text); err != nil {
		return ChatCommand{}, err
	}
	return ParseChat(DoorSlack, NormalizeSlack(text))
}

// checkChatLine is for what a person wrote: what String prints may be longer.
func checkChatLine(line string) *Error {
	if utf8.RuneCountInString(line) > maxChatLine {
		return Errorf(KindInvalid, "A command may have at most %d characters.", maxChatLine)
	}
	return nil
}

// ParseChat reads a command as ChatCommand.String prints it, without /oore. No words
// are `help`. Errors are *Error of KindInvalid, and their messages are the answer to
// the person.
func ParseChat(door ChatDoor, text string) (ChatCommand, error) {
	c, err := parseChat(door, text)
	if err != nil {
		return ChatCommand{}, err
	}
	return c, nil
}

func parseChat(door ChatDoor, text string) (ChatCommand, *Error) {
	words, err := splitWords(text)
	if err != nil {
		return ChatCommand{}, err
	}
	if len(words) == 0 {
		return ChatCommand{Verb: "help"}, nil
	}
	verb, err := verbAt(door, words[0].raw)
	if err != nil {
		return ChatCommand{}, err
	}
	return verb.read(door, words[1:])
}

func verbAt(door ChatDoor, word string) (ChatVerb, *Error) {
	verb, ok := FindChatVerb(word)
	switch {
	case !ok:
		return verb, unknownCommand(door, word)
	case !verb.At(door):
		return verb, otherDoor(door, verb.Name)
	}
	return verb, nil
}

// read makes a command of the words that follow the verb.
func (v ChatVerb) read(door ChatDoor, words []chatWord) (ChatCommand, *Error) {
	c := ChatCommand{Verb: v.Name}
	var given []string
	for _, w := range words {
		arg, err := v.argumentOf(w, c)
		if err != nil {
			return c, err
		}
		if w.keyed && slices.Contains(given, arg.Key) {
			return c, duplicateArgument(arg.Key)
		}
		values, err := arg.read(door, w.value)
		if err != nil {
			return c, err
		}
		if w.keyed {
			given = append(given, arg.Key)
		}
		c.set(v, arg.Key, values)
	}
	return c, v.check(c)
}

// argumentOf tells which argument a word gives, c being what came before it.
func (v ChatVerb) argumentOf(w chatWord, c ChatCommand) (ChatArgument, *Error) {
	full := len(c.Args) > 0 && !v.Many
	if !w.keyed {
		if v.Position.Key == "" || full {
			return v.Position, unknownArgument(v, w.raw)
		}
		return v.Position, nil
	}
	arg := v.argument(w.key)
	switch {
	case arg == nil:
		return v.Position, unknownArgument(v, w.key)
	case full && arg.Key == v.Position.Key:
		return *arg, duplicateArgument(arg.Key)
	}
	return *arg, nil
}

func (c *ChatCommand) set(v ChatVerb, key string, values []string) {
	if key == v.Position.Key {
		c.Args = append(c.Args, values...)
		return
	}
	if c.Options == nil {
		c.Options = map[string]string{}
	}
	c.Options[key] = strings.Join(values, ",")
}

// check looks at the command as a whole.
func (v ChatVerb) check(c ChatCommand) *Error {
	switch {
	case v.Required && len(c.Args) == 0 && v.Position.Kind == ArgFullSHA:
		return SHARequired(unknownHead)
	case v.Required && len(c.Args) == 0:
		return missingValue(v.Position)
	case c.Options["branch"] != "" && c.Options["tag"] != "":
		return Errorf(KindInvalid, "Give `branch` or `tag`, not both.")
	}
	return nil
}

// chatWord is a word of a command: a bare or quoted value, perhaps with a key.
type chatWord struct {
	raw   string // what a message shows of it: its value, or the word as written
	key   string // lower case, without dashes
	value string
	keyed bool
}

func splitWords(text string) ([]chatWord, *Error) {
	var words []chatWord
	for {
		text = strings.TrimLeftFunc(text, unicode.IsSpace)
		if text == "" {
			return words, nil
		}
		w, rest, err := nextWord(text)
		if err != nil {
			return nil, err
		}
		words, text = append(words, w), rest
	}
}

// nextWord reads the word at the start of text, which is not empty.
func nextWord(text string) (chatWord, string, *Error) {
	if isQuote(text[0]) {
		value, rest, err := nextValue(text)
		return chatWord{raw: value, value: value}, rest, err
	}
	bare, rest := cutSpace(text)
	name, _, assigned := strings.Cut(bare, "=")
	key := strings.ToLower(strings.TrimLeft(name, "-"))
	switch {
	case assigned && name == "":
		return chatWord{}, "", Errorf(KindInvalid, "Write `key=value` without a space before the `=`.")
	case assigned && isKey(key):
		value, rest, err := nextValue(text[len(name)+1:])
		return chatWord{raw: bare, key: key, value: value, keyed: true}, rest, err
	case bare[0] == '-': // an option that lacks its value
		return chatWord{raw: bare, key: key, keyed: true}, rest, nil
	}
	return chatWord{raw: bare, value: bare}, rest, nil
}

// nextValue reads the value at the start of text, which may be empty.
func nextValue(text string) (value, rest string, err *Error) {
	if text == "" || !isQuote(text[0]) {
		value, rest = cutSpace(text)
		return value, rest, nil
	}
	value, rest, closed := strings.Cut(text[1:], text[:1])
	if !closed {
		return "", "", unclosedQuote()
	}
	if next, _ := utf8.DecodeRuneInString(rest); rest != "" && !unicode.IsSpace(next) {
		return "", "", Errorf(KindInvalid, "Put a space after a closing quote.")
	}
	return value, rest, nil
}

func cutSpace(text string) (before, after string) {
	if i := strings.IndexFunc(text, unicode.IsSpace); i >= 0 {
		return text[:i], text[i:]
	}
	return text, ""
}

func isKey(s string) bool {
	for i, r := range s {
		letter := 'a' <= r && r <= 'z'
		if !letter && (i == 0 || r != '_' && r != '-' && (r < '0' || r > '9')) {
			return false
		}
	}
	return s != ""
}
