package web

import (
	"net/url"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/templates"
)

const (
	pageSize = 50
	maxPage  = 200 // what one question may ask for
)

// window reads ?page=, from 1.
func window(c *fiber.Ctx) core.Page {
	n := max(1, c.QueryInt("page", 1))
	return core.Page{Limit: pageSize, Offset: (min(n, 1<<20) - 1) * pageSize}
}

// pager links the windows around this one and keeps the filters.
func pager(path string, filters url.Values, at core.Page, shown, total int) templates.Pager {
	link := func(n int) string {
		q := url.Values{}
		for name, values := range filters {
			if values[0] != "" {
				q[name] = values
			}
		}
		if n > 1 {
			q.Set("page", strconv.Itoa(n))
		}
		if len(q) == 0 {
			return path
		}
		return path + "?" + q.Encode()
	}
	n := at.Offset/at.Limit + 1
	out := templates.Pager{First: int64(at.Offset + 1), Last: int64(at.Offset + shown), Total: int64(total)}
	if n > 1 {
		out.Newer = link(n - 1)
	}
	if at.Offset+shown < total && shown > 0 {
		out.Older = link(n + 1)
	}
	return out
}
