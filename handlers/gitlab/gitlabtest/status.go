package gitlabtest

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Status is a commit's status. After it has ended, the next of its name is another one.
type Status struct {
	ID          int
	SHA         string
	Ref         string
	Name        string
	State       string
	Description string
	TargetURL   string
	PipelineID  int
	History     []string // the states that it was in
}

type pipeline struct {
	id               int
	sha, ref, source string
	archived         bool
}

// AddPipeline makes a pipeline of GitLab's own for a commit, e.g. of a merge request
// with the ref refs/merge-requests/1/head.
func (s *Server) AddPipeline(p Project, sha, ref, source string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.byID(p.ID)
	made := &pipeline{id: s.nextID(), sha: sha, ref: ref, source: source}
	found.pipelines = append(found.pipelines, made)
	return made.id
}

// ArchivePipelines makes the project's pipelines take no more statuses.
func (s *Server) ArchivePipelines(p Project) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, one := range s.byID(p.ID).pipelines {
		one.archived = true
	}
}

// Pedantic makes statuses go from pending to an end by way of running alone, as some
// versions want it.
func (s *Server) Pedantic() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pedantic = true
}

// Statuses lists the statuses of a commit, oldest first.
func (s *Server) Statuses(p Project, sha string) []Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Status
	for _, one := range s.byID(p.ID).statuses {
		if one.SHA == sha {
			all = append(all, *one)
		}
	}
	return all
}

// LastStatus is the newest status of a name on a commit; zero: there is none.
func (s *Server) LastStatus(p Project, sha, name string) Status {
	last := Status{}
	for _, one := range s.Statuses(p, sha) {
		if one.Name == name {
			last = one
		}
	}
	return last
}

// WaitStatus returns the newest status of a name when it has the state.
func (s *Server) WaitStatus(tb TB, p Project, sha, name, state string, timeout time.Duration) Status {
	tb.Helper()
	s.Wait(tb, fmt.Sprintf("status %s of %s to become %s", name, sha, state), timeout, func() bool {
		return s.LastStatus(p, sha, name).State == state
	})
	return s.LastStatus(p, sha, name)
}

// states are those that the API takes, with the event that leads there.
var states = map[string]string{
	"pending": "enqueue", "running": "run", "success": "success", "failed": "drop", "canceled": "cancel", "skipped": "skip",
}

type statusFields struct {
	State       string `json:"state"`
	Ref         string `json:"ref"`
	Name        string `json:"name"`
	Context     string `json:"context"`
	TargetURL   string `json:"target_url"`
	Description string `json:"description"`
	PipelineID  int    `json:"pipeline_id"`
}

func (s *Server) createStatus(c *call) answer {
	p, a := s.project(c, Developer)
	if p == nil {
		return a
	}
	var f statusFields
	if a := c.fields(&f); a.status != 0 {
		return a
	}
	if a := f.check(); a.status != 0 {
		return a
	}
	found, ok2 := readCommit(p.Dir, c.PathValue("sha"))
	if !ok2 {
		return notFound("Commit")
	}
	in, a := s.pipelineFor(p, found.sha, f)
	if in == nil {
		return a
	}
	status := p.open(in, f.Name)
	if status == nil {
		status = &Status{ID: s.nextID(), SHA: found.sha, Ref: in.ref, Name: f.Name, State: "created", PipelineID: in.id}
		p.statuses = append(p.statuses, status)
	}
	if a := status.move(f.State, s.pedantic); a.status != 0 {
		return a
	}
	status.Description, status.TargetURL = f.Description, f.TargetURL
	return created(status.show())
}

func (f *statusFields) check() answer {
	if f.Name == "" {
		f.Name = f.Context
	}
	if f.Name == "" {
		f.Name = "default"
	}
	if states[f.State] == "" {
		return answer{status: http.StatusBadRequest, body: object{"error": "state does not have a valid value"}}
	}
	for name, value := range map[string]string{"name": f.Name, "description": f.Description, "target_url": f.TargetURL} {
		if utf8.RuneCountInString(value) > 255 {
			return refuse(http.StatusBadRequest, object{name: []string{"is too long (maximum is 255 characters)"}})
		}
	}
	if u, err := url.Parse(f.TargetURL); f.TargetURL != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https") {
		return refuse(http.StatusBadRequest, object{"target_url": []string{"is blocked: Only allowed schemes are http, https"}})
	}
	return answer{}
}

// pipelineFor finds the newest pipeline that fits or makes one, as GitLab does.
func (s *Server) pipelineFor(p *project, sha string, f statusFields) (*pipeline, answer) {
	var found *pipeline
	for _, one := range p.pipelines {
		if one.sha == sha && (f.Ref == "" || one.ref == f.Ref) && (f.PipelineID == 0 && !one.archived || one.id == f.PipelineID) {
			found = one
		}
	}
	switch {
	case found != nil && found.archived:
		return nil, refuse(http.StatusBadRequest, "Pipeline has already been archived")
	case found != nil:
		return found, answer{}
	case f.PipelineID != 0:
		return nil, notFound("Pipeline for pipeline_id, sha and ref")
	}
	ref := f.Ref
	if ref == "" {
		branches, err := runGit(p.Dir, "for-each-ref", "--format=%(refname:lstrip=2)", "--contains", sha, "refs/heads")
		if names := strings.Fields(branches); err == nil && len(names) > 0 {
			ref = names[0]
		}
	}
	if ref == "" {
		return nil, notFound("References for commit")
	}
	made := &pipeline{id: s.nextID(), sha: sha, ref: ref, source: "external"}
	p.pipelines = append(p.pipelines, made)
	return made, answer{}
}

// open finds the status of the name that has not ended.
func (p *project) open(in *pipeline, name string) *Status {
	for _, one := range p.statuses {
		if one.PipelineID == in.id && one.Name == name && (one.State == "pending" || one.State == "running") {
			return one
		}
	}
	return nil
}

// move makes the transition, or says in GitLab's words why not.
func (s *Status) move(to string, pedantic bool) answer {
	from := map[string][]string{
		"pending": {"created"}, "running": {"created", "pending"}, "success": {"created", "pending", "running"},
		"failed": {"created", "pending", "running"}, "canceled": {"created", "pending", "running"}, "skipped": {"created", "pending"},
	}[to]
	ended := to != "pending" && to != "running"
	if !slices.Contains(from, s.State) || pedantic && ended && s.State == "pending" {
		event := states[to]
		return refuse(http.StatusBadRequest, fmt.Sprintf("Cannot transition status via :%s from :%s (Reason(s): Status cannot transition via %q)", event, s.State, event))
	}
	s.State, s.History = to, append(s.History, to)
	return answer{}
}

func (s *Status) show() object {
	return object{
		"id": s.ID, "sha": s.SHA, "ref": s.Ref, "status": s.State, "name": s.Name, "target_url": s.TargetURL, "description": s.Description,
		"pipeline_id": s.PipelineID, "allow_failure": false,
	}
}

// listStatuses shows the newest of each name.
func (s *Server) listStatuses(c *call) answer {
	p, a := s.project(c, Reporter)
	if p == nil {
		return a
	}
	newest := map[string]*Status{}
	for _, one := range p.statuses {
		if name := c.URL.Query().Get("name"); one.SHA == c.PathValue("sha") && (name == "" || name == one.Name) {
			newest[fmt.Sprint(one.PipelineID, one.Name)] = one
		}
	}
	rows := []object{}
	for _, one := range p.statuses {
		if newest[fmt.Sprint(one.PipelineID, one.Name)] == one {
			rows = append(rows, one.show())
		}
	}
	return page(c, rows)
}
