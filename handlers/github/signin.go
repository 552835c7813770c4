package github

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/google/go-github/v60/github"
	"golang.org/x/oauth2"

	"github.com/oore-ci/oore/app/core"
)

// SignInOptions are what people sign in with at a GitHub.
type SignInOptions struct {
	Options
	WebURL, APIURL string
	ClientID       string // of an OAuth App, or of a GitHub App that may read e-mail addresses
	ClientSecret   string
	Organizations  []string // of one of which a person must be a member; empty: all may come
}

// SignIn lets people sign in with GitHub. It implements core.SignInRoom.
type SignIn struct {
	SignInOptions
	room     *Room
	web, api *url.URL
}

// NewSignIn checks the addresses, and asks nobody anything.
func NewSignIn(o SignInOptions) (*SignIn, error) {
	o.Options = o.withDefaults()
	s := &SignIn{SignInOptions: o, room: New(o.Options)}
	var err error
	if s.web, err = address("OORE_GITHUB_WEB_URL", o.WebURL); err != nil {
		return nil, err
	}
	s.api, err = address("OORE_GITHUB_API_URL", o.APIURL)
	return s, err
}

// Way implements core.SignInRoom.
func (s *SignIn) Way() core.SignInWay {
	host := hostOf(s.web.String())
	name := "GitHub"
	if host != "github.com" {
		name = "GitHub (" + host + ")"
	}
	return core.SignInWay{ID: "github", Name: name, Provider: core.ForgeIdentity(core.ProviderGitHub, host)}
}

func (s *SignIn) config(redirectURL string) *oauth2.Config {
	c := &oauth2.Config{
		ClientID: s.ClientID, ClientSecret: s.ClientSecret, RedirectURL: redirectURL, Scopes: []string{"read:user", "user:email"},
		Endpoint: oauth2.Endpoint{
			AuthURL: s.web.JoinPath("login/oauth/authorize").String(), TokenURL: s.web.JoinPath("login/oauth/access_token").String(), AuthStyle: oauth2.AuthStyleInParams,
		},
	}
	if len(s.Organizations) > 0 {
		c.Scopes = append(c.Scopes, "read:org")
	}
	return c
}

// SignInURL implements core.SignInRoom.
func (s *SignIn) SignInURL(_ context.Context, in core.SignInRequest) (string, error) {
	return s.config(in.RedirectURL).AuthCodeURL(in.State, oauth2.S256ChallengeOption(in.Verifier)), nil
}

// Identify implements core.SignInRoom. The token that the code is good for is used here,
// and kept only where there is a list, to ask by it later on.
func (s *SignIn) Identify(ctx context.Context, in core.SignInRequest, a core.SignInAnswer) (p core.Person, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	token, err := s.config(in.RedirectURL).Exchange(s.withClient(ctx), a.Code, oauth2.VerifierOption(in.Verifier))
	if err != nil {
		return p, s.notExchanged(err)
	}
	client := s.room.anonymous(s.api).WithAuthToken(token.AccessToken)
	user, _, err := client.Users.Get(ctx, "")
	if err != nil {
		return p, s.silent(err)
	}
	if user.GetID() == 0 {
		return p, core.Errorf(core.KindUnauthorized, "GitHub does not say who you are")
	}
	if p.Admitted, err = s.admit(ctx, client); err != nil {
		return p, err
	}
	if p.Admitted {
		if p.Standing, err = json.Marshal(token); err != nil { //nolint:gosec // a token on purpose: app seals Person.Standing before it stores it (app/standing.go)
			return p, err
		}
	}
	p.Subject, p.Login, p.Name = strconv.FormatInt(user.GetID(), 10), user.GetLogin(), user.GetName()
	p.Email, err = s.email(ctx, client)
	return p, err
}

// email is the primary address, if GitHub has verified it.
func (s *SignIn) email(ctx context.Context, client *github.Client) (string, error) {
	all, _, err := client.Users.ListEmails(ctx, &github.ListOptions{PerPage: 100})
	switch status := statusOf(err); {
	case status == http.StatusForbidden || status == http.StatusNotFound:
		return "", nil // an App that may not read them, and need not for who is known
	case err != nil:
		return "", s.silent(err)
	}
	for _, e := range all {
		if e.GetPrimary() && e.GetVerified() {
			return e.GetEmail(), nil
		}
	}
	return "", nil
}

// admit looks whether the person is an active member of an organization on the list.
// false: there is no list.
func (s *SignIn) admit(ctx context.Context, client *github.Client) (bool, error) {
	var closed error
	for _, name := range s.Organizations {
		m, _, err := client.Organizations.GetOrgMembership(ctx, "", name)
		switch status := statusOf(err); {
		case err == nil && m.GetState() == "active":
			return true, nil
		case status == http.StatusForbidden:
			closed = err
		case err != nil && status != http.StatusNotFound:
			return false, s.silent(err)
		}
	}
	list := strings.Join(s.Organizations, ", ")
	switch {
	case list == "":
		return false, nil
	case closed != nil:
		return false, core.Errorf(core.KindForbidden, "GitHub does not tell this server whether you are a member of %s: an owner of the organization approves the application there, under Third-party access", list).Because(closed)
	}
	return false, core.Errorf(core.KindForbidden, "Your account at GitHub is no active member of an organization that may sign in here (%s)", list)
}

// withClient makes the exchange of the code one that goes nowhere else.
func (s *SignIn) withClient(ctx context.Context) context.Context {
	return context.WithValue(ctx, oauth2.HTTPClient, &http.Client{
		Transport: s.Transport, Timeout: callTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	})
}

func (s *SignIn) silent(err error) error {
	var limited *core.Error
	if errors.As(err, &limited) {
		return limited
	}
	return core.Errorf(core.KindUnavailable, "%s does not answer just now; try again, or sign in another way", s.Way().Name).Because(err)
}

// notExchanged words GitHub's refusal of a code.
func (s *SignIn) notExchanged(err error) error {
	var refusal *oauth2.RetrieveError
	if !errors.As(err, &refusal) {
		return s.silent(err)
	}
	switch refusal.ErrorCode {
	case "bad_verification_code":
		return core.Errorf(core.KindUnauthorized, "GitHub does not accept the code that you were sent back with: it has expired or was used. Begin again")
	case "incorrect_client_credentials", "redirect_uri_mismatch":
		return core.Errorf(core.KindInvalid, "GitHub does not accept this server as an application (%s); an admin must look at OORE_GITHUB_OAUTH_CLIENT_ID, OORE_GITHUB_OAUTH_CLIENT_SECRET and the callback address of the application", refusal.ErrorCode)
	}
	return s.silent(errors.New("GitHub answers the code with " + refusal.Response.Status + " " + refusal.ErrorCode))
}

// Examine implements core.SignInRoom. A code that is none shows whether id and secret
// are right.
func (s *SignIn) Examine(ctx context.Context) core.Check {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, err := s.config("").Exchange(s.withClient(ctx), "examination")
	var refusal *oauth2.RetrieveError
	switch {
	case errors.As(err, &refusal) && refusal.ErrorCode == "bad_verification_code":
		return core.Good("people may sign in with " + s.Way().Name)
	case errors.As(err, &refusal) && refusal.ErrorCode == "incorrect_client_credentials":
		return core.Fail("GitHub does not accept OORE_GITHUB_OAUTH_CLIENT_ID with its secret", "Copy both from the application's page at GitHub")
	}
	return core.Warn(s.web.Host+" does not answer as GitHub does", "Check OORE_GITHUB_WEB_URL, and this machine's way there")
}
