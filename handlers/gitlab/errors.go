package gitlab

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sort"
	"strings"
	"time"

	"github.com/xanzy/go-gitlab"

	"github.com/oore-ci/oore/app/core"
)

// maxSaid bounds what is repeated of GitLab's words, in characters.
const maxSaid = 300

// statusOf is the HTTP status of a call that GitLab refused; 0 for every other error.
func statusOf(err error) int {
	var refused *gitlab.ErrorResponse
	switch {
	case errors.Is(err, gitlab.ErrNotFound):
		return http.StatusNotFound
	case errors.As(err, &refused):
		return refused.Response.StatusCode
	}
	return 0
}

// said is what GitLab gave as the reason of a refusal.
func said(err error) string {
	var refused *gitlab.ErrorResponse
	if !errors.As(err, &refused) {
		return ""
	}
	var body struct {
		Message     any    `json:"message"`
		Error       any    `json:"error"`
		Description string `json:"error_description"`
	}
	text := ""
	if json.Unmarshal(refused.Body, &body) == nil { // else it is the page of a proxy
		for _, part := range []any{body.Message, body.Error, body.Description} {
			if s := plain(part); s != "" {
				text += "; " + s
			}
		}
	}
	words := []rune(strings.Join(strings.Fields(strings.TrimPrefix(text, "; ")), " "))
	if len(words) > maxSaid {
		words = append(words[:maxSaid-1], '…')
	}
	if len(words) == 0 {
		return fmt.Sprintf("HTTP %d %s", refused.Response.StatusCode, http.StatusText(refused.Response.StatusCode))
	}
	return string(words)
}

// plain writes out the forms that GitLab's messages have: text, lists, and lists by field.
func plain(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case []any:
		var parts []string
		for _, one := range v {
			parts = append(parts, plain(one))
		}
		return strings.Join(parts, ", ")
	case map[string]any:
		var parts []string
		for name, one := range v {
			parts = append(parts, name+" "+plain(one))
		}
		sort.Strings(parts)
		return strings.Join(parts, ", ")
	}
	return ""
}

// translate turns the error of any call into one of the house's. subject is what the
// call was about.
func (a account) translate(err error, subject string) error {
	var ours *core.Error
	var refused *gitlab.ErrorResponse
	var syntax *json.SyntaxError
	var mistyped *json.UnmarshalTypeError
	var untrusted *tls.CertificateVerificationError
	switch {
	case errors.As(err, &ours):
		return ours
	case statusOf(err) == http.StatusNotFound:
		return core.Errorf(core.KindNotFound, "GitLab has no such thing in %s, or the token may not see it", subject).Because(err)
	case errors.As(err, &refused):
		return a.refusal(refused, subject).Because(err)
	case errors.As(err, &untrusted):
		return distrusted(core.KindUnavailable, a.Host, untrusted)
	case errors.As(err, &syntax), errors.As(err, &mistyped):
		return core.Errorf(core.KindUnavailable, "%s does not answer as GitLab does; try again, then check its address", a.Host).Because(err)
	}
	return core.Errorf(core.KindUnavailable, "GitLab (%s) does not answer just now; try again", a.Host).Because(err)
}

// distrusted says what to do about a certificate that nobody vouches for.
func distrusted(kind core.Kind, host string, err *tls.CertificateVerificationError) *core.Error {
	return core.Errorf(kind, "The certificate of %s is not trusted here (%v). If a private authority signed it, add the authority's certificate to the system's, "+
		"or name a file that has it in SSL_CERT_FILE, and restart the server.", host, err.Err).Because(err)
}

func (a account) refusal(refused *gitlab.ErrorResponse, subject string) *core.Error {
	status := refused.Response.StatusCode
	switch {
	case status >= 500 || status < 400:
		e := core.Errorf(core.KindUnavailable, "GitLab has a problem (HTTP %d); try again", status)
		e.RetryAfter = retryAfter(refused.Response.Header, time.Now())
		return e
	case status == http.StatusUnauthorized:
		return core.Errorf(core.KindUnavailable, "GitLab refuses the token of %s, which has expired or was revoked; %s", a.Host, renewToken(a.Connection))
	case status == http.StatusConflict || status == http.StatusRequestTimeout:
		return core.Errorf(core.KindUnavailable, "GitLab is busy with %s: %s; try again", subject, said(refused))
	case status == http.StatusForbidden:
		return core.Errorf(core.KindForbidden, "GitLab forbids it for %s: %s", subject, said(refused))
	case status == http.StatusGone:
		return core.Errorf(core.KindGone, "GitLab answers for %s: %s", subject, said(refused))
	}
	return core.Errorf(core.KindInvalid, "GitLab answers for %s: %s", subject, said(refused))
}
