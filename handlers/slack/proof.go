package slack

import (
	"errors"
	"io"
	"net/http"
	"net/url"

	"github.com/slack-go/slack"

	"github.com/oore-ci/oore/app/core"
)

// refusal is an error of the sender.
type refusal struct {
	status  int
	code    string
	message string
}

func (r *refusal) Error() string { return r.message }

// open reads a request and proves that Slack sent it within the last five minutes. The
// signature covers the body alone, so nothing of the address is ever looked at.
func (r *Room) open(req *http.Request) (body []byte, form url.Values, err error) {
	if body, err = io.ReadAll(req.Body); err != nil {
		return nil, nil, invalidSignature() // nobody can tell
	}
	if err := r.prove(req.Header, body); err != nil {
		return nil, nil, err
	}
	if form, err = url.ParseQuery(string(body)); err != nil {
		return nil, nil, &refusal{http.StatusBadRequest, core.CodeInvalidInput, "The body is no form"}
	}
	return body, form, nil
}

func (r *Room) prove(h http.Header, body []byte) error {
	verifier, err := slack.NewSecretsVerifier(h, r.secret)
	if err == nil {
		_, err = verifier.Write(body)
	}
	if err == nil {
		err = verifier.Ensure()
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, slack.ErrMissingHeaders):
		return &refusal{http.StatusUnauthorized, "missing_signature", "X-Slack-Signature or X-Slack-Request-Timestamp is missing"}
	case errors.Is(err, slack.ErrExpiredTimestamp):
		return &refusal{http.StatusUnauthorized, "invalid_signature", "The request is not of the last five minutes; compare the clocks"}
	}
	return invalidSignature()
}

func invalidSignature() *refusal {
	return &refusal{http.StatusUnauthorized, "invalid_signature", "The signature does not match the signing secret"}
}

func missingIdentity(field string) *refusal {
	return &refusal{http.StatusBadRequest, "missing_delivery_id", "The field " + field + " is missing"}
}
