package gitlab

import (
	"context"
	"net/http"
	"strings"

	"github.com/xanzy/go-gitlab"

	"github.com/oore-ci/oore/app/core"
)

// hookWorks is GitLab's word for a hook that it has not disabled.
const hookWorks = "executable"

// hookRow is a webhook as the API shows it, without its secret.
type hookRow struct {
	ID     id     `json:"id"`
	URL    string `json:"url"`
	Status string `json:"alert_status"` // empty from a GitLab that disables none
}

func (h hookRow) disabled() bool { return h.Status != "" && h.Status != hookWorks }

// EnsureHook implements core.Hooker. A hook of ours is edited, since GitLab does not
// show its secret; that enables one that was disabled, or else it is made anew.
func (r *Room) EnsureHook(ctx context.Context, repo core.Repository, address, secret string) error {
	s, err := r.seat(repo)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	err = s.ensureHook(ctx, address, secret)
	switch statusOf(err) {
	case 0:
		if err == nil {
			return nil
		}
	case http.StatusForbidden, http.StatusNotFound:
		return core.Errorf(core.KindForbidden, "%s may not set up the webhook of %s: it needs the role Maintainer. "+
			"Give it that role, or add the webhook by hand in the project under Settings → Webhooks: URL %s, the secret token that Oore shows for this repository, "+
			"and the triggers push, tag push, comments and merge request events.", s.who(), repo.FullName, address).Because(err)
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		return core.Errorf(core.KindInvalid, "GitLab does not take %s as the address of a webhook (%s). "+
			"If it lies in GitLab's own network, its administrator must allow requests to there under Admin → Settings → Network → Outbound requests.", address, said(err)).Because(err)
	}
	return s.trouble(err)
}

func (s seat) ensureHook(ctx context.Context, address, secret string) error {
	known, found, err := s.findHook(ctx, address)
	if err != nil {
		return err
	}
	wanted := gitlab.AddProjectHookOptions{
		URL: &address, Token: &secret, EnableSSLVerification: gitlab.Ptr(strings.HasPrefix(address, "https:")),
		PushEvents: gitlab.Ptr(true), TagPushEvents: gitlab.Ptr(true), MergeRequestsEvents: gitlab.Ptr(true), NoteEvents: gitlab.Ptr(true),
	}
	if found {
		var now hookRow
		one := "/hooks/" + string(known.ID)
		if err := s.call(ctx, http.MethodPut, one, wanted, &now); err != nil || !now.disabled() {
			return err
		}
		if err := s.call(ctx, http.MethodDelete, one, nil, nil); err != nil && statusOf(err) != http.StatusNotFound {
			return err
		}
	}
	return s.call(ctx, http.MethodPost, "/hooks", wanted, nil)
}

func (s seat) findHook(ctx context.Context, address string) (hookRow, bool, error) {
	for page := 1; ; page++ {
		var rows []hookRow
		if err := s.call(ctx, http.MethodGet, "/hooks", gitlab.ListProjectHooksOptions{Page: page, PerPage: perPage}, &rows); err != nil {
			return hookRow{}, false, err
		}
		for _, h := range rows {
			if h.ID != "" && strings.TrimRight(h.URL, "/") == strings.TrimRight(address, "/") {
				return h, true, nil
			}
		}
		if len(rows) < perPage {
			return hookRow{}, false, nil
		}
	}
}
