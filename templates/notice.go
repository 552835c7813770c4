package templates

import (
	"fmt"
	"strings"

	"github.com/oore-ci/oore/app/core"
)

const (
	noticeTailLines = 15
	noticeTail      = 2500 // characters of log in a message; Mattermost takes 4,000 in all
)

// Mattermost writes a notice in Mattermost's Markdown. Nothing that comes from a
// repository can add markup or mention anybody.
func Mattermost(n core.Notice) string {
	if n.Report == nil {
		return markdown(n.Text) + "\n" + n.Link
	}
	r := *n.Report
	text := fmt.Sprintf("[%s · %s #%d](%s): %s", markdown(n.Project.Name), markdown(r.Pipeline.Name), r.Build.Number, r.TargetURL, reportState(r))
	if took := reportTime(r); took != "" {
		text += " · " + took
	}
	var about []string
	for _, f := range noticeFacts(r) {
		about = append(about, f.Name+" "+markdown(f.Value))
	}
	if len(about) > 0 {
		text += "\n" + strings.Join(about, " · ")
	}
	if tail := strings.Join(noticeTailOf(r), "\n"); tail != "" {
		text += "\n\n" + fence(tail) + "text\n" + tail + "\n" + fence(tail)
	}
	return text
}

type noticeFact struct{ Name, Value string }

// noticeFacts say what was built, each in one line.
func noticeFacts(r core.Report) []noticeFact {
	b, facts := r.Build, []noticeFact{}
	add := func(name, value string) {
		if value = inline(value); value != "" {
			facts = append(facts, noticeFact{name, value})
		}
	}
	if b.Tag != "" {
		add("Tag", b.Tag)
	} else {
		add("Branch", b.Branch)
	}
	if b.PullRequest != nil {
		add("Pull request", fmt.Sprintf("%d %s", b.PullRequest.Number, b.PullRequest.Title))
	}
	add("Commit", short(b.SHA)+" "+subject(b.CommitMessage))
	add("By", b.TriggerActor)
	add("Platforms", strings.Join(b.Platforms, ", "))
	add("Note", b.Note)
	return facts
}

// noticeTailOf are the last lines of the failed step that fit.
func noticeTailOf(r core.Report) []string {
	lines := tailLines(r.Tail)
	lines = lines[max(0, len(lines)-noticeTailLines):]
	size := 0
	for i := len(lines) - 1; i >= 0; i-- {
		if size += len([]rune(lines[i])) + 1; size > noticeTail {
			return lines[i+1:]
		}
	}
	return lines
}
