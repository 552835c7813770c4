package slacktest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"unicode/utf16"
)

// The limits of Block Kit.
const (
	maxBlocks     = 50
	maxWhole      = 13_000 // of all blocks: then msg_blocks_too_long
	maxMessage    = 40_000
	maxSection    = 3000
	maxFields     = 10
	maxField      = 2000
	maxHeader     = 150
	maxInContext  = 10
	maxInActions  = 25
	maxButton     = 75
	maxValue      = 2000
	maxURL        = 3000
	maxID         = 255
	maxAskTitle   = 100
	maxAskText    = 300
	maxAskButtons = 30
)

// special is what Slack reads within text: <https://…|label>, <@U1>, <!here>, <!date^…>.
var special = regexp.MustCompile(`<([^<>]*)>`)

var entity = regexp.MustCompile(`&(?:amp|lt|gt);`)

type block struct {
	Type     string            `json:"type"`
	BlockID  string            `json:"block_id"`
	Text     *textObject       `json:"text"`
	Fields   []textObject      `json:"fields"`
	Elements []json.RawMessage `json:"elements"`
}

type textObject struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

type button struct {
	Type     string      `json:"type"`
	Text     *textObject `json:"text"`
	ActionID string      `json:"action_id"`
	Value    string      `json:"value"`
	URL      string      `json:"url"`
	Style    string      `json:"style"`
	Confirm  *struct {
		Title   *textObject `json:"title"`
		Text    *textObject `json:"text"`
		Confirm *textObject `json:"confirm"`
		Deny    *textObject `json:"deny"`
	} `json:"confirm"`
}

// Validate tells what Slack would refuse in blocks, a JSON array: what is over a limit,
// missing or of the wrong kind, and control characters that nobody escaped.
func Validate(blocks []byte) error {
	var all []block
	if err := json.Unmarshal(blocks, &all); err != nil {
		return fmt.Errorf("blocks: %w", err)
	}
	faults := []error{
		atMost("blocks", len(all), maxBlocks),
		atMost("the characters of all blocks", whole(blocks), maxWhole),
	}
	if len(all) == 0 {
		faults = append(faults, errors.New("there are no blocks"))
	}
	ids := map[string]bool{}
	for i, b := range all {
		if b.BlockID != "" && ids[b.BlockID] {
			faults = append(faults, fmt.Errorf("block %d: block_id %q is there twice", i, b.BlockID))
		}
		ids[b.BlockID] = true
		if err := errors.Join(b.check(), atMost("block_id", length(b.BlockID), maxID)); err != nil {
			faults = append(faults, fmt.Errorf("block %d (%s): %w", i, b.Type, err))
		}
	}
	return errors.Join(faults...)
}

// whole counts the characters of blocks, however their JSON was written.
func whole(blocks []byte) int {
	var all any
	var plain bytes.Buffer
	e := json.NewEncoder(&plain)
	e.SetEscapeHTML(false)
	if json.Unmarshal(blocks, &all) != nil || e.Encode(all) != nil {
		return 0
	}
	return length(plain.String())
}

func (b block) check() error {
	switch b.Type {
	case "section":
		return b.checkSection()
	case "header":
		return b.Text.check("text", maxHeader, true)
	case "divider":
		return nil
	case "context":
		faults := []error{between("elements", len(b.Elements), 1, maxInContext)}
		for _, raw := range b.Elements {
			var text textObject
			faults = append(faults, json.Unmarshal(raw, &text), text.check("an element", maxSection, false))
		}
		return errors.Join(faults...)
	case "actions":
		return b.checkActions()
	}
	return fmt.Errorf("the double knows no %q", b.Type)
}

func (b block) checkSection() error {
	faults := []error{atMost("fields", len(b.Fields), maxFields)}
	if b.Text != nil || len(b.Fields) == 0 {
		faults = append(faults, b.Text.check("text", maxSection, false))
	}
	for _, f := range b.Fields {
		faults = append(faults, f.check("a field", maxField, false))
	}
	return errors.Join(faults...)
}

