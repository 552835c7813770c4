package api

import (
	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

type whyJSON struct {
	Repository string         `json:"repository"`
	SHA        string         `json:"sha"`
	Code       string         `json:"code"`
	Sentence   string         `json:"sentence"`
	Deliveries []deliveryJSON `json:"deliveries"`
	Missed     []missedJSON   `json:"missed"`
	Builds     []buildJSON    `json:"builds"`
	Evaluation []verdictJSON  `json:"evaluation"`
}

type missedJSON struct {
	DeliveryID string `json:"delivery_id"`
	Event      string `json:"event"`
	Action     string `json:"action,omitempty"`
	StatusCode int    `json:"status_code"`
	Status     string `json:"status"`
	At         *int64 `json:"at,omitempty"` // not every forge says
}

// Why answers GET /v1/why?repo=&sha=&provider=: why a commit was or was not built.
func (a *API) Why(c *fiber.Ctx, actor core.Actor) error {
	repo, err := queryText(c, "repo")
	if err != nil {
		return err
	}
	sha, err := queryText(c, "sha")
	if err != nil {
		return err
	}
	provider, err := queryText(c, "provider")
	if err != nil {
		return err
	}
	w, err := a.app.Why(c.UserContext(), actor, app.AskWhy{Repository: repo, Provider: core.Provider(provider), SHA: sha})
	if err != nil {
		return err
	}
	return c.JSON(a.renderWhy(w))
}

func (a *API) renderWhy(w app.Why) whyJSON {
	return whyJSON{
		Repository: w.Repository, SHA: w.SHA, Code: w.Code, Sentence: w.Sentence,
		Deliveries: renderAll(w.Deliveries, renderDelivery), Builds: renderAll(w.Builds, a.renderBuild),
		Evaluation: renderAll(w.Evaluation, renderVerdict),
		Missed: renderAll(w.Missed, func(m core.MissedDelivery) missedJSON {
			out := missedJSON{DeliveryID: m.DeliveryID, Event: m.Event, Action: m.Action, StatusCode: m.StatusCode, Status: m.Status}
			if !m.At.IsZero() {
				out.At = unix(&m.At)
			}
			return out
		}),
	}
}
