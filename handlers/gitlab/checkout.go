package gitlab

import (
	"context"
	"net/http"

	"github.com/oore-ci/oore/app/core"
)

// Checkout implements core.Forge. GitLab has no token for one repository that could be
// made for the occasion: it is the connection's own, and goes only to the connection's
// host. For a clone address elsewhere there is none.
func (r *Room) Checkout(ctx context.Context, repo core.Repository) (core.Checkout, error) {
	s, err := r.seat(repo)
	if err != nil {
		return core.Checkout{}, err
	}
	out := core.Checkout{URL: repo.CloneURL}
	if !within(s.web, repo.CloneURL) {
		r.log.Warn("the clone address is not at the GitLab that is connected: no token for it", "repository", repo.FullName, "host", s.Host)
		return out, nil
	}
	if out.Password, err = s.checkoutToken(ctx); err != nil {
		return core.Checkout{}, s.trouble(err)
	}
	out.Username = "oauth2"
	return out, nil
}

// checkoutToken is one that GitLab takes now: git asks for no other when it is refused.
func (s seat) checkoutToken(ctx context.Context) (string, error) {
	if granted(s.Connection) {
		ctx, cancel := context.WithTimeout(ctx, s.timeout)
		defer cancel()
		if err := s.session.call(ctx, http.MethodGet, "user", nil, nil); err != nil {
			return "", err
		}
	}
	return s.tokens.Token(ctx, "")
}
