package app

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"

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
	if secret, err = a.newHookSecret(ctx, repo); err != nil {
		return "", "", err
	}
	a.log.Info("webhook secret renewed", "repository", repo.FullName, "actor", actor.Name)
	return a.HookAddress(repo.Provider), secret, nil
}

func (a *App) newHookSecret(ctx context.Context, repo core.Repository) (string, error) {
	var b [32]byte
	rand.Read(b[:])
	secret := "oore_" + base64.RawURLEncoding.EncodeToString(b[:])
	sealed, err := a.vault.Seal([]byte(secret), hookSealedAt(repo.ID))
	if err != nil {
		return "", fmt.Errorf("seal a webhook secret: %w", err)
	}
	return secret, a.store.SaveHookSecret(ctx, repo.ID, sealed)
}

// ensureHook makes the forge send us what happens in the repository, where that is
// set up repository by repository. What keeps it from that is noted for people to see.
func (a *App) ensureHook(ctx context.Context, repo core.Repository) error {
	room, ok := a.forges[repo.Provider].(core.Hooker)
	if !ok {
		return nil
	}
	a.hooking.Lock()
	defer a.hooking.Unlock()
	secret, err := a.hookSecret(ctx, repo)
	if err != nil {
		return err
	}
	trouble := ""
	if err := room.EnsureHook(ctx, repo, a.HookAddress(repo.Provider), secret); err != nil {
		trouble = core.MessageOf(err)
		a.warn(ctx, "set up the webhook of a repository", "repository", repo.FullName, "error", err)
	}
	if repo.HookTrouble == trouble {
		return nil
	}
	repo.HookTrouble, repo.UpdatedAt = trouble, a.now()
	_, err = a.store.SaveRepository(ctx, repo)
	return err
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
	return a.newHookSecret(ctx, repo)
}

// ensureHooks looks at the webhooks of all linked repositories of a provider: people
// delete them, and a forge disables what failed too often.
func (a *App) ensureHooks(ctx context.Context, p core.Provider) error {
	if _, ok := a.forges[p].(core.Hooker); !ok {
		return nil
	}
	repos, err := a.linkedRepositories(ctx, p)
	if err != nil {
		return err
	}
	for _, r := range repos {
		if err := a.ensureHook(ctx, r); err != nil {
			return fmt.Errorf("webhook of %s: %w", r.FullName, err)
		}
	}
	return nil
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
