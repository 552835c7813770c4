package githubtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// CheckRun is a check run as it stands.
type CheckRun struct {
	ID          int64
	AppID       int64
	Name        string
	SHA         string
	ExternalID  string
	DetailsURL  string
	Status      string
	Conclusion  string
	StartedAt   *time.Time
	CompletedAt *time.Time
	Title       string
	Summary     string
	Annotations []Annotation
	Actions     []Action
	Updates     int

	repository int64
}

// Annotation is a note at lines of a file.
type Annotation struct {
	Path      string `json:"path"`
	StartLine int    `json:"start_line"`
	EndLine   int    `json:"end_line"`
	Level     string `json:"annotation_level"`
	Message   string `json:"message"`
	Title     string `json:"title"`
}

// Action is a button of a check run.
type Action struct {
	Label       string `json:"label"`
	Description string `json:"description"`
	Identifier  string `json:"identifier"`
}

func (s *Server) createCheckRun(c *call) answer {
	r, a := s.repository(c, "checks:write")
	if r == nil {
		return a
	}
	var wish checkWish
	if err := json.Unmarshal(c.body, &wish); err != nil {
		return refuse(http.StatusBadRequest, "Problems parsing JSON")
	}
	if !r.has(wish.SHA) {
		return refuse(http.StatusUnprocessableEntity, "No commit found for SHA: "+wish.SHA)
	}
	now := time.Now().UTC()
	run := &CheckRun{AppID: s.appOf(c), SHA: wish.SHA, Status: "queued", StartedAt: &now, repository: r.ID}
	if a := wish.apply(run); a.status != 0 {
		return a
	}
	run.ID = s.nextID()
	s.checks = append(s.checks, run)
	return created(run.show())
}

func (s *Server) updateCheckRun(c *call) answer {
	run, a := s.checkRun(c, "checks:write")
	if run == nil {
		return a
	}
	if app := s.appOf(c); run.AppID != app {
		return refuse(http.StatusForbidden, fmt.Sprintf("Invalid app_id `%d` - check run can only be modified by the GitHub App that created it.", app))
	}
	var wish checkWish
	if err := json.Unmarshal(c.body, &wish); err != nil {
		return refuse(http.StatusBadRequest, "Problems parsing JSON")
	}
	changed := *run
	changed.Annotations = slices.Clone(run.Annotations)
	if a := wish.apply(&changed); a.status != 0 {
		return a
	}
	changed.Updates++
	*run = changed
	return ok(run.show())
}

func (s *Server) getCheckRun(c *call) answer {
	run, a := s.checkRun(c, "checks:read")
	if run == nil {
		return a
	}
	return ok(run.show())
}

// appOf is the App whose token a call has, which has been found to be good.
func (s *Server) appOf(c *call) int64 { return s.lookup(bearer(c.Request)).installation.app.AppID }

// checkRun finds the check run of a call; its answer is set if there is none.
func (s *Server) checkRun(c *call, needed string) (*CheckRun, answer) {
	r, a := s.repository(c, needed)
	if r == nil {
		return nil, a
	}
	for _, run := range s.checks {
		if run.ID == c.number("id") && run.repository == r.ID {
			return run, answer{}
		}
	}
	return nil, notFound()
}

// listCheckRuns lists the newest first; of one App and name the last alone, unless
// all are asked for.
func (s *Server) listCheckRuns(c *call) answer {
	r, a := s.repository(c, "checks:read")
	if r == nil {
		return a
	}
	sha, query := c.PathValue("sha"), c.URL.Query()
	if !r.has(sha) {
		return refuse(http.StatusUnprocessableEntity, "No commit found for SHA: "+sha)
	}
	list, seen := []object{}, map[string]bool{}
	for _, run := range slices.Backward(s.checks) {
		app := strconv.FormatInt(run.AppID, 10)
		if run.repository != r.ID || run.SHA != sha || query.Has("check_name") && query.Get("check_name") != run.Name ||
			query.Has("app_id") && query.Get("app_id") != app || query.Get("filter") != "all" && seen[app+run.Name] {
			continue
		}
		seen[app+run.Name] = true
		list = append(list, run.show())
	}
	page := paged(c, list)
	page.body = object{"total_count": len(list), "check_runs": page.body}
	return page
}

func (run *CheckRun) show() object {
	out := object{
		"id": run.ID, "name": run.Name, "head_sha": run.SHA, "external_id": run.ExternalID, "details_url": run.DetailsURL,
		"status": run.Status, "conclusion": nil, "started_at": run.StartedAt, "completed_at": run.CompletedAt, "app": object{"id": run.AppID},
		"output": object{"title": run.Title, "summary": run.Summary, "annotations_count": len(run.Annotations)},
	}
	if run.Conclusion != "" {
		out["conclusion"] = run.Conclusion
	}
	return out
}

// AddCheckRun puts a check run of any App there, complete as given but for its id.
func (s *Server) AddCheckRun(repo Repo, run CheckRun) CheckRun {
	s.mu.Lock()
	defer s.mu.Unlock()
	run.ID, run.repository = s.nextID(), repo.ID
	s.checks = append(s.checks, &run)
	return run
}

// CheckRuns lists the check runs of a commit, oldest first, over all repositories.
func (s *Server) CheckRuns(sha string) []CheckRun {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []CheckRun
	for _, run := range s.checks {
		if run.SHA == sha {
			all = append(all, *run)
		}
	}
	return all
}

// WaitCheckRun waits until the newest check run of a name on a commit has the status
// or, when it is completed, the conclusion.
func (s *Server) WaitCheckRun(tb TB, sha, name, state string, timeout time.Duration) CheckRun {
	tb.Helper()
	var last CheckRun
	s.Wait(tb, fmt.Sprintf("check run %s of %s on %s", state, name, sha), timeout, func() bool {
		for _, run := range s.CheckRuns(sha) {
			if run.Name == name {
				last = run
			}
		}
		return last.Status == state || last.Conclusion == state
	})
	return last
}

// CheckRunPayload is an event of a check run: "rerequested", or "requested_action"
// with the identifier of the button.
func (s *Server) CheckRunPayload(action string, repo Repo, run CheckRun, identifier string) []byte {
	p := s.load("check_run", repo)
	p["action"] = action
	if identifier != "" {
		p["requested_action"] = object{"identifier": identifier}
	}
	for name, value := range run.show() {
		if name != "output" && name != "app" {
			p["check_run"].(object)[name] = value
		}
	}
	p["check_run"].(object)["app"].(object)["id"] = run.AppID
	return encode(p)
}
