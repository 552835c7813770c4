package core

import (
	"regexp"
	"strings"
)

var (
	mention   = regexp.MustCompile(`<[@#!]`)
	slackLink = regexp.MustCompile(`<([a-z]+:[^<>|\s]*)(?:\|[^<>]*)?>`)
)

// NormalizeSlack undoes what Slack and its keyboards make of typed text: typographic
// quotes and dashes, hard spaces, entities (once) and links, of which the address stays.
// Mentions stay as they are.
func NormalizeSlack(text string) string {
	text = slackLink.ReplaceAllString(text, "$1")
	return strings.NewReplacer(
		"“", `"`, "”", `"`, "„", `"`, "«", `"`, "»", `"`, "‘", "'", "’", "'",
		"\u00a0", " ", "—", "--", "–", "-",
		"&amp;", "&", "&lt;", "<", "&gt;", ">",
	).Replace(text)
}
