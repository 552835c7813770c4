package gitlabtest

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// Hook is a webhook of a project. Its fields are what the API takes.
type Hook struct {
	ID            int    `json:"-"`
	URL           string `json:"url"`
	Token         string `json:"token"`
	Push          bool   `json:"push_events"`
	TagPush       bool   `json:"tag_push_events"`
	MergeRequests bool   `json:"merge_requests_events"`
	Notes         bool   `json:"note_events"`
	VerifySSL     bool   `json:"enable_ssl_verification"`

	AlertStatus   string     `json:"-"` // executable, temporarily_disabled or disabled
	DisabledUntil *time.Time `json:"-"` // temporarily_disabled alone
	failures      int
	stubborn      bool
	log           []*hookLog // newest last
}

// Hooks lists the webhooks of a project.
func (s *Server) Hooks(p Project) []Hook {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Hook
	for _, h := range s.byID(p.ID).hooks {
		all = append(all, *h)
	}
	return all
}

// DisableHooks makes the project's webhooks what they are after too many failures.
// Stubborn ones stay so when they are edited.
func (s *Server) DisableHooks(p Project, stubborn bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range s.byID(p.ID).hooks {
		h.AlertStatus, h.DisabledUntil, h.stubborn = "disabled", nil, stubborn
	}
}

// DisableHooksUntil makes the project's webhooks what they are after some failures.
func (s *Server) DisableHooksUntil(p Project, until time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range s.byID(p.ID).hooks {
		h.AlertStatus, h.DisabledUntil, h.stubborn = "temporarily_disabled", &until, true
	}
}

// EnableHooks enables the project's webhooks, as somebody may on their page.
func (s *Server) EnableHooks(p Project) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range s.byID(p.ID).hooks {
		h.enable()
	}
}

func (h *Hook) enable() { h.AlertStatus, h.DisabledUntil, h.failures = "executable", nil, 0 }

func (h *Hook) show() object {
	return object{
		"id": h.ID, "url": h.URL, "push_events": h.Push, "tag_push_events": h.TagPush, "merge_requests_events": h.MergeRequests,
		"note_events": h.Notes, "enable_ssl_verification": h.VerifySSL, "alert_status": h.AlertStatus, "disabled_until": h.DisabledUntil,
	}
}

func (s *Server) listHooks(c *call) answer {
	p, a := s.project(c, Maintainer)
	if p == nil {
		return a
	}
	rows := []object{}
	for _, h := range p.hooks {
		rows = append(rows, h.show())
	}
	return page(c, rows)
}

func (h *Hook) take(body []byte) answer {
	if err := json.Unmarshal(body, h); err != nil {
		return answer{status: http.StatusBadRequest, body: object{"error": err.Error()}}
	}
	if u, err := url.Parse(h.URL); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return refuse(http.StatusUnprocessableEntity, "Invalid url given")
	}
	return answer{}
}

func (s *Server) createHook(c *call) answer {
	p, a := s.project(c, Maintainer)
	if p == nil {
		return a
	}
	h := &Hook{Push: true, VerifySSL: true, AlertStatus: "executable"}
	if a := h.take(c.body); a.status != 0 {
		return a
	}
	h.ID = s.nextID()
	p.hooks = append(p.hooks, h)
	return created(h.show())
}

func (s *Server) editHook(c *call) answer {
	p, a := s.project(c, Maintainer)
	if p == nil {
		return a
	}
	for _, h := range p.hooks {
		if h.ID != c.number("hook_id") {
			continue
		}
		if a := h.take(c.body); a.status != 0 {
			return a
		}
		if !h.stubborn {
			h.enable()
		}
		return ok(h.show())
	}
	return notFound("")
}

func (s *Server) deleteHook(c *call) answer {
	p, a := s.project(c, Maintainer)
	if p == nil {
		return a
	}
	n := len(p.hooks)
	p.hooks = slices.DeleteFunc(p.hooks, func(h *Hook) bool { return h.ID == c.number("hook_id") })
	if len(p.hooks) == n {
		return notFound("")
	}
	return answer{status: http.StatusNoContent}
}
