package oidc

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/oore-ci/oore/app/core"
)

// maxSubject is the longest id of a person that the protocol allows, in bytes.
const maxSubject = 255

// claims are what a provider says of a person.
type claims struct {
	Email         string   `json:"email"`
	EmailVerified yes      `json:"email_verified"`
	Name          string   `json:"name"`
	Username      string   `json:"preferred_username"`
	Nickname      string   `json:"nickname"`
	Groups        []string `json:"groups"`
	Party         string   `json:"azp"` // the client that the token is for
}

// yes is true or "true": some providers write the one, some the other.
type yes bool

// UnmarshalJSON takes all else for no.
func (y *yes) UnmarshalJSON(data []byte) error {
	*y = string(data) == "true" || string(data) == `"true"`
	return nil
}

// Identify implements core.SignInRoom.
func (r *Room) Identify(ctx context.Context, in core.SignInRequest, a core.SignInAnswer) (core.Person, error) {
	ctx, cancel := context.WithTimeout(oidc.ClientContext(ctx, r.client), callTimeout)
	defer cancel()
	p, err := r.known(ctx)
	if err != nil {
		return core.Person{}, err
	}
	if a.Issuer != r.Issuer && (a.Issuer != "" || p.about.NamesIssuer) {
		return core.Person{}, r.distrust("the answer is another provider's", nil)
	}
	token, err := r.config(p, in).Exchange(ctx, a.Code, oauth2.VerifierOption(in.Verifier))
	if err != nil {
		return core.Person{}, r.notExchanged(err)
	}
	id, c, err := r.verify(ctx, p, in, token)
	if err != nil {
		return core.Person{}, err
	}
	if (!c.verified() || len(r.Groups) > 0) && p.UserInfoEndpoint() != "" {
		if c, err = r.askForMore(ctx, p, id.Subject, token); err != nil {
			return core.Person{}, err
		}
	}
	person := core.Person{Subject: id.Subject, Login: first(c.Username, c.Nickname, c.Email), Name: c.Name}
	if c.verified() {
		person.Email = c.Email
	}
	if len(r.Groups) == 0 {
		return person, nil
	}
	if err := r.admit(c); err != nil {
		return core.Person{}, err
	}
	person.Admitted = true
	person.Standing, err = json.Marshal(token) //nolint:gosec // it is sealed at once
	return person, err
}

func (r *Room) admit(c claims) error {
	if slices.ContainsFunc(c.Groups, r.listed) {
		return nil
	}
	return core.Errorf(core.KindForbidden, "Your account at %s is in none of the groups that may sign in here (%s)", r.Way().Name, strings.Join(r.Groups, ", "))
}

func (r *Room) listed(group string) bool {
	return slices.ContainsFunc(r.Groups, func(g string) bool { return strings.EqualFold(g, group) })
}

func (c claims) verified() bool { return c.Email != "" && bool(c.EmailVerified) }

func first(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}

// verify checks what the provider signed: by whom, for whom, for this journey, and now.
func (r *Room) verify(ctx context.Context, p *provider, in core.SignInRequest, token *oauth2.Token) (*oidc.IDToken, claims, error) {
	var c claims
	raw, ok := token.Extra("id_token").(string)
	if !ok || raw == "" {
		return nil, c, r.distrust("it does not say who you are", nil)
	}
	id, err := p.VerifierContext(ctx, &oidc.Config{ClientID: r.ClientID, Now: r.Now}).Verify(ctx, raw)
	var expired *oidc.TokenExpiredError
	switch {
	case errors.As(err, &expired):
		return nil, c, r.distrust("its time is over; is this server's clock right?", err)
	case err != nil && strings.Contains(err.Error(), "fetching keys"):
		return nil, c, r.silent(err)
	case err != nil:
		return nil, c, r.distrust("it is not signed as it should be, or for another service", err)
	}
	if err := id.Claims(&c); err != nil {
		return nil, c, r.distrust("it cannot be read", err)
	}
	switch {
	case subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(in.Nonce)) != 1:
		return nil, c, r.distrust("it belongs to another sign-in", nil)
	case c.Party != "" && c.Party != r.ClientID, c.Party == "" && len(id.Audience) > 1:
		return nil, c, r.distrust("it was made for another service", nil)
	case id.Subject == "" || len(id.Subject) > maxSubject:
		return nil, c, r.distrust("it names nobody", nil)
	case id.AccessTokenHash != "" && id.VerifyAccessToken(token.AccessToken) != nil:
		return nil, c, r.distrust("its parts do not belong together", nil)
	}
	return id, c, nil
}

// askForMore asks for what the signed answer leaves out.
func (r *Room) askForMore(ctx context.Context, p *provider, subject string, token *oauth2.Token) (claims, error) {
	var c claims
	info, err := p.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		return c, core.Errorf(core.KindUnavailable, "%s does not say more about you just now; try again", r.Way().Name).Because(err)
	}
	if info.Subject != subject {
		return c, r.distrust("it is about somebody else", nil)
	}
	if err := info.Claims(&c); err != nil {
		return c, r.distrust("it cannot be read", err)
	}
	return c, nil
}

// distrust refuses an answer. The reason is for the person; the cause for the log.
func (r *Room) distrust(why string, cause error) error {
	return core.Errorf(core.KindUnauthorized, "What %s says of you is not trusted: %s. Begin again; if it stays so, tell an admin", r.Way().Name, why).Because(cause)
}

// notExchanged words the provider's refusal of a code.
func (r *Room) notExchanged(err error) error {
	var refusal *oauth2.RetrieveError
	if !errors.As(err, &refusal) {
		return r.silent(err)
	}
	code := refusal.ErrorCode
	if code == "" { // some answer 400 and say so in a way of their own
		var said struct{ Error string }
		if json.Unmarshal(refusal.Body, &said) == nil {
			code = said.Error
		}
	}
	switch {
	case code == "invalid_grant":
		return core.Errorf(core.KindUnauthorized, "%s does not accept the code that you were sent back with: it has expired or was used. Begin again", r.Way().Name)
	case code == "invalid_client" || code == "unauthorized_client" || refusal.Response.StatusCode == http.StatusUnauthorized:
		return core.Errorf(core.KindInvalid, "%s does not accept this server's client id and secret; an admin must look at %s_CLIENT_ID and %s_CLIENT_SECRET", r.Way().Name, r.Setting, r.Setting)
	}
	return r.silent(errors.New("the token endpoint answers " + refusal.Response.Status + " " + code))
}
