package web

import (
	"context"
	"io"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/templates"
)

const (
	shownRows = 2 * templates.LogWindow // of a page's log
	styleBack = 100                     // lines before a window in which its colors may have been set
	foundHits = 1000                    // lines that one search lists
)

// wanted says which lines a request is about; the zero value leaves it to the build.
type wanted struct {
	from  int64 // line number
	mark  templates.Range
	query templates.LogQuery
}

// wantedLines reads ?line=N, ?line=A-B and ?from=N, and how the log is to be shown. What
// is no such thing asks for nothing.
func wantedLines(c *fiber.Ctx) wanted {
	w := wanted{query: templates.LogQuery{
		Fold: templates.ParseFold(query(c, "fold")), Search: strings.Clone(c.Query("q")), Case: query(c, "case") == "true", Wrap: query(c, "wrap") == "true",
	}}
	if times := query(c, "times"); times == "since" || times == "clock" {
		w.query.Times = times
	}
	first, last, isRange := strings.Cut(query(c, "line"), "-")
	a, errA := strconv.ParseInt(first, 10, 62)
	if errA != nil || a < 1 {
		if n, err := strconv.ParseInt(query(c, "from"), 10, 62); err == nil {
			w.from = max(1, n)
		}
		return w
	}
	b, errB := strconv.ParseInt(last, 10, 62)
	if !isRange || errB != nil {
		b = a
	}
	w.mark = templates.Range{First: max(1, min(a, b)), Last: max(a, b)}
	return w
}

// logView reads the windows of a build's log that the request is about: the first, or the
// last of a living one, or those around its line.
func (p *Pages) logView(ctx context.Context, actor core.Actor, in templates.BuildView, w wanted) (templates.LogView, error) {
	end, err := p.app.ReadLog(ctx, actor, in.Build.ID, math.MaxInt64-1, 1) // nothing is there: it tells how long the log is
	if err != nil {
		return templates.LogView{}, err
	}
	b := end.Build
	v := newLogView(in.Project, b, in.Steps, w.query)
	v.Live, v.Mark, v.Empty, v.Ended = !b.LogComplete(), w.mark, emptyLog(b, in, time.Now()), endedLog(b)
	v.Rows.Lines = end.Total
	if err := p.search(ctx, actor, b.ID, w, &v); err != nil {
		return v, err
	}
	if err := p.fold(ctx, actor, b, &v); err != nil {
		return v, err
	}
	v.From = firstWindow(v, w.from)
	return v, p.fill(ctx, actor, b.ID, &v, v.From, shownRows)
}

func newLogView(project core.Project, b core.Build, steps []core.Step, q templates.LogQuery) templates.LogView {
	return templates.LogView{
		URL: "/builds/" + b.ID, Query: q, Begin: b.QueuedAt, Steps: steps, Links: templates.NewLogLinks(project.Repository, b),
	}
}

// firstWindow is the row with which the page begins: a wanted line has others before and
// after it.
func firstWindow(v templates.LogView, from int64) int64 {
	const window = templates.LogWindow
	last := max(0, (v.Rows.Count()-1)/window)
	switch {
	case v.Mark.First > 0:
		row := min(v.Rows.Row(v.Mark.First-1), v.Rows.Count()-1)
		at := max(0, row) / window
		if row%window < window/2 && v.Mark.Last-v.Mark.First < window/2 || at == last {
			at--
		}
		return max(0, at) * window
	case from > 0:
		return min(max(0, v.Rows.Row(from-1))/window, last) * window
	case v.Live:
		return max(0, last-1) * window
	}
	return 0
}

// fold finds out what is folded. A group with a wanted line is open, whatever the address
// says, and so is a step that failed where all are folded.
func (p *Pages) fold(ctx context.Context, actor core.Actor, b core.Build, v *templates.LogView) error {
	f := v.Query.Fold
	if f.None() {
		return nil
	}
	groups, err := p.app.LogOutline(ctx, actor, b.ID)
	if err != nil {
		return err
	}
	failed := map[string]bool{}
	for _, s := range v.Steps {
		failed[s.Name] = s.Status == core.StepFailed || s.FinishedAt == nil
		if g := stepGroup(s); g.Folds() && !slices.ContainsFunc(groups, func(o core.LogGroup) bool { return o.First == g.First }) {
			groups = append(groups, g)
		}
	}
	v.Groups = map[int64]core.LogGroup{}
	var folded []core.LogGroup
	for _, g := range groups {
		v.Groups[g.First] = g
		isStep := g.Name == g.Step && failed[g.Step]
		wanted := v.Mark.First > g.First+1 && v.Mark.First <= g.Last+1
		if g.Folds() && f.Closed(g.First+1) && !wanted && (!f.All || !isStep) {
			folded = append(folded, g)
		}
	}
	v.Rows = core.NewLogRows(v.Rows.Lines, folded)
	return nil
}

