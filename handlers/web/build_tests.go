package web

import (
	"context"
	"net/url"
	"slices"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/templates"
)

// RecordCommands are the commands about what runners record of builds.
type RecordCommands interface {
	ListTests(ctx context.Context, actor core.Actor, buildID string, f core.TestFilter, page core.Page) ([]core.TestCase, int, error)
	BuildRan(ctx context.Context, actor core.Actor, buildID string) (*core.Ran, error)
}

// testsView is the page of single tests that ?status=, ?q=, ?sort= and ?page= ask for.
func (p *Pages) testsView(c *fiber.Ctx, actor core.Actor, buildID string) (v templates.TestsView, err error) {
	v.URL = "/builds/" + buildID + "/tests"
	v.Filter.Text = query(c, "q")
	if status := core.TestStatus(query(c, "status")); slices.Contains(core.TestStatuses(), status) {
		v.Filter.Status = status
	}
	if order := core.TestOrder(query(c, "sort")); order == core.TestsSlowest || order == core.TestsNamed {
		v.Filter.Order = order
	}
	at := window(c)
	total := 0
	v.Rows, total, err = p.app.ListTests(c.UserContext(), actor, buildID, v.Filter, at)
	if core.KindOf(err) == core.KindUnavailable && err != nil { // what failed is known all the same
		v.Away = true
		return v, nil
	}
	if v.Kept = total > 0; !v.Kept && err == nil && v.Filtered() {
		_, all, other := p.app.ListTests(c.UserContext(), actor, buildID, core.TestFilter{}, core.Page{Limit: 1})
		v.Kept, err = all > 0, other
	}
	filters := url.Values{"q": {v.Filter.Text}, "status": {string(v.Filter.Status)}, "sort": {string(v.Filter.Order)}}
	v.Pager = pager(v.URL, filters, at, len(v.Rows), total)
	return v, err
}
