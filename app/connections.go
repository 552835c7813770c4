package app

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// connections remembers what each integration is, so that a delivery's host costs no
// query. Another server may add one: what is not known is looked up.
type connections struct {
	telling sync.Mutex // held from reading the store to telling the rooms: the last to read tells last

	mu   sync.Mutex
	byID map[string]core.Integration
	read string // what the store's were, when they were told
}

// sourcesEvery is how often a server looks whether another, or the command line, has changed
// what is connected.
const sourcesEvery = 4 * time.Second

// watchSources takes over what another process has connected, disconnected or given new keys.
func (a *App) watchSources(ctx context.Context) (more bool, err error) {
	stored, err := a.store.ListIntegrations(ctx)
	if err != nil || a.connections.knows(stored) {
		return false, err
	}
	return false, a.reconnect(ctx)
}

// hearOf is watchSources for a repository that is reached through something of which this
// process has not heard yet.
func (a *App) hearOf(ctx context.Context, repo core.Repository) error {
	if _, known := a.connections.get(repo.IntegrationID); known || repo.IntegrationID == "" {
		return nil
	}
	_, err := a.watchSources(ctx)
	return err
}

func told(stored []core.Integration) string {
	var parts []any
	for _, i := range stored {
		parts = append(parts, i.ID, i.UpdatedAt.UnixMicro(), string(i.Sealed))
	}
	return digest(parts...)
}

func (c *connections) knows(stored []core.Integration) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.read == told(stored)
}

func (c *connections) set(all []core.Connection, stored []core.Integration) {
	byID := map[string]core.Integration{}
	for _, one := range all {
		byID[one.ID] = one.Integration
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.byID, c.read = byID, told(stored)
}

func (c *connections) put(i core.Integration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.byID[i.ID]; ok {
		c.byID[i.ID] = i
	}
}

func (c *connections) get(id string) (core.Integration, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i, ok := c.byID[id]
	return i, ok
}

// list is ordered by age.
func (c *connections) list() []core.Integration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.SortedFunc(maps.Values(c.byID), func(x, y core.Integration) int {
		return cmp.Or(x.CreatedAt.Compare(y.CreatedAt), cmp.Compare(x.ID, y.ID))
	})
}

func (c *connections) first(p core.Provider) core.Integration {
	c.mu.Lock()
	defer c.mu.Unlock()
	var oldest core.Integration
	for _, i := range c.byID {
		if i.Provider == p && (oldest.ID == "" || i.CreatedAt.Before(oldest.CreatedAt)) {
			oldest = i
		}
	}
	return oldest
}

// host is where a delivery's repository lies: an integration speaks for its host
// alone. Deliveries from before there were integrations are of the oldest.
func (a *App) host(ctx context.Context, d core.Delivery) (string, error) {
	if d.IntegrationID == "" {
		return a.connections.first(d.Provider).Host, nil
	}
	if i, ok := a.connections.get(d.IntegrationID); ok {
		return i.Host, nil
	}
	i, err := a.store.FindIntegration(ctx, d.IntegrationID)
	if core.KindOf(err) == core.KindNotFound {
		return "", core.Errorf(core.KindInvalid, "The integration that it came through is not connected any more")
	}
	return i.Host, err
}

func sealedAt(integrationID string) string { return "integrations/" + integrationID }

// Connect tells the rooms of all integrations: those of the environment, which are
// noted in the store without their keys, and those that people made. One that cannot
// work is noted with what is wrong and holds up nobody. The environment may have new keys:
// what waited to be told through it is tried at once. Call it before anything else.
func (a *App) Connect(ctx context.Context) error {
	if err := a.noteEnvironment(ctx); err != nil {
		return fmt.Errorf("note the integrations of the environment: %w", err)
	}
	faults := []error{a.reconnect(ctx)}
	for _, c := range a.environment {
		faults = append(faults, a.resume(ctx, c.ID, false))
	}
	return errors.Join(faults...)
}

// Reconnect is Connect for a process beside the server, whose settings may be others: it
// notes none of its own.
func (a *App) Reconnect(ctx context.Context) error { return a.reconnect(ctx) }

