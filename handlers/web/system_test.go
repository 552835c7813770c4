package web

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

// CheckSystem finds a check of each state.
func (f *fake) CheckSystem(_ context.Context, actor core.Actor) (app.Checkup, error) {
	named := func(area core.CheckArea, name string, c core.Check) core.Check {
		c.Area, c.Name = area, name
		return c
	}
	return app.Checkup{At: ago(0), Checks: []core.Check{
		named(core.AreaMachine, "git", core.Good("2.50.1")),
		named(core.AreaMachine, "fvm", core.Skip("not found")),
		named(core.AreaNetwork, "public address", core.Fail("ci.example.com answers "+hostile, "Put "+hostile+" right")),
		named(core.AreaRunners, "runners", core.Warn("offline: "+hostile, "Start it")),
	}}, core.Allow(actor, core.ActManageInstance, nil)
}

func TestTheSystemsPageShowsEachCheckWithItsFix(t *testing.T) {
	_, body := get(t, site(t, filled(), owner(), ""), "/settings/system")
	for _, want := range []string{
		"1 failed.", "1 warning.", "This machine", "<strong>git</strong>", "2.50.1", "Network", `data-state="failed"`, `data-state="timed_out"`, "Start it",
		`href="/settings/system" aria-current="page"`, "GET /v1/settings/system",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	viewer := core.Actor{Kind: core.ActorUser, Name: "vi", Role: core.RoleDeveloper}
	if answer, body := get(t, site(t, filled(), viewer, ""), "/settings/system"); answer.StatusCode != http.StatusForbidden || strings.Contains(body, "2.50.1") {
		t.Errorf("a developer gets %d", answer.StatusCode)
	}
}
