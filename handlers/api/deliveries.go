package api

import (
	"slices"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app/core"
)

type deliveryJSON struct {
	ID          string              `json:"id"`
	Provider    core.Provider       `json:"provider"`
	DeliveryID  string              `json:"delivery_id"`
	Event       string              `json:"event"`
	Action      string              `json:"action,omitempty"`
	Repository  string              `json:"repository,omitempty"`
	Ref         string              `json:"ref,omitempty"`
	SHA         string              `json:"sha,omitempty"`
	Actor       string              `json:"actor,omitempty"`
	Status      core.DeliveryStatus `json:"status"`
	Reason      core.Reason         `json:"reason"` // empty until it is processed
	Attempts    int                 `json:"attempts"`
	ReceivedAt  int64               `json:"received_at"`
	ProcessedAt *int64              `json:"processed_at,omitempty"`
	Verdicts    []verdictJSON       `json:"verdicts"`
	BodySHA256  string              `json:"body_sha256,omitempty"` // of what it brought, once that is no longer kept
}

type verdictJSON struct {
	PipelineID string `json:"pipeline_id"`
	Pipeline   string `json:"pipeline"`
	Matched    bool   `json:"matched"`
	Code       string `json:"code"`
	Reason     string `json:"reason"`
	BuildID    string `json:"build_id,omitempty"`
}

func renderDelivery(d core.Delivery) deliveryJSON {
	return deliveryJSON{
		ID: d.ID, Provider: d.Provider, DeliveryID: d.DeliveryID, Event: d.Event, Action: d.Action,
		Repository: d.Repository, Ref: d.Ref, SHA: d.SHA, Actor: d.Actor,
		Status: d.Status, Reason: d.Reason, Attempts: d.Attempts,
		ReceivedAt: d.ReceivedAt.Unix(), ProcessedAt: unix(d.ProcessedAt),
		Verdicts: renderAll(d.Verdicts, renderVerdict), BodySHA256: d.BodySHA256,
	}
}

func renderVerdict(v core.DeliveryVerdict) verdictJSON {
	return verdictJSON{
		PipelineID: v.PipelineID, Pipeline: v.Pipeline, Matched: v.Matched, Code: v.Code, Reason: v.Reason, BuildID: v.BuildID,
	}
}

// ListDeliveries answers GET /v1/deliveries.
func (a *API) ListDeliveries(c *fiber.Ctx, actor core.Actor) error {
	f, err := deliveryFilter(c)
	if err != nil {
		return err
	}
	p, err := page(c)
	if err != nil {
		return err
	}
	deliveries, total, err := a.app.ListDeliveries(c.UserContext(), actor, f, p)
	if err != nil {
		return err
	}
	return list(c, "deliveries", renderAll(deliveries, renderDelivery), total)
}

func deliveryFilter(c *fiber.Ctx) (core.DeliveryFilter, error) {
	f := core.DeliveryFilter{Provider: core.Provider(c.Query("provider")), Status: core.DeliveryStatus(c.Query("status"))}
	providers := []core.Provider{core.ProviderGitHub, core.ProviderGitLab, core.ProviderGit, core.ProviderSlack}
	if f.Provider != "" && !slices.Contains(providers, f.Provider) {
		return f, invalid("provider: %q is none of %s", f.Provider, words(providers))
	}
	states := []core.DeliveryStatus{core.DeliveryReceived, core.DeliveryProcessed, core.DeliveryIgnored, core.DeliveryFailed}
	if f.Status != "" && !slices.Contains(states, f.Status) {
		return f, invalid("status: %q is none of %s", f.Status, words(states))
	}
	var err error
	if f.Repository, err = queryText(c, "repository"); err != nil {
		return f, err
	}
	f.SHA, err = queryText(c, "sha")
	return f, err
}

// Delivery answers GET /v1/deliveries/{id}.
func (a *API) Delivery(c *fiber.Ctx, actor core.Actor) error {
	id, err := pathID(c, "Delivery")
	if err != nil {
		return err
	}
	delivery, err := a.app.FindDelivery(c.UserContext(), actor, id)
	if err != nil {
		return err
	}
	return c.JSON(renderDelivery(delivery))
}

// Redeliver answers POST /v1/deliveries/{id}/redeliver.
func (a *API) Redeliver(c *fiber.Ctx, actor core.Actor) error {
	id, err := bareID(c, "Delivery")
	if err != nil {
		return err
	}
	delivery, err := a.app.RedeliverDelivery(c.UserContext(), actor, id)
	if err != nil {
		return err
	}
	return c.JSON(renderDelivery(delivery))
}

// Evaluate answers POST /v1/deliveries/{id}/evaluate: what processing it now would
// say. Nothing is stored or started.
func (a *API) Evaluate(c *fiber.Ctx, actor core.Actor) error {
	id, err := bareID(c, "Delivery")
	if err != nil {
		return err
	}
	delivery, err := a.app.EvaluateDelivery(c.UserContext(), actor, id)
	if err != nil {
		return err
	}
	return c.JSON(renderDelivery(delivery))
}

type approveBody struct {
	SHA string `json:"sha"`
}

// Approve answers POST /v1/deliveries/{id}/approve.
func (a *API) Approve(c *fiber.Ctx, actor core.Actor) error {
	id, err := pathID(c, "Delivery")
	if err != nil {
		return err
	}
	var in approveBody
	if err := body(c, &in); err != nil {
		return err
	}
	delivery, err := a.app.ApproveDelivery(c.UserContext(), actor, id, in.SHA)
	if err != nil {
		return err
	}
	return c.JSON(renderDelivery(delivery))
}
