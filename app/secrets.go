package app

import (
	"context"
	"fmt"

	"github.com/oore-ci/oore/app/core"
)

func secretSealedAt(projectID, name string) string { return "secrets/" + projectID + "/" + name }

// SetSecret describes a project's secret.
type SetSecret struct {
	Name     string
	Value    string
	File     bool
	Branches []string
}

// SetSecret makes a secret of the project, or replaces the one of that name. Nobody
// but builds gets the value again.
func (a *App) SetSecret(ctx context.Context, actor core.Actor, projectID string, in SetSecret) (core.Secret, error) {
	if _, err := a.projectFor(ctx, a.store, actor, core.ActManageProject, projectID); err != nil {
		return core.Secret{}, err
	}
	s := core.Secret{
		ID: a.newID(), ProjectID: projectID, Name: in.Name, File: in.File, Branches: in.Branches, UpdatedAt: a.now(), UpdatedBy: actor.Name,
	}
	if err := s.Validate(); err != nil {
		return core.Secret{}, err
	}
	if err := s.ValidateValue(in.Value); err != nil {
		return core.Secret{}, err
	}
	sealed, err := a.vault.Seal([]byte(in.Value), secretSealedAt(projectID, s.Name))
	if err != nil {
		return core.Secret{}, fmt.Errorf("seal the secret %s: %w", s.Name, err)
	}
	s.Sealed = sealed
	err = a.store.InTx(ctx, func(tx core.Store) error {
		stored, err := saveSecret(ctx, tx, s)
		if err != nil {
			return err
		}
		s = stored
		entry := auditSecret(core.AuditSecretSet, projectID, s.Name)
		entry.Changes = core.AuditChanges{}.With("value", "", "set").With("file", false, s.File).With("branches", "", s.Branches)
		return a.note(ctx, tx, actor, entry)
	})
	if err != nil {
		return core.Secret{}, err
	}
	a.log.Info("secret set", "project", projectID, "secret", s.Name, "actor", actor.Name)
	return s, nil
}

func saveSecret(ctx context.Context, tx core.Store, s core.Secret) (core.Secret, error) {
	stored, err := tx.SaveSecret(ctx, s)
	if err != nil {
		return core.Secret{}, err
	}
	all, err := tx.ListSecrets(ctx, s.ProjectID)
	if err == nil && len(all) > core.MaxSecrets {
		err = core.Errorf(core.KindInvalid, "This project has %d secrets, and may have no more; delete one first", core.MaxSecrets)
	}
	return stored, err
}

// DeleteSecret ends a secret. Builds that list it fail from now on.
func (a *App) DeleteSecret(ctx context.Context, actor core.Actor, projectID, name string) error {
	if _, err := a.projectFor(ctx, a.store, actor, core.ActManageProject, projectID); err != nil {
		return err
	}
	entry := auditSecret(core.AuditSecretDelete, projectID, name)
	if err := a.noting(ctx, actor, entry, func(tx core.Store) error { return tx.DeleteSecret(ctx, projectID, name) }); err != nil {
		return err
	}
	a.log.Info("secret deleted", "project", projectID, "secret", name, "actor", actor.Name)
	return nil
}

// ListSecrets lists a project's secrets by name, without their values. For those who
// manage it.
func (a *App) ListSecrets(ctx context.Context, actor core.Actor, projectID string) ([]core.Secret, error) {
	if _, err := a.projectFor(ctx, a.store, actor, core.ActManageProject, projectID); err != nil {
		return nil, err
	}
	return a.store.ListSecrets(ctx, projectID)
}

// Secrets gives the runner of a build the secrets that the build's configuration
// names, all or none. KindInvalid, secret_missing: the project has no such secret;
// KindForbidden, secret_refused: this build may not have it.
func (a *App) Secrets(ctx context.Context, l core.Lease, names []string) ([]core.SecretValue, error) {
	b, err := a.leased(ctx, a.store, l)
	if err != nil {
		return nil, err
	}
	if len(names) > core.MaxSecrets {
		return nil, core.Errorf(core.KindInvalid, "A build gets at most %d secrets", core.MaxSecrets)
	}
	values := make([]core.SecretValue, 0, len(names))
	for _, name := range names {
		value, err := a.secretFor(ctx, b, name)
		if err != nil {
			return nil, err
		}
		values = append(values, value)
	}
	return values, nil
}

func (a *App) secretFor(ctx context.Context, b core.Build, name string) (core.SecretValue, error) {
	// A fork's build learns not even which names there are.
	if err := (core.Secret{Name: name}).GivenTo(b); err != nil {
		return core.SecretValue{}, err
	}
	s, err := a.store.FindSecret(ctx, b.ProjectID, name)
	if core.KindOf(err) == core.KindNotFound {
		return core.SecretValue{}, core.Codef(core.KindInvalid, core.ReasonSecretMissing,
			"This project has no secret %s: add it in the project's settings, or take it out of `secrets`", name)
	}
	if err != nil {
		return core.SecretValue{}, err
	}
	if err := s.GivenTo(b); err != nil {
		return core.SecretValue{}, err
	}
	value, err := a.vault.Open(s.Sealed, secretSealedAt(b.ProjectID, name))
	if err != nil {
		a.log.Error("open a secret", "build", b.ID, "attempt", b.AssignedAt, "project", b.ProjectID, "secret", name, "error", err)
		return core.SecretValue{}, core.Codef(core.KindInvalid, core.ReasonSecretMissing,
			"The secret %s cannot be read with this server's encryption key: set it again in the project's settings", name)
	}
	given := core.SecretValue{Name: name, Value: string(value), File: s.File}
	if len(s.Branches) > 0 && b.TriggerType != core.TriggerWebhook {
		given.Branch = b.Branch // a person can name any commit beside a branch
	}
	return given, nil
}
