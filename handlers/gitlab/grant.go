package gitlab

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// maxGrant bounds what is read of GitLab's answer to a code or a refresh token.
const maxGrant = 64 << 10

// GrantURL implements core.Granter.
func (r *Room) GrantURL(in core.GrantRequest) (string, error) {
	web, err := address(core.Connection{Integration: core.Integration{WebURL: in.WebURL}})
	if err != nil {
		return "", err
	}
	challenge := sha256.Sum256([]byte(in.Verifier))
	page := web.JoinPath("oauth/authorize")
	page.RawQuery = url.Values{
		"client_id": {in.ClientID}, "redirect_uri": {in.RedirectURL}, "response_type": {"code"}, "scope": {neededScope}, "state": {in.State},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(challenge[:])}, "code_challenge_method": {"S256"},
	}.Encode()
	return page.String(), nil
}

// Grant implements core.Granter.
func (r *Room) Grant(ctx context.Context, in core.GrantRequest, code string) (core.Secrets, error) {
	secrets := core.Secrets{ClientID: in.ClientID, ClientSecret: in.ClientSecret}
	return secrets, r.grant(ctx, in.WebURL, &secrets, url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {in.RedirectURL}, "code_verifier": {in.Verifier},
	})
}

// Renew implements core.Granter. GitLab ends the old access token with the exchange.
func (r *Room) Renew(ctx context.Context, c core.Connection) (core.Secrets, error) {
	secrets := c.Secrets
	return secrets, r.grant(ctx, c.WebURL, &secrets, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {c.Secrets.RefreshToken}})
}

// grantAnswer is GitLab's answer, or its refusal.
type grantAnswer struct {
	AccessToken  text `json:"access_token"`
	RefreshToken text `json:"refresh_token"`
	ExpiresIn    text `json:"expires_in"` // seconds; missing where tokens do not end
	Scope        text `json:"scope"`
	Error        text `json:"error"`
}

// grant asks for tokens and puts them into the secrets.
func (r *Room) grant(ctx context.Context, webURL string, secrets *core.Secrets, form url.Values) error {
	web, err := address(core.Connection{Integration: core.Integration{WebURL: webURL}})
	if err != nil {
		return err
	}
	form.Set("client_id", secrets.ClientID)
	form.Set("client_secret", secrets.ClientSecret)
	asked := r.now()
	answer, err := r.askForTokens(ctx, web, form)
	if err != nil {
		return err
	}
	host := hostOf(webURL)
	switch {
	case answer.AccessToken == "" || strings.ContainsAny(string(answer.AccessToken), "\r\n\x00"):
		return core.Errorf(core.KindUnavailable, "%s does not answer as GitLab does; check the address", host)
	case answer.Scope != "" && !slices.Contains(strings.Fields(string(answer.Scope)), neededScope):
		return lacksScope(core.Connection{Integration: core.Integration{WebURL: webURL}, Secrets: *secrets})
	}
	secrets.Token, secrets.RefreshToken, secrets.TokenExpires = string(answer.AccessToken), string(answer.RefreshToken), time.Time{}
	if life, err := time.ParseDuration(string(answer.ExpiresIn) + "s"); err == nil && life > 0 {
		secrets.TokenExpires = asked.Add(life)
	}
	return nil
}

// askForTokens posts the form, once: whether a code or a refresh token was used up by a
// call that failed nobody can tell.
func (r *Room) askForTokens(ctx context.Context, web *url.URL, form url.Values) (answer grantAnswer, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, web.JoinPath("oauth/token").String(), strings.NewReader(form.Encode()))
	if err != nil {
		return answer, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "oore")
	client := http.Client{
		Transport:     r.transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // the secret goes nowhere else
	}
	host := hostOf(web.String())
	resp, err := client.Do(request)
	var ours *core.Error
	var untrusted *tls.CertificateVerificationError
	switch {
	case errors.As(err, &ours):
		return answer, ours
	case errors.As(err, &untrusted):
		return answer, distrusted(core.KindInvalid, host, untrusted)
	case err != nil:
		return answer, core.Errorf(core.KindUnavailable, "GitLab (%s) does not answer just now; try again", host).Because(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxGrant))
	if err != nil {
		return answer, core.Errorf(core.KindUnavailable, "GitLab's answer (%s) breaks off; try again", host).Because(err)
	}
	plain := json.Unmarshal(body, &answer) == nil
	switch status := resp.StatusCode; {
	case status == http.StatusOK && plain:
		return answer, nil
	case status == http.StatusTooManyRequests:
		return answer, limitReached(max(retryAfter(resp.Header, r.now()), unknownPause))
	case status >= 300 && status < 400:
		return answer, core.Errorf(core.KindInvalid, "%s redirects elsewhere; connect GitLab by the address at which it is (https://…, with its path if it has one)", host)
	case status == http.StatusNotFound:
		return answer, core.Errorf(core.KindInvalid, "There is no GitLab at %s; check the address and a path that it may need", host)
	case status < 400 || status >= 500 || !plain || answer.Error == "":
		return answer, core.Errorf(core.KindUnavailable, "%s does not answer as GitLab does (HTTP %d); try again, then check its address", host, status)
	}
	return answer, refusedGrant(host, string(answer.Error), form.Get("grant_type"))
}

// refusedGrant words GitLab's refusal, by its code: what else it says may be anybody's.
func refusedGrant(host, code, kind string) *core.Error {
	switch {
	case code == "invalid_client" || code == "unauthorized_client":
		return core.Errorf(core.KindInvalid, "%s does not accept the application's id and secret: the application was changed or deleted there, or the secret is another. Connect it again with those of now.", host)
	case code == "invalid_grant" && kind == "refresh_token":
		return core.Errorf(core.KindInvalid, "%s does not renew the access that was granted: somebody revoked it, or a renewal was interrupted and its answer lost. Connect it again under Settings → Sources.", host)
	case code == "invalid_grant":
		return core.Errorf(core.KindInvalid, "%s does not accept the code that you were sent back with: it has expired or was used. Connect GitLab again.", host)
	}
	return core.Errorf(core.KindInvalid, "%s refuses to grant access (%.60q). Check the application in GitLab: confidential, with the scope %s. Then connect again.", host, code, neededScope)
}

// fixedToken is a token that was given by hand.
type fixedToken string

// Token implements core.TokenSource.
func (t fixedToken) Token(context.Context, string) (string, error) { return string(t), nil }
