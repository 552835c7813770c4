package web

import (
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/templates"
)

// Tokens is GET /settings/tokens: the reader's API tokens, for admins everybody's, and the
// form to make one.
func (p *Pages) Tokens(c *fiber.Ctx, actor core.Actor) error {
	var alert *templates.Alert
	if query(c, "done") == "revoked" {
		alert = &templates.Alert{State: "succeeded", Text: "The token is revoked. It is refused from now on."}
	}
	v := templates.TokensView{Role: templates.Field{Value: string(core.RoleDeveloper.Lower(actor.Role))}, End: templates.Field{Value: "7776000"}}
	return p.tokens(c, actor, http.StatusOK, alert, v)
}

func (p *Pages) tokens(c *fiber.Ctx, actor core.Actor, status int, alert *templates.Alert, v templates.TokensView) error {
	ctx := c.UserContext()
	all, err := p.app.ListAPITokens(ctx, actor)
	if err != nil {
		return err
	}
	v.Page = settingsPage(c, actor, "API tokens", tokensPath, "/v1/api-tokens")
	v.Alert = alert
	if v.Projects, _, err = p.app.ListProjects(ctx, actor, core.Page{Limit: maxPage}); err != nil {
		return err
	}
	v.Tokens = tokenList(all, v.Projects, "tokens")
	if v.Admin {
		if err := p.nameOwners(c, actor, &v.Tokens); err != nil {
			return err
		}
	}
	v.Roles = templates.TokenRoles(actor.Role)
	return p.send(c, status, func(w io.Writer) error { return p.templates.Tokens(w, v) })
}

func tokenList(all []core.Credential, projects []core.Project, from string) templates.TokenList {
	names := map[string]string{}
	for _, project := range projects {
		names[project.ID] = project.Name
	}
	list := templates.TokenList{From: from}
	for _, token := range all {
		row := templates.TokenRow{Credential: token}
		if token.ProjectID != "" {
			row.Project = names[token.ProjectID]
			if row.Project == "" {
				row.Project = "a project that is gone"
			}
		}
		list.Rows = append(list.Rows, row)
	}
	return list
}

func (p *Pages) nameOwners(c *fiber.Ctx, actor core.Actor, list *templates.TokenList) error {
	users, err := p.app.ListUsers(c.UserContext(), actor)
	if err != nil {
		return err
	}
	names := map[string]string{}
	for _, u := range users {
		names[u.ID] = u.Name
	}
	list.Owners = true
	for i := range list.Rows {
		list.Rows[i].Owner = names[list.Rows[i].UserID]
	}
	return nil
}

// CreateToken is POST /settings/tokens; it shows the secret, this once.
func (p *Pages) CreateToken(c *fiber.Ctx, actor core.Actor) error {
	v := templates.TokensView{Open: true, Name: typed(c, "name"), Role: typed(c, "role"), Project: typed(c, "project_id"), End: typed(c, "expires_in")}
	in := app.CreateAPIToken{Name: v.Name.Value, Role: core.Role(v.Role.Value), ProjectID: v.Project.Value}
	if v.End.Value != "" {
		seconds, err := strconv.ParseInt(v.End.Value, 10, 32)
		if err != nil || seconds < 1 {
			v.End.Error = "Choose when it ends"
			return p.tokens(c, actor, http.StatusBadRequest, nil, v)
		}
		in.Life = time.Duration(seconds) * time.Second
	}
	secret, token, err := p.app.CreateAPIToken(c.UserContext(), actor, in)
	if err == nil {
		shown := templates.NewTokenView{Page: settingsPage(c, actor, "New token "+token.Name, tokensPath, "/v1/api-tokens"), Token: token, Secret: secret}
		return onlyNow(c, p.send(c, http.StatusOK, func(w io.Writer) error { return p.templates.NewToken(w, shown) }))
	}
	alert, other := place(err, slot{"name", &v.Name}, slot{"role", &v.Role}, slot{"expires_in", &v.End})
	if other != nil {
		return other
	}
	return p.tokens(c, actor, StatusOf(core.KindOf(err)), alert, v)
}

// DeleteToken is POST /settings/tokens/:id/delete; it comes back to where it was asked.
func (p *Pages) DeleteToken(c *fiber.Ctx, actor core.Actor) error {
	if err := p.app.DeleteAPIToken(c.UserContext(), actor, param(c, "id")); err != nil {
		return err
	}
	if form(c, "from") == "me" {
		return c.Redirect(mePath+"?done=revoked#tokens", http.StatusSeeOther)
	}
	return c.Redirect(tokensPath+"?done=revoked", http.StatusSeeOther)
}
