package gitlabtest

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Project is a project of the double.
type Project struct {
	ID            int
	FullName      string // with its groups
	CloneURL      string
	DefaultBranch string
	Private       bool
	Dir           string // the bare git repository
}

type project struct {
	Project
	archived      bool
	oldName       string
	members       map[int]int // role by user
	pipelines     []*pipeline
	statuses      []*Status
	mergeRequests []*MergeRequest
	notes         []*Note
	hooks         []*Hook
	commands      []string
}

// AddProject serves the bare git repository in gitDir under the name. Oore's own user
// is its maintainer.
func (s *Server) AddProject(fullName string, private bool, gitDir string) Project {
	branch := defaultBranch(gitDir)
	s.mu.Lock()
	defer s.mu.Unlock()
	p := &project{members: map[int]int{s.User.ID: Maintainer}, Project: Project{
		ID: s.nextID(), FullName: fullName, Private: private, Dir: gitDir, DefaultBranch: branch, CloneURL: s.URL() + "/" + fullName + ".git",
	}}
	s.projects = append(s.projects, p)
	return p.Project
}

// SetAccess gives a user a role in a project; 0 takes it away.
func (s *Server) SetAccess(p Project, u User, role int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.byID(p.ID).members[u.ID] = role
}

// Archive makes a project one that can only be read.
func (s *Server) Archive(p Project) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.byID(p.ID).archived = true
}

// Rename moves a project; its old name leads to it.
func (s *Server) Rename(p Project, fullName string) Project {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.byID(p.ID)
	found.oldName, found.FullName, found.CloneURL = found.FullName, fullName, s.URL()+"/"+fullName+".git"
	return found.Project
}

// SetCloneURL makes the project give another clone address than it is served under.
func (s *Server) SetCloneURL(p Project, address string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.byID(p.ID).CloneURL = address
}

// byID finds a project, or nil. The caller holds mu.
func (s *Server) byID(id int) *project {
	i := slices.IndexFunc(s.projects, func(p *project) bool { return p.ID == id })
	if i < 0 {
		return nil
	}
	return s.projects[i]
}

func (s *Server) byName(name string) *project {
	for _, p := range s.projects {
		if strings.EqualFold(p.FullName, name) || p.oldName != "" && strings.EqualFold(p.oldName, name) {
			return p
		}
	}
	return nil
}

// role is what who asks is in the project.
func (c *call) role(p *project) int {
	if c.token == nil {
		return 0
	}
	return p.members[c.token.user.ID]
}

// project finds the project of the path, in which who asks must have a role; 0: who may
// see it. Nil: the answer says why.
func (s *Server) project(c *call, role int) (*project, answer) {
	name := c.PathValue("id")
	p := s.byName(name)
	if n, err := strconv.Atoi(name); err == nil {
		p = s.byID(n)
	}
	switch {
	case p == nil || p.Private && c.role(p) < Guest:
		return nil, notFound("Project")
	case role > 0 && c.token == nil:
		return nil, refuse(http.StatusUnauthorized, "401 Unauthorized")
	case c.role(p) < role || p.archived && c.Method != http.MethodGet:
		return nil, refuse(http.StatusForbidden, "403 Forbidden")
	}
	return p, answer{}
}

func (s *Server) getProject(c *call) answer {
	p, a := s.project(c, 0)
	if p == nil {
		return a
	}
	return ok(s.showProject(p))
}

func (s *Server) showProject(p *project) object {
	visibility := "public"
	if p.Private {
		visibility = "private"
	}
	var branch any
	if p.DefaultBranch != "" {
		branch = p.DefaultBranch
	}
	return object{
		"id": p.ID, "path_with_namespace": p.FullName, "web_url": s.URL() + "/" + p.FullName, "http_url_to_repo": p.CloneURL,
		"default_branch": branch, "visibility": visibility, "archived": p.archived, "approvals_before_merge": "0",
	}
}

