package gitlab

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// neededScope is what a token must be allowed: statuses, notes and webhooks have no
// smaller one.
const neededScope = "api"

// expiryNotice is how long before a token's end that is noted as trouble.
const expiryNotice = 7 * 24 * time.Hour

// tokenRow is what GitLab says of the token that asks.
type tokenRow struct {
	Scopes    []string `json:"scopes"`
	ExpiresAt string   `json:"expires_at"` // a date; at its beginning the token ends
}

// Inspect implements core.Connector. It notes in Trouble that the token ends soon.
func (r *Room) Inspect(ctx context.Context, c core.Connection) (core.Connection, error) {
	r.mu.Lock()
	a, err := r.open(c)
	r.mu.Unlock()
	if err != nil {
		return c, err
	}
	ctx, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	var token tokenRow
	if !granted(c) { // else there is no such thing, and its scopes came with it
		if err := a.call(ctx, http.MethodGet, "personal_access_tokens/self", nil, &token); err != nil {
			return c, a.rejection(err)
		}
		if !slices.Contains(token.Scopes, neededScope) {
			return c, lacksScope(c)
		}
	}
	var me user
	if err := a.call(ctx, http.MethodGet, "user", nil, &me); err != nil {
		return c, a.rejection(err)
	}
	if me.ID == "" || me.Username == "" {
		return c, core.Errorf(core.KindInvalid, "%s does not answer as GitLab does; check the address", hostOf(c.WebURL))
	}
	c.WebURL, c.APIURL, c.Host = a.web.String(), a.web.JoinPath("api/v4/").String(), hostOf(a.web.String())
	c.Name, c.ExternalID, c.Trouble = me.Username, string(me.ID), ""
	if ends, err := time.Parse(time.DateOnly, token.ExpiresAt); err == nil {
		c.Secrets.TokenExpires = ends
		if ends.Sub(r.now()) < expiryNotice {
			c.Trouble = fmt.Sprintf("The token of %s ends on %s; %s", me.Username, ends.Format("2 January 2006"), renewToken(c))
		}
	}
	return c, nil
}

func lacksScope(c core.Connection) *core.Error {
	if granted(c) {
		return core.Errorf(core.KindInvalid, "The application at %s lacks the scope %s: edit it in GitLab, tick %[2]s, and connect again", hostOf(c.WebURL), neededScope)
	}
	return core.Errorf(core.KindInvalid, "%s lacks the scope %s; make one that has it", part(c.Integration, "OORE_GITLAB_TOKEN", "token"), neededScope)
}

// rejection says what is wrong with a connection that does not work.
func (a account) rejection(err error) error {
	host := hostOf(a.WebURL)
	switch statusOf(err) {
	case http.StatusUnauthorized:
		return core.Errorf(core.KindInvalid, "%s does not accept the token, which is wrong, has expired or was revoked; %s", host, renewToken(a.Connection)).Because(err)
	case http.StatusForbidden:
		return lacksScope(a.Connection).Because(err)
	case http.StatusNotFound:
		return core.Errorf(core.KindInvalid, "There is no GitLab of version 15.5 or newer at %s; check the address and a path that it may need", host).Because(err)
	}
	var untrusted *tls.CertificateVerificationError
	if errors.As(err, &untrusted) {
		return distrusted(core.KindInvalid, host, untrusted)
	}
	err = a.translate(err, host)
	if core.CodeOf(err) == codeRedirected {
		return core.Errorf(core.KindInvalid, "%s redirects elsewhere; connect GitLab by the address at which it is (https://…, with its path if it has one)", host).Because(err)
	}
	return err
}
