package web

import (
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/templates"
)

// ProjectSettings is GET /projects/:id/settings/:part.
func (p *Pages) ProjectSettings(c *fiber.Ctx, actor core.Actor) error {
	project, err := p.projectFor(c, actor, core.ActEditProject)
	if err != nil {
		return err
	}
	v := settingsOf(actor, project, param(c, "part"))
	if !slices.ContainsFunc(v.Tabs(), func(o templates.Option) bool { return o.Value == v.At }) {
		if v.Manages {
			return core.Errorf(core.KindNotFound, "Page not found")
		}
		return core.Allow(actor, core.ActManageProject, &project)
	}
	v.Alert = settingsNews(query(c, "done"))
	return p.settingsForm(c, actor, http.StatusOK, v)
}

// FirstProjectSettings is GET /projects/:id/settings, where all of them once were.
func (p *Pages) FirstProjectSettings(c *fiber.Ctx, actor core.Actor) error {
	project, err := p.projectFor(c, actor, core.ActEditProject)
	if err != nil {
		return err
	}
	return c.Redirect("/projects/"+project.ID+"/settings/general", http.StatusSeeOther)
}

func settingsNews(done string) *templates.Alert {
	text := map[string]string{
		"saved":        "The settings are saved.",
		"notification": "The notification is added. Send a test to see whether it arrives.",
		"tested":       "The test message is sent.",
		"forgotten":    "The notification is deleted.",
		"secret":       "The secret is stored. Builds get it whose .oore.yaml lists it under secrets.",
		"no-secret":    "The secret is deleted.",
		"schedule":     "The schedule is saved.",
		"no-schedule":  "The schedule is deleted.",
		"access":       "Who sees the project and starts its builds is saved.",
		"member":       "The member is saved.",
		"no-member":    "They are no member any more.",
	}[done]
	if text == "" {
		return nil
	}
	return &templates.Alert{State: "succeeded", Text: text}
}

// managed finds the project of the address for who manages it.
func (p *Pages) managed(c *fiber.Ctx, actor core.Actor) (core.Project, error) {
	return p.projectFor(c, actor, core.ActManageProject)
}

func (p *Pages) projectFor(c *fiber.Ctx, actor core.Actor, act core.Action) (core.Project, error) {
	project, err := p.app.FindProject(c.UserContext(), actor, param(c, "id"))
	if err == nil {
		err = core.Allow(actor, act, &project)
	}
	return project, err
}

// settingsOf is a part of the settings as they are now.
func settingsOf(actor core.Actor, project core.Project, part string) templates.ProjectSettingsView {
	manages := may(actor, core.ActManageProject, &project)
	return templates.ProjectSettingsView{
		At: "/projects/" + project.ID + "/settings/" + part, Part: part, Project: project, Name: templates.Field{Value: project.Name}, Description: templates.Field{Value: project.Description},
		DefaultBranch: templates.Field{Value: project.DefaultBranch}, Choices: templates.ProjectChoices(project, manages), ReportSkipped: project.ReportSkipped,
		Manages: manages, Bounds: may(actor, core.ActManageInstance, nil), Quota: templates.QuotaFields(project.Quota), Access: templates.AccessView{Choices: templates.AccessChoices(project), Role: templates.Field{Value: string(core.RoleDeveloper)}},
	}
}

func (p *Pages) settingsForm(c *fiber.Ctx, actor core.Actor, status int, v templates.ProjectSettingsView) error {
	alert := v.Alert
	v.Page = page(c, actor, v.PartTitle()+" of "+v.Project.Name, "projects", "/v1/projects/"+v.Project.ID)
	v.Alert = alert
	if err := p.fillSettings(c, actor, &v); err != nil {
		return err
	}
	return p.send(c, status, func(w io.Writer) error { return p.templates.ProjectSettings(w, v) })
}

// fillSettings reads what the part shows besides the project.
func (p *Pages) fillSettings(c *fiber.Ctx, actor core.Actor, v *templates.ProjectSettingsView) (err error) {
	switch v.Part {
	case "access":
		return p.access(c, actor, v)
	case "schedules":
		return p.schedules(c, actor, v)
	case "notifications":
		return p.notifications(c, actor, v)
	case "secrets":
		v.Secrets.Rows, err = p.app.ListSecrets(c.UserContext(), actor, v.Project.ID)
	case "badge":
		v.PublicURL = p.publicURL
		v.Pipelines, err = p.app.ListPipelines(c.UserContext(), actor, v.Project.ID)
	case "source":
		if v.Manages && v.Project.Repository.Provider == core.ProviderGitLab {
			v.HookAddress = p.hookAddress(core.ProviderGitLab)
		}
	}
	return err
}

