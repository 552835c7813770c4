package github

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"golang.org/x/oauth2"

	"github.com/oore-ci/oore/app/core"
)

// StillAdmitted implements core.SignInRoom. It asks with the person's own token, which
// ends with their agreement; those of a GitHub App are renewed.
func (s *SignIn) StillAdmitted(ctx context.Context, standing []byte) (next []byte, err error) {
	if len(s.Organizations) == 0 {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	var kept oauth2.Token
	if err := json.Unmarshal(standing, &kept); err != nil {
		return nil, err
	}
	token, err := s.config("").TokenSource(s.withClient(ctx), &kept).Token()
	if err != nil {
		return nil, s.notRenewed(err)
	}
	if next, err = json.Marshal(token); err != nil { //nolint:gosec // a token on purpose: app seals it before it stores it (checkStanding)
		return nil, err
	}
	_, err = s.admit(ctx, s.room.anonymous(s.api).WithAuthToken(token.AccessToken))
	switch statusOf(err) {
	case http.StatusForbidden: // to this application or this machine, which says nothing of the person
		return next, core.Errorf(core.KindUnavailable, "%s", core.MessageOf(err)).Because(err)
	case http.StatusUnauthorized:
		return next, core.Errorf(core.KindUnauthorized, "%s does not let this server ask any more whether you are a member of an organization that may sign in here; sign in again", s.Way().Name)
	}
	return next, err
}

func (s *SignIn) notRenewed(err error) error {
	var refusal *oauth2.RetrieveError
	if errors.As(err, &refusal) && refusal.ErrorCode == "bad_refresh_token" {
		return core.Errorf(core.KindUnauthorized, "%s does not renew what this server asks with; sign in again", s.Way().Name)
	}
	return s.silent(errors.New("GitHub renews no token")) // the error may hold one
}
