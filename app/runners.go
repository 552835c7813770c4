package app

import (
	"context"
	"fmt"
	"strings"

	"github.com/oore-ci/oore/app/core"
)

// RegisterRunner describes a new runner.
type RegisterRunner struct {
	Name     string
	Labels   []string
	Platform string // "linux/x64"; its words are labels by themselves
	Slots    int    // builds at once; 0: one
}

// UpdateRunner changes what is set.
type UpdateRunner struct {
	Name    *string
	Labels  *[]string
	Enabled *bool
}

// RunnerDetail is a runner with the builds that it holds, as far as the asker may see
// them.
type RunnerDetail struct {
	core.Runner
	Builds []core.Build
}

// RegisterRunner makes a runner and the token by which it proves who it is. The token
// is good for the runner's own routes, is returned once and never stored.
func (a *App) RegisterRunner(ctx context.Context, actor core.Actor, in RegisterRunner) (RunnerDetail, string, error) {
	if err := core.Allow(actor, core.ActManageInstance, nil); err != nil {
		return RunnerDetail{}, "", err
	}
	now := a.now()
	r := core.Runner{
		ID: a.newID(), Name: strings.TrimSpace(in.Name), Platform: in.Platform, Slots: max(in.Slots, 1), Enabled: true, CreatedAt: now, UpdatedAt: now,
	}
	r.SetLabels(in.Labels)
	if err := r.Validate(); err != nil {
		return RunnerDetail{}, "", err
	}
	secret, hash := newSecret(core.CredentialRunner)
	err := a.store.InTx(ctx, func(tx core.Store) error {
		if err := tx.CreateRunner(ctx, r); err != nil {
			return err
		}
		if err := tx.CreateCredential(ctx, core.Credential{ID: r.ID, Kind: core.CredentialRunner, Hash: hash, Name: r.Name, CreatedAt: now}); err != nil {
			return err
		}
		entry := auditRunner(core.AuditRunnerRegister, r)
		entry.Changes = runnerChanges(core.Runner{}, r)
		return a.note(ctx, tx, actor, entry)
	})
	if err != nil {
		return RunnerDetail{}, "", err
	}
	a.log.Info("runner registered", "runner", r.ID, "name", r.Name, "actor", actor.Name)
	return RunnerDetail{Runner: r}, secret, nil
}

// AuthenticateRunner turns a runner's token into the runner; anything else, a person's
// token too, is KindUnauthorized, and noted.
func (a *App) AuthenticateRunner(ctx context.Context, v Visitor, secret string) (core.Runner, error) {
	r, err := a.runnerOf(ctx, secret)
	if core.KindOf(err) == core.KindUnauthorized {
		a.refusedRunner(ctx, v)
	}
	return r, err
}

func (a *App) runnerOf(ctx context.Context, secret string) (core.Runner, error) {
	unknown := core.Errorf(core.KindUnauthorized, "This is not the token of a runner, or the runner was deleted; register it again")
	c, err := a.credential(ctx, core.CredentialRunner, secret)
	if core.KindOf(err) == core.KindUnauthorized {
		return core.Runner{}, unknown
	}
	if err != nil {
		return core.Runner{}, err
	}
	r, err := a.store.FindRunner(ctx, c.ID)
	if core.KindOf(err) == core.KindNotFound {
		return r, unknown
	}
	return r, err
}

// EmbedRunner makes this server's own pool a runner like the others, or, without
// slots, no runner at all.
func (a *App) EmbedRunner(ctx context.Context, r core.Runner) error {
	if r.Slots == 0 {
		err := a.store.DeleteRunner(ctx, r.ID)
		if core.KindOf(err) == core.KindNotFound {
			return nil
		}
		return err
	}
	_, err := a.store.FindRunner(ctx, r.ID)
	if core.KindOf(err) != core.KindNotFound {
		return err
	}
	r.Labels, r.Embedded, r.Enabled, r.CreatedAt, r.UpdatedAt = []string{}, true, true, a.now(), a.now()
	return a.store.CreateRunner(ctx, r)
}

// Heartbeat notes that a runner lives. The first beat of a process takes back all that
// the runner held: it holds nothing. When it comes again, what the process has claimed since
// stays. From then on a beat of another process is refused with KindConflict, code
// runner_replaced.
func (a *App) Heartbeat(ctx context.Context, b core.RunnerBeat) error {
	if err := b.Validate(); err != nil {
		return err
	}
	seen, err := a.store.SaveBeat(ctx, b, a.now())
	if core.KindOf(err) == core.KindNotFound {
		r, err := a.store.FindRunner(ctx, b.RunnerID)
		if err != nil {
			return err
		}
		return core.Codef(core.KindConflict, core.CodeRunnerReplaced, "Another process has started as the runner %s; register each machine as a runner of its own", r.Name)
	}
	if err != nil || !b.First {
		return err
	}
	a.log.Info("runner started", "runner", b.RunnerID, "version", b.Version, "platform", b.Platform, "slots", b.Slots)
	return a.takeHeld(ctx, b.RunnerID, seen.SessionAt)
}

