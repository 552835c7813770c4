package gitlabtest

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// call is one request to the API, served while mu is held.
type call struct {
	*http.Request
	body  []byte
	token *token // nil: a stranger
}

// answer is what the API says.
type answer struct {
	status int
	body   any
	header http.Header
}

type object = map[string]any

func ok(body any) answer      { return answer{status: http.StatusOK, body: body} }
func created(body any) answer { return answer{status: http.StatusCreated, body: body} }

func refuse(status int, message any) answer {
	return answer{status: status, body: object{"message": message}}
}

func notFound(what string) answer {
	if what != "" {
		what = " " + what
	}
	return refuse(http.StatusNotFound, "404"+what+" Not Found")
}

func (a answer) write(w http.ResponseWriter) {
	for name, values := range a.header {
		w.Header()[http.CanonicalHeaderKey(name)] = values
	}
	if a.body == nil {
		w.WriteHeader(a.status)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(a.status)
	// A client that has gone away is no matter of ours.
	_ = json.NewEncoder(w).Encode(a.body)
}

// unchanged turns the answer into a 304 if the client has it already.
func (c *call) unchanged(a *answer) {
	if c.Method != http.MethodGet || a.status != http.StatusOK {
		return
	}
	body, err := json.Marshal(a.body)
	if err != nil {
		return // write will fail the same way
	}
	tag := fmt.Sprintf(`W/"%x"`, sha256.Sum256(body))
	a.set("ETag", tag)
	if c.Header.Get("If-None-Match") == tag {
		a.status, a.body = http.StatusNotModified, nil
	}
}

func (a *answer) set(name, value string) {
	if a.header == nil {
		a.header = http.Header{}
	}
	a.header.Set(name, value)
}

// number reads a numeric part of the path; 0 if it is none.
func (c *call) number(name string) int {
	n, err := strconv.Atoi(c.PathValue(name))
	if err != nil {
		return 0
	}
	return n
}

// fields reads the body into a struct.
func (c *call) fields(into any) answer {
	if err := json.Unmarshal(c.body, into); err != nil {
		return answer{status: http.StatusBadRequest, body: object{"error": "The body is no JSON of the right form: " + err.Error()}}
	}
	return answer{}
}

// page cuts a list as GitLab does by default, at 20 rows.
func page[T any](c *call, rows []T) answer {
	query := c.URL.Query()
	size, err := strconv.Atoi(query.Get("per_page"))
	if err != nil || size < 1 || size > 100 {
		size = 20
	}
	number, err := strconv.Atoi(query.Get("page"))
	if err != nil || number < 1 {
		number = 1
	}
	from := min((number-1)*size, len(rows))
	to := min(from+size, len(rows))
	a := ok(append([]T{}, rows[from:to]...))
	next := ""
	if to < len(rows) {
		next = strconv.Itoa(number + 1)
	}
	a.set("X-Next-Page", next)
	a.set("X-Page", strconv.Itoa(number))
	a.set("X-Per-Page", strconv.Itoa(size))
	return a
}

func (s *Server) handle(handler func(*call) answer) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c := &call{Request: r, body: bodyOf(w)}
		s.mu.Lock()
		a, refused := s.identify(c)
		if !refused {
			a = handler(c)
		}
		c.unchanged(&a)
		s.spend(&a)
		s.mu.Unlock()
		a.write(w)
	}
}

// identify finds out whose request it is, and whether the token is good for it.
func (s *Server) identify(c *call) (a answer, refused bool) {
	value := c.Header.Get("PRIVATE-TOKEN")
	bearer, isBearer := strings.CutPrefix(c.Header.Get("Authorization"), "Bearer ")
	if isBearer {
		value = bearer
	}
	if value == "" {
		return answer{}, false
	}
	t := s.tokens[value]
	switch {
	case t == nil || t.revoked || t.granted && !isBearer:
		return refuse(http.StatusUnauthorized, "401 Unauthorized"), true
	case !t.expires.IsZero() && !time.Now().Before(t.expires):
		return answer{status: http.StatusUnauthorized, body: object{"error": "invalid_token", "error_description": "Token is expired. You can either do re-authorization or token refresh."}}, true
	}
	enough := []string{"api"}
	if c.Method == http.MethodGet {
		enough = append(enough, "read_api")
	}
	if c.Pattern == "GET /user" || c.Pattern == "GET /personal_access_tokens/self" {
		enough = append(enough, "read_user")
	}
	if !slices.ContainsFunc(enough, func(scope string) bool { return slices.Contains(t.scopes, scope) }) {
		return answer{status: http.StatusForbidden, body: object{
			"error": "insufficient_scope", "error_description": "The request requires higher privileges than provided by the access token.", "scope": "api",
		}}, true
	}
	c.token = t
	return answer{}, false
}

// budget is what may still be asked in this minute.
type budget struct {
	limit, remaining int
	reset            time.Time
}

// SetBudget makes the answers say from now on what is left of the budget. Each takes
// one away; the double refuses nothing.
func (s *Server) SetBudget(limit, remaining int, reset time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.budget = &budget{limit, remaining, reset}
}

func (s *Server) spend(a *answer) {
	if s.budget == nil {
		return
	}
	s.budget.remaining = max(s.budget.remaining-1, 0)
	a.set("RateLimit-Limit", strconv.Itoa(s.budget.limit))
	a.set("RateLimit-Remaining", strconv.Itoa(s.budget.remaining))
	a.set("RateLimit-Reset", strconv.FormatInt(s.budget.reset.Unix(), 10))
}