// listProjects knows the filters that Oore uses, and lists by id.
func (s *Server) listProjects(c *call) answer {
	query := c.URL.Query()
	bound := func(name string) int {
		n, err := strconv.Atoi(query.Get(name))
		if err != nil {
			return 0
		}
		return n
	}
	role, after, before := bound("min_access_level"), bound("id_after"), bound("id_before")
	rows := []object{}
	for _, p := range s.projects {
		mine := c.role(p)
		switch {
		case query.Get("membership") == "true" && mine == 0, mine < role, p.Private && mine < Guest:
		case p.ID <= after, before != 0 && p.ID >= before:
		case query.Get("archived") == "false" && p.archived, query.Get("archived") == "true" && !p.archived:
		default:
			rows = append(rows, s.showProject(p))
		}
	}
	if query.Get("order_by") != "id" || query.Get("sort") != "asc" {
		slices.Reverse(rows) // newest first, unless asked otherwise
	}
	return page(c, rows)
}

func (s *Server) showCommit(p *project, c commit) object {
	return object{
		"id": c.sha, "short_id": c.sha[:8], "message": c.message, "title": strings.SplitN(c.message, "\n", 2)[0], "author_name": c.author, "author_email": c.email, "committed_date": "2026-03-01T12:00:00.000+01:00",
		"web_url": s.URL() + "/" + p.FullName + "/-/commit/" + c.sha,
	}
}

// getCommit resolves what git resolves: revisions and the beginnings of ids too.
func (s *Server) getCommit(c *call) answer {
	p, a := s.project(c, 0)
	if p == nil {
		return a
	}
	found, ok2 := readCommit(p.Dir, c.PathValue("sha"))
	if !ok2 {
		return notFound("Commit")
	}
	out := s.showCommit(p, found)
	out["last_pipeline"] = nil
	for _, one := range p.pipelines {
		if one.sha == found.sha {
			out["last_pipeline"] = object{"id": one.id, "sha": one.sha, "ref": one.ref, "status": "running", "source": one.source}
		}
	}
	return ok(out)
}

func (s *Server) getBranch(c *call) answer { return s.getNamed(c, "refs/heads/", "branch", "Branch") }
func (s *Server) getTag(c *call) answer    { return s.getNamed(c, "refs/tags/", "tag", "Tag") }

func (s *Server) getNamed(c *call, refs, part, what string) answer {
	p, a := s.project(c, 0)
	if p == nil {
		return a
	}
	found, ok2 := readCommit(p.Dir, refs+c.PathValue(part))
	if !ok2 {
		return notFound(what)
	}
	return ok(object{"name": c.PathValue(part), "commit": s.showCommit(p, found)})
}

// listTags lists the newest first. One of a file or a tree has no commit.
func (s *Server) listTags(c *call) answer {
	p, a := s.project(c, 0)
	if p == nil {
		return a
	}
	out, err := runGit(p.Dir, "for-each-ref", "--sort=-creatordate", "--format=%(refname:lstrip=2)%00%(objectname)", "refs/tags")
	if err != nil {
		return refuse(http.StatusInternalServerError, out)
	}
	rows := []object{}
	for line := range strings.Lines(out) {
		name, target, _ := strings.Cut(strings.TrimSpace(line), "\x00")
		row := object{"name": name, "target": target, "message": "", "protected": false, "commit": nil}
		if found, ok := readCommit(p.Dir, "refs/tags/"+name); ok {
			row["commit"] = s.showCommit(p, found)
		}
		rows = append(rows, row)
	}
	return page(c, rows)
}

func (s *Server) listBranches(c *call) answer {
	p, a := s.project(c, 0)
	if p == nil {
		return a
	}
	out, err := runGit(p.Dir, "for-each-ref", "--format=%(refname:lstrip=2)%00%(objectname)%00%(authorname)%00%(contents)%00", "refs/heads")
	if err != nil {
		return refuse(http.StatusInternalServerError, out)
	}
	rows := []object{}
	for fields := range slices.Chunk(strings.Split(out, "\x00"), 4) {
		if len(fields) == 4 {
			name := strings.TrimPrefix(fields[0], "\n")
			found := commit{sha: fields[1], author: fields[2], message: strings.TrimRight(fields[3], "\n")}
			rows = append(rows, object{"name": name, "commit": s.showCommit(p, found), "default": name == p.DefaultBranch})
		}
	}
	return page(c, rows)
}
