package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// observer stands between a server and all who ask it, and holds every question and every
// answer against the description of the API.
type observer struct {
	*httptest.Server
	t *testing.T
	contract
	target string

	mu   sync.Mutex
	good map[string]int // operation → how often it succeeded
	job  http.Request   // the last of a runner about its build
}

func newObserver(t *testing.T) *observer {
	o := &observer{t: t, good: map[string]int{}}
	o.Server = httptest.NewServer(o)
	t.Cleanup(o.Close)
	return o
}

// observe puts the observer before a program whose public address it is.
func (o *observer) observe(p *program) {
	o.t.Helper()
	o.target = p.url
	o.contract = contract{matrixWorld: &matrixWorld{program: p}, rows: matrixRows(o.t)}
	o.describe()
	p.url = o.URL
}

// ServeHTTP implements http.Handler.
func (o *observer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	question, err := io.ReadAll(r.Body)
	if err != nil {
		return // whoever asked has gone
	}
	onward, err := http.NewRequestWithContext(r.Context(), r.Method, o.target+r.URL.RequestURI(), bytes.NewReader(question))
	if err != nil {
		o.t.Error(err)
		return
	}
	onward.Header = r.Header.Clone()
	resp, err := http.DefaultTransport.RoundTrip(onward)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer resp.Body.Close()
	for name, values := range resp.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(resp.StatusCode)
	var answer bytes.Buffer
	chunk := make([]byte, 64<<10)
	for err == nil {
		var n int
		n, err = resp.Body.Read(chunk)
		answer.Write(chunk[:n])
		if _, gone := w.Write(chunk[:n]); gone != nil {
			return
		}
		_ = http.NewResponseController(w).Flush() // streams are read as they come
	}
	kind, _, _ := strings.Cut(resp.Header.Get("Content-Type"), ";")
	if err := o.judge(r, question, contractAnswer{resp.StatusCode, kind, answer.Bytes()}); err != nil {
		o.t.Errorf("%s %s with %.200s is answered %d: %v", r.Method, r.URL, question, resp.StatusCode, err)
	}
}

// renew renews the lease of the build that the runner has, as it would after a minute.
func (o *observer) renew() {
	o.t.Helper()
	o.mu.Lock()
	job := o.job
	o.mu.Unlock()
	req, err := http.NewRequest(http.MethodPost, o.URL+path.Dir(job.URL.Path)+"/renew?wait=0", nil)
	if err != nil {
		o.t.Fatal(err)
	}
	req.Header = job.Header.Clone()
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		o.t.Fatal(err)
	}
	resp.Body.Close()
}

// operation finds what is asked: of several paths the one with the fewest parameters.
func (o *observer) operation(r *http.Request) (name string, found *openapi3.Operation) {
	least := 99
	for address, item := range o.doc.Paths.Map() {
		form := "^" + regexp.MustCompile(`\\\{\w+\\\}`).ReplaceAllString(regexp.QuoteMeta(address), "[^/]+") + "$"
		n := strings.Count(address, "{")
		if n < least && regexp.MustCompile(form).MatchString(r.URL.Path) {
			if one := item.GetOperation(r.Method); one != nil {
				least, name, found = n, r.Method+" "+address, one
			}
		}
	}
	return name, found
}

func (o *observer) judge(r *http.Request, question []byte, a contractAnswer) error {
	if !strings.HasPrefix(r.URL.Path, "/v1/") {
		return nil
	}
	name, op := o.operation(r)
	if op == nil {
		return fmt.Errorf("nobody describes it")
	}
	if err := o.promised(op, a); err != nil || a.status >= 300 {
		return err
	}
	o.mu.Lock()
	if r.Header.Get("X-Oore-Lease") != "" {
		o.job = *r
	}
	o.good[name]++
	o.mu.Unlock()
	for parameter := range r.URL.Query() {
		if op.Parameters.GetByInAndName("query", parameter) == nil {
			return fmt.Errorf("the parameter %s is not described", parameter)
		}
	}
	return asked(op, r.Header.Get("Content-Type"), question)
}

// asked holds a body that was taken against its description.
func asked(op *openapi3.Operation, contentType string, question []byte) error {
	kind, _, _ := mime.ParseMediaType(contentType)
	switch {
	case len(question) == 0:
		return nil
	case op.RequestBody == nil:
		return fmt.Errorf("no body is described")
	}
	media := op.RequestBody.Value.Content.Get(kind)
	if media == nil {
		return fmt.Errorf("the body's type %q is not described", kind)
	}
	if kind != "application/json" || media.Schema == nil {
		return nil
	}
	var value any
	if err := json.Unmarshal(question, &value); err != nil {
		return err
	}
	return media.Schema.Value.VisitJSON(value, openapi3.EnableJSONSchema2020(), openapi3.VisitAsRequest())
}
