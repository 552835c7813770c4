package gitlab

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/xanzy/go-gitlab"

	"github.com/oore-ci/oore/app/core"
)

// hookWorks is GitLab's word for a hook that it has not disabled.
const hookWorks = "executable"

// hookTimeout bounds EnsureHook: GitLab waits 10 s for our answer to a test before it
// answers itself.
const hookTimeout = 30 * time.Second

// hookRow is a webhook as the API shows it, without its secret.
type hookRow struct {
	ID     id     `json:"id"`
	URL    string `json:"url"`
	Status text   `json:"alert_status"`   // empty from a GitLab that disables none
	Until  text   `json:"disabled_until"` // a time; empty where it is disabled for good
}

func (h hookRow) disabled() bool { return h.Status != "" && h.Status != hookWorks }

// until is when GitLab will try it again by itself; zero: never.
func (h hookRow) until() time.Time {
	at, err := time.Parse(time.RFC3339, string(h.Until))
	if err != nil {
		return time.Time{}
	}
	return at
}

// EnsureHook implements core.Hooker. A hook of ours is edited, since GitLab does not
// show its secret.
func (r *Room) EnsureHook(ctx context.Context, repo core.Repository, address, secret string) (core.HookRepair, error) {
	s, err := r.seat(repo)
	if err != nil {
		return core.HookRepair{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, hookTimeout)
	defer cancel()
	repair, err := s.ensureHook(ctx, address, secret)
	return repair, s.hookTrouble(err, address)
}

// HookWorks implements core.Hooker. A list that is the same as before is not sent again.
func (r *Room) HookWorks(ctx context.Context, repo core.Repository, address string) (bool, error) {
	s, err := r.seat(repo)
	if err != nil {
		return false, err
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	h, found, err := s.findHook(ctx, address)
	if err != nil {
		return false, s.trouble(err)
	}
	return found && !h.disabled(), nil
}

// hookTrouble says what to do about a webhook that cannot be set up.
func (s seat) hookTrouble(err error, address string) error {
	var ours *core.Error
	if err == nil || errors.As(err, &ours) {
		return err
	}
	switch statusOf(err) {
	case http.StatusForbidden, http.StatusNotFound:
		return core.Errorf(core.KindForbidden, "%s may not set up the webhook of %s: it needs the role Maintainer. "+
			"Give it that role, or add the webhook by hand in the project under Settings → Webhooks: URL %s, the secret token that Oore shows for this repository, "+
			"and the triggers push, tag push, comments and merge request events.", s.who(), s.repo.FullName, address).Because(err)
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		return core.Errorf(core.KindInvalid, "GitLab does not take %s as the address of a webhook (%s). "+
			"If it lies in GitLab's own network, its administrator must allow requests to there under Admin → Settings → Network → Outbound requests.", address, said(err)).Because(err)
	}
	return s.trouble(err)
}

func (s seat) ensureHook(ctx context.Context, address, secret string) (repair core.HookRepair, err error) {
	known, found, err := s.findHook(ctx, address)
	if err != nil {
		return repair, err
	}
	wanted := gitlab.AddProjectHookOptions{
		URL: &address, Token: &secret, EnableSSLVerification: gitlab.Ptr(strings.HasPrefix(address, "https:")),
		PushEvents: gitlab.Ptr(true), TagPushEvents: gitlab.Ptr(true), MergeRequestsEvents: gitlab.Ptr(true), NoteEvents: gitlab.Ptr(true),
	}
	if !found {
		return repair, s.call(ctx, http.MethodPost, "/hooks", wanted, nil)
	}
	repair.Off, repair.Until = known.disabled(), known.until()
	var now hookRow
	if err := s.call(ctx, http.MethodPut, hookPath(known), wanted, &now); err != nil || !repair.Off {
		return repair, err
	}
	// The last push of the default branch is delivered; that enables a hook that stayed
	// disabled, if we take it. It is a push like any other: missed before, it is built now.
	refused := s.call(ctx, http.MethodPost, hookPath(known)+"/test/push_events", nil, nil)
	repair.Tested = refused == nil
	unreachable := s.undelivered(refused, address)
	if !repair.Tested && unreachable == nil && now.disabled() {
		// A GitLab without tests. What it remembers of this hook's deliveries goes with it.
		if err := s.call(ctx, http.MethodDelete, hookPath(known), nil, nil); err != nil && statusOf(err) != http.StatusNotFound {
			return repair, err
		}
		if err := s.call(ctx, http.MethodPost, "/hooks", wanted, nil); err != nil {
			return repair, err
		}
	}
	return repair, unreachable
}

func hookPath(h hookRow) string { return "/hooks/" + string(h.ID) }

// undelivered tells whether a test failed because GitLab does not reach us: then the hook
// is left as it is, with its log. That there was none, as in an empty project or from a
// GitLab that knows no tests, says nothing.
func (s seat) undelivered(refused error, address string) error {
	if statusOf(refused) != http.StatusUnprocessableEntity || strings.Contains(said(refused), "Ensure the project has") {
		return nil
	}
	return core.Errorf(core.KindUnavailable, "GitLab has disabled the webhook because deliveries failed, and a test fails too (%s). See that GitLab reaches %s; it is tried again every hour.", said(refused), address).Because(refused)
}

// findHook looks for the project's webhook to us.
func (s seat) findHook(ctx context.Context, address string) (hookRow, bool, error) {
	rows, err := listAll[hookRow](ctx, s, "/hooks", "")
	for _, h := range rows {
		if h.ID != "" && strings.TrimRight(h.URL, "/") == strings.TrimRight(address, "/") {
			return h, true, nil
		}
	}
	return hookRow{}, false, err
}
