package github

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
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

// Bounds of how long GitHub can make us wait. It names seconds up to an hour; where
// it names nothing, it asks for a minute.
const (
	minPause     = time.Second
	unknownPause = time.Minute
	maxPause     = time.Hour
)

// answered is GitHub's answer that refuses a call.
type answered struct {
	status  int
	header  http.Header
	message string
	docs    string        // where GitHub explains it
	minting bool          // it was a call for an installation's token
	pause   time.Duration // what the library makes of a limit that it knows; 0: of none
}

// refusalOf finds GitHub's answer in the error of a call; nil: there was none.
func refusalOf(err error) *answered {
	var minting *ghinstallation.HTTPError
	var primary *github.RateLimitError
	var secondary *github.AbuseRateLimitError
	var plain *github.ErrorResponse
	switch {
	case errors.As(err, &minting):
		if minting.Response == nil {
			return nil
		}
		return refusedMint(minting.Response)
	case errors.As(err, &primary):
		pause := unknownPause
		if reset := primary.Rate.Reset; !reset.IsZero() {
			pause = clamp(time.Until(reset.Time))
		}
		return &answered{status: http.StatusForbidden, header: primary.Response.Header, message: primary.Message, pause: pause}
	case errors.As(err, &secondary):
		pause := unknownPause
		if secondary.RetryAfter != nil {
			pause = clamp(*secondary.RetryAfter)
		}
		return &answered{status: http.StatusForbidden, header: secondary.Response.Header, message: secondary.Message, pause: pause}
	case errors.As(err, &plain):
		return &answered{status: plain.Response.StatusCode, header: plain.Response.Header, message: detailed(plain), docs: plain.DocumentationURL}
	}
	return nil
}

// refusedMint reads the body of a refused mint, which the library leaves to us.
func refusedMint(resp *http.Response) *answered {
	defer resp.Body.Close()
	var body struct {
		Message string `json:"message"`
		Docs    string `json:"documentation_url"`
	}
	a := &answered{status: resp.StatusCode, header: resp.Header, minting: true}
	if json.NewDecoder(io.LimitReader(resp.Body, 64<<10)).Decode(&body) == nil {
		a.message, a.docs = body.Message, body.Docs
	}
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

// limit tells how long to keep away, if the answer comes from a rate limit. The
// library knows neither status 429 nor a secondary limit that only its text names.
func (a *answered) limit() (time.Duration, bool) {
	if a.status != http.StatusForbidden && a.status != http.StatusTooManyRequests {
		return 0, false
	}
	if d, ok := retryAfter(a.header); ok {
		return d, true
	}
	if a.pause > 0 {
		return a.pause, true
	}
	text := strings.ToLower(a.message)
	if a.status == http.StatusTooManyRequests || strings.Contains(text, "rate limit") || strings.Contains(text, "abuse detection") ||
		strings.HasSuffix(a.docs, "secondary-rate-limits") || strings.HasSuffix(a.docs, "abuse-rate-limits") {
		return unknownPause, true
	}
	return 0, false
}

// retryAfter reads Retry-After or, when the quota is used up, when it begins anew.
func retryAfter(h http.Header) (time.Duration, bool) {
	if seconds, err := strconv.ParseInt(h.Get("Retry-After"), 10, 32); err == nil {
		return clamp(time.Duration(seconds) * time.Second), true
	}
	if h.Get("X-RateLimit-Remaining") != "0" {
		return 0, false
	}
	reset, err := strconv.ParseInt(h.Get("X-RateLimit-Reset"), 10, 64)
	if err != nil {
		return unknownPause, true
	}
	return clamp(time.Until(time.Unix(reset, 0))), true
}

func clamp(d time.Duration) time.Duration { return min(max(d, minPause), maxPause) }

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
// refusalOf made of it, and subject what the call was about.
func translate(err error, a *answered, subject string) error {
	if a == nil {
		return core.Errorf(core.KindUnavailable, "GitHub does not answer just now; try again").Because(err)
	}
	return a.kind(subject).Because(err)
}

func (a *answered) kind(subject string) *core.Error {
	if pause, ok := a.limit(); ok {
		e := core.Errorf(core.KindLimited, "GitHub's rate limit is reached; it opens again in %s", core.HumanDuration(pause))
		e.RetryAfter = pause
		return e
	}
	switch {
	case a.status >= 500 || a.status < 400:
		e := core.Errorf(core.KindUnavailable, "GitHub has a problem (HTTP %d); try again", a.status)
		e.RetryAfter, _ = retryAfter(a.header)
		return e
	case a.status == http.StatusUnauthorized:
		return core.Errorf(core.KindUnavailable,
			"GitHub refuses the App's credentials; check OORE_GITHUB_APP_ID, OORE_GITHUB_APP_PRIVATE_KEY and this machine's clock")
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
