package gitlabtest

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strconv"
	"time"
)

// Failure is a way to misbehave. Its fields combine: a delay comes first.
type Failure struct {
	Delay    time.Duration // waits, or until the client goes away
	Drop     bool          // breaks the connection without an answer
	Truncate bool          // does what was asked, and breaks off in the middle of the answer
	Status   int           // 0: the right answer, after the delay
	Header   map[string]string
	Body     string // JSON; empty: a message made of the status
}

// Fail asks the hook about every request from now on; nil lets it through. Hooks are
// asked in the order in which they were given, after the queue of FailNext.
func (s *Server) Fail(hook func(*http.Request) *Failure) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hooks = append(s.hooks, hook)
}

// FailNext spoils the next requests, one failure each.
func (s *Server) FailNext(failures ...Failure) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue = append(s.queue, failures...)
}

// Heal forgets all hooks and what is still queued.
func (s *Server) Heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hooks, s.queue = nil, nil
}

// failure decides about one request.
func (s *Server) failure(r *http.Request) *Failure {
	s.mu.Lock()
	hooks := s.hooks
	if len(s.queue) > 0 {
		f := s.queue[0]
		s.queue = s.queue[1:]
		s.mu.Unlock()
		return &f
	}
	s.mu.Unlock()
	for _, hook := range hooks { // unlocked: a hook may ask the server
		if f := hook(r); f != nil {
			return f
		}
	}
	return nil
}

func (f *Failure) serve(s *Server, w http.ResponseWriter, r *http.Request) {
	if f.Delay > 0 {
		timer := time.NewTimer(f.Delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-r.Context().Done():
			return
		case <-s.done:
			return
		}
	}
	switch {
	case f.Drop:
		panic(http.ErrAbortHandler)
	case f.Truncate:
		f.truncate(s, w, r)
	case f.Status == 0:
		s.serveWell(w, r)
	default:
		f.answer(w)
	}
}

func (f *Failure) answer(w http.ResponseWriter) {
	for name, value := range f.Header {
		w.Header().Set(name, value)
	}
	if f.Body == "" {
		refuse(f.Status, http.StatusText(f.Status)).write(w)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(f.Status)
	// A client that has gone away is no matter of ours.
	_, _ = w.Write([]byte(f.Body))
}

// truncate promises the whole answer and sends half of it.
func (f *Failure) truncate(s *Server, w http.ResponseWriter, r *http.Request) {
	whole := httptest.NewRecorder()
	inner := &bytes.Buffer{}
	whole.Body = inner
	rec, _ := w.(*recorder)
	s.serveWell(&recorder{ResponseWriter: whole, server: s, index: rec.index, body: rec.body}, r)
	for name, values := range whole.Header() {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Length", strconv.Itoa(inner.Len()))
	w.WriteHeader(whole.Code)
	_, _ = w.Write(inner.Bytes()[:inner.Len()/2])
	panic(http.ErrAbortHandler)
}

// ServerError is a 5xx.
func ServerError(status int) Failure { return Failure{Status: status} }

// RateLimit is the refusal of too many calls. With a retryAfter of 0 nothing tells how
// long it lasts.
func RateLimit(retryAfter time.Duration) Failure {
	f := Failure{Status: http.StatusTooManyRequests, Body: `{"message":{"error":"This endpoint has been requested too many times. Try again later."}}`}
	if retryAfter > 0 {
		f.Header = map[string]string{"Retry-After": strconv.Itoa(int(retryAfter.Seconds()))}
	}
	return f
}
