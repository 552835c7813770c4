package web

import (
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/templates"
)

// Audit is GET /settings/audit: who changed what, newest first, by who, what, project and
// days (UTC).
func (p *Pages) Audit(c *fiber.Ctx, actor core.Actor) error {
	ctx, at := c.UserContext(), window(c)
	v := templates.AuditView{Page: settingsPage(c, actor, "Audit log", auditPath, "/v1/audit-logs"), Filter: map[string]string{}}
	asked, api := url.Values{}, url.Values{"format": {"csv"}}
	for _, name := range []string{"actor_id", "action", "project_id", "from", "to"} {
		if value := query(c, name); value != "" {
			v.Filter[name] = value
			asked.Set(name, value)
			api.Set(name, value)
		}
	}
	f := core.AuditFilter{ActorID: v.Filter["actor_id"], Action: core.AuditAction(v.Filter["action"]), ProjectID: v.Filter["project_id"]}
	v.From, v.To = templates.Field{Value: v.Filter["from"]}, templates.Field{Value: v.Filter["to"]}
	f.From, f.To = day(&v.From), day(&v.To)
	if !f.To.IsZero() {
		f.To = f.To.AddDate(0, 0, 1) // the day itself is meant too
	}
	entries, total, err := p.app.ListAudit(ctx, actor, f, at)
	if err != nil {
		return err
	}
	v.Entries, v.Pager = entries, pager(auditPath, asked, at, len(entries), total)
	for name, t := range map[string]time.Time{"from": f.From, "to": f.To} {
		api.Del(name)
		if !t.IsZero() {
			api.Set(name, strconv.FormatInt(t.Unix(), 10))
		}
	}
	v.CSV = "/v1/audit-logs?" + api.Encode()
	if v.Projects, _, err = p.app.ListProjects(ctx, actor, core.Page{Limit: maxPage}); err != nil {
		return err
	}
	if v.Admin {
		if v.Users, err = p.app.ListUsers(ctx, actor); err != nil {
			return err
		}
	}
	return p.send(c, http.StatusOK, func(w io.Writer) error { return p.templates.Audit(w, v) })
}

// day reads a day as browsers send it; what is none narrows nothing, and says so.
func day(field *templates.Field) time.Time {
	if field.Value == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.DateOnly, field.Value)
	if err != nil {
		field.Error = "Give a day as 2026-11-24"
	}
	return t
}
