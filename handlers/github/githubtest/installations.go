package githubtest

import (
	"net/http"
	"slices"
	"strings"
)

// Archive makes a repository read-only; no event tells of it.
func (s *Server) Archive(fullName string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.repositories[strings.ToLower(fullName)].archived = true
}

func (in *installation) show() object {
	out := object{
		"id": in.id, "app_id": in.app.AppID, "app_slug": in.app.Slug, "account": object{"login": in.account, "type": "Organization"},
		"repository_selection": "all", "permissions": in.granted(), "events": in.events, "suspended_at": nil,
		"html_url": in.app.server.URL() + "/organizations/" + in.account + "/settings/installations/" + idText(in.id),
	}
	if in.suspended {
		out["suspended_at"] = "2026-01-02T03:04:05Z"
	}
	return out
}

// granted lists the permissions that there are; one taken away is left out.
func (in *installation) granted() object {
	out := object{}
	for name, level := range in.permissions {
		if level != "" {
			out[name] = level
		}
	}
	return out
}

func (s *Server) listInstallations(c *call) answer {
	app, a := s.asApp(c)
	if app == nil {
		return a
	}
	list := []object{}
	for _, id := range s.installationIDs() {
		if in := s.installations[id]; in.app == app {
			list = append(list, in.show())
		}
	}
	return paged(c, list)
}

func (s *Server) installationIDs() []int64 {
	var ids []int64
	for id := range s.installations {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// listInstalled lists what the token reaches.
func (s *Server) listInstalled(c *call) answer {
	t := s.lookup(bearer(c.Request))
	switch {
	case t == nil:
		return refuse(http.StatusUnauthorized, "Bad credentials")
	case t.installation.suspended:
		return refuse(http.StatusForbidden, "This installation has been suspended")
	}
	var seen []*repository
	for _, r := range s.repositories {
		if t.allows(r) {
			seen = append(seen, r)
		}
	}
	slices.SortFunc(seen, func(a, b *repository) int { return int(a.ID - b.ID) })
	list := []object{}
	for _, r := range seen {
		list = append(list, s.showRepository(r))
	}
	a := paged(c, list)
	a.body = object{"total_count": len(list), "repository_selection": "all", "repositories": a.body}
	return a
}
