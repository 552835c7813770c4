package slacktest

import (
	"net/http"
	"strconv"
	"time"
)

// Failure is a way to misbehave.
type Failure struct {
	Hang   bool // answers nothing, until the client goes away or the test ends
	Drop   bool // breaks the connection without an answer
	Status int
	Header map[string]string
	Body   string
}

// FailNext spoils the next requests, one failure each.
func (s *Server) FailNext(failures ...Failure) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue = append(s.queue, failures...)
}

// RateLimited is the refusal of too many calls.
func RateLimited(retryAfter time.Duration) Failure {
	return Failure{
		Status: http.StatusTooManyRequests, Body: `{"ok":false,"error":"ratelimited"}`,
		Header: map[string]string{"Retry-After": strconv.Itoa(int(retryAfter.Seconds()))},
	}
}

// APIError is a refusal with one of Slack's own codes.
func APIError(code string) Failure {
	return Failure{Status: http.StatusOK, Body: `{"ok":false,"error":` + strconv.Quote(code) + `}`}
}

// RedirectTo sends the client to another address with its body.
func RedirectTo(address string) Failure {
	return Failure{Status: http.StatusTemporaryRedirect, Header: map[string]string{"Location": address}}
}

func (f *Failure) serve(s *Server, w http.ResponseWriter, r *http.Request) {
	switch {
	case f.Hang:
		select {
		case <-r.Context().Done():
		case <-s.done:
		}
	case f.Drop:
		panic(http.ErrAbortHandler)
	default:
		for name, value := range f.Header {
			w.Header().Set(name, value)
		}
		w.WriteHeader(f.Status)
		// A client that has gone away is no matter of ours.
		_, _ = w.Write([]byte(f.Body))
	}
}
