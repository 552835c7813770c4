package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/oore-ci/oore/app/core"
)

// sealedAtOnce is how many sealed values are read at a time.
const sealedAtOnce = 100

// Sealed tells whether the vault's key has sealed this.
func (v *Vault) Sealed(data []byte) bool { return bytes.HasPrefix(data, v.header) }

// RotateKey seals everything anew with the next vault's key, and returns how much there
// is. Nothing is changed before all of it can be opened, by the one key or the other, and
// ready has seen to it that the new key outlives this process; who was interrupted does it
// again. No server may run meanwhile. KindConflict: something is sealed with a third key,
// or somebody writes.
func (a *App) RotateKey(ctx context.Context, actor core.Actor, next *Vault, ready func() error) (total int, err error) {
	if err := core.Allow(actor, core.ActManageInstance, nil); err != nil {
		return 0, err
	}
	if next == nil || a.vault == nil {
		return 0, errNoKey()
	}
	if next.KeyID() == a.vault.KeyID() {
		return 0, core.Errorf(core.KindInvalid, "The new key is the old one")
	}
	if err := eachSealed(ctx, a.store, func(s core.Sealed) error { return a.opens(s, next) }); err != nil {
		return 0, err
	}
	if err := ready(); err != nil {
		return 0, fmt.Errorf("keep the new key: %w", err)
	}
	core.CrashPoint("key.ready")
	err = eachSealed(ctx, a.store, func(s core.Sealed) error {
		total++
		return a.reseal(ctx, s, next)
	})
	if err != nil {
		return 0, err
	}
	entry := core.AuditEntry{Action: core.AuditKeyRotate, TargetKind: core.TargetKey, TargetID: next.KeyID(), Target: "encryption key"}
	entry.Changes = core.AuditChanges{}.With("key_id", a.vault.KeyID(), next.KeyID())
	return total, a.note(ctx, a.store, actor, entry)
}

// LastKeyRotation tells one state of the key from another, by the audit log's entries
// about the last renewal and the last loss; empty: there is none.
func (a *App) LastKeyRotation(ctx context.Context) (last string, err error) {
	for _, action := range []core.AuditAction{core.AuditKeyRotate, core.AuditKeyReplace} {
		entries, _, err := a.store.ListAudit(ctx, core.AuditFilter{Action: action}, core.Page{Limit: 1})
		if err != nil {
			return "", err
		}
		for _, e := range entries {
			last += e.ID
		}
	}
	return last, nil
}

// KeyFits tells whether the key has sealed anything that is stored, or nothing is.
// KindConflict: it has not, so that it is another than that of the servers before.
func (a *App) KeyFits(ctx context.Context) error { return a.vault.Fits(ctx, a.store) }

// Fits is KeyFits for who has a store and no App.
func (v *Vault) Fits(ctx context.Context, store core.SealedStore) error {
	fits, found := false, errors.New("found")
	err := eachSealed(ctx, store, func(s core.Sealed) error {
		if fits = v != nil && v.Sealed(s.Data); fits {
			return found
		}
		return nil
	})
	switch {
	case fits:
		return nil
	case err != nil:
		return err
	}
	page, err := store.ListSealed(ctx, "", 1)
	if err != nil || len(page) == 0 {
		return err
	}
	return core.Errorf(core.KindConflict, "the encryption key of this server opens nothing of what is stored: the key was renewed, or lost. Give it the key of the other servers, or the one that was there before, as OORE_ENCRYPTION_KEY or in the data folder; a backup holds it too. If it is lost for good, `oore secrets replace-lost-key` says what has to be entered anew, and lets the server start")
}

func eachSealed(ctx context.Context, s core.SealedStore, do func(core.Sealed) error) error {
	after := ""
	for {
		page, err := s.ListSealed(ctx, after, sealedAtOnce)
		if err != nil || len(page) == 0 {
			return err
		}
		for _, one := range page {
			if err := do(one); err != nil {
				return err
			}
			after = one.Place
		}
	}
}

// opens refuses what neither key opens.
func (a *App) opens(s core.Sealed, next *Vault) error {
	vault := a.vault
	if next.Sealed(s.Data) {
		vault = next
	}
	if _, err := vault.Open(s.Data, s.Place); err != nil {
		return core.Errorf(core.KindConflict, "%s cannot be opened: it is sealed with another key than this one (id %s), or damaged. Nothing was changed. "+
			"Give the key that the server has used as OORE_ENCRYPTION_KEY or in the data folder; what cannot be opened with that either, delete or connect anew first", s.Place, a.vault.KeyID()).Because(err)
	}
	return nil
}

func (a *App) reseal(ctx context.Context, s core.Sealed, next *Vault) error {
	if next.Sealed(s.Data) {
		return nil // by a run that was interrupted
	}
	secret, err := a.vault.Open(s.Data, s.Place)
	if err != nil {
		return err
	}
	data, err := next.Seal(secret, s.Place)
	if err != nil {
		return fmt.Errorf("seal %s: %w", s.Place, err)
	}
	mine, err := a.store.Reseal(ctx, s.Place, s.Data, data)
	core.CrashPoint("key.resealed")
	if err == nil && !mine {
		err = core.Errorf(core.KindConflict, "%s was changed just now: stop every server on this database, then run this again", s.Place)
	}
	return err
}
