package api

import (
	"github.com/gofiber/fiber/v2"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

type projectJSON struct {
	ID            string             `json:"id"`
	Name          string             `json:"name"`
	Slug          string             `json:"slug"`
	Description   string             `json:"description,omitempty"`
	Repository    repositoryJSON     `json:"repository"`
	DefaultBranch string             `json:"default_branch"`
	Forks         core.ForkPolicy    `json:"forks"`
	Comments      core.CommentPolicy `json:"comments"`
	TriggerRole   core.Role          `json:"trigger_role"`
	Visibility    core.Visibility    `json:"visibility"`
	Checks        core.CheckStyle    `json:"checks"`
	ReportSkipped bool               `json:"report_skipped"`
	Quota         core.Quota         `json:"quota"`
	CreatedAt     int64              `json:"created_at"`
	UpdatedAt     int64              `json:"updated_at"`
}

type repositoryJSON struct {
	Provider      core.Provider `json:"provider"`
	ID            string        `json:"id"`
	FullName      string        `json:"full_name"`
	WebURL        string        `json:"web_url"`
	CloneURL      string        `json:"clone_url"`
	DefaultBranch string        `json:"default_branch"`
	Private       bool          `json:"private"`
}

func renderProject(p core.Project) projectJSON {
	return projectJSON{
		ID: p.ID, Name: p.Name, Slug: p.Slug, Description: p.Description, DefaultBranch: p.Branch(),
		Repository: renderRepository(p.Repository),
		Forks:      p.Forks, Comments: p.Comments, TriggerRole: p.TriggerRole, Visibility: p.Visibility,
		Checks: p.Checks, ReportSkipped: p.ReportSkipped, Quota: p.Quota,
		CreatedAt: p.CreatedAt.Unix(), UpdatedAt: p.UpdatedAt.Unix(),
	}
}

func renderRepository(r core.Repository) repositoryJSON {
	return repositoryJSON{
		Provider: r.Provider, ID: r.ID, FullName: r.FullName, WebURL: r.WebURL, CloneURL: r.CloneURL,
		DefaultBranch: r.DefaultBranch, Private: r.Private,
	}
}

type createProjectBody struct {
	Name                string             `json:"name"`
	Description         string             `json:"description"`
	RepositoryID        string             `json:"repository_id"`
	Repository          repositoryBody     `json:"repository"`
	LocalRepositoryPath string             `json:"local_repository_path"`
	DefaultBranch       string             `json:"default_branch"`
	Forks               core.ForkPolicy    `json:"forks"`
	Comments            core.CommentPolicy `json:"comments"`
	TriggerRole         core.Role          `json:"trigger_role"`
	Visibility          core.Visibility    `json:"visibility"`
	Checks              core.CheckStyle    `json:"checks"`
	ReportSkipped       bool               `json:"report_skipped"`
	Quota               core.Quota         `json:"quota"`
}

type repositoryBody struct {
	Provider core.Provider `json:"provider"`
	FullName string        `json:"full_name"`
	CloneURL string        `json:"clone_url"`
}

type updateProjectBody struct {
	Name          *string             `json:"name"`
	Description   *string             `json:"description"`
	DefaultBranch *string             `json:"default_branch"`
	Forks         *core.ForkPolicy    `json:"forks"`
	Comments      *core.CommentPolicy `json:"comments"`
	TriggerRole   *core.Role          `json:"trigger_role"`
	Visibility    *core.Visibility    `json:"visibility"`
	Checks        *core.CheckStyle    `json:"checks"`
	ReportSkipped *bool               `json:"report_skipped"`
	Quota         *core.Quota         `json:"quota"`
}

// ListProjects answers GET /v1/projects.
func (a *API) ListProjects(c *fiber.Ctx, actor core.Actor) error {
	p, err := page(c)
	if err != nil {
		return err
	}
	projects, total, err := a.app.ListProjects(c.UserContext(), actor, p)
	if err != nil {
		return err
	}
	return list(c, "projects", renderAll(projects, renderProject), total)
}

// CreateProject answers POST /v1/projects.
func (a *API) CreateProject(c *fiber.Ctx, actor core.Actor) error {
	var in createProjectBody
	if err := body(c, &in); err != nil {
		return err
	}
	project, err := a.app.CreateProject(c.UserContext(), actor, app.CreateProject{
		Name: in.Name, Description: in.Description, RepositoryID: in.RepositoryID,
		Provider: in.Repository.Provider, FullName: in.Repository.FullName, CloneURL: in.Repository.CloneURL,
		LocalPath: in.LocalRepositoryPath, DefaultBranch: in.DefaultBranch,
		Forks: in.Forks, Comments: in.Comments, TriggerRole: in.TriggerRole, Visibility: in.Visibility,
		Checks: in.Checks, ReportSkipped: in.ReportSkipped, Quota: in.Quota,
	})
	if err != nil {
		return err
	}
	return created(c, renderProject(project))
}

// Project answers GET /v1/projects/{id}.
func (a *API) Project(c *fiber.Ctx, actor core.Actor) error {
	id, err := pathID(c, "Project")
	if err != nil {
		return err
	}
	project, err := a.app.FindProject(c.UserContext(), actor, id)
	if err != nil {
		return err
	}
	return c.JSON(renderProject(project))
}

// UpdateProject answers PATCH /v1/projects/{id}.
func (a *API) UpdateProject(c *fiber.Ctx, actor core.Actor) error {
	id, err := pathID(c, "Project")
	if err != nil {
		return err
	}
	var in updateProjectBody
	if err := body(c, &in); err != nil {
		return err
	}
	project, err := a.app.UpdateProject(c.UserContext(), actor, id, app.UpdateProject(in))
	if err != nil {
		return err
	}
	return c.JSON(renderProject(project))
}

// DeleteProject answers DELETE /v1/projects/{id}.
func (a *API) DeleteProject(c *fiber.Ctx, actor core.Actor) error {
	id, err := pathID(c, "Project")
	if err != nil {
		return err
	}
	if err := a.app.DeleteProject(c.UserContext(), actor, id); err != nil {
		return err
	}
	return c.SendStatus(fiber.StatusNoContent)
}
