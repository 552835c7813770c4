package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/oore-ci/oore/app/core"
)

// StillAdmitted implements core.SignInRoom. It asks with the person's own tokens, which the
// provider renews until they are revoked there or the account is blocked.
func (r *Room) StillAdmitted(ctx context.Context, standing []byte) (next []byte, err error) {
	if len(r.Groups) == 0 {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(oidc.ClientContext(ctx, r.client), callTimeout)
	defer cancel()
	p, err := r.known(ctx)
	if err != nil {
		return nil, err
	}
	token := &oauth2.Token{}
	if err := json.Unmarshal(standing, token); err != nil {
		return nil, err
	}
	var c claims
	if token.Valid() {
		c, err = r.tell(ctx, p, token)
	}
	switch {
	case token.Valid() && err == nil:
	case token.RefreshToken == "" && token.Valid():
		return nil, r.silent(err)
	case token.RefreshToken == "":
		return nil, r.asksNoMore()
	default: // one that was revoked looks valid here
		token.Expiry = time.Now().Add(-time.Hour)
		if token, err = r.config(p, core.SignInRequest{}).TokenSource(ctx, token).Token(); err != nil {
			return nil, r.notRenewed(err)
		}
		c, err = r.tell(ctx, p, token)
	}
	next, broken := json.Marshal(token) //nolint:gosec // it is sealed at once
	if err != nil || broken != nil {
		return next, r.silent(errors.Join(err, broken))
	}
	return next, r.admit(c)
}

func (r *Room) tell(ctx context.Context, p *provider, token *oauth2.Token) (c claims, err error) {
	info, err := p.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err == nil {
		err = info.Claims(&c)
	}
	return c, err
}

func (r *Room) notRenewed(err error) error {
	var refusal *oauth2.RetrieveError
	if errors.As(err, &refusal) && refusal.ErrorCode == "invalid_grant" {
		return r.asksNoMore()
	}
	return r.silent(errors.New("the provider renews no token")) // the error may hold one
}

func (r *Room) asksNoMore() error {
	return core.Errorf(core.KindUnauthorized, "%s does not let this server ask any more whether you are in a group that may sign in here; sign in again", r.Way().Name)
}
