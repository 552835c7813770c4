package app

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// HookAddress is where a provider's webhooks are to be sent.
func (a *App) HookAddress(p core.Provider) string { return a.publicURL + "/v1/webhooks/" + string(p) }

func hookSealedAt(repositoryID string) string { return "hook_secrets/" + repositoryID }

// HookSecrets opens the webhook secrets of the repositories with this external id, at
// whatever host of the provider. The door compares; nothing here has been proved yet.
func (a *App) HookSecrets(ctx context.Context, p core.Provider, externalID string) ([]core.HookSecret, error) {
	sealed, err := a.store.ListHookSecrets(ctx, p, externalID)
	if err != nil {
		return nil, err
	}
	var secrets []core.HookSecret
	for id, s := range sealed {
		plain, err := a.vault.Open(s, hookSealedAt(id))
		if err != nil {
			a.log.Error("open the webhook secret of a repository", "repository", id, "error", err)
			continue
		}
		repo, err := a.store.FindRepository(ctx, id)
		if err != nil {
			return nil, err
		}
		secrets = append(secrets, core.HookSecret{RepositoryID: id, IntegrationID: repo.IntegrationID, Secret: string(plain)})
	}
	return secrets, nil
}

// GitLabHookSecrets is HookSecrets for the door of GitLab's webhooks.
func (a *App) GitLabHookSecrets(ctx context.Context, projectID string) ([]core.HookSecret, error) {
	return a.HookSecrets(ctx, core.ProviderGitLab, projectID)
}

// RenewHookSecret makes a new webhook secret for a repository, to be entered at the
// forge by hand. It is shown once; the old one is refused from now on.
func (a *App) RenewHookSecret(ctx context.Context, actor core.Actor, repositoryID string) (address, secret string, err error) {
	if err := core.Allow(actor, core.ActManageInstance, nil); err != nil {
		return "", "", err
	}
	repo, err := a.store.FindRepository(ctx, repositoryID)
	if err != nil {
		return "", "", err
	}
	if _, ok := a.forges[repo.Provider].(core.Hooker); !ok {
		return "", "", core.Errorf(core.KindInvalid, "%s has no webhooks of single repositories", repo.Provider)
	}
	entry := core.AuditEntry{Action: core.AuditHookSecret, TargetKind: core.TargetRepository, TargetID: repo.ID, Target: repo.FullName}
	err = a.noting(ctx, actor, entry, func(tx core.Store) (err error) {
		secret, err = a.newHookSecret(ctx, tx, repo)
		return err
	})
	if err != nil {
		return "", "", err
	}
	a.log.Info("webhook secret renewed", "repository", repo.FullName, "actor", actor.Name)
	return a.HookAddress(repo.Provider), secret, nil
}

func (a *App) newHookSecret(ctx context.Context, s core.Store, repo core.Repository) (string, error) {
	var b [32]byte
	rand.Read(b[:])
	secret := "oore_" + base64.RawURLEncoding.EncodeToString(b[:])
	sealed, err := a.vault.Seal([]byte(secret), hookSealedAt(repo.ID))
	if err != nil {
		return "", fmt.Errorf("seal a webhook secret: %w", err)
	}
	return secret, s.SaveHookSecret(ctx, repo.ID, sealed)
}

// hookLife is how long a server may take for a webhook before another looks at it too.
const hookLife = time.Minute

// ensureHook makes the forge send us what happens in the repository, where that is
// set up repository by repository. What keeps it from that is noted for people to see.
func (a *App) ensureHook(ctx context.Context, repo core.Repository) error {
	room, ok := a.forges[repo.Provider].(core.Hooker)
	if !ok {
		return nil
	}
	a.hooking.Lock()
	defer a.hooking.Unlock()
	return a.inTurn(ctx, "hook:"+repo.ID, hookLife, func(ctx context.Context) error { return a.setHook(ctx, room, repo) })
}

