package api

import (
	"context"
	"slices"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app/core"
)

// TestCommands are the commands about the tests of builds.
type TestCommands interface {
	ListTests(ctx context.Context, actor core.Actor, buildID string, f core.TestFilter, page core.Page) ([]core.TestCase, int, error)
}

type testJSON struct {
	Suite    string          `json:"suite,omitempty"`
	Name     string          `json:"name"`
	Status   core.TestStatus `json:"status"`
	Duration float64         `json:"duration_seconds"` // 0: not known
}

func renderTest(c core.TestCase) testJSON {
	return testJSON{Suite: c.Suite, Name: c.Name, Status: c.Status, Duration: c.Duration.Seconds()}
}

// ListTests answers GET /v1/builds/{id}/tests.
func (a *API) ListTests(c *fiber.Ctx, actor core.Actor) error {
	id, err := pathID(c, "Build")
	if err != nil {
		return err
	}
	f, err := testFilter(c)
	if err != nil {
		return err
	}
	p, err := page(c)
	if err != nil {
		return err
	}
	tests, total, err := a.app.ListTests(c.UserContext(), actor, id, f, p)
	if err != nil {
		return err
	}
	return list(c, "tests", renderAll(tests, renderTest), total)
}

func testFilter(c *fiber.Ctx) (core.TestFilter, error) {
	f := core.TestFilter{Status: core.TestStatus(c.Query("status")), Order: core.TestOrder(c.Query("sort"))}
	if f.Status != "" && !slices.Contains(core.TestStatuses(), f.Status) {
		return f, invalid("status: %q is none of %s", f.Status, words(core.TestStatuses()))
	}
	orders := []core.TestOrder{core.TestsSlowest, core.TestsNamed}
	if f.Order != core.TestsWorst && !slices.Contains(orders, f.Order) {
		return f, invalid("sort: %q is none of %s", f.Order, words(orders))
	}
	var err error
	f.Text, err = queryText(c, "q")
	return f, err
}
