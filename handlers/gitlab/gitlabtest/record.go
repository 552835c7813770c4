package gitlabtest

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Request is a request as it came, git's included.
type Request struct {
	Method      string
	API         bool   // else git, or OAuth
	Path        string // without the API's prefix
	EscapedPath string // the same as it was sent
	Query       string
	Header      http.Header
	Body        []byte // empty for git
	Status      int    // of the answer; 0 while there is none
	At          time.Time
}

// recorder notes the status of an answer, and carries the body that was read.
type recorder struct {
	http.ResponseWriter
	server *Server
	index  int
	body   []byte
}

// WriteHeader implements http.ResponseWriter.
func (w *recorder) WriteHeader(status int) {
	w.server.mu.Lock()
	if w.server.requests[w.index].Status == 0 {
		w.server.requests[w.index].Status = status
	}
	w.server.mu.Unlock()
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func bodyOf(w http.ResponseWriter) []byte {
	if r, ok := w.(*recorder); ok {
		return r.body
	}
	return nil
}

// record notes the request before anything is decided about it.
func (s *Server) record(w http.ResponseWriter, r *http.Request) http.ResponseWriter {
	path, isAPI := strings.CutPrefix(r.URL.Path, s.prefix+apiPrefix)
	entry := Request{Method: r.Method, API: isAPI, Path: path, EscapedPath: strings.TrimPrefix(r.URL.EscapedPath(), s.prefix+apiPrefix), Query: r.URL.RawQuery, Header: r.Header.Clone(), At: time.Now()}
	if isAPI {
		// A body that breaks off is judged by what came of it.
		entry.Body, _ = io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(entry.Body))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, entry)
	return &recorder{ResponseWriter: w, server: s, index: len(s.requests) - 1, body: entry.Body}
}

// Requests lists all requests so far, in the order in which they came.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// Wait returns when the condition holds, and fails the test if it does not in time.
// The condition is asked again after every request.
func (s *Server) Wait(tb TB, what string, timeout time.Duration, condition func() bool) {
	tb.Helper()
	deadline := time.NewTimer(timeout)
	defer deadline.Stop()
	for {
		s.mu.Lock()
		changed := s.changed
		s.mu.Unlock()
		if condition() {
			return
		}
		select {
		case <-changed:
		case <-deadline.C:
			tb.Fatalf("waited %s in vain for %s", timeout, what)
			return
		}
	}
}
