package web

import (
	"net/http"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/templates"
)

// access fills in the part of a project's settings about who is let in; what a form has
// brought stays.
func (p *Pages) access(c *fiber.Ctx, actor core.Actor, v *templates.ProjectSettingsView) error {
	members, err := p.app.ListMembers(c.UserContext(), actor, v.Project.ID)
	if err != nil {
		return err
	}
	v.Access.Roles = templates.ProjectRoles()
	for _, m := range members {
		v.Access.Rows = append(v.Access.Rows, templates.MemberRow{Member: m.Member, User: m.User})
	}
	return nil
}

// UpdateAccess is POST /projects/:id/access: who sees the project and starts its builds.
func (p *Pages) UpdateAccess(c *fiber.Ctx, actor core.Actor) error {
	project, err := p.managed(c, actor)
	if err != nil {
		return err
	}
	_, err = p.app.UpdateProject(c.UserContext(), actor, project.ID, app.UpdateProject{
		TriggerRole: chosen[core.Role](c, "trigger_role"), Visibility: chosen[core.Visibility](c, "visibility"),
	})
	if err == nil {
		return c.Redirect("/projects/"+project.ID+"/settings/access?done=access", http.StatusSeeOther)
	}
	v := settingsOf(actor, project, "access")
	var slots []slot
	for i := range v.Access.Choices {
		choice := &v.Access.Choices[i]
		choice.Value = form(c, choice.Name)
		slots = append(slots, slot{choice.Name, &choice.Field})
	}
	var other error
	if v.Alert, other = place(err, slots...); other != nil {
		return other
	}
	return p.settingsForm(c, actor, StatusOf(core.KindOf(err)), v)
}

// AddMember is POST /projects/:id/members.
func (p *Pages) AddMember(c *fiber.Ctx, actor core.Actor) error {
	project, err := p.managed(c, actor)
	if err != nil {
		return err
	}
	v := settingsOf(actor, project, "access")
	shown := &v.Access
	shown.Open, shown.Email, shown.Role = true, typed(c, "email"), typed(c, "role")
	_, err = p.app.SetMemberByEmail(c.UserContext(), actor, project.ID, shown.Email.Value, core.Role(shown.Role.Value))
	if err == nil {
		return c.Redirect("/projects/"+project.ID+"/settings/access?done=member", http.StatusSeeOther)
	}
	var other error
	if v.Alert, other = place(err, slot{"email", &shown.Email}, slot{"role", &shown.Role}); other != nil {
		return other
	}
	return p.settingsForm(c, actor, StatusOf(core.KindOf(err)), v)
}

// SetMember is POST /projects/:id/members/:user_id.
func (p *Pages) SetMember(c *fiber.Ctx, actor core.Actor) error {
	_, err := p.app.SetMember(c.UserContext(), actor, param(c, "id"), param(c, "user_id"), core.Role(form(c, "role")))
	return p.membersAfter(c, "member", err)
}

// DeleteMember is POST /projects/:id/members/:user_id/delete.
func (p *Pages) DeleteMember(c *fiber.Ctx, actor core.Actor) error {
	return p.membersAfter(c, "no-member", p.app.DeleteMember(c.UserContext(), actor, param(c, "id"), param(c, "user_id")))
}

func (p *Pages) membersAfter(c *fiber.Ctx, done string, err error) error {
	if err != nil {
		return err
	}
	return c.Redirect("/projects/"+param(c, "id")+"/settings/access?done="+done, http.StatusSeeOther)
}
