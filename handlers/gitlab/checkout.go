package gitlab

import (
	"context"

	"github.com/oore-ci/oore/app/core"
)

// Checkout implements core.Forge. GitLab has no token for one repository that could be
// made for the occasion: it is the connection's own, and goes only to the connection's
// host. For a clone address elsewhere there is none.
func (r *Room) Checkout(_ context.Context, repo core.Repository) (core.Checkout, error) {
	s, err := r.seat(repo)
	if err != nil {
		return core.Checkout{}, err
	}
	out := core.Checkout{URL: repo.CloneURL}
	if !within(s.web, repo.CloneURL) {
		r.log.Warn("the clone address is not at the GitLab that is connected: no token for it", "repository", repo.FullName, "host", s.Host)
		return out, nil
	}
	out.Username, out.Password = "oauth2", s.Secrets.Token
	return out, nil
}
