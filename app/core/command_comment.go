package core

import (
	"strings"
	"unicode"
)

// ownMark is in everything that we write at a forge: what carries it is never read.
const ownMark = "<!-- oore:"

// ChatLine is a line of a comment that is addressed to the house: a command, or what is
// wrong with it.
type ChatLine struct {
	Line    int // of the comment, from 1
	Command ChatCommand
	Err     *Error // set: there is no command
}

// ParseComment finds the commands in a comment at a forge: lines that start with /oore
// or, for each of names, @name. Quotes, code and what is hidden are ignored; where a
// block of code may or may not have ended, the rest of the comment is too. At most five
// lines come back, and one more that says that there were others.
func ParseComment(body string, names []string) []ChatLine {
	if strings.Contains(body, ownMark) {
		return nil
	}
	var found []ChatLine
	body = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(body)
	scan := commentScan{lastClose: strings.LastIndex(body, "-->")}
	number := 0
	for line := range strings.SplitSeq(body, "\n") {
		number++
		text, ok := addressed(scan.visible(line), names)
		if !ok {
			continue
		}
		if len(found) == maxChatCommands {
			return append(found, ChatLine{Line: number, Err: tooMany()})
		}
		found = append(found, readChatLine(line, text, number))
	}
	return found
}

func readChatLine(line, text string, number int) ChatLine {
	err := checkChatLine(line)
	var c ChatCommand
	if err == nil {
		c, err = parseChat(DoorForge, text)
	}
	if err != nil {
		return ChatLine{Line: number, Err: err}
	}
	c.Line = number
	return ChatLine{Line: number, Command: c}
}

// addressed tells whether a line speaks to us, and what it says.
func addressed(line string, names []string) (string, bool) {
	indent, text := indentOf(line)
	if indent > 3 {
		return "", false
	}
	if rest, ok := afterWord(text, "/oore"); ok {
		return rest, true
	}
	for _, name := range names {
		if name == "" {
			continue
		}
		word := "@" + strings.TrimPrefix(name, "@")
		for _, suffix := range []string{"", ":", ","} {
			if rest, ok := afterWord(text, word+suffix); ok {
				return rest, true
			}
		}
	}
	return "", false
}

// afterWord cuts a word in any case from the start of text.
func afterWord(text, word string) (string, bool) {
	if len(text) < len(word) || !strings.EqualFold(text[:len(word)], word) {
		return "", false
	}
	rest := text[len(word):]
	return rest, rest == "" || strings.TrimLeftFunc(rest, unicode.IsSpace) != rest
}

// indentOf measures a line's indent in columns, as Markdown does, and cuts it off.
func indentOf(line string) (columns int, rest string) {
	return indentAt(0, line)
}

func indentAt(column int, text string) (columns int, rest string) {
	for i, r := range text {
		switch r {
		case ' ':
			column++
		case '\t':
			column += 4 - column%4
		default:
			return column, text[i:]
		}
	}
	return column, ""
}
