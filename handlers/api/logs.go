package api

import (
	"context"
	"io"
	"math"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/sse"
)

// Bounds of a log page in JSON (contract section 3).
const (
	defaultLogLimit = 1000
	maxLogLimit     = 5000
)

// Logs answers GET /v1/builds/{id}/logs: a page in JSON, or, if the asker prefers
// text/plain, the bytes as the build printed them, from after_sequence to the
// newest line.
func (a *API) Logs(c *fiber.Ctx, actor core.Actor) error {
	id, err := pathID(c, "Build")
	if err != nil {
		return err
	}
	after, err := queryInt(c, "after_sequence", -1, -1, math.MaxInt64-1)
	if err != nil {
		return err
	}
	c.Vary(fiber.HeaderAccept)
	if c.Accepts(fiber.MIMEApplicationJSON, fiber.MIMETextPlain) == fiber.MIMETextPlain {
		return a.textLog(c, actor, id, after)
	}
	limit, err := queryInt(c, "limit", defaultLogLimit, 1, maxLogLimit)
	if err != nil {
		return err
	}
	page, err := a.app.ReadLog(c.UserContext(), actor, id, after, int(limit))
	if err != nil {
		return err
	}
	return sendRecords(c, page.Records, page.Total)
}

// SearchLogs answers GET /v1/builds/{id}/logs/search: the lines that hold the text q,
// after after_sequence, letters in any case unless case=true; total counts those of the
// whole log.
func (a *API) SearchLogs(c *fiber.Ctx, actor core.Actor) error {
	id, err := pathID(c, "Build")
	if err != nil {
		return err
	}
	text, err := queryText(c, "q")
	if err != nil {
		return err
	}
	after, err := queryInt(c, "after_sequence", -1, -1, math.MaxInt64-1)
	if err != nil {
		return err
	}
	limit, err := queryInt(c, "limit", defaultLogLimit, 1, maxLogLimit)
	if err != nil {
		return err
	}
	exact, err := queryBool(c, "case", false)
	if err != nil {
		return err
	}
	found, err := a.app.SearchLog(c.UserContext(), actor, id, app.LogSearch{Text: text, Case: exact, After: after, Limit: int(limit)})
	if err != nil {
		return err
	}
	return sendRecords(c, found.Records, found.Total)
}

func sendRecords(c *fiber.Ctx, records []core.LogRecord, total int64) error {
	out := append([]byte(nil), `{"logs":[`...)
	for i := range records {
		if i > 0 {
			out = append(out, ',')
		}
		out = appendRecord(out, &records[i])
	}
	out = append(out, `],"total":`...)
	out = strconv.AppendInt(out, total, 10)
	c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
	return c.Send(append(out, '}'))
}

func (a *API) textLog(c *fiber.Ctx, actor core.Actor, id string, after int64) error {
	system, err := queryBool(c, "system", true)
	if err != nil {
		return err
	}
	// The first page is read here, so that an error is still an answer of its own.
	page, err := a.app.ReadLog(c.UserContext(), actor, id, after, 0)
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderContentType, fiber.MIMETextPlainCharsetUTF8)
	reader := sse.NewReader(a.app, actor, a.timing.recheck, a.now)
	c.Context().SetBodyStream(&sse.Body{Conn: c.Context().Conn(), Patience: a.timing.patience, Next: func() ([]byte, error) {
		if len(page.Records) == 0 {
			return nil, io.EOF
		}
		text := appendText(nil, page.Records, system)
		if err := reader.Check(context.Background()); err != nil {
			return text, err
		}
		var err error
		page, err = a.app.ReadLog(context.Background(), reader.Actor, id, page.Records[len(page.Records)-1].Sequence, 0)
		return text, err
	}}, -1)
	return nil
}

func appendText(dst []byte, records []core.LogRecord, system bool) []byte {
	for i := range records {
		r := &records[i]
		if r.Stream == core.StreamSystem && !system {
			continue
		}
		dst = append(dst, r.Content...)
		if !r.Partial {
			dst = append(dst, '\n')
		}
	}
	return dst
}
