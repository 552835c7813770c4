package main

import (
	"context"
	"errors"
	"net/http"

	"github.com/oore-ci/oore/app/core"
)

// webhookBytes is the largest webhook that the server takes.
const webhookBytes = 25 << 20

// errNotSent ends a request whose body somebody would take.
var errNotSent = errors.New("the body is not sent")

// unsent is a body that nobody reads a byte of.
type unsent struct{}

func (unsent) Read([]byte) (int, error) { return 0, errNotSent }

// refusesWebhooks tells whether something before the server turns a webhook of the
// largest size away. It announces one and sends nothing of it, so a proxy that counts
// what arrives is not found out.
func refusesWebhooks(ctx context.Context, address string) bool {
	ctx, cancel := context.WithTimeout(ctx, knockTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address+"/v1/webhooks/github", unsent{})
	if err != nil {
		return false
	}
	req.ContentLength = webhookBytes
	req.Header.Set("Expect", "100-continue")
	client := http.Client{
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, DisableKeepAlives: true, ExpectContinueTimeout: knockTime},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(req)
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusRequestEntityTooLarge
}

// checkBody is what is found at a public address that leads here.
func checkBody(public string, refuses bool, before core.Check) core.Check {
	if !refuses {
		return before
	}
	return core.Fail("a proxy refuses bodies of 25 MiB at "+public+", which large webhooks and uploads of runners have", `nginx: "client_max_body_size 25m;" where it passes on to Oore`)
}
