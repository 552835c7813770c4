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

const maxOffered = 200 // repositories in one list to choose from

// NewProject is GET /projects/new: the form. ?q= searches the repositories to choose from.
func (p *Pages) NewProject(c *fiber.Ctx, actor core.Actor) error {
	if err := core.Allow(actor, core.ActCreateProject, nil); err != nil {
		return err
	}
	return p.projectForm(c, actor, http.StatusOK, nil, templates.NewProjectView{Search: query(c, "q")})
}

func (p *Pages) projectForm(c *fiber.Ctx, actor core.Actor, status int, alert *templates.Alert, v templates.NewProjectView) error {
	repos, err := p.app.ListIntegrationRepositories(c.UserContext(), actor, "")
	if err != nil {
		return err
	}
	offer(&v, repos)
	if v.Kind.Value == "" {
		v.Kind.Value = "local"
		if v.Offers() {
			v.Kind.Value = "connected"
		}
	}
	v.Page = page(c, actor, "Add a project", "projects", "/v1/projects")
	v.Alert = alert
	return p.send(c, status, func(w io.Writer) error { return p.templates.NewProject(w, v) })
}

// offer fills in the repositories that match the search, and the one that was chosen
// already, by their hosts.
func offer(v *templates.NewProjectView, repos []core.Repository) {
	wanted := strings.ToLower(v.Search)
	for _, r := range repos {
		matches := strings.Contains(strings.ToLower(r.Host+"/"+r.FullName), wanted)
		if matches {
			v.Found++
		}
		if r.ID != v.Connected.Value && (!matches || v.Shown >= maxOffered) {
			continue
		}
		v.Shown++
		i := slices.IndexFunc(v.Groups, func(g templates.RepositoryGroup) bool { return g.Host == r.Host })
		if i < 0 {
			i = len(v.Groups)
			v.Groups = append(v.Groups, templates.RepositoryGroup{Host: r.Host})
		}
		v.Groups[i].Repositories = append(v.Groups[i].Repositories, r)
	}
}

// CreateProject is POST /projects; it goes on to the project.
func (p *Pages) CreateProject(c *fiber.Ctx, actor core.Actor) error {
	v := templates.NewProjectView{
		Name: typed(c, "name"), Description: typed(c, "description"), Kind: typed(c, "kind"),
		Connected: typed(c, "repository_id"), Repository: typed(c, "repository"), DefaultBranch: typed(c, "default_branch"),
	}
	in := app.CreateProject{Name: v.Name.Value, Description: v.Description.Value, DefaultBranch: v.DefaultBranch.Value}
	switch v.Kind.Value {
	case "connected":
		if in.RepositoryID = v.Connected.Value; in.RepositoryID == "" {
			v.Connected.Error = "Choose a repository, or say below where it is"
			return p.projectForm(c, actor, http.StatusBadRequest, nil, v)
		}
	case "github", "gitlab":
		in.Provider, in.FullName = core.Provider(v.Kind.Value), v.Repository.Value
	case "git":
		in.Provider, in.CloneURL = core.ProviderGit, v.Repository.Value
	default:
		v.Kind.Value, in.LocalPath = "local", v.Repository.Value
	}
	project, err := p.app.CreateProject(c.UserContext(), actor, in)
	if err == nil {
		return c.Redirect("/projects/"+project.ID, http.StatusSeeOther)
	}
	status, alert := StatusOf(core.KindOf(err)), (*templates.Alert)(nil)
	switch {
	case in.RepositoryID != "" && core.KindOf(err) == core.KindNotFound:
		v.Connected.Error, status = "It is not connected any more; choose another", http.StatusBadRequest
	case coded(err, core.CodeRepositoryUnknown, &v.Repository), coded(err, core.CodeNameTaken, &v.Name):
	default:
		var other error
		alert, other = place(err, slot{"name", &v.Name}, slot{"description", &v.Description},
			slot{"default_branch", &v.DefaultBranch}, slot{"repository", &v.Repository}, slot{"local_repository_path", &v.Repository})
		if other != nil {
			return other
		}
	}
	return p.projectForm(c, actor, status, alert, v)
}