// UpdateProject is POST /projects/:id/settings: what its form sent, of the general part or
// of the source's. It comes back to the form.
func (p *Pages) UpdateProject(c *fiber.Ctx, actor core.Actor) error {
	project, err := p.projectFor(c, actor, core.ActEditProject)
	if err != nil {
		return err
	}
	if c.Request().PostArgs().Has("max_concurrent") {
		return p.updateQuota(c, actor, project)
	}
	v := settingsOf(actor, project, "general")
	var in app.UpdateProject
	if comments := chosen[core.CommentPolicy](c, "comments"); comments != nil {
		v = settingsOf(actor, project, "source")
		v.ReportSkipped = form(c, "report_skipped") != "" // a box that is not ticked is not sent
		in = app.UpdateProject{Forks: chosen[core.ForkPolicy](c, "forks"), Comments: comments, Checks: chosen[core.CheckStyle](c, "checks"), ReportSkipped: &v.ReportSkipped}
	} else {
		v.Name, v.Description, v.DefaultBranch = typed(c, "name"), typed(c, "description"), typed(c, "default_branch")
		in = app.UpdateProject{Name: &v.Name.Value, Description: &v.Description.Value, DefaultBranch: &v.DefaultBranch.Value}
	}
	if _, err = p.app.UpdateProject(c.UserContext(), actor, project.ID, in); err == nil {
		return c.Redirect(v.At+"?done=saved", http.StatusSeeOther)
	}
	slots := []slot{{"name", &v.Name}, {"description", &v.Description}, {"default_branch", &v.DefaultBranch}}
	for i := range v.Choices {
		choice := &v.Choices[i]
		choice.Value = form(c, choice.Name)
		slots = append(slots, slot{choice.Name, &choice.Field})
	}
	if !coded(err, core.CodeNameTaken, &v.Name) {
		var other error
		if v.Alert, other = place(err, slots...); other != nil {
			return other
		}
	}
	return p.settingsForm(c, actor, StatusOf(core.KindOf(err)), v)
}

// chosen is what was chosen from a list; nil: the form had no such list.
func chosen[T ~string](c *fiber.Ctx, name string) *T {
	value := T(form(c, name))
	if value == "" {
		return nil
	}
	return &value
}

// RenewHookSecret is POST /projects/:id/settings/webhook-secret: shows the new secret,
// this once.
func (p *Pages) RenewHookSecret(c *fiber.Ctx, actor core.Actor) error {
	project, err := p.managed(c, actor)
	if err != nil {
		return err
	}
	address, secret, err := p.app.RenewHookSecret(c.UserContext(), actor, project.RepositoryID)
	if err != nil {
		v, other := settingsOf(actor, project, "source"), error(nil)
		if v.Alert, other = refused(err); other != nil {
			return other
		}
		return p.settingsForm(c, actor, StatusOf(core.KindOf(err)), v)
	}
	v := templates.HookSecretView{
		Page: page(c, actor, "New webhook secret", "projects", "/v1/projects/"+project.ID), Project: project, Address: address, Secret: secret,
	}
	err = p.send(c, http.StatusOK, func(w io.Writer) error { return p.templates.HookSecret(w, v) })
	c.Set(fiber.HeaderCacheControl, "no-store")
	return err
}

// DeleteProject is POST /projects/:id/delete; it wants the project's name typed.
func (p *Pages) DeleteProject(c *fiber.Ctx, actor core.Actor) error {
	project, err := p.managed(c, actor)
	if err != nil {
		return err
	}
	if spaced(form(c, "confirm")) != spaced(project.Name) {
		v := settingsOf(actor, project, "danger")
		v.Confirm.Error = "This is not the project’s name; nothing was deleted"
		return p.settingsForm(c, actor, http.StatusBadRequest, v)
	}
	if err := p.app.DeleteProject(c.UserContext(), actor, project.ID); err != nil {
		return err
	}
	return c.Redirect("/projects", http.StatusSeeOther)
}

// spaced writes spaces as a page shows them, which is all that a person can copy.
func spaced(name string) string { return strings.Join(strings.Fields(name), " ") }
