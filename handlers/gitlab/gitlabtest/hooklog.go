package gitlabtest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// failuresAllowed is how often in a row a webhook may fail before it is disabled.
const failuresAllowed = 4

// resendsAllowed is how often in a minute a webhook's deliveries may be sent again.
const resendsAllowed = 5

// hookLog is one try of a delivery.
type hookLog struct {
	id      int
	key     string // the same when it is sent again
	event   string
	payload []byte
	status  string // of the answer, or in words that there was none
	at      time.Time
	resent  bool
}

// HideHookLogs makes this a GitLab from before it had logs of webhooks and tests of them.
func (s *Server) HideHookLogs() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.oldHooks = true
}

// execute sends one delivery to a webhook and notes how it went. The caller does not
// hold mu: the receiver may ask the server.
func (s *Server) execute(h *Hook, event string, payload []byte, key string) (status int) {
	s.mu.Lock()
	to, secret := h.URL, h.Token
	s.mu.Unlock()
	said := "internal error"
	if resp, err := s.Deliver(to, event, payload, Delivery{Token: secret, Key: key}); err == nil {
		status = resp.StatusCode
		said = strconv.Itoa(status)
		resp.Body.Close()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	h.log = append(h.log, &hookLog{id: s.nextID(), key: key, event: event, payload: payload, status: said, at: time.Now()})
	h.failures++
	if status/100 == 2 {
		h.failures = 0
	}
	if h.failures >= failuresAllowed && h.AlertStatus == "executable" {
		h.AlertStatus = "disabled"
	}
	return status
}

// hook finds the webhook of the path; nil: the answer says why.
func (s *Server) hook(c *call) (*project, *Hook, answer) {
	p, a := s.project(c, Maintainer)
	if p == nil {
		return nil, nil, a
	}
	i := slices.IndexFunc(p.hooks, func(h *Hook) bool { return h.ID == c.number("hook_id") })
	if i < 0 || s.oldHooks {
		return nil, nil, notFound("")
	}
	return p, p.hooks[i], answer{}
}

// testHook delivers the default branch's last commits, and enables the webhook if they
// are taken.
func (s *Server) testHook(c *call) answer {
	p, h, a := s.hook(c)
	if h == nil {
		return a
	}
	head, found := readCommit(p.Dir, "refs/heads/"+p.DefaultBranch)
	if !found {
		return refuse(http.StatusUnprocessableEntity, "Ensure the project has at least one commit.")
	}
	project := p.Project
	s.mu.Unlock()
	status := s.execute(h, PushHook, s.PushPayload(project, project.DefaultBranch, "", head.sha), NewKey())
	s.mu.Lock()
	if status/100 != 2 {
		return refuse(http.StatusUnprocessableEntity, "Hook execution failed: "+h.log[len(h.log)-1].status)
	}
	h.enable()
	return created(object{"message": "201 Created"})
}

// listHookLog lists the newest tries first, 20 at most.
func (s *Server) listHookLog(c *call) answer {
	_, h, a := s.hook(c)
	if h == nil {
		return a
	}
	if size, err := strconv.Atoi(c.URL.Query().Get("per_page")); err == nil && size > 20 {
		return answer{status: http.StatusBadRequest, body: object{"error": "per_page does not have a valid value"}}
	}
	rows := []object{}
	for _, l := range slices.Backward(h.log) {
		if l.matches(c.URL.Query().Get("status")) {
			rows = append(rows, l.show(h))
		}
	}
	return page(c, rows)
}

// matches tells whether the answer is of one of the kinds.
func (l *hookLog) matches(kinds string) bool {
	if kinds == "" {
		return true
	}
	for kind := range strings.SplitSeq(kinds, ",") {
		first := map[string]string{"successful": "2", "client_failure": "4", "server_failure": "5"}[kind]
		if first != "" && strings.HasPrefix(l.status, first) || kind == "server_failure" && l.status == "internal error" || kind == l.status {
			return true
		}
	}
	return false
}

func (l *hookLog) show(h *Hook) object {
	var data any
	if err := json.Unmarshal(l.payload, &data); err != nil {
		data = object{}
	}
	return object{
		"id": l.id, "url": h.URL, "trigger": strings.ToLower(strings.ReplaceAll(l.event, " ", "_")) + "s",
		"request_headers": object{
			"Content-Type": "application/json", "User-Agent": "GitLab/17.9.0", "X-Gitlab-Event": l.event, "X-Gitlab-Token": "[REDACTED]",
			"Idempotency-Key": l.key, "X-Gitlab-Event-UUID": NewKey(),
		},
		"request_data": data, "response_headers": object{}, "response_body": "", "execution_duration": 0.1, "response_status": l.status,
	}
}

// resend sends a delivery again under its old key.
func (s *Server) resend(c *call) answer {
	_, h, a := s.hook(c)
	if h == nil {
		return a
	}
	recent := 0
	var wanted *hookLog
	for _, l := range h.log {
		if l.id == c.number("log_id") {
			wanted = l
		}
		if l.resent && time.Since(l.at) < time.Minute {
			recent++
		}
	}
	switch {
	case wanted == nil:
		return notFound("")
	case recent >= resendsAllowed:
		return refuse(http.StatusTooManyRequests, object{"error": "This endpoint has been requested too many times. Try again later."})
	case h.AlertStatus != "executable":
		return refuse(http.StatusUnprocessableEntity, "Hook disabled")
	}
	s.mu.Unlock()
	status := s.execute(h, wanted.event, wanted.payload, wanted.key)
	s.mu.Lock()
	h.log[len(h.log)-1].resent = true
	if status/100 != 2 {
		return refuse(http.StatusUnprocessableEntity, "Hook execution failed: "+h.log[len(h.log)-1].status)
	}
	return created(object{"message": "201 Created"})
}