// stepGroup is a step as a group of lines, -1 lines of one that goes on or printed nothing.
func stepGroup(s core.Step) core.LogGroup {
	g := core.LogGroup{Name: s.Name, Step: s.Name, First: s.FirstSequence, Last: -1, Start: s.StartedAt}
	if s.LastSequence != nil && s.FinishedAt != nil {
		g.Last, g.End = *s.LastSequence, *s.FinishedAt
	}
	return g
}

// search looks for what the address asks for; without a line in it, the first that is
// found is wanted.
func (p *Pages) search(ctx context.Context, actor core.Actor, id string, w wanted, v *templates.LogView) error {
	if w.query.Search == "" {
		return nil
	}
	v.Search = &templates.LogSearch{}
	found, err := p.app.SearchLog(ctx, actor, id, app.LogSearch{Text: w.query.Search, Case: w.query.Case, After: -1, Limit: foundHits})
	if alert, other := refused(err); err != nil {
		if alert == nil && core.KindOf(err) != core.KindLimited {
			return other
		}
		e, _ := asError(err)
		v.Search.Problem = e.Message
		return nil
	}
	s := v.Search
	s.Total = found.Total
	for _, r := range found.Records {
		s.Lines = append(s.Lines, r.Sequence+1)
	}
	if len(s.Lines) == 0 {
		return nil
	}
	at := 0
	if w.mark.First > 0 {
		at = min(position(s.Lines, w.mark.First), len(s.Lines)-1)
	} else if w.from == 0 {
		v.Mark = templates.Range{First: s.Lines[0], Last: s.Lines[0]}
	}
	n := len(s.Lines)
	s.At, s.Prev, s.Next = int64(at+1), s.Lines[(at+n-1)%n], s.Lines[(at+1)%n]
	return nil
}

// position is where a line is, or would be, among the lines.
func position(lines []int64, line int64) int { i, _ := slices.BinarySearch(lines, line); return i }

// fill reads count rows from one on, and what comes before them.
func (p *Pages) fill(ctx context.Context, actor core.Actor, id string, v *templates.LogView, from, count int64) error {
	v.From, v.Records = from, nil
	for i, span := range v.Rows.Spans(from, count) {
		if g, ok := v.Groups[span.From]; ok && i > 0 && span.To == span.From+1 { // its name is all that is shown
			v.Records = append(v.Records, core.LogRecord{Sequence: g.First, Content: []byte(g.Name), Step: g.Step, Time: g.Start, Stream: core.StreamStdout})
			continue
		}
		before := int64(0)
		if i == 0 {
			before = min(styleBack, span.From)
		}
		records, err := p.records(ctx, actor, id, span.From-before, span.To-span.From+before, v.Rows.Lines)
		if err != nil {
			return err
		}
		if before = min(before, int64(len(records))); i == 0 {
			v.Before = records[:before]
		}
		v.Records = append(v.Records, records[before:]...)
	}
	return nil
}

// records reads count records from the sequence on; one read may give fewer than
// asked, since its bytes are bounded.
func (p *Pages) records(ctx context.Context, actor core.Actor, id string, from, count, total int64) ([]core.LogRecord, error) {
	var out []core.LogRecord
	for int64(len(out)) < count && from < total {
		page, err := p.app.ReadLog(ctx, actor, id, from-1, int(count)-len(out))
		if err != nil {
			return nil, err
		}
		if len(page.Records) == 0 {
			break
		}
		out, from, total = append(out, page.Records...), page.Next, page.Total
	}
	return out, nil
}

// LogRows is GET /builds/:id/lines: ?n= rows from row ?from= on, from 0, drawn as the page
// draws them. What an ended build's log has stays so.
func (p *Pages) LogRows(c *fiber.Ctx, actor core.Actor) error {
	ctx, w := c.UserContext(), wantedLines(c)
	from := min(max(0, int64(c.QueryInt("from", 0))), math.MaxInt32)
	count := min(max(1, int64(c.QueryInt("n", templates.LogWindow))), shownRows)
	page, err := p.app.ReadLog(ctx, actor, param(c, "id"), math.MaxInt64-1, 1)
	if err != nil {
		return err
	}
	project, err := p.app.FindProject(ctx, actor, page.Build.ProjectID)
	if err != nil {
		return err
	}
	detail := app.BuildDetail{}
	if !w.query.Fold.None() || w.query.Times == "since" {
		if detail, err = p.app.FindBuildDetail(ctx, actor, page.Build.ID); err != nil {
			return err
		}
	}
	v := newLogView(project, page.Build, detail.Steps, w.query)
	v.Rows.Lines, v.Mark = page.Total, w.mark
	if err := p.fold(ctx, actor, page.Build, &v); err != nil {
		return err
	}
	if err := p.fill(ctx, actor, page.Build.ID, &v, from, count); err != nil {
		return err
	}
	err = p.send(c, http.StatusOK, func(w io.Writer) error { return p.templates.LogRows(w, v) })
	c.Set("Oore-Log-Lines", strconv.FormatInt(page.Total, 10))
	if page.Build.LogComplete() {
		c.Set("Oore-Log-Complete", "true")
		c.Set(fiber.HeaderCacheControl, "private, max-age=3600, immutable")
	}
	return err
}