func (b block) checkActions() error {
	faults := []error{between("elements", len(b.Elements), 1, maxInActions)}
	ids := map[string]bool{}
	for _, raw := range b.Elements {
		var e button
		faults = append(faults, json.Unmarshal(raw, &e), e.check())
		if ids[e.ActionID] {
			faults = append(faults, fmt.Errorf("action_id %q is there twice", e.ActionID))
		}
		ids[e.ActionID] = true
	}
	return errors.Join(faults...)
}

func (b button) check() error {
	if b.Type != "button" {
		return fmt.Errorf("the double knows no %q among actions", b.Type)
	}
	faults := []error{
		b.Text.check("a button's text", maxButton, true), between("action_id", length(b.ActionID), 1, maxID),
		atMost("value", length(b.Value), maxValue), atMost("url", length(b.URL), maxURL),
	}
	if b.Style != "" && b.Style != "primary" && b.Style != "danger" {
		faults = append(faults, fmt.Errorf("style %q", b.Style))
	}
	if b.URL != "" {
		if u, err := url.Parse(b.URL); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
			faults = append(faults, fmt.Errorf("%q is no address", b.URL))
		}
	}
	if c := b.Confirm; c != nil {
		faults = append(faults, c.Title.check("confirm.title", maxAskTitle, true), c.Text.check("confirm.text", maxAskText, false),
			c.Confirm.check("confirm.confirm", maxAskButtons, true), c.Deny.check("confirm.deny", maxAskButtons, true))
	}
	return errors.Join(faults...)
}

func (t *textObject) check(what string, limit int, plain bool) error {
	switch {
	case t == nil:
		return errors.New(what + " is missing")
	case t.Type != "plain_text" && (plain || t.Type != "mrkdwn"):
		return fmt.Errorf("%s is of the type %q", what, t.Type)
	case t.Type == "mrkdwn" && badlyEscaped(t.Text):
		return fmt.Errorf("%s has a control character that is not escaped: %q", what, t.Text)
	}
	return between("the characters of "+what, length(t.Text), 1, limit)
}

// badlyEscaped finds control characters that belong to nothing that Slack reads.
func badlyEscaped(text string) bool {
	rest := entity.ReplaceAllString(special.ReplaceAllString(text, ""), "")
	for _, r := range rest {
		if r == '&' || r == '<' || r == '>' {
			return true
		}
	}
	return false
}

// mentions lists whoever would be notified by a text, or by the texts of blocks.
func mentions(text string, blocks []byte) []string {
	texts := []string{text}
	var all []block
	if json.Unmarshal(blocks, &all) == nil {
		for _, b := range all {
			texts = append(texts, b.markdown()...)
		}
	}
	var found []string
	for _, t := range texts {
		for _, m := range special.FindAllStringSubmatch(t, -1) {
			if notifies.MatchString(m[1]) {
				found = append(found, m[0])
			}
		}
	}
	return found
}

var notifies = regexp.MustCompile(`^(?:@|!here|!channel|!everyone|!group|!subteam)`)

func (b block) markdown() []string {
	var texts []string
	objects := b.Fields
	if b.Text != nil {
		objects = append(objects, *b.Text)
	}
	for _, raw := range b.Elements {
		var t textObject
		if json.Unmarshal(raw, &t) == nil {
			objects = append(objects, t)
		}
	}
	for _, o := range objects {
		if o.Type == "mrkdwn" {
			texts = append(texts, o.Text)
		}
	}
	return texts
}

func length(s string) int { return len(utf16.Encode([]rune(s))) }

func atMost(what string, n, limit int) error { return between(what, n, 0, limit) }

func between(what string, n, least, most int) error {
	if n < least || n > most {
		return fmt.Errorf("%s: %d, and must be %d to %d", what, n, least, most)
	}
	return nil
}