// ListRunners lists the runners by name.
func (a *App) ListRunners(ctx context.Context, actor core.Actor) ([]RunnerDetail, error) {
	if err := core.Allow(actor, core.ActRead, nil); err != nil {
		return nil, err
	}
	runners, err := a.store.ListRunners(ctx)
	if err != nil {
		return nil, err
	}
	held, err := a.heldBuilds(ctx, actor)
	if err != nil {
		return nil, err
	}
	details := make([]RunnerDetail, len(runners))
	for i, r := range runners {
		details[i] = RunnerDetail{Runner: r, Builds: held[r.ID]}
	}
	return details, nil
}

// FindRunner returns a runner with what it holds.
func (a *App) FindRunner(ctx context.Context, actor core.Actor, id string) (RunnerDetail, error) {
	if err := core.Allow(actor, core.ActRead, nil); err != nil {
		return RunnerDetail{}, err
	}
	r, err := a.store.FindRunner(ctx, id)
	if err != nil {
		return RunnerDetail{}, err
	}
	held, err := a.heldBuilds(ctx, actor)
	return RunnerDetail{Runner: r, Builds: held[id]}, err
}

// heldBuilds are those that runners work on and the actor may see, by runner.
func (a *App) heldBuilds(ctx context.Context, actor core.Actor) (map[string][]core.Build, error) {
	builds, _, err := a.ListBuilds(ctx, actor, core.BuildFilter{Statuses: []core.BuildStatus{core.BuildAssigned, core.BuildRunning}}, core.Page{Limit: 1000})
	held := map[string][]core.Build{}
	for _, b := range builds {
		held[b.RunnerID] = append(held[b.RunnerID], b)
	}
	return held, err
}

// UpdateRunner changes a runner's name, labels or whether it gets builds. Builds that
// it holds go on.
func (a *App) UpdateRunner(ctx context.Context, actor core.Actor, id string, in UpdateRunner) (RunnerDetail, error) {
	if err := core.Allow(actor, core.ActManageInstance, nil); err != nil {
		return RunnerDetail{}, err
	}
	err := a.store.InTx(ctx, func(tx core.Store) error {
		was, err := tx.FindRunner(ctx, id)
		if err != nil {
			return err
		}
		r := was
		if in.Name != nil {
			r.Name = strings.TrimSpace(*in.Name)
		}
		if in.Labels != nil {
			r.SetLabels(*in.Labels)
		}
		if in.Enabled != nil {
			r.Enabled = *in.Enabled
		}
		r.UpdatedAt = a.now()
		if err := r.Validate(); err != nil {
			return err
		}
		if err := tx.UpdateRunner(ctx, r); err != nil {
			return err
		}
		entry := auditRunner(core.AuditRunnerUpdate, r)
		entry.Changes = runnerChanges(was, r)
		return a.note(ctx, tx, actor, entry)
	})
	if err != nil {
		return RunnerDetail{}, err
	}
	a.log.Info("runner changed", "runner", id, "actor", actor.Name)
	a.bell.ring(topicQueue)
	return a.FindRunner(ctx, actor, id)
}

// DeleteRunner forgets a runner: its token is refused from now on, and what it held is
// run again. A server's own pool that is online: KindConflict.
func (a *App) DeleteRunner(ctx context.Context, actor core.Actor, id string) error {
	if err := core.Allow(actor, core.ActManageInstance, nil); err != nil {
		return err
	}
	err := a.store.InTx(ctx, func(tx core.Store) error {
		r, err := tx.FindRunner(ctx, id)
		if err != nil {
			return err
		}
		if r.Embedded && r.State(a.now()) != core.RunnerOffline {
			return core.Errorf(core.KindConflict, "%s is part of its server; pause it, or start the server with OORE_RUNNERS=0", r.Name)
		}
		if _, err := tx.DeleteCredential(ctx, id); err != nil {
			return err
		}
		if err := tx.DeleteRunner(ctx, id); err != nil {
			return err
		}
		return a.note(ctx, tx, actor, auditRunner(core.AuditRunnerDelete, r))
	})
	if err != nil {
		return err
	}
	a.log.Info("runner deleted", "runner", id, "actor", actor.Name)
	a.bell.ring(topicQueue)
	return a.RecoverRunner(ctx, id)
}

// KeepOwn leaves the builds of this server's own pool alone as long as it holds them: it
// lives while we do. Call it before RunWorkers.
func (a *App) KeepOwn(runnerID string, holds func(buildID string) bool) {
	a.own = func(b core.Build) bool { return b.RunnerID == runnerID && holds(b.ID) }
}

// AwaitRunners gives all runners time to be heard of before what they hold is taken
// from them: they could not renew while nobody was there. Where other servers were, they
// could, and one that starts again and again would keep for ever what is lost. Call it
// once, after Join.
func (a *App) AwaitRunners(ctx context.Context) error {
	if a.bell.company.Load() {
		return nil
	}
	return a.extendLeases(ctx)
}

// extendLeases lets every lease live long enough for its runner to say that it lives.
func (a *App) extendLeases(ctx context.Context) error {
	if err := a.store.ExtendLeases(ctx, a.now().Add(a.leaseTTL/3)); err != nil {
		return fmt.Errorf("give the runners time: %w", err)
	}
	a.meter.Note(core.MetricExtended, 1)
	return nil
}
