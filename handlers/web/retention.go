package web

import (
	"context"
	"io"
	"math"
	"net/http"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/templates"
)

// RetentionCommands are those about how long things are kept.
type RetentionCommands interface {
	FindRetention(ctx context.Context, actor core.Actor) (core.Retention, error)
	UpdateRetention(ctx context.Context, actor core.Actor, in app.RetentionInput) (core.Retention, error)
	PreviewRetention(ctx context.Context, actor core.Actor, in app.RetentionInput) (core.Retention, core.Reclaims, error)
}

const retentionPath = "/settings/retention"

// Retention is GET /settings/retention: how long things are kept.
func (p *Pages) Retention(c *fiber.Ctx, actor core.Actor) error {
	r, err := p.app.FindRetention(c.UserContext(), actor)
	if err != nil {
		return err
	}
	v := templates.RetentionView{Fields: templates.RetentionFields(r)}
	if query(c, "done") == "saved" {
		v.Alert = &templates.Alert{State: "succeeded", Text: "It is saved, and holds from now on."}
	}
	return p.retentionForm(c, actor, http.StatusOK, v)
}

// UpdateRetention is POST /settings/retention: saves it or, asked to, shows what it would
// delete.
func (p *Pages) UpdateRetention(c *fiber.Ctx, actor core.Actor) error {
	r, err := p.app.FindRetention(c.UserContext(), actor)
	if err != nil {
		return err
	}
	v := templates.RetentionView{Fields: templates.RetentionFields(r)}
	in, good := retentionInput(c, v.Fields)
	if !good {
		return p.retentionForm(c, actor, http.StatusBadRequest, v)
	}
	if form(c, "do") == "preview" {
		_, found, err := p.app.PreviewRetention(c.UserContext(), actor, in)
		if err == nil {
			v.Preview = &found
			return p.retentionForm(c, actor, http.StatusOK, v)
		}
		return p.refuseRetention(c, actor, v, err)
	}
	if _, err := p.app.UpdateRetention(c.UserContext(), actor, in); err != nil {
		return p.refuseRetention(c, actor, v, err)
	}
	return c.Redirect(retentionPath+"?done=saved", http.StatusSeeOther)
}

// readNumbers reads the fields of a form, by their names, sizes in bytes, and notes in each
// what is wrong.
func readNumbers(c *fiber.Ctx, fields []templates.RetentionField) (numbers map[string]int64, good bool) {
	numbers, good = map[string]int64{}, true
	for i := range fields {
		f := &fields[i]
		f.Value = form(c, f.Name)
		var n int64
		var err error
		wanted := "Give a whole number; 0 is no limit"
		if f.Size {
			wanted = "Give a number of GiB, such as 20 or 0.5; 0 is no limit"
			n, err = bytesOf(f.Value)
		} else {
			n, err = strconv.ParseInt(f.Value, 10, 32)
		}
		if err != nil || n < 0 {
			f.Error, good = wanted, false
		}
		numbers[f.Name] = n
	}
	return numbers, good
}

// bytesOf are so many GiB. What is no limit is so for zero alone: a tiny one is a byte.
func bytesOf(gigabytes string) (int64, error) {
	n, err := strconv.ParseFloat(gigabytes, 64)
	if err == nil && (math.IsNaN(n) || n > maxGigabytes) {
		err = strconv.ErrRange
	}
	return int64(math.Ceil(n * templates.Gigabyte)), err
}

const maxGigabytes = 1 << 30

func retentionInput(c *fiber.Ctx, fields []templates.RetentionField) (in app.RetentionInput, good bool) {
	numbers, good := readNumbers(c, fields)
	number := func(name string) *int {
		n := int(numbers[name])
		return &n
	}
	size := func(name string) *int64 {
		n := numbers[name]
		return &n
	}
	return app.RetentionInput{
		BuildsDays: number("builds_days"), BuildsCount: number("builds_count"), LogsDays: number("logs_days"), LogsBytes: size("logs_bytes"),
		ArtifactsDays: number("artifacts_days"), ArtifactsBytes: size("artifacts_bytes"),
		DeliveriesDays: number("deliveries_days"), AuditDays: number("audit_days"),
	}, good
}

func (p *Pages) refuseRetention(c *fiber.Ctx, actor core.Actor, v templates.RetentionView, err error) error {
	var slots []slot
	for i := range v.Fields {
		slots = append(slots, slot{v.Fields[i].Name, &v.Fields[i].Field})
	}
	var other error
	if v.Alert, other = place(err, slots...); other != nil {
		return other
	}
	return p.retentionForm(c, actor, StatusOf(core.KindOf(err)), v)
}

func (p *Pages) retentionForm(c *fiber.Ctx, actor core.Actor, status int, v templates.RetentionView) error {
	alert := v.Alert
	v.Page = settingsPage(c, actor, "Retention", retentionPath, "/v1/settings/retention")
	v.Page.Alert = alert
	return p.send(c, status, func(w io.Writer) error { return p.templates.Retention(w, v) })
}
