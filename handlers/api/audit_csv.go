package api

import (
	"bytes"
	"context"
	"encoding/csv"
	"io"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/sse"
)

const (
	mimeCSV   = "text/csv"
	auditRead = 500 // entries that are read at once
)

// auditCSV sends all of the log that matches, page by page, as fast as it is taken.
func (a *API) auditCSV(c *fiber.Ctx, actor core.Actor, f core.AuditFilter) error {
	// The first page is read here, so that an error is still an answer of its own.
	entries, _, err := a.app.ListAudit(c.UserContext(), actor, f, core.Page{Limit: auditRead})
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderContentType, mimeCSV+"; charset=utf-8; header=present")
	c.Set(fiber.HeaderContentDisposition, `attachment; filename="oore-audit-`+a.now().UTC().Format(time.DateOnly)+`.csv"`)
	piece := csvLine(nil, auditColumns()...)
	c.Context().SetBodyStream(&sse.Body{Conn: c.Context().Conn(), Patience: a.timing.patience, Next: func() ([]byte, error) {
		if piece == nil && len(entries) == 0 {
			return nil, io.EOF
		}
		for _, e := range entries {
			piece = csvLine(piece, auditCells(e)...)
			f.Before = e.Seq
		}
		whole := len(entries) < auditRead
		sent := piece
		piece, entries = nil, nil
		if whole {
			return sent, nil
		}
		var err error
		entries, _, err = a.app.ListAudit(context.Background(), actor, f, core.Page{Limit: auditRead})
		return sent, err
	}}, -1)
	return nil
}

func auditColumns() []string {
	return []string{
		"time", "actor", "actor_kind", "actor_id", "door", "address", "action", "target_kind", "target", "target_id", "project_id", "changes", "delivery_id", "id",
	}
}

func auditCells(e core.AuditEntry) []string {
	changes := make([]string, len(e.Changes))
	for i, change := range e.Changes {
		changes[i] = change.Field + ": " + change.From + " → " + change.To
	}
	return []string{
		e.At.UTC().Format(time.RFC3339), e.Actor, string(e.ActorKind), e.ActorID, string(e.Door), e.Address, string(e.Action), e.TargetKind, e.Target, e.TargetID,
		e.ProjectID, strings.Join(changes, "; "), e.Delivery, e.ID,
	}
}

// csvLine appends a line. A cell that a spreadsheet would run as a formula becomes text.
func csvLine(dst []byte, cells ...string) []byte {
	for i, cell := range cells {
		if cell != "" && strings.ContainsRune("=+-@\t\r\n", rune(cell[0])) {
			cells[i] = "'" + cell
		}
	}
	b := bytes.NewBuffer(dst)
	w := csv.NewWriter(b)
	_ = w.Write(cells) // a buffer takes everything
	w.Flush()
	return b.Bytes()
}
