package githubtest

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Repo is a repository of the double.
type Repo struct {
	ID             int64
	InstallationID int64
	FullName       string
	CloneURL       string
	DefaultBranch  string
	Private        bool
	Dir            string // the bare git repository
}

type repository struct {
	Repo
	commits  map[string]bool // full SHAs that are known to be there
	statuses []Status
	pulls    map[int]*Pull
	comments []*Comment
	roles    map[string]string // by lower-case login
	archived bool
}

// AddRepository serves the bare git repository in gitDir under the name owner/name.
// The App is installed for the owner, with the permissions that Oore asks for.
func (s *Server) AddRepository(fullName string, private bool, gitDir string) Repo {
	branch := defaultBranch(gitDir)
	s.mu.Lock()
	defer s.mu.Unlock()
	owner, _, _ := strings.Cut(fullName, "/")
	r := &repository{commits: map[string]bool{}, pulls: map[int]*Pull{}, roles: map[string]string{}, Repo: Repo{
		ID: s.nextID(), InstallationID: s.App.installationOf(owner), FullName: fullName, Private: private, Dir: gitDir,
		CloneURL: s.URL() + "/" + fullName + ".git", DefaultBranch: branch,
	}}
	s.repositories[strings.ToLower(fullName)] = r
	return r.Repo
}

// installationOf finds the installation of an account or makes it. The caller holds mu.
func (a *App) installationOf(account string) int64 {
	for _, in := range a.server.installations {
		if in.app == a && strings.EqualFold(in.account, account) {
			return in.id
		}
	}
	in := &installation{id: a.server.nextID(), app: a, account: account, permissions: maps.Clone(a.permissions), events: slices.Clone(a.events)}
	a.server.installations[in.id] = in
	return in.id
}

func (s *Server) getRepository(c *call) answer {
	r, a := s.repository(c, "metadata:read")
	if r == nil {
		return a
	}
	return ok(s.showRepository(r))
}

func (s *Server) showRepository(r *repository) object {
	owner, name, _ := strings.Cut(r.FullName, "/")
	return object{
		"id": r.ID, "name": name, "full_name": r.FullName, "private": r.Private, "owner": object{"login": owner},
		"html_url": s.URL() + "/" + r.FullName, "clone_url": r.CloneURL, "default_branch": r.DefaultBranch, "fork": false, "archived": r.archived,
	}
}

func (s *Server) getCommit(c *call) answer {
	r, a := s.repository(c, "contents:read")
	if r == nil {
		return a
	}
	ref := c.PathValue("ref")
	commit, found := findCommit(r.Dir, ref)
	if !found {
		if defaultBranch(r.Dir) == "" {
			return refuse(http.StatusConflict, "Git Repository is empty.")
		}
		return refuse(http.StatusUnprocessableEntity, "No commit found for SHA: "+ref)
	}
	person := object{"name": commit.author, "email": commit.email, "date": commit.at.Format(time.RFC3339)}
	return ok(object{
		"sha": commit.sha, "html_url": s.URL() + "/" + r.FullName + "/commit/" + commit.sha,
		"commit": object{"message": commit.message, "author": person, "committer": person, "tree": object{"sha": commit.tree}},
	})
}

// has tells whether the repository has the commit of a full SHA.
func (r *repository) has(sha string) bool {
	if len(sha) != 40 && len(sha) != 64 {
		return false
	}
	if !r.commits[sha] {
		c, found := findCommit(r.Dir, sha)
		r.commits[sha] = found && c.sha == sha
	}
	return r.commits[sha]
}
