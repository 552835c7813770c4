package githubtest

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
)

// call is one request to the API, served while mu is held.
type call struct {
	*http.Request
	body []byte
}

// answer is what the API says.
type answer struct {
	status int
	body   any
	header http.Header
}

func ok(body any) answer      { return answer{status: http.StatusOK, body: body} }
func created(body any) answer { return answer{status: http.StatusCreated, body: body} }

func refuse(status int, message string) answer {
	return answer{status: status, body: object{"message": message, "documentation_url": "https://docs.github.com/rest"}}
}

func notFound() answer { return refuse(http.StatusNotFound, "Not Found") }

// invalid is GitHub's 422 for a field.
func invalid(resource, field, message string) answer {
	return answer{status: http.StatusUnprocessableEntity, body: object{
		"message":           "Validation Failed",
		"errors":            []object{{"resource": resource, "code": "custom", "field": field, "message": message}},
		"documentation_url": "https://docs.github.com/rest",
	}}
}

type object = map[string]any

func (a answer) write(w http.ResponseWriter) {
	for name, values := range a.header {
		w.Header()[http.CanonicalHeaderKey(name)] = values
	}
	if a.body == nil {
		w.WriteHeader(a.status)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(a.status)
	// A client that has gone away is no matter of ours.
	_ = json.NewEncoder(w).Encode(a.body)
}

// unchanged turns the answer into a 304 if the client has it already. As on GitHub,
// another token makes another tag.
func unchanged(c *call, a *answer) {
	if c.Method != http.MethodGet || a.status != http.StatusOK {
		return
	}
	body, err := json.Marshal(a.body)
	if err != nil {
		return // write will fail the same way
	}
	sum := sha256.Sum256(append(body, bearer(c.Request)...))
	tag := fmt.Sprintf(`W/"%x"`, sum)
	if a.header == nil {
		a.header = http.Header{}
	}
	a.header.Set("ETag", tag)
	if c.Header.Get("If-None-Match") == tag {
		a.status, a.body = http.StatusNotModified, nil
	}
}

// number reads a numeric part of the path; 0 if it is none.
func (c *call) number(name string) int64 {
	n, err := strconv.ParseInt(c.PathValue(name), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

func (s *Server) handle(handler func(*call) answer) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c := &call{Request: r, body: bodyOf(w)}
		s.mu.Lock()
		a := handler(c)
		unchanged(c, &a)
		s.spend(c, &a)
		s.mu.Unlock()
		a.write(w)
	}
}
