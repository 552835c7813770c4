package github

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/oore-ci/oore/app/core"
)

// Inspect implements core.Connector. It asks as the App itself; what its installations
// lack is told by Inventory.
func (r *Room) Inspect(ctx context.Context, c core.Connection) (core.Connection, error) {
	if web, err := url.Parse(c.WebURL); err == nil && c.APIURL == "" {
		c.APIURL = apiOf(web).String()
	}
	f, err := NewForge(c, r.options)
	if err != nil {
		return c, err
	}
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	app, _, err := f.app.Apps.Get(ctx, "")
	if status := statusOf(err); status == http.StatusUnauthorized || status == http.StatusNotFound {
		return c, core.Errorf(core.KindInvalid, "%s knows no App %s with this key; %s", hostOf(c.WebURL), c.ExternalID, checkCredentials(c.Integration)).Because(err)
	}
	if err != nil {
		return c, translate(err, refusalOf(err), "the App", c.Integration)
	}
	if id := strconv.FormatInt(app.GetID(), 10); id != c.ExternalID {
		return c, core.Errorf(core.KindInvalid, "%s is wrong: %s does not answer as GitHub's API does", part(c.Integration, "OORE_GITHUB_API_URL", "API address"), c.APIURL)
	}
	c.Name, c.Slug, c.Host, c.Trouble = app.GetName(), app.GetSlug(), hostOf(c.WebURL), ""
	return c, nil
}
