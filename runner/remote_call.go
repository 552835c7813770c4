package runner

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// request is one question to the server.
type request struct {
	method string // default: POST
	path   string // below /v1/runners/
	lease  string
	prefer string        // the header of RFC 7240
	in     any           // sent as JSON; nil: nothing, or bytes
	bytes  []byte        // sent as they are
	out    any           // filled from the answer, if there is one
	time   time.Duration // for all of it; default: answerTime
}

// about makes a request one about the lease's build.
func (r *Remote) about(l core.Lease, q request) request {
	q.path, q.lease = r.id+"/jobs/"+l.BuildID+"/"+q.path, l.Token
	return q
}

// call asks the server once. An answer of Oore's is an error of its kind and code; what
// anything else says, a proxy's page or no answer at all, is KindUnavailable.
func (r *Remote) call(ctx context.Context, q request) error {
	limit := q.time
	if limit == 0 {
		limit = answerTime
	}
	inTime, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	req, err := r.request(inTime, q)
	if err != nil {
		return err
	}
	resp, err := r.http.Do(req)
	if err != nil {
		return r.away(ctx, err)
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	switch {
	case err != nil:
		return r.away(ctx, err)
	case resp.StatusCode >= http.StatusMultipleChoices:
		return refusal(req.URL, resp, data)
	case resp.StatusCode == http.StatusAccepted:
		return core.Codef(core.KindUnavailable, core.CodeArtifactJoining, "The server is not done with it yet")
	case q.out == nil || resp.StatusCode == http.StatusNoContent:
		return nil
	}
	if err := json.Unmarshal(data, q.out); err != nil {
		return core.Errorf(core.KindUnavailable, "%s does not answer as an Oore server does", req.URL.Host).Because(err)
	}
	return nil
}

func (r *Remote) request(ctx context.Context, q request) (*http.Request, error) {
	kind, data := "application/octet-stream", q.bytes
	if q.in != nil {
		var err error
		if kind, data, err = encodeJSON(q.in); err != nil {
			return nil, core.Errorf(core.KindInvalid, "This cannot be sent").Because(err)
		}
	}
	method := q.method
	if method == "" {
		method = http.MethodPost
	}
	req, err := http.NewRequestWithContext(ctx, method, r.base+q.path, bytes.NewReader(data))
	if err != nil {
		return nil, core.Errorf(core.KindInvalid, "The server's address is wrong").Because(err)
	}
	req.Header.Set("Authorization", "Bearer "+r.token)
	req.Header.Set("User-Agent", r.agent)
	req.Header.Set(protocolHeader, strconv.Itoa(core.RunnerProtocol))
	if len(data) > 0 {
		req.Header.Set("Content-Type", kind)
	}
	if q.prefer != "" {
		req.Header.Set("Prefer", q.prefer)
	}
	if q.lease != "" {
		req.Header.Set(leaseHeader, q.lease)
	}
	return req, nil
}

func encodeJSON(in any) (kind string, data []byte, err error) {
	data, err = json.Marshal(in)
	return "application/json", data, err
}

// away is the error of a call without an answer; the caller's own end is his.
func (r *Remote) away(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return core.Errorf(core.KindUnavailable, "The server does not answer").Because(err)
}

// refusal reads an answer that is no success. Only Oore's own word is final.
func refusal(from *url.URL, resp *http.Response, data []byte) error {
	var answer struct{ Error, Code string }
	kinds := map[int]core.Kind{
		http.StatusBadRequest: core.KindInvalid, http.StatusUnauthorized: core.KindUnauthorized, http.StatusForbidden: core.KindForbidden,
		http.StatusNotFound: core.KindNotFound, http.StatusConflict: core.KindConflict, http.StatusGone: core.KindGone,
		http.StatusRequestEntityTooLarge: core.KindTooLarge,
	}
	kind, final := kinds[resp.StatusCode]
	if final && json.Unmarshal(data, &answer) == nil && answer.Error != "" && answer.Code != "" {
		return core.Codef(kind, answer.Code, "%s", answer.Error)
	}
	if to := resp.Header.Get("Location"); to != "" {
		return core.Errorf(core.KindUnavailable, "%s sends us on to %s; give the server's own address", from.Host, to)
	}
	return core.Errorf(core.KindUnavailable, "%s answered %s", from.Host, resp.Status)
}
