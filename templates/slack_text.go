package templates

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/oore-ci/oore/app/core"
)

// webLink is an address at the beginning of running text, without the sentence's own punctuation.
var webLink = regexp.MustCompile("^https?://[^\\s<>|`]*[^\\s<>|`.,;:!?'\")\\]]")

func slackSectionOf(text string) SlackBlock {
	object := slackMarkdown(text)
	return SlackBlock{Type: "section", Text: &object}
}

func slackMarkdown(text string) slackObject {
	return slackObject{Type: "mrkdwn", Text: text, Verbatim: true}
}

func slackPlain(text string) slackObject { return slackObject{Type: "plain_text", Text: text} }

// slackEscape takes their meaning from the three characters in which every mention and
// every link is written. The joiner is for readers that know @here without them.
func slackEscape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "@", "@"+joiner).Replace(s)
}

// unfenced takes runs of back-ticks apart, which would open or close a fence.
func unfenced(s string) string {
	return backticks.ReplaceAllStringFunc(s, func(run string) string {
		return strings.Join(strings.Split(run, ""), joiner)
	})
}

// slackName writes what somebody called something, in one line.
func slackName(s string) string { return slackEscape(unfenced(inline(s))) }

// slackCode writes it so that it can be copied, and underscores do nothing.
func slackCode(s string) string {
	return "`" + slackEscape(strings.ReplaceAll(inline(s), "`", "'")) + "`"
}

// slackParagraph writes a message of our own, whose fences and code hold.
func slackParagraph(m core.Message, room int) string {
	const ending = "…\n```" // of what is cut within a fence
	lines := strings.Split(strings.ReplaceAll(cut(m.Text, room), "\r\n", "\n"), "\n")
	for i, line := range lines {
		lines[i] = visible(line)
	}
	var out strings.Builder
	room -= len(ending)
	for _, piece := range slackPieces(strings.Join(lines, "\n"), m.Markdown) {
		if room -= slackLength(piece); room < 0 {
			out.WriteString("…")
			break
		}
		out.WriteString(piece)
	}
	if text := out.String(); strings.Count(text, "```")%2 == 0 {
		return text
	}
	return out.String() + "\n```"
}

var (
	slackCoded = regexp.MustCompile("(?s)```.*?(?:```|$)|`[^`\n]*`")
	markedBold = regexp.MustCompile(`\*\*([^*\s](?:[^*\n]*[^*\s])?)\*\*`)
)

// slackPieces cuts text where it may end: after each character, which is escaped, and
// each link. Markdown is written as Slack has it, but for code, which stays as it is:
// what is bold there, and addresses, for Slack is told to make no links itself.
func slackPieces(s string, ours bool) []string {
	var pieces []string
	for s != "" {
		plain, code := s, ""
		if at := slackCoded.FindStringIndex(s); at != nil {
			plain, code = s[:at[0]], s[at[0]:at[1]]
		}
		s = s[len(plain)+len(code):]
		if ours {
			plain = markedBold.ReplaceAllString(plain, "*$1*")
		}
		pieces = append(pieces, slackCharacters(plain, ours)...)
		pieces = append(pieces, slackCharacters(code, false)...)
	}
	return pieces
}

func slackCharacters(s string, links bool) []string {
	var pieces []string
	for s != "" {
		if link := webLink.FindString(s); links && link != "" {
			pieces = append(pieces, "<"+strings.ReplaceAll(link, "&", "&amp;")+">")
			s = s[len(link):]
			continue
		}
		_, size := utf8.DecodeRuneInString(s)
		pieces = append(pieces, slackEscape(s[:size]))
		s = s[size:]
	}
	return pieces
}

// slackTail shows the last lines of the failed step that fit.
func slackTail(r core.Report) string {
	lines := tailLines(r.Tail)
	lines = lines[max(0, len(lines)-slackTailLines):]
	size, first := 0, len(lines)
	for first > 0 {
		line := slackEscape(unfenced(strings.ReplaceAll(lines[first-1], "@"+joiner, "@")))
		if size += slackLength(line) + 1; size > slackFence {
			break
		}
		first--
		lines[first] = line
	}
	if lines = lines[first:]; len(lines) == 0 {
		return ""
	}
	title := fmt.Sprintf("Last %d lines", len(lines))
	if len(lines) == 1 {
		title = "Last line"
	}
	if r.FailedStep != "" {
		title += " of " + slackName(r.FailedStep)
	}
	return title + "\n```\n" + strings.Join(lines, "\n") + "\n```"
}

// slackLength counts like the strictest reader: a character beyond the basic plane is
// two.
func slackLength(s string) int { return len(utf16.Encode([]rune(s))) }

func cut(s string, limit int) string {
	if runes := []rune(s); len(runes) > limit {
		return string(runes[:limit-1]) + "…"
	}
	return s
}
