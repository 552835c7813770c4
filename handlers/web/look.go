package web

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/templates"
)

// lookCookie holds how a reader wants pages to look, as a query such as
// "theme=dark&keys=off". It is no secret: the script, which switches the times, sets it
// as well.
const lookCookie = "oore_look"

// look reads the cookie. What it does not know it leaves out: anybody can write one.
func look(c *fiber.Ctx) templates.Look {
	wanted, err := url.ParseQuery(strings.Clone(c.Cookies(lookCookie)))
	if err != nil {
		return templates.Look{}
	}
	return lookOf(wanted.Get)
}

func lookOf(get func(name string) string) templates.Look {
	known := func(name string, values ...string) string {
		if v := get(name); slices.Contains(values, v) {
			return v
		}
		return ""
	}
	return templates.Look{
		Theme: known("theme", "light", "dark"), Times: known("times", "absolute"), Zone: known("zone", "utc"), Keys: known("keys", "off"),
	}
}

// SetLook is POST /settings/me/look: the theme, the times and the keys of this browser.
func (p *Pages) SetLook(c *fiber.Ctx, _ core.Actor) error {
	l := lookOf(func(name string) string { return form(c, name) })
	value := url.Values{}
	for name, v := range map[string]string{"theme": l.Theme, "times": l.Times, "zone": l.Zone, "keys": l.Keys} {
		if v != "" {
			value.Set(name, v)
		}
	}
	c.Cookie(&fiber.Cookie{
		Name: lookCookie, Value: value.Encode(), Path: "/", Expires: time.Now().AddDate(1, 0, 0),
		Secure: secure(p.publicURL), SameSite: fiber.CookieSameSiteLaxMode,
	})
	return c.Redirect(mePath+"?done=look#look", http.StatusSeeOther)
}
