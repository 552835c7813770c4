package web

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/templates"
)

// shownPayload is how much of a payload a page shows, in bytes.
const shownPayload = 64 << 10

// Deliveries is GET /deliveries: what arrived from outside, each with the sentence
// that says what came of it.
func (p *Pages) Deliveries(c *fiber.Ctx, actor core.Actor) error {
	v := templates.DeliveriesView{
		Page:   page(c, actor, "Deliveries", "deliveries", "/v1/deliveries"),
		Status: core.DeliveryStatus(query(c, "status")), Repository: query(c, "repository"),
	}
	at := window(c)
	var total int
	var err error
	filter := core.DeliveryFilter{Status: v.Status, Repository: v.Repository}
	if v.Deliveries, total, err = p.app.ListDeliveries(c.UserContext(), actor, filter, at); err != nil {
		return err
	}
	filters := url.Values{"status": {string(v.Status)}, "repository": {v.Repository}}
	v.Pager = pager("/deliveries", filters, at, len(v.Deliveries), total)
	return p.send(c, http.StatusOK, func(w io.Writer) error { return p.templates.Deliveries(w, v) })
}

// Delivery is GET /deliveries/:id: the sentence, the facts, what each pipeline made
// of it, the payload; with ?evaluate=1 also what today's settings would make of it.
func (p *Pages) Delivery(c *fiber.Ctx, actor core.Actor) error {
	return p.deliveryPage(c, actor, http.StatusOK, nil)
}

func (p *Pages) deliveryPage(c *fiber.Ctx, actor core.Actor, status int, alert *templates.Alert) error {
	d, err := p.app.FindDelivery(c.UserContext(), actor, param(c, "id"))
	if err != nil {
		return err
	}
	v := templates.DeliveryView{
		Page:     page(c, actor, "Delivery "+d.DeliveryID, "deliveries", "/v1/deliveries/"+d.ID),
		Delivery: d, MayReplay: mayWith(actor, core.ActReplay, d), MayApprove: mayWith(actor, core.ActApprove, d) && waits(d),
	}
	if query(c, "evaluate") != "" {
		again, err := p.app.EvaluateDelivery(c.UserContext(), actor, d.ID)
		if err != nil {
			return err
		}
		v.Again = &again
	}
	v.Alert = alert
	v.Payload, v.Cut = payloadText(d)
	return p.send(c, status, func(w io.Writer) error { return p.templates.Delivery(w, v) })
}

// mayWith is may for a delivery: on the instance, or in all projects that it was for.
func mayWith(actor core.Actor, act core.Action, d core.Delivery) bool {
	for _, v := range d.Verdicts {
		if !may(actor, act, &core.Project{ID: v.ProjectID}) {
			return false
		}
	}
	return len(d.Verdicts) > 0 || may(actor, act, nil)
}

// Redeliver is POST /deliveries/:id/redeliver: processes it again.
func (p *Pages) Redeliver(c *fiber.Ctx, actor core.Actor) error {
	d, err := p.app.RedeliverDelivery(c.UserContext(), actor, param(c, "id"))
	if err == nil {
		return c.Redirect("/deliveries/"+d.ID, http.StatusSeeOther)
	}
	alert, other := refused(err)
	if other != nil {
		return other
	}
	return p.deliveryPage(c, actor, StatusOf(core.KindOf(err)), alert)
}

// waits tells whether a commit of a fork waits for its approval.
func waits(d core.Delivery) bool {
	return slices.ContainsFunc(d.Verdicts, func(v core.DeliveryVerdict) bool { return v.Code == core.WhyFork })
}

// Approve is POST /deliveries/:id/approve: lets the commit that the page showed be built.
func (p *Pages) Approve(c *fiber.Ctx, actor core.Actor) error {
	d, err := p.app.ApproveDelivery(c.UserContext(), actor, param(c, "id"), form(c, "sha"))
	if err == nil {
		return c.Redirect("/deliveries/"+d.ID, http.StatusSeeOther)
	}
	alert, other := refused(err)
	if other != nil {
		return other
	}
	return p.deliveryPage(c, actor, StatusOf(core.KindOf(err)), alert)
}

// Why is GET /why: the answer to "why was my commit not built?".
func (p *Pages) Why(c *fiber.Ctx, actor core.Actor) error {
	v := templates.WhyView{Repository: query(c, "repo"), SHA: query(c, "sha")}
	in := app.AskWhy{Repository: v.Repository, Provider: core.Provider(query(c, "provider")), SHA: v.SHA}
	v.Page = page(c, actor, "Why was it not built?", "deliveries", "/v1/why?"+url.Values{"repo": {v.Repository}, "sha": {v.SHA}}.Encode())
	if v.Repository != "" || v.SHA != "" {
		w, err := p.app.Why(c.UserContext(), actor, in)
		switch alert, other := refused(err); {
		case err != nil && other != nil:
			return other
		case err != nil:
			v.Alert = alert
		default:
			v.Repository = w.Repository // for people, where it was asked for by id
			v.Answer = &templates.WhyAnswer{
				Built: w.Code == app.WhyCodeBuilt, Sentence: w.Sentence, Deliveries: w.Deliveries, Missed: w.Missed,
				Builds: w.Builds, Evaluation: w.Evaluation,
			}
		}
	}
	return p.send(c, http.StatusOK, func(w io.Writer) error { return p.templates.Why(w, v) })
}

// payloadText is the payload as a person may read it: indented, cut, and for chat
// without the fields that let whoever has them answer in Oore's name.
func payloadText(d core.Delivery) (text string, cut bool) {
	body := d.Payload
	if d.Provider == core.ProviderSlack {
		body = chatFields(body)
	}
	var indented bytes.Buffer
	if json.Indent(&indented, body, "", "  ") == nil {
		body = indented.Bytes()
	}
	if len(body) > shownPayload {
		body, cut = body[:shownPayload], true
	}
	return strings.ToValidUTF8(string(body), "\uFFFD"), cut
}

func chatFields(body []byte) []byte {
	if json.Valid(body) {
		return buttonFields(body)
	}
	fields, err := url.ParseQuery(string(body))
	if err != nil {
		return nil
	}
	kept := map[string]string{}
	for _, name := range []string{"command", "text", "user_name", "user_id", "channel_name", "channel_id", "team_domain"} {
		if v := fields.Get(name); v != "" {
			kept[name] = v
		}
	}
	out, err := json.Marshal(kept)
	if err != nil {
		return nil
	}
	return out
}

// buttonFields keeps what was pressed, by whom and where.
func buttonFields(body []byte) []byte {
	var kept struct {
		Type string `json:"type"`
		User struct {
			ID       string `json:"id"`
			Username string `json:"username"`
		} `json:"user"`
		Channel struct {
			ID string `json:"id"`
		} `json:"channel"`
		Actions []struct {
			ID    string `json:"action_id"`
			Value string `json:"value"`
		} `json:"actions"`
	}
	if json.Unmarshal(body, &kept) != nil {
		return nil
	}
	out, err := json.Marshal(kept)
	if err != nil {
		return nil
	}
	return out
}
