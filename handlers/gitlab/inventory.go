package gitlab

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/xanzy/go-gitlab"

	"github.com/oore-ci/oore/app/core"
)

// projectRow is a project as the API shows it; the library's own type breaks whenever
// GitLab changes a field that nobody here reads.
type projectRow struct {
	ID            id     `json:"id"`
	FullName      string `json:"path_with_namespace"`
	WebURL        string `json:"web_url"`
	CloneURL      string `json:"http_url_to_repo"`
	DefaultBranch string `json:"default_branch"`
	Visibility    string `json:"visibility"`
}

func (p projectRow) known() bool { return p.ID != "" && p.FullName != "" }

// repository is the project as a repository of the account. A clone address that
// GitLab gives wrongly, as one behind a proxy may, is corrected by the one we reach it at.
func (a account) repository(p projectRow) core.Repository {
	clone := p.CloneURL
	if !within(a.web, clone) {
		clone = a.web.JoinPath(p.FullName + ".git").String()
	}
	return core.Repository{
		Provider: core.ProviderGitLab, Host: a.Host, IntegrationID: a.ID, ExternalID: string(p.ID), FullName: p.FullName,
		WebURL: p.WebURL, CloneURL: clone, DefaultBranch: p.DefaultBranch, Private: p.Visibility != "public",
	}
}

// Inventory implements core.Connector: the projects in which the token's user is at
// least developer, as one installation with id 0. An archived project builds nothing
// and is left out.
func (r *Room) Inventory(ctx context.Context, integrationID string) ([]core.Inventory, error) {
	a, err := r.find(integrationID, "these projects")
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, surveyTimeout)
	defer cancel()
	me, err := a.me(ctx)
	if err != nil {
		return nil, a.translate(err, a.Host)
	}
	settings := "-/user_settings/personal_access_tokens"
	if granted(a.Connection) {
		settings = "-/user_settings/applications"
	}
	in := core.Inventory{Repositories: []core.Repository{}, Installation: core.Installation{
		IntegrationID: a.ID, Account: me.Username, AccountType: "User", All: true, SettingsURL: a.web.JoinPath(settings).String(),
	}}
	after := 0
	for {
		rows, err := a.projects(ctx, after, 0)
		if err != nil {
			return nil, a.translate(err, a.Host)
		}
		for _, row := range rows {
			if row.known() {
				in.Repositories = append(in.Repositories, a.repository(row))
			}
		}
		last, ok := lastID(rows)
		if !ok || last <= after {
			return []core.Inventory{in}, nil
		}
		after = last
	}
}

// projects lists what the account can build, by id, between after and before (0: no
// bound), as much as fits on a page. Paging by id loses nothing when something comes
// or goes meanwhile.
func (a account) projects(ctx context.Context, after, before int) ([]projectRow, error) {
	o := gitlab.ListProjectsOptions{
		Membership: gitlab.Ptr(true), MinAccessLevel: gitlab.Ptr(gitlab.DeveloperPermissions), Archived: gitlab.Ptr(false),
		OrderBy: gitlab.Ptr("id"), Sort: gitlab.Ptr("asc"), IDAfter: &after,
		ListOptions: gitlab.ListOptions{PerPage: perPage},
	}
	if before != 0 {
		o.IDBefore = &before
	}
	var rows []projectRow
	return rows, a.call(ctx, http.MethodGet, "projects", o, &rows)
}

func lastID(rows []projectRow) (int, bool) {
	if len(rows) == 0 {
		return 0, false
	}
	n, err := strconv.Atoi(string(rows[len(rows)-1].ID))
	return n, err == nil
}

// FindRepository implements core.Forge. Besides the path with its groups the name may
// begin with the host; without it the accounts are asked in the order of Connect. What
// the token could not report to is KindNotFound, code repository_not_found.
func (r *Room) FindRepository(ctx context.Context, name string) (core.Repository, error) {
	all, err := r.some()
	if err != nil {
		return core.Repository{}, err
	}
	name = strings.Trim(name, "/")
	for _, a := range all {
		if rest, ok := strings.CutPrefix(strings.ToLower(name), strings.ToLower(a.Host)+"/"); ok {
			all, name = at(all, a.Host), name[len(name)-len(rest):]
			break
		}
	}
	if strings.Count(name, "/") == 0 || !plainRef(name) {
		return core.Repository{}, core.Codef(core.KindNotFound, core.CodeRepositoryUnknown, "%q is not the path of a GitLab project; write group/project", name)
	}
	var trouble, unknown error
	for _, a := range all {
		found, err := a.findRepository(ctx, name)
		switch {
		case err == nil:
			return found, nil
		case core.KindOf(err) == core.KindNotFound && unknown == nil:
			unknown = err
		case trouble == nil && core.KindOf(err) != core.KindNotFound:
			trouble = err
		}
	}
	if trouble != nil {
		return core.Repository{}, trouble
	}
	return core.Repository{}, unknown
}

func (a account) findRepository(ctx context.Context, name string) (core.Repository, error) {
	ctx, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	var p projectRow
	err := a.call(ctx, http.MethodGet, "projects/"+gitlab.PathEscape(name), nil, &p)
	if statusOf(err) == http.StatusNotFound || err == nil && !p.known() {
		return core.Repository{}, core.Codef(core.KindNotFound, core.CodeRepositoryUnknown,
			"%s sees no project %s at %s. Make that user a member of it, with the role Developer at least, then try again.", a.who(), name, a.Host).Because(err)
	}
	if err != nil {
		return core.Repository{}, a.translate(err, name)
	}
	n, err := strconv.Atoi(string(p.ID))
	if err != nil {
		return core.Repository{}, core.Errorf(core.KindUnavailable, "GitLab answered %s with the id %q", name, p.ID)
	}
	mine, err := a.projects(ctx, n-1, n+1)
	if err != nil {
		return core.Repository{}, a.translate(err, name)
	}
	if len(mine) == 0 {
		return core.Repository{}, core.Codef(core.KindNotFound, core.CodeRepositoryUnknown,
			"%s cannot report to %s at %s: it is archived, or that user is no member with the role Developer at least.", a.who(), name, a.Host)
	}
	return a.repository(p), nil
}
