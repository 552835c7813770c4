package web

import (
	"bufio"
	"context"
	"fmt"
	"net/http"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

// BuildLogText is GET /builds/:id/log.txt: the whole log as it is now, bytes as they
// were printed; ?system=false leaves our own lines out, ?download=true saves it.
func (p *Pages) BuildLogText(c *fiber.Ctx, actor core.Actor) error {
	id, system := param(c, "id"), query(c, "system") != "false"
	// The body is written after this handler has returned, when its context may be over.
	ctx := context.WithoutCancel(c.UserContext())
	first, err := p.app.ReadLog(ctx, actor, id, -1, 0)
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderContentType, fiber.MIMETextPlainCharsetUTF8)
	disposition := "inline"
	if query(c, "download") == "true" {
		disposition = "attachment"
	}
	c.Set(fiber.HeaderContentDisposition, fmt.Sprintf(`%s; filename="build-%d.log"`, disposition, first.Build.Number))
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
