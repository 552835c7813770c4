package github

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/oore-ci/oore/app/core"
)

// FindRepository implements core.Forge. Besides owner/name the name may be
// host/owner/name; without host the Apps are asked in the order of Connect.
func (r *Room) FindRepository(ctx context.Context, name string) (core.Repository, error) {
	all, err := r.some()
	if err != nil {
		return core.Repository{}, err
	}
	if host, short := splitHost(name); host != "" {
		if all = at(all, host); len(all) == 0 {
			return core.Repository{}, core.Codef(core.KindNotFound, core.CodeRepositoryUnknown,
				"No GitHub App is connected at %s; connect one under Settings → Sources", host)
		}
		name = short
	}
	_, found, err := search(ctx, all, name, "")
	return found, err
}

// splitHost takes the host off host/owner/name; the host may have a path.
func splitHost(name string) (host, short string) {
	i := strings.LastIndex(name, "/")
	if i = strings.LastIndex(name[:max(i, 0)], "/"); i < 0 {
		return "", name
	}
	return name[:i], name[i+1:]
}

// ResolveRef implements core.Forge.
func (r *Room) ResolveRef(ctx context.Context, repo core.Repository, ref string) (core.Commit, error) {
	f, repo, err := r.route(ctx, repo)
	if err != nil {
		return core.Commit{}, err
	}
	return f.ResolveRef(ctx, repo, ref)
}

// FindCommit implements core.CommitFinder.
func (r *Room) FindCommit(ctx context.Context, repo core.Repository, short string) (core.Commit, error) {
	f, repo, err := r.route(ctx, repo)
	if err != nil {
		return core.Commit{}, err
	}
	return f.FindCommit(ctx, repo, short)
}

// PullRequestHead implements core.Forge.
func (r *Room) PullRequestHead(ctx context.Context, repo core.Repository, number int) (string, error) {
	f, repo, err := r.route(ctx, repo)
	if err != nil {
		return "", err
	}
	return f.PullRequestHead(ctx, repo, number)
}

// Checkout implements core.Forge.
func (r *Room) Checkout(ctx context.Context, repo core.Repository) (core.Checkout, error) {
	f, repo, err := r.route(ctx, repo)
	if err != nil {
		return core.Checkout{}, err
	}
	return f.Checkout(ctx, repo)
}

// SetStatus implements core.Reporter.
func (r *Room) SetStatus(ctx context.Context, repo core.Repository, report core.Report) error {
	f, repo, err := r.route(ctx, repo)
	if err != nil {
		return err
	}
	return f.SetStatus(ctx, repo, report)
}

// UpsertComment implements core.Reporter.
func (r *Room) UpsertComment(ctx context.Context, repo core.Repository, c core.Comment, known string) (string, error) {
	f, repo, err := r.route(ctx, repo)
	if err != nil {
		return "", err
	}
	return f.UpsertComment(ctx, repo, c, known)
}

// SetCheck implements core.CheckReporter.
func (r *Room) SetCheck(ctx context.Context, repo core.Repository, report core.Report, known string) (string, error) {
	f, repo, err := r.route(ctx, repo)
	if err != nil {
		return "", err
	}
	return f.SetCheck(ctx, repo, report, known)
}

// Permission implements core.Talker.
func (r *Room) Permission(ctx context.Context, repo core.Repository, userID, login string) (core.Permission, error) {
	f, repo, err := r.route(ctx, repo)
	if err != nil {
		return core.PermissionNone, err
	}
	return f.Permission(ctx, repo, userID, login)
}

// FindPullRequest implements core.Talker.
func (r *Room) FindPullRequest(ctx context.Context, repo core.Repository, number int) (core.Event, error) {
	f, repo, err := r.route(ctx, repo)
	if err != nil {
		return core.Event{}, err
	}
	return f.FindPullRequest(ctx, repo, number)
}

// React implements core.Talker.
func (r *Room) React(ctx context.Context, repo core.Repository, c core.Chat, reaction core.Reaction) error {
	f, repo, err := r.route(ctx, repo)
	if err != nil {
		return err
	}
	return f.React(ctx, repo, c, reaction)
}

// Reply implements core.Talker.
func (r *Room) Reply(ctx context.Context, repo core.Repository, number int, key, body string) error {
	f, repo, err := r.route(ctx, repo)
	if err != nil {
		return err
	}
	return f.Reply(ctx, repo, number, key, body)
}

// Heads implements core.Surveyor.
func (r *Room) Heads(ctx context.Context, repo core.Repository) ([]core.Event, error) {
	f, repo, err := r.route(ctx, repo)
	if err != nil {
		return nil, err
	}
	return f.Heads(ctx, repo)
}

// Paths implements core.Surveyor.
func (r *Room) Paths(ctx context.Context, repo core.Repository, e core.Event) (paths []string, complete bool, err error) {
	f, repo, err := r.route(ctx, repo)
	if err != nil {
		return nil, false, err
	}
	return f.Paths(ctx, repo, e)
}

// Missed implements core.Surveyor, for all Apps together. One that cannot be asked is
// logged and hides no other; it is an error only if none could be asked.
func (r *Room) Missed(ctx context.Context, l core.Lookback) ([]core.MissedDelivery, error) {
	var missed []core.MissedDelivery
	var faults []error
	all := r.all()
	for _, c := range all {
		some, err := c.Missed(ctx, l)
		if err != nil {
			r.options.Log.Warn("ask GitHub for missed deliveries", "integration", c.about().Name, "host", c.about().Host, "error", err)
			faults = append(faults, err)
		}
		missed = append(missed, some...)
	}
	if len(faults) == len(all) {
		return nil, errors.Join(faults...)
	}
	slices.SortStableFunc(missed, func(a, b core.MissedDelivery) int { return a.At.Compare(b.At) })
	return missed, nil
}

// Redeliver implements core.Surveyor.
func (r *Room) Redeliver(ctx context.Context, m core.MissedDelivery) error {
	f, err := r.find(m.IntegrationID, "the delivery "+m.DeliveryID)
	if err != nil {
		return err
	}
	return f.Redeliver(ctx, m)
}

// Inventory implements core.Connector.
func (r *Room) Inventory(ctx context.Context, integrationID string) ([]core.Inventory, error) {
	f, err := r.find(integrationID, "these repositories")
	if err != nil {
		return nil, err
	}
	return f.Inventory(ctx)
}
