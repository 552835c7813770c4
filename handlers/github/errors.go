package github

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/bradleyfalzon/ghinstallation/v2"
	"github.com/google/go-github/v60/github"

	"github.com/oore-ci/oore/app/core"
)

// Codes of what can be wrong with an installation of the App.
const (
	CodeInstallationSuspended = "installation_suspended"
	CodeInstallationGone      = "installation_gone"
)

// answered is GitHub's answer that refuses a call.
type answered struct {
	status  int
	header  http.Header
	message string
	docs    string // where GitHub explains it
	minting bool   // it was a call for an installation's token
}

// refusalOf finds GitHub's answer in the error of a call; nil: there was none.
func refusalOf(err error) *answered {
	var minting *ghinstallation.HTTPError
	var plain *github.ErrorResponse
	switch {
	case errors.As(err, &minting):
		if minting.Response == nil {
			return nil
		}
		defer minting.Response.Body.Close()
		a := readAnswer(minting.Response) // the library leaves the body to us
		a.minting = true
		return a
	case errors.As(err, &plain):
		return &answered{status: plain.Response.StatusCode, header: plain.Response.Header, message: detailed(plain)}
	}
	return nil
}

// readAnswer reads what a refusal says; the body can be read again after that.
func readAnswer(resp *http.Response) *answered {
	a := &answered{status: resp.StatusCode, header: resp.Header}
	if a.status < http.StatusBadRequest {
		return a
	}
	var body struct {
		Message string `json:"message"`
		Docs    string `json:"documentation_url"`
	}
	// A body that breaks off says less; whoever reads it again finds the error.
	raw, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if json.Unmarshal(raw, &body) == nil {
		a.message, a.docs = body.Message, body.Docs
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(raw), resp.Body), resp.Body}
	return a
}

// detailed is GitHub's message with what it says about single fields.
func detailed(r *github.ErrorResponse) string {
	message := r.Message
	for _, e := range r.Errors {
		if e.Message != "" {
			message += "; " + e.Message
		}
	}
	return message
}

// statusOf is the HTTP status of a call that GitHub refused for reasons of its own;
// 0 for every other error, refused tokens and rate limits among them.
func statusOf(err error) int {
	var plain *github.ErrorResponse
	if errors.As(err, &plain) {
		return plain.Response.StatusCode
	}
	return 0
}

// translate turns the error of any call into one of the house's. a is what
// refusalOf made of it, subject what the call was about, and by whose App it was.
func translate(err error, a *answered, subject string, by core.Integration) error {
	var ours *core.Error
	var spent *github.RateLimitError // made by the library after an answer with nothing left
	switch {
	case errors.As(err, &ours):
		return ours
	case errors.As(err, &spent):
		return limitReached(clamp(time.Until(spent.Rate.Reset.Time))).Because(err)
	case a == nil:
		return core.Errorf(core.KindUnavailable, "GitHub does not answer just now; try again").Because(err)
	}
	return a.kind(subject, by).Because(err)
}

func (a *answered) kind(subject string, by core.Integration) *core.Error {
	switch {
	case a.status >= 500 || a.status < 400:
		e := core.Errorf(core.KindUnavailable, "GitHub has a problem (HTTP %d); try again", a.status)
		e.RetryAfter, _ = retryAfter(a.header, time.Now())
		return e
	case a.stranger():
		return core.Errorf(core.KindUnavailable, "GitHub refuses the App's credentials; %s", checkCredentials(by))
	case a.status == http.StatusForbidden && (a.minting || strings.Contains(strings.ToLower(a.message), "suspended")):
		return core.Codef(core.KindForbidden, CodeInstallationSuspended,
			"The GitHub App is suspended for %s; its owner can lift that in the settings of the installation", subject)
	case a.status == http.StatusNotFound && a.minting:
		return core.Codef(core.KindNotFound, CodeInstallationGone, "The GitHub App is no longer installed for %s; install it again", subject)
	case a.minting && a.status == http.StatusUnprocessableEntity:
		return core.Errorf(core.KindForbidden, "The GitHub App may not read %s; give it that repository and the permission contents: read", subject)
	}
	return core.Errorf(statusKind(a.status), "GitHub answers for %s: %s", subject, a.text())
}

// stranger tells whether GitHub does not believe that we are the App, or knows none
// with that id.
func (a *answered) stranger() bool {
	return a.status == http.StatusUnauthorized || a.status == http.StatusNotFound && a.message == "Integration not found"
}

func (a *answered) text() string {
	if a.message == "" {
		return fmt.Sprintf("HTTP %d %s", a.status, http.StatusText(a.status))
	}
	return a.message
}

// statusKind sorts what has no meaning of its own. Trying again heals none of these.
func statusKind(status int) core.Kind {
	switch status {
	case http.StatusForbidden:
		return core.KindForbidden
	case http.StatusNotFound:
		return core.KindNotFound
	case http.StatusConflict:
		return core.KindConflict
	case http.StatusGone:
		return core.KindGone
	}
	return core.KindInvalid
}
