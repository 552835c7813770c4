package api

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/sse"
)

// SystemCommands are those about the server itself.
type SystemCommands interface {
	CheckSystem(ctx context.Context, actor core.Actor) (app.Checkup, error)
	FindInstance(ctx context.Context, actor core.Actor) (app.Instance, error)
	MeasureStorage(ctx context.Context, actor core.Actor) (core.Storage, error)
	AnswerChallenge(question string) (answer string, err error)
}

// CheckupJSON is how the checks of a system are shown, by the API and by oore doctor.
type CheckupJSON struct {
	Status    core.CheckState `json:"status"`
	CheckedAt int64           `json:"checked_at"`
	Checks    []checkJSON     `json:"checks"`
	Total     int             `json:"total"`
}

type checkJSON struct {
	Area  core.CheckArea  `json:"area"`
	Name  string          `json:"name"`
	State core.CheckState `json:"state"`
	Value string          `json:"value"`
	Fix   string          `json:"fix,omitempty"`
}

// RenderCheckup makes it.
func RenderCheckup(c app.Checkup) CheckupJSON {
	return CheckupJSON{
		Status: core.Worst(c.Checks), CheckedAt: c.At.Unix(), Total: len(c.Checks),
		Checks: renderAll(c.Checks, func(c core.Check) checkJSON { return checkJSON(c) }),
	}
}

// System answers GET /v1/settings/system.
func (a *API) System(c *fiber.Ctx, actor core.Actor) error {
	checkup, err := a.app.CheckSystem(c.UserContext(), actor)
	if err != nil {
		return err
	}
	return c.JSON(RenderCheckup(checkup))
}

type factJSON struct {
	Name    string `json:"name"`
	Value   string `json:"value"`
	Setting string `json:"setting,omitempty"`
}

// Instance answers GET /v1/settings/instance.
func (a *API) Instance(c *fiber.Ctx, actor core.Actor) error {
	instance, err := a.app.FindInstance(c.UserContext(), actor)
	if err != nil {
		return err
	}
	facts := renderAll(instance.Facts, func(f core.Fact) factJSON { return factJSON(f) })
	return c.JSON(instanceJSON{Version: instance.Version, PublicURL: instance.PublicURL, Settings: facts})
}

type instanceJSON struct {
	Version   string     `json:"version"`
	PublicURL string     `json:"public_url"`
	Settings  []factJSON `json:"settings"`
}

type usageJSON struct {
	Name  string `json:"name"`
	Path  string `json:"path"`
	Bytes int64  `json:"bytes"`
	Files int64  `json:"files"`
	Whole bool   `json:"complete"`
}

type storageJSON struct {
	Parts      []usageJSON `json:"parts"`
	FreeBytes  int64       `json:"free_bytes"`
	TotalBytes int64       `json:"total_bytes"`
}

// Storage answers GET /v1/settings/storage.
func (a *API) Storage(c *fiber.Ctx, actor core.Actor) error {
	storage, err := a.app.MeasureStorage(c.UserContext(), actor)
	if err != nil {
		return err
	}
	parts := renderAll(storage.Parts, func(u core.Usage) usageJSON { return usageJSON(u) })
	return c.JSON(storageJSON{Parts: parts, FreeBytes: storage.Free, TotalBytes: storage.Total})
}

// Challenge answers GET /v1/settings/system/challenge?question=…, by which this
// installation finds out whether an address leads to it, and whether streams arrive
// from there as they are sent: the answer is an event, and after a silence comes another.
// It says too who is connected, and what of them the server believes. Nobody else can ask.
func (a *API) Challenge(c *fiber.Ctx) error {
	answer, err := a.app.AnswerChallenge(c.Query("question"))
	if err != nil {
		return err
	}
	peer := c.Context().Conn().RemoteAddr().String()
	address, _, err := net.SplitHostPort(peer)
	if err != nil {
		return err
	}
	data, err := json.Marshal(map[string]any{
		"answer": answer, "peer": address, "believed": peer != c.Context().RemoteAddr().String(),
		"forwarded_for": c.Get(fiber.HeaderXForwardedFor), "forwarded_proto": c.Get(fiber.HeaderXForwardedProto),
	})
	if err != nil {
		return err
	}
	sse.Start(c)
	events := [][]byte{sse.Event("answer", "", data), sse.Event("done", "", []byte("{}"))}
	c.Context().SetBodyStream(&sse.Body{Conn: c.Context().Conn(), Patience: a.timing.patience, Next: func() ([]byte, error) {
		switch len(events) {
		case 0:
			return nil, io.EOF
		case 1:
			select {
			case <-a.stop:
			case <-time.After(a.timing.challenge):
			}
		}
		next := events[0]
		events = events[1:]
		return next, nil
	}}, -1)
	return nil
}