// noteEnvironment makes the store's rows of the environment's integrations agree with it.
func (a *App) noteEnvironment(ctx context.Context) error {
	stored, err := a.store.ListIntegrations(ctx)
	if err != nil {
		return err
	}
	given := map[string]bool{}
	for _, c := range a.environment {
		given[c.ID] = true
	}
	known := map[string]core.Integration{}
	for _, i := range stored {
		known[i.ID] = i
		if i.Origin == core.OriginEnvironment && !given[i.ID] {
			if err := a.dropIntegration(ctx, a.store, i, "It is not in the server's settings any more"); err != nil {
				return err
			}
		}
	}
	for _, c := range a.environment {
		i := c.Integration
		i.CreatedAt, i.UpdatedAt = a.now(), a.now()
		if old, ok := known[i.ID]; ok {
			i.CreatedAt, i.Name, i.Slug, i.Trouble = old.CreatedAt, old.Name, old.Slug, old.Trouble
		}
		if err := a.store.SaveIntegration(ctx, i); err != nil {
			return err
		}
	}
	return nil
}

// reconnect reads all integrations anew and hands them to their rooms.
func (a *App) reconnect(ctx context.Context) error {
	a.connections.telling.Lock()
	defer a.connections.telling.Unlock()
	stored, err := a.store.ListIntegrations(ctx)
	if err != nil {
		return err
	}
	all := a.environmentConnections(stored)
	for _, i := range stored {
		if i.Origin == core.OriginEnvironment {
			continue
		}
		c, err := a.unseal(i)
		if err != nil {
			a.log.Error("an integration cannot be used", "integration", i.Name, "host", i.Host, "error", err)
			if err := a.noteTrouble(ctx, i, core.MessageOf(err)); err != nil {
				return err
			}
			continue
		}
		all = append(all, c)
	}
	var faults []error
	for provider, forge := range a.forges {
		room, ok := forge.(core.Connector)
		if !ok {
			continue
		}
		mine := []core.Connection{}
		for _, c := range all {
			if c.Provider == provider {
				mine = append(mine, c)
			}
		}
		faults = append(faults, room.Connect(mine))
	}
	a.connections.set(all, stored) // what is known here the rooms know
	return errors.Join(faults...)
}

func (a *App) environmentConnections(stored []core.Integration) []core.Connection {
	var all []core.Connection
	for _, c := range a.environment {
		for _, i := range stored {
			if i.ID == c.ID {
				c.Integration = i
			}
		}
		all = append(all, c)
	}
	return all
}

func (a *App) unseal(i core.Integration) (core.Connection, error) {
	c := core.Connection{Integration: i}
	plain, err := a.vault.Open(i.Sealed, sealedAt(i.ID))
	if err != nil {
		return c, err
	}
	if err := json.Unmarshal(plain, &c.Secrets); err != nil {
		return c, err
	}
	if c.Secrets.RefreshToken != "" {
		c.Tokens = grantTokens{a, i.ID}
	}
	return c, nil
}

func (a *App) seal(c core.Connection) (core.Integration, error) {
	plain, err := json.Marshal(c.Secrets) //nolint:gosec // secrets on purpose: the vault seals them in the next statement
	if err != nil {
		return c.Integration, err
	}
	c.Sealed, err = a.vault.Seal(plain, sealedAt(c.ID))
	return c.Integration, err
}

func (a *App) noteTrouble(ctx context.Context, i core.Integration, trouble string) error {
	if i.Trouble == trouble {
		return nil
	}
	i.Trouble, i.UpdatedAt = trouble, a.now()
	return a.store.NoteIntegration(ctx, i)
}

// dropIntegration forgets an integration and says of its repositories why they are
// out of reach.
func (a *App) dropIntegration(ctx context.Context, s core.Store, i core.Integration, why string) error {
	return s.InTx(ctx, func(tx core.Store) error {
		repos, err := tx.ListRepositories(ctx, i.Provider)
		if err != nil {
			return err
		}
		for _, r := range repos {
			if r.IntegrationID != i.ID {
				continue
			}
			if err := a.setAvailable(ctx, tx, r, fmt.Sprintf("%s is not connected: %s", i.Name, why)); err != nil {
				return err
			}
		}
		return tx.DeleteIntegration(ctx, i.ID)
	})
}
