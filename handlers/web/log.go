package web

import (
	"bufio"
	"context"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/templates"
)

const (
	firstLines = 2 * templates.LogWindow // of a log that nobody asked a line of
	before     = 50                      // lines shown before a marked one
)

// wanted says which lines a request is about; the zero value leaves it to the build.
type wanted struct {
	from int64 // line number
	mark templates.Range
}

// wantedLines reads ?line=N, ?line=A-B and ?from=N. What is no such thing asks for
// nothing.
func wantedLines(line, from string) wanted {
	first, last, isRange := strings.Cut(line, "-")
	a, errA := strconv.ParseInt(first, 10, 62)
	if errA != nil || a < 1 {
		n, err := strconv.ParseInt(from, 10, 62)
		if err != nil {
			return wanted{}
		}
		return wanted{from: max(1, n)}
	}
	b, errB := strconv.ParseInt(last, 10, 62)
	if !isRange || errB != nil {
		b = a
	}
	a, b = min(a, b), max(a, b)
	return wanted{from: max(1, a-before), mark: templates.Range{First: max(1, a), Last: b}}
}

// logView reads the wanted window of a build's log.
func (p *Pages) logView(ctx context.Context, actor core.Actor, b core.Build, w wanted) (templates.LogView, error) {
	end, err := p.app.ReadLog(ctx, actor, b.ID, math.MaxInt64-1, 1) // nothing is there: it tells how long the log is
	if err != nil {
		return templates.LogView{}, err
	}
	v := templates.LogView{
		URL: "/builds/" + b.ID, Total: end.Total, Live: !end.Build.LogComplete(), Mark: w.mark,
		Empty: emptyLog(b, time.Now()),
	}
	count := int64(templates.LogWindow)
	switch {
	case w.from > 0:
		v.From = min(w.from-1, max(0, v.Total-count))
	case v.Live:
		count = firstLines
		v.From = max(0, v.Total-count)
	default:
		count = firstLines
	}
	if w.mark.Last-v.From > count {
		count = min(firstLines, w.mark.Last-v.From)
	}
	v.Records, v.Total, err = p.records(ctx, actor, b.ID, v.From, count, v.Total)
	return v, err
}

// records reads count records from the sequence on; one read may give fewer than
// asked, since its bytes are bounded. total is that of the last read.
func (p *Pages) records(ctx context.Context, actor core.Actor, id string, from, count, total int64) ([]core.LogRecord, int64, error) {
	var out []core.LogRecord
	for int64(len(out)) < count && from < total {
		page, err := p.app.ReadLog(ctx, actor, id, from-1, int(count)-len(out))
		if err != nil {
			return nil, 0, err
		}
		if len(page.Records) == 0 {
			break
		}
		out, from, total = append(out, page.Records...), page.Next, page.Total
	}
	return out, total, nil
}

// BuildLogText is GET /builds/:id/log.txt: the whole log as it is now, bytes as they
// were printed; ?system=false leaves our own lines out.
func (p *Pages) BuildLogText(c *fiber.Ctx, actor core.Actor) error {
	id, system := param(c, "id"), query(c, "system") != "false"
	// The body is written after this handler has returned, when its context may be over.
	ctx := context.WithoutCancel(c.UserContext())
	first, err := p.app.ReadLog(ctx, actor, id, -1, 0)
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderContentType, fiber.MIMETextPlainCharsetUTF8)
	c.Set(fiber.HeaderContentDisposition, fmt.Sprintf(`inline; filename="build-%d.log"`, first.Build.Number))
	c.Set(fiber.HeaderContentSecurityPolicy, "default-src 'none'; sandbox")
	c.Set(fiber.HeaderXContentTypeOptions, "nosniff")
	c.Set(fiber.HeaderCacheControl, "private, no-cache")
	c.Status(http.StatusOK).Context().SetBodyStreamWriter(func(w *bufio.Writer) {
		if err := p.writeLog(ctx, w, actor, first, system); err != nil {
			p.log.Warn("log text cut short", "build", id, "error", err)
		}
	})
	return nil
}

// writeLog writes the page and those that follow it. An error is the reader's having
// gone, or a read that failed, which the text then says.
func (p *Pages) writeLog(ctx context.Context, w *bufio.Writer, actor core.Actor, page app.LogPage, system bool) error {
	for {
		for _, r := range page.Records {
			if r.Stream == core.StreamSystem && !system {
				continue
			}
			_, _ = w.Write(r.Content) // an error stays in the writer until Flush tells it
			if !r.Partial {
				_ = w.WriteByte('\n')
			}
		}
		if err := w.Flush(); err != nil {
			return err
		}
		if len(page.Records) == 0 || page.Next >= page.Total {
			return nil
		}
		next, err := p.app.ReadLog(ctx, actor, page.Build.ID, page.Next-1, 0)
		if err != nil {
			_, _ = w.WriteString("\n[The rest of the log could not be read; load this page again.]\n")
			return fmt.Errorf("read on after record %d: %w", page.Next-1, err)
		}
		page = next
	}
}
