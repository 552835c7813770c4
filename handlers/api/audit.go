package api

import (
	"math"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app/core"
)

type auditJSON struct {
	ID           string             `json:"id"`
	At           int64              `json:"at"`
	ActorKind    core.ActorKind     `json:"actor_kind"`
	ActorID      string             `json:"actor_id,omitempty"`
	Actor        string             `json:"actor,omitempty"`
	CredentialID string             `json:"credential_id,omitempty"`
	Door         core.Door          `json:"door"`
	Address      string             `json:"address,omitempty"`
	Action       core.AuditAction   `json:"action"`
	TargetKind   string             `json:"target_kind"`
	TargetID     string             `json:"target_id,omitempty"`
	Target       string             `json:"target,omitempty"`
	ProjectID    string             `json:"project_id,omitempty"`
	Changes      []core.AuditChange `json:"changes"`
	DeliveryID   string             `json:"delivery_id,omitempty"`
}

func renderAudit(e core.AuditEntry) auditJSON {
	return auditJSON{
		ID: e.ID, At: e.At.Unix(), ActorKind: e.ActorKind, ActorID: e.ActorID, Actor: e.Actor, CredentialID: e.CredentialID, Door: e.Door, Address: e.Address,
		Action: e.Action, TargetKind: e.TargetKind, TargetID: e.TargetID, Target: e.Target, ProjectID: e.ProjectID, Changes: orEmpty([]core.AuditChange(e.Changes)), DeliveryID: e.Delivery,
	}
}

// ListAudit answers GET /v1/audit-logs: a page in JSON, or all of it as CSV, if the asker
// prefers text/csv or says format=csv.
func (a *API) ListAudit(c *fiber.Ctx, actor core.Actor) error {
	f, err := auditFilter(c)
	if err != nil {
		return err
	}
	c.Vary(fiber.HeaderAccept)
	switch c.Query("format") {
	case "csv":
		return a.auditCSV(c, actor, f)
	case "", "json":
	default:
		return invalid("format must be json or csv")
	}
	if c.Query("format") == "" && c.Accepts(fiber.MIMEApplicationJSON, mimeCSV) == mimeCSV {
		return a.auditCSV(c, actor, f)
	}
	p, err := page(c)
	if err != nil {
		return err
	}
	entries, total, err := a.app.ListAudit(c.UserContext(), actor, f, p)
	if err != nil {
		return err
	}
	return list(c, "audit_logs", renderAll(entries, renderAudit), total)
}

func auditFilter(c *fiber.Ctx) (f core.AuditFilter, err error) {
	for _, text := range []struct {
		name string
		into *string
	}{{"actor_id", &f.ActorID}, {"action", (*string)(&f.Action)}, {"target_kind", &f.TargetKind}, {"target_id", &f.TargetID}} {
		if *text.into, err = queryText(c, text.name); err != nil {
			return f, err
		}
	}
	if f.ProjectID, err = optionalID(c.Query("project_id"), "Project"); err != nil {
		return f, err
	}
	if f.From, err = queryTime(c, "from"); err != nil {
		return f, err
	}
	f.To, err = queryTime(c, "to")
	return f, err
}

// queryTime reads Unix seconds; none is the zero time.
func queryTime(c *fiber.Ctx, name string) (time.Time, error) {
	seconds, err := queryInt(c, name, 0, 0, math.MaxInt32*100)
	if err != nil || seconds == 0 {
		return time.Time{}, err
	}
	return time.Unix(seconds, 0).UTC(), nil
}
