package web

import (
	"bytes"
	"context"
	"strings"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/templates"
)

// errorSearch is how many of the last lines of a failed step are looked through for its
// first error.
const errorSearch = 2000

// errorLine is the number of the line to look at first: that of the first error, else the
// last one of the step that failed; 0: there is none.
func (p *Pages) errorLine(ctx context.Context, actor core.Actor, v templates.BuildView) int64 {
	step := v.FailedStep()
	if step == nil || step.LastSequence == nil {
		return 0
	}
	last := *step.LastSequence
	wanted := errorMarks(v.Build.FirstError())
	if len(wanted) == 0 {
		return last + 1
	}
	from := max(step.FirstSequence, last-errorSearch+1)
	records, err := p.records(ctx, actor, v.Build.ID, from, last-from+1, last+1)
	if err != nil {
		return last + 1 // the page says elsewhere that the log cannot be read
	}
	for _, mark := range wanted {
		for _, r := range records {
			if bytes.Contains(r.Content, []byte(mark)) {
				return r.Sequence + 1
			}
		}
	}
	return last + 1
}

// errorMarks are what the line of an error contains, the best first.
func errorMarks(a *core.Annotation) []string {
	if a == nil {
		return nil
	}
	var marks []string
	if a.Path != "" && a.Line > 0 {
		marks = append(marks, a.Where())
	}
	for line := range strings.SplitSeq(a.Message, "\n") {
		if line = strings.TrimSpace(line); len(line) >= 6 {
			marks = append(marks, line)
		}
		if len(marks) == 3 {
			break
		}
	}
	return marks
}