func (a *App) setHook(ctx context.Context, room core.Hooker, repo core.Repository) error {
	secret, err := a.hookSecret(ctx, repo)
	if err != nil {
		return err
	}
	trouble, note := "", repo.HookNote
	repair, err := room.EnsureHook(ctx, repo, a.HookAddress(repo.Provider), secret)
	if err != nil {
		trouble = core.MessageOf(err)
		a.warn(ctx, "set up the webhook of a repository", "repository", repo.FullName, "error", err)
	}
	if repair.Off {
		note = repairNote(repair, a.now())
		a.warn(ctx, "the webhook of a repository had been switched off by its forge", "repository", repo.FullName, "tested", repair.Tested)
	}
	if repo.HookTrouble == trouble && repo.HookNote == note {
		return nil
	}
	return a.store.NoteHook(ctx, repo.ID, trouble, note, a.now())
}

func repairNote(r core.HookRepair, now time.Time) string {
	const at = "15:04 UTC on 2 January 2006"
	until := ""
	if !r.Until.IsZero() {
		until = ", until " + r.Until.UTC().Format(at)
	}
	note := fmt.Sprintf("It had been switched off because deliveries to this server failed%s. Oore switched it on again at %s", until, now.UTC().Format(at))
	if r.Tested {
		return note + ", and a test arrived."
	}
	return note + "."
}

// hookSecret is the repository's secret, a new one if it has none that can be read.
func (a *App) hookSecret(ctx context.Context, repo core.Repository) (string, error) {
	known, err := a.HookSecrets(ctx, repo.Provider, repo.ExternalID)
	if err != nil {
		return "", err
	}
	for _, s := range known {
		if s.RepositoryID == repo.ID {
			return s.Secret, nil
		}
	}
	return a.newHookSecret(ctx, a.store, repo)
}

// ensureHooks looks at the webhooks of all linked repositories of a provider: people
// delete them, and a forge disables what failed too often. One that fails keeps it from no other.
func (a *App) ensureHooks(ctx context.Context, p core.Provider) error {
	if _, ok := a.forges[p].(core.Hooker); !ok {
		return nil
	}
	repos, err := a.linkedRepositories(ctx, p)
	if err != nil {
		return err
	}
	var faults []error
	for _, r := range repos {
		if err := a.ensureHook(ctx, r); err != nil {
			faults = append(faults, fmt.Errorf("webhook of %s: %w", r.FullName, err))
		}
	}
	return errors.Join(faults...)
}

// mendHooks finds webhooks that worked and do so no more, sooner than ensureHooks
// would: while one is switched off nothing arrives, and nothing can be asked for again.
// One that fails keeps it from no other, and counts among those that do not work.
func (a *App) mendHooks(ctx context.Context, p core.Provider, repos []core.Repository) error {
	room, ok := a.forges[p].(core.Hooker)
	if !ok {
		return nil
	}
	troubled := 0
	defer func() { a.troubled.Store(p, troubled) }()
	var faults []error
	for _, r := range repos {
		a.pulses.beat(topicSurvey) // a forge that hangs takes seconds for each
		if r.HookTrouble != "" {
			troubled++
			continue // somebody has to do something first
		}
		works, err := room.HookWorks(ctx, r, a.HookAddress(p))
		if err == nil && !works {
			if err = a.ensureHook(ctx, r); err != nil {
				troubled++
			}
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("webhook of %s: %w", r.FullName, err))
		}
	}
	return errors.Join(faults...)
}

// linkedRepositories lists the reachable repositories of a provider that have a project.
func (a *App) linkedRepositories(ctx context.Context, p core.Provider) ([]core.Repository, error) {
	all, err := a.store.ListRepositories(ctx, p)
	if err != nil {
		return nil, err
	}
	var linked []core.Repository
	for _, r := range all {
		projects, err := a.store.ListProjectsOfRepository(ctx, r.ID)
		if err != nil {
			return nil, err
		}
		if len(projects) > 0 && r.Unavailable == "" {
			linked = append(linked, r)
		}
	}
	return linked, nil
}
