package web

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/sse"
)

// BuildLogText is GET /builds/:id/log.txt: the whole log as it is now, bytes as they
// were printed; ?system=false leaves our own lines out, ?download=true saves it.
func (p *Pages) BuildLogText(c *fiber.Ctx, actor core.Actor) error {
	id, system := param(c, "id"), query(c, "system") != "false"
	// The first page is read here, so that an error is still an answer of its own.
	page, err := p.app.ReadLog(c.UserContext(), actor, id, -1, 0)
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderContentType, fiber.MIMETextPlainCharsetUTF8)
	disposition := "inline"
	if query(c, "download") == "true" {
		disposition = "attachment"
	}
	c.Set(fiber.HeaderContentDisposition, fmt.Sprintf(`%s; filename="build-%d.log"`, disposition, page.Build.Number))
	c.Set(fiber.HeaderContentSecurityPolicy, "default-src 'none'; sandbox")
	c.Set(fiber.HeaderXContentTypeOptions, "nosniff")
	c.Set(fiber.HeaderCacheControl, "private, no-cache")
	c.Status(http.StatusOK)
	reader := sse.NewReader(p.app, actor, p.timing.recheck, time.Now)
	c.Context().SetBodyStream(&sse.Body{Conn: c.Context().Conn(), Patience: p.timing.patience, Next: func() ([]byte, error) {
		text := logText(page.Records, system)
		if len(page.Records) == 0 || page.Next >= page.Total {
			return text, io.EOF
		}
		err := reader.Check(context.Background())
		if err == nil {
			page, err = p.app.ReadLog(context.Background(), reader.Actor, id, page.Next-1, 0)
		}
		if err != nil {
			p.log.Warn("log text cut short", "build", id, "error", err)
			return append(text, "\n[The rest of the log could not be read; load this page again.]\n"...), io.EOF
		}
		return text, nil
	}}, -1)
	return nil
}

func logText(records []core.LogRecord, system bool) []byte {
	var text []byte
	for _, r := range records {
		if r.Stream == core.StreamSystem && !system {
			continue
		}
		text = append(text, r.Content...)
		if !r.Partial {
			text = append(text, '\n')
		}
	}
	return text
}
