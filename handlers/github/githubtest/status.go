package githubtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	maxStatuses    = 1000 // of one context on one commit
	maxDescription = 140
)

// Status is a commit status as it was posted.
type Status struct {
	ID          int64     `json:"id"`
	SHA         string    `json:"-"`
	State       string    `json:"state"`
	Context     string    `json:"context"`
	Description string    `json:"description"`
	TargetURL   string    `json:"target_url"`
	CreatedAt   time.Time `json:"created_at"`
}

func (s *Server) createStatus(c *call) answer {
	r, a := s.repository(c, "statuses:write")
	if r == nil {
		return a
	}
	sha := c.PathValue("sha")
	status := Status{Context: "default"}
	if err := json.Unmarshal(c.body, &status); err != nil {
		return refuse(http.StatusBadRequest, "Problems parsing JSON")
	}
	switch {
	case !slices.Contains([]string{"error", "failure", "pending", "success"}, status.State):
		return invalid("Status", "state", "state is not included in the list")
	case utf8.RuneCountInString(status.Description) > maxDescription:
		return invalid("Status", "description", "description is too long (maximum is 140 characters)")
	case status.TargetURL != "" && !strings.HasPrefix(status.TargetURL, "http://") && !strings.HasPrefix(status.TargetURL, "https://"):
		return invalid("Status", "target_url", "target_url must use http(s) scheme")
	case !r.has(sha):
		return refuse(http.StatusUnprocessableEntity, "No commit found for SHA: "+sha)
	case len(r.statusesOf(sha, status.Context)) >= maxStatuses:
		return invalid("Status", "context", "This SHA and context has reached the maximum number of statuses.")
	}
	status.ID, status.SHA, status.CreatedAt = s.nextID(), sha, time.Now()
	r.statuses = append(r.statuses, status)
	return created(status)
}

// statusesOf lists the statuses of a commit, oldest first; all contexts for "".
// Contexts are compared without case, as GitHub does.
func (r *repository) statusesOf(sha, context string) []Status {
	var out []Status
	for _, status := range r.statuses {
		if status.SHA == sha && (context == "" || strings.EqualFold(status.Context, context)) {
			out = append(out, status)
		}
	}
	return out
}

func (s *Server) listStatuses(c *call) answer {
	r, a := s.repository(c, "statuses:read")
	if r == nil {
		return a
	}
	list := r.statusesOf(c.PathValue("sha"), "")
	slices.Reverse(list)
	return paged(c, list)
}

// Statuses lists what was posted for a commit, oldest first, over all repositories.
func (s *Server) Statuses(sha string) []Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Status
	for _, r := range s.repositories {
		all = append(all, r.statusesOf(sha, "")...)
	}
	slices.SortFunc(all, func(a, b Status) int { return int(a.ID - b.ID) })
	return all
}

// LastStatus is what GitHub shows for a context on a commit; the zero Status if
// there is none.
func (s *Server) LastStatus(sha, context string) Status {
	all := s.Statuses(sha)
	for i := len(all) - 1; i >= 0; i-- {
		if strings.EqualFold(all[i].Context, context) {
			return all[i]
		}
	}
	return Status{}
}

// WaitStatus waits until the last status of a context on a commit has the state.
func (s *Server) WaitStatus(tb TB, sha, context, state string, timeout time.Duration) Status {
	tb.Helper()
	var last Status
	s.Wait(tb, fmt.Sprintf("status %s of %s on %s", state, context, sha), timeout, func() bool {
		last = s.LastStatus(sha, context)
		return last.State == state
	})
	return last
}
