package web

import (
	"net/http"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

// updateQuota is POST /projects/:id/settings with the form of the project's limits.
func (p *Pages) updateQuota(c *fiber.Ctx, actor core.Actor, project core.Project) error {
	v := settingsOf(actor, project, "limits")
	numbers, good := readNumbers(c, v.Quota)
	if !good {
		return p.settingsForm(c, actor, http.StatusBadRequest, v)
	}
	quota := core.Quota{
		MaxConcurrent: int(numbers["max_concurrent"]), MaxQueued: int(numbers["max_queued"]), MinutesPerDay: int(numbers["minutes_per_day"]),
		LogsBytes: numbers["logs_bytes"], ArtifactsBytes: numbers["artifacts_bytes"],
	}
	_, err := p.app.UpdateProject(c.UserContext(), actor, project.ID, app.UpdateProject{Quota: &quota})
	if err == nil {
		return c.Redirect(v.At+"?done=saved", http.StatusSeeOther)
	}
	var slots []slot
	for i := range v.Quota {
		slots = append(slots, slot{"quota." + v.Quota[i].Name, &v.Quota[i].Field})
	}
	var other error
	if v.Alert, other = place(err, slots...); other != nil {
		return other
	}
	return p.settingsForm(c, actor, StatusOf(core.KindOf(err)), v)
}
