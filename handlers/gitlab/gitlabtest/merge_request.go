package gitlabtest

import (
	"fmt"
	"net/http"
	"strconv"
)

// MergeRequest is a merge request of the double. What is left empty gets a value.
type MergeRequest struct {
	Number       int
	Title        string
	Author       string
	SourceBranch string
	SHA          string
	TargetBranch string
	Draft        bool
	Fork         bool   // comes from another project
	ForkGone     bool   // that is not there any more
	State        string // opened, closed or merged

	forkID int
	author User
}

// Open makes a merge request, or what is known of it anew, and returns it in full.
func (s *Server) Open(p Project, mr MergeRequest) MergeRequest {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.byID(p.ID)
	defaults := map[*string]string{
		&mr.Title: "Change something", &mr.Author: "tanuki", &mr.TargetBranch: found.DefaultBranch, &mr.State: "opened", &mr.SourceBranch: "feature",
	}
	for field, value := range defaults {
		if *field == "" {
			*field = value
		}
	}
	for _, u := range s.users {
		if u.Username == mr.Author {
			mr.author = u
		}
	}
	if mr.author.ID == 0 {
		mr.author = User{s.nextID(), mr.Author}
		s.users = append(s.users, mr.author)
	}
	ref := fmt.Sprintf("refs/merge-requests/%d/head", mr.Number)
	if out, err := runGit(found.Dir, "update-ref", ref, mr.SHA); err != nil {
		panic(fmt.Sprintf("gitlabtest: %s has no commit %s: %s", found.Dir, mr.SHA, out))
	}
	for i, known := range found.mergeRequests {
		if known.Number == mr.Number {
			mr.forkID = known.forkID
			found.mergeRequests[i] = &mr
			return mr
		}
	}
	mr.forkID = s.nextID()
	found.mergeRequests = append(found.mergeRequests, &mr)
	return mr
}

// sourceProject is where the merge request comes from; nil: that is gone.
func (m *MergeRequest) sourceProject(p Project) any {
	switch {
	case m.ForkGone:
		return nil
	case m.Fork:
		return m.forkID
	}
	return p.ID
}

// mergeRequest finds the one of the path. Nil: the answer says why.
func (s *Server) mergeRequest(c *call, role int) (*project, *MergeRequest, answer) {
	p, a := s.project(c, role)
	if p == nil {
		return nil, nil, a
	}
	if mr := p.mergeRequest(c.number("iid")); mr != nil {
		return p, mr, answer{}
	}
	return nil, nil, notFound("")
}

func (p *project) mergeRequest(number int) *MergeRequest {
	for _, mr := range p.mergeRequests {
		if mr.Number == number {
			return mr
		}
	}
	return nil
}

func (s *Server) listMergeRequests(c *call) answer {
	p, a := s.project(c, 0)
	if p == nil {
		return a
	}
	state, rows := c.URL.Query().Get("state"), []object{}
	for _, mr := range p.mergeRequests {
		if state == "" || state == "all" || state == mr.State {
			rows = append(rows, s.showMergeRequest(p, mr))
		}
	}
	return page(c, rows)
}

func (s *Server) getMergeRequest(c *call) answer {
	p, mr, a := s.mergeRequest(c, 0)
	if mr == nil {
		return a
	}
	out := s.showMergeRequest(p, mr)
	changed, err := diffs(p.Dir, mr.TargetBranch+"..."+mr.SHA)
	if err == nil {
		out["changes_count"] = strconv.Itoa(min(len(changed), 1000))
		if len(changed) > 1000 {
			out["changes_count"] = "1000+"
		}
	}
	return ok(out)
}

func (s *Server) showMergeRequest(p *project, mr *MergeRequest) object {
	return object{
		"id": mr.Number + 5000, "iid": mr.Number, "project_id": p.ID, "title": mr.Title, "state": mr.State, "draft": mr.Draft, "sha": mr.SHA,
		"source_branch": mr.SourceBranch, "target_branch": mr.TargetBranch, "source_project_id": mr.sourceProject(p.Project), "target_project_id": p.ID,
		"author": mr.author.show(), "web_url": s.mergeRequestURL(p, mr), "changes_count": nil,
	}
}

func (s *Server) mergeRequestURL(p *project, mr *MergeRequest) string {
	return fmt.Sprintf("%s/%s/-/merge_requests/%d", s.URL(), p.FullName, mr.Number)
}

func (s *Server) listDiffs(c *call) answer {
	p, mr, a := s.mergeRequest(c, 0)
	if mr == nil {
		return a
	}
	changed, err := diffs(p.Dir, mr.TargetBranch+"..."+mr.SHA)
	if err != nil {
		return refuse(http.StatusInternalServerError, err.Error())
	}
	return page(c, changed[:min(len(changed), 1000)])
}
