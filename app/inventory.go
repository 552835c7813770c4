package app

import (
	"context"
	"fmt"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// inventoryEvery is how often the books are compared with the forges.
const inventoryEvery = time.Hour

// takeInventories asks every integration what it sees: messages about installations
// and repositories get lost too.
func (a *App) takeInventories(ctx context.Context) (more bool, err error) {
	if err := a.reconnect(ctx); err != nil { // what could not be used may be mended
		a.warn(ctx, "connect", "error", err)
	}
	all, err := a.store.ListIntegrations(ctx)
	if err != nil {
		return false, err
	}
	for _, i := range all {
		if err := a.takeInventory(ctx, i); err != nil {
			a.warn(ctx, "list what an integration sees", "integration", i.Name, "host", i.Host, "error", err)
		}
	}
	for p := range a.forges {
		if err := a.ensureHooks(ctx, p); err != nil {
			a.warn(ctx, "look at the webhooks", "provider", p, "error", err)
		}
	}
	return false, ctx.Err()
}

// takeInventory makes the books of one integration agree with its forge.
func (a *App) takeInventory(ctx context.Context, i core.Integration) error {
	room, ok := a.forges[i.Provider].(core.Connector)
	if !ok {
		return nil
	}
	trouble := i.Trouble
	if err := a.inspect(ctx, room, &i); err != nil {
		return err
	}
	all, err := room.Inventory(ctx, i.ID)
	if err != nil {
		return err
	}
	err = a.store.InTx(ctx, func(tx core.Store) error { return a.keepInventory(ctx, tx, i, all) })
	if err != nil {
		return err
	}
	if trouble != "" && trouble != i.Trouble {
		return a.resume(ctx, i.ID, true)
	}
	a.bell.ring(topicOutbox)
	return nil
}

// resume lets what waits to be told through an integration go at once: it works again.
// givenUp: what was given up too.
func (a *App) resume(ctx context.Context, integrationID string, givenUp bool) error {
	err := a.store.WakeEffectsThrough(ctx, integrationID, givenUp, a.now())
	a.bell.ring(topicOutbox)
	return err
}

// inspect notes whether the keys still work, and as whom.
func (a *App) inspect(ctx context.Context, room core.Connector, i *core.Integration) error {
	c, err := a.connectionOf(*i)
	if err != nil {
		return err
	}
	seen, err := room.Inspect(ctx, c)
	if k := core.KindOf(err); err != nil && k != core.KindInvalid && k != core.KindForbidden && k != core.KindUnauthorized {
		return err
	}
	if err != nil {
		if err := a.noteTrouble(ctx, *i, core.MessageOf(err)); err != nil {
			return err
		}
		return err
	}
	if seen.Name == i.Name && seen.Slug == i.Slug && seen.Trouble == i.Trouble {
		return nil
	}
	i.Name, i.Slug, i.Trouble, i.UpdatedAt = seen.Name, seen.Slug, seen.Trouble, a.now()
	a.connections.put(*i)
	return a.store.NoteIntegration(ctx, *i)
}

func (a *App) connectionOf(i core.Integration) (core.Connection, error) {
	if i.Origin != core.OriginEnvironment {
		return a.unseal(i)
	}
	for _, c := range a.environment {
		if c.ID == i.ID {
			c.Integration = i
			return c, nil
		}
	}
	return core.Connection{}, core.Errorf(core.KindInvalid, "%s is not in the server's settings any more", i.Name)
}

func (a *App) keepInventory(ctx context.Context, tx core.Store, i core.Integration, all []core.Inventory) error {
	known, err := tx.ListInstallations(ctx, i.ID)
	if err != nil {
		return err
	}
	live, seen := map[int64]bool{}, map[string]bool{}
	for _, inventory := range all {
		live[inventory.ExternalID] = true
		if err := a.keepInstallation(ctx, tx, i, inventory, seen); err != nil {
			return fmt.Errorf("installation on %s: %w", inventory.Account, err)
		}
	}
	for _, old := range known {
		if !live[old.ExternalID] {
			if err := tx.DeleteInstallation(ctx, i.ID, old.ExternalID); err != nil {
				return err
			}
		}
	}
	return a.loseRepositories(ctx, tx, i, seen)
}

// keepInstallation notes an installation and its repositories, whose external ids it
// adds to seen. One that is suspended lists none: those that it had are marked.
func (a *App) keepInstallation(ctx context.Context, tx core.Store, i core.Integration, inventory core.Inventory, seen map[string]bool) error {
	installation := inventory.Installation
	installation.IntegrationID, installation.UpdatedAt = i.ID, a.now()
	if err := tx.SaveInstallation(ctx, installation); err != nil {
		return err
	}
	if installation.Suspended {
		return a.markSuspended(ctx, tx, i, installation, seen)
	}
	for _, said := range inventory.Repositories {
		seen[said.ExternalID] = true
		if err := a.keepRepository(ctx, tx, i.ID, i.Host, said, ""); err != nil {
			return err
		}
	}
	return nil
}

func (a *App) markSuspended(ctx context.Context, tx core.Store, i core.Integration, installation core.Installation, seen map[string]bool) error {
	repos, err := tx.ListRepositories(ctx, i.Provider)
	if err != nil {
		return err
	}
	for _, r := range repos {
		if r.IntegrationID != i.ID || r.InstallationID != installation.ExternalID {
			continue
		}
		seen[r.ExternalID] = true
		if err := a.changeAvailable(ctx, tx, r, suspendedOn(installation.Account)); err != nil {
			return err
		}
	}
	return nil
}

// loseRepositories says of those that the integration does not list that they are out
// of reach.
func (a *App) loseRepositories(ctx context.Context, tx core.Store, i core.Integration, seen map[string]bool) error {
	repos, err := tx.ListRepositories(ctx, i.Provider)
	if err != nil {
		return err
	}
	for _, r := range repos {
		if r.IntegrationID != i.ID || seen[r.ExternalID] || r.Unavailable != "" {
			continue
		}
		if err := a.changeAvailable(ctx, tx, r, noAccess(i.Provider)); err != nil {
			return err
		}
	}
	return nil
}

// keepRepository takes over what a forge says of a repository; what it does not say stays.
func (a *App) keepRepository(ctx context.Context, tx core.Store, integrationID, host string, said core.Repository, unavailable string) error {
	r, err := tx.FindRepositoryByExternalID(ctx, said.Provider, host, said.ExternalID)
	unknown := core.KindOf(err) == core.KindNotFound
	if unknown {
		r, err = core.Repository{ID: a.newID(), Provider: said.Provider, Host: host, ExternalID: said.ExternalID, CreatedAt: a.now()}, nil
	}
	if err != nil {
		return err
	}
	if a.heldByAnother(r, integrationID) {
		return nil // two Apps see it: it stays with the first while that one reaches it
	}
	before := r
	takeOver(&r, said)
	r.IntegrationID = orElse(integrationID, r.IntegrationID)
	if said.InstallationID != 0 {
		r.InstallationID = said.InstallationID
	}
	if r == before && r.Unavailable == unavailable {
		return nil
	}
	if unknown { // so nothing waits for it
		r.Unavailable, r.UpdatedAt = unavailable, a.now()
		_, err := tx.SaveRepository(ctx, r)
		return err
	}
	return a.setAvailable(ctx, tx, r, unavailable)
}

// heldByAnother tells whether another integration that is connected reaches the repository.
func (a *App) heldByAnother(r core.Repository, integrationID string) bool {
	if r.IntegrationID == "" || r.IntegrationID == integrationID || integrationID == "" || r.Unavailable != "" {
		return false
	}
	_, connected := a.connections.get(r.IntegrationID)
	return connected
}

func (a *App) changeAvailable(ctx context.Context, tx core.Store, r core.Repository, unavailable string) error {
	if r.Unavailable == unavailable {
		return nil
	}
	return a.setAvailable(ctx, tx, r, unavailable)
}

func suspendedOn(account string) string { return "The App is suspended on " + account }

func noAccess(p core.Provider) string {
	if p == core.ProviderGitLab {
		return "The token has no access to it any more"
	}
	return "The App has no access to it any more"
}
