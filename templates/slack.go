package templates

import (
	"cmp"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// The ids of the buttons under a build. Those of the first two ask for something, and
// their value is the build's id; the others only open a page.
const (
	SlackCancel   = "oore.cancel"
	SlackRetry    = "oore.retry"
	SlackOpenLog  = "oore.log"
	SlackOpenPage = "oore.page"
	SlackOpenMore = "oore.more"
)

// What Slack takes, or less.
const (
	slackSection    = 3000 // characters of a section's text
	slackIntro      = 500  // of what is said above a build
	slackFence      = 2600 // of the log in one
	slackTailLines  = 15
	slackURL        = 1000 // of an address; three of them must fit into one message
	slackLinkedURL  = 600  // of an address within a text, escaped
	slackAskText    = 300  // of the question before a button acts
	slackShownNames = 60   // of a name in that question
)

// SlackBlock is a block of Slack's Block Kit, as its API reads it.
type SlackBlock struct {
	Type     string       `json:"type"`
	Text     *slackObject `json:"text,omitempty"`
	Elements []any        `json:"elements,omitempty"`
}

// slackObject is a text object. Verbatim keeps Slack from making links and mentions of
// words that only look like them.
type slackObject struct {
	Type     string `json:"type"`
	Text     string `json:"text"`
	Verbatim bool   `json:"verbatim,omitempty"`
}

type slackButton struct {
	Type     string       `json:"type"`
	Text     slackObject  `json:"text"`
	ActionID string       `json:"action_id"`
	Value    string       `json:"value,omitempty"`
	URL      string       `json:"url,omitempty"`
	Style    string       `json:"style,omitempty"`
	Confirm  *slackDialog `json:"confirm,omitempty"`
}

type slackDialog struct {
	Title   slackObject `json:"title"`
	Text    slackObject `json:"text"`
	Confirm slackObject `json:"confirm"`
	Deny    slackObject `json:"deny"`
	Style   string      `json:"style,omitempty"`
}

// SlackText writes what a message's notification says. Nothing in it mentions anybody.
func SlackText(m core.Message) string { return slackParagraph(m, slackSection) }

// SlackBlocks writes a message in Block Kit, within its limits whatever the message
// says. Nothing that comes from a repository can mention anybody, add a link or leave
// its fence. A build that lives can be canceled, and one that has not succeeded can be
// run again, once.
func SlackBlocks(m core.Message) []SlackBlock {
	var blocks []SlackBlock
	room := slackSection
	if m.Report != nil {
		room = slackIntro
	}
	if m.Text != "" {
		blocks = append(blocks, slackSectionOf(slackParagraph(m, room)))
	}
	if r := m.Report; r != nil {
		blocks = append(blocks, slackSectionOf(slackHeadline(*r)))
		if tail := slackTail(*r); tail != "" {
			blocks = append(blocks, slackSectionOf(tail))
		}
		if about := slackContext(*r); about != "" {
			blocks = append(blocks, SlackBlock{Type: "context", Elements: []any{slackMarkdown(about)}})
		}
	}
	if buttons := slackButtons(m); len(buttons) > 0 {
		blocks = append(blocks, SlackBlock{Type: "actions", Elements: buttons})
	}
	return blocks
}

// slackHeadline says what a build is, how it stands, and what it builds.
func slackHeadline(r core.Report) string {
	name := slackName(r.Pipeline.Name)
	if r.Build.Number > 0 {
		name += fmt.Sprintf(" #%d", r.Build.Number)
	}
	address := strings.NewReplacer("&", "&amp;", "<", "%3C", ">", "%3E", "|", "%7C").Replace(r.TargetURL)
	if webAddress(address, slackLinkedURL) {
		name = "<" + address + "|" + name + ">"
	}
	text := slackGlyph(r) + " *" + name + "* · " + slackState(r)
	if from := slackSource(r.Build); from != "" {
		text += "\n" + from
	}
	return text
}

func slackGlyph(r core.Report) string {
	switch r.State {
	case core.ReportPending:
		return "⏳"
	case core.ReportRunning:
		return "🔵"
	case core.ReportSuccess:
		return "✅"
	case core.ReportFailure:
		if r.Build.Status == core.BuildTimedOut {
			return "⌛"
		}
		return "❌"
	case core.ReportError:
		return "⊘"
	case core.ReportSkipped:
	}
	return "»"
}

func slackState(r core.Report) string {
	switch {
	case r.State == core.ReportSuccess:
		return "Succeeded"
	case r.State == core.ReportFailure && r.FailedStep != "" && r.Build.Status != core.BuildTimedOut:
		return "Failed at *" + slackName(r.FailedStep) + "*"
	}
	return slackName(r.Description)
}

func slackSource(b core.Build) string {
	var parts []string
	switch {
	case b.Tag != "":
		parts = append(parts, slackCode(b.Tag))
	case b.Branch != "":
		parts = append(parts, slackCode(b.Branch))
	}
	if b.SHA != "" {
		parts = append(parts, slackCode(short(b.SHA)))
	}
	if b.PullRequest != nil {
		parts = append(parts, fmt.Sprintf("pull request %d", b.PullRequest.Number))
	}
	if title := subject(b.CommitMessage); title != "" {
		parts = append(parts, slackName(title))
	}
	return strings.Join(parts, " · ")
}

// slackContext says who asked, when, and how long it took.
func slackContext(r core.Report) string {
	var parts []string
	b := r.Build
	if who := cmp.Or(b.TriggerActor, b.CommitAuthor); who != "" {
		parts = append(parts, "By "+slackName(who))
	}
	switch {
	case b.FinishedAt != nil:
		parts = append(parts, "ended "+slackDate(*b.FinishedAt))
	case b.StartedAt != nil:
		parts = append(parts, "started "+slackDate(*b.StartedAt))
	case !b.QueuedAt.IsZero():
		parts = append(parts, "queued "+slackDate(b.QueuedAt))
	}
	if r.Duration > 0 {
		parts = append(parts, "took "+core.HumanDuration(r.Duration))
	}
	if len(b.Platforms) > 0 {
		parts = append(parts, slackName(strings.Join(b.Platforms, ", "))+" alone")
	}
	if r.RerunNumber > 0 {
		parts = append(parts, fmt.Sprintf("run again as #%d", r.RerunNumber))
	}
	if b.Note != "" {
		parts = append(parts, "note: "+slackName(b.Note))
	}
	return strings.Join(parts, " · ")
}

// slackDate is shown in the reader's own time zone.
func slackDate(t time.Time) string {
	return fmt.Sprintf("<!date^%d^{date_short_pretty} at {time}|%s>", t.Unix(), when(t))
}

func slackButtons(m core.Message) []any {
	var buttons []any
	report, page := m.Report, ""
	if report != nil {
		page = report.TargetURL
		switch b := report.Build; {
		case b.ID == "" || !b.Status.Valid(): // nothing was built
		case !b.Status.Terminal():
			buttons = append(buttons, slackCancel(*report))
		case b.Status != core.BuildSucceeded && report.RerunNumber == 0:
			buttons = append(buttons, slackButton{
				Type: "button", Text: slackPlain("Run again"), ActionID: SlackRetry, Value: b.ID, Style: "primary",
			})
		}
		buttons = append(buttons, slackLink("Open log", SlackOpenLog, page+"#log")...)
		buttons = append(buttons, slackLink("Build page", SlackOpenPage, page)...)
	}
	if m.Link != page {
		buttons = append(buttons, slackLink("Read more", SlackOpenMore, m.Link)...)
	}
	return buttons
}

// slackCancel asks before it acts: everybody in the channel can press it.
func slackCancel(r core.Report) slackButton {
	question := fmt.Sprintf("%s #%d is stopped and its work is lost.", cut(inline(r.Pipeline.Name), slackShownNames), r.Build.Number)
	return slackButton{
		Type: "button", Text: slackPlain("Cancel"), ActionID: SlackCancel, Value: r.Build.ID, Style: "danger",
		Confirm: &slackDialog{
			Title: slackPlain("Cancel this build?"), Text: slackPlain(cut(question, slackAskText)),
			Confirm: slackPlain("Cancel the build"), Deny: slackPlain("Let it run"), Style: "danger",
		},
	}
}

// slackLink is one button, or none where the address is not one that Slack takes.
func slackLink(label, id, address string) []any {
	if !webAddress(address, slackURL) {
		return nil
	}
	return []any{slackButton{Type: "button", Text: slackPlain(label), ActionID: id, URL: address}}
}

func webAddress(s string, limit int) bool {
	u, err := url.Parse(s)
	return err == nil && len(s) <= limit && (u.Scheme == "https" || u.Scheme == "http") && u.Host != ""
}
