// Package notify brings notices to people and programs beside the forge: by e-mail, to
// Mattermost, and as a signed JSON body to any address. It must not know the commands,
// the store or a forge.
package notify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/oore-ci/oore/app/core"
)

const (
	callTimeout   = 10 * time.Second
	maxAnswer     = 64 << 10 // bytes of an answer's body
	maxRetryAfter = time.Hour
)

// Client posts to addresses that people give. It follows no redirect and reads little of
// the answer. It is safe for concurrent use.
type Client struct{ http *http.Client }

// NewClient makes a client whose requests leave by a transport, which sees to where they
// lead. timeout is that of a whole call; 0: 10 seconds.
func NewClient(transport http.RoundTripper, timeout time.Duration) *Client {
	if timeout == 0 {
		timeout = callTimeout
	}
	return &Client{http: &http.Client{
		Timeout: timeout, Transport: transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// post sends a body of JSON. The errors are those of core.Notifier; none shows more of
// the address than its host, for the rest may be a secret, nor anything of the answer.
func (c *Client) post(ctx context.Context, address string, body []byte, header http.Header) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return core.Errorf(core.KindInvalid, "The address is none that can be called")
	}
	req.Header = header
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "Oore")
	answer, err := c.http.Do(req)
	if err != nil {
		return unreached(req.URL.Host, err)
	}
	defer answer.Body.Close()
	_, err = io.CopyN(io.Discard, answer.Body, maxAnswer)
	if err != nil && !errors.Is(err, io.EOF) {
		return unreached(req.URL.Host, err)
	}
	return refusal(req.URL.Host, answer)
}

// unreached words why there was no answer.
func unreached(host string, err error) error {
	var ours *core.Error
	if errors.As(err, &ours) {
		return ours
	}
	var shown *url.Error
	if errors.As(err, &shown) {
		err = shown.Err // without the address
	}
	var network net.Error
	var name *net.DNSError
	switch {
	case errors.As(err, &name):
		return core.Errorf(core.KindUnavailable, "The name %s cannot be resolved", name.Name).Because(err)
	case errors.As(err, &network) && network.Timeout():
		return core.Errorf(core.KindUnavailable, "%s did not answer in time", host).Because(err)
	}
	return core.Errorf(core.KindUnavailable, "%s cannot be reached", host).Because(err)
}

// refusal words an answer that is no success; nil for one that is.
func refusal(host string, answer *http.Response) error {
	status := answer.StatusCode
	said := fmt.Sprintf("%s answered %d", host, status)
	switch {
	case status >= 200 && status < 300:
		return nil
	case status >= 300 && status < 400:
		return core.Errorf(core.KindInvalid, "%s: redirects are not followed; give the address that it leads to", said)
	case status == http.StatusNotFound || status == http.StatusGone:
		return core.Errorf(core.KindGone, "%s: nothing takes messages at this address any more", said)
	case status == http.StatusRequestTimeout || status == http.StatusTooEarly || status == http.StatusTooManyRequests || status >= 500:
		e := core.Errorf(core.KindUnavailable, "%s", said)
		e.RetryAfter = retryAfter(answer.Header.Get("Retry-After"))
		return e
	}
	return core.Errorf(core.KindInvalid, "%s", said)
}

func retryAfter(header string) time.Duration {
	wait := time.Duration(0)
	if seconds, err := strconv.Atoi(header); err == nil {
		wait = time.Duration(min(seconds, int(maxRetryAfter/time.Second))) * time.Second
	} else if at, err := http.ParseTime(header); err == nil {
		wait = time.Until(at)
	}
	return max(0, min(wait, maxRetryAfter))
}
