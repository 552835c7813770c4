package app

import (
	"context"
	"crypto/subtle"
	"errors"
	"strings"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// slowTick bounds how long a lost ring can delay anybody who waits.
const slowTick = 2 * time.Second

func topicCancel(buildID string) string { return "cancel:" + buildID }

// Claim waits up to wait for a build and hands it out; nil without an error: none
// came. What the runner may have is decided by its stored labels and whether it is
// enabled, as of each moment; one that is not registered is KindNotFound.
func (a *App) Claim(ctx context.Context, r core.Runner, wait time.Duration) (*core.Job, error) {
	deadline := time.NewTimer(wait)
	defer deadline.Stop()
	tick := time.NewTicker(slowTick)
	defer tick.Stop()
	for {
		ring := a.bell.wait(topicQueue)
		job, err := a.claim(ctx, r.ID)
		if err != nil || job != nil {
			return job, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-deadline.C:
			return nil, nil
		case <-ring:
		case <-tick.C:
		}
	}
}

// claim is one look at the queue.
func (a *App) claim(ctx context.Context, runnerID string) (*core.Job, error) {
	r, err := a.store.FindRunner(ctx, runnerID)
	if err != nil || !r.Enabled || a.databaseDisk.room() != nil {
		return nil, err
	}
	r.Labels = r.AllLabels()
	now := a.now()
	b, err := a.store.ClaimBuild(ctx, r, a.newID(), now, now.Add(core.ClaimTTL(a.leaseTTL)))
	switch {
	case core.KindOf(err) == core.KindNotFound && err != nil:
		return nil, nil
	case err != nil:
		return nil, err
	}
	core.CrashPoint("claim.stored")
	return a.job(ctx, b)
}

func (a *App) job(ctx context.Context, b core.Build) (*core.Job, error) {
	a.moved(b.ID)
	pipeline, err := a.store.FindPipeline(ctx, b.PipelineID)
	if err != nil {
		return nil, err
	}
	project, err := a.store.FindProject(ctx, b.ProjectID)
	if err != nil {
		return nil, err
	}
	extent, err := a.store.FindLog(ctx, b.ID)
	if err != nil {
		return nil, err
	}
	return &core.Job{
		Lease: core.Lease{BuildID: b.ID, RunnerID: b.RunnerID, Token: b.LeaseToken},
		Build: b, Pipeline: pipeline, Repository: project.Repository, DefaultBranch: project.Branch(), BuildURL: a.BuildURL(b.ID),
		NextLog: extent.Next, LogLimit: a.logLimit,
		LeaseTTL: a.leaseTTL, Traceparent: a.traceparent(b),
	}, nil
}

// leased loads the build of a lease: KindConflict, code lease_lost, if it has another,
// or is another runner's.
func (a *App) leased(ctx context.Context, s core.Store, l core.Lease) (core.Build, error) {
	b, err := s.FindBuild(ctx, l.BuildID)
	if core.KindOf(err) == core.KindNotFound || err == nil && (l.Token == "" || subtle.ConstantTimeCompare([]byte(b.LeaseToken), []byte(l.Token)) != 1 || b.RunnerID != l.RunnerID) {
		a.meter.Note(core.MetricFenced, 1, "write")
		return b, core.Codef(core.KindConflict, core.CodeLeaseLost, "The runner no longer holds build %s; it stops", l.BuildID)
	}
	return b, err
}

// Renew extends the lease at once, then waits up to wait for a reason to stop. An error
// means that the runner may not count on the lease; an end of ctx while it waits is none.
func (a *App) Renew(ctx context.Context, l core.Lease, wait time.Duration) (core.Renewal, error) {
	ring := a.bell.wait(topicCancel(l.BuildID))
	b, err := a.store.RenewLease(ctx, l, a.now().Add(a.leaseTTL))
	deadline := time.NewTimer(wait)
	defer deadline.Stop()
	tick := time.NewTicker(slowTick)
	defer tick.Stop()
	for {
		if err != nil || b.Status.Terminal() {
			return core.Renewal{Canceled: err == nil}, err
		}
		select {
		case <-ctx.Done():
			return core.Renewal{}, nil
		case <-deadline.C:
			return core.Renewal{}, nil
		case <-ring:
		case <-tick.C:
		}
		ring = a.bell.wait(topicCancel(l.BuildID))
		b, err = a.leased(ctx, a.store, l)
		if err != nil && ctx.Err() != nil && core.KindOf(err) == core.KindInternal { // broken off: the lease is stored
			return core.Renewal{}, nil
		}
	}
}

// Checkout gives address and credential of the build's repository, for one fetch.
func (a *App) Checkout(ctx context.Context, l core.Lease) (core.Checkout, error) {
	b, err := a.leased(ctx, a.store, l)
	if err != nil {
		return core.Checkout{}, err
	}
	project, err := a.store.FindProject(ctx, b.ProjectID)
	if err != nil {
		return core.Checkout{}, err
	}
	forge, err := a.forge(project.Repository.Provider)
	if err == nil {
		err = a.hearOf(ctx, project.Repository)
	}
	if err != nil {
		return core.Checkout{}, err
	}
	from, err := forge.Checkout(ctx, project.Repository)
	if errors.Is(err, errGrantEnded) { // the runner need not ask again
		return core.Checkout{}, core.Errorf(core.KindForbidden, "%s", core.MessageOf(err)).Because(err)
	}
	if err == nil && project.Repository.Provider != core.ProviderGit && !overHTTP(from.URL) && !a.isSample(from.URL) {
		return core.Checkout{}, core.Errorf(core.KindInvalid,
			"%s says that %s is cloned from an address that is neither https nor http. Folders of a runner are for projects of the provider git alone", project.Repository.Host, project.Repository.FullName)
	}
	return from, err
}

// overHTTP tells whether git goes to an address over the network and no other way: what a
// forge answers must not name a folder of the runner.
func overHTTP(address string) bool {
	return strings.HasPrefix(address, "https://") || strings.HasPrefix(address, "http://")
}

// Start moves the build to running; again is free. sha is the commit checked out.
func (a *App) Start(ctx context.Context, l core.Lease, sha string) error {
	err := a.store.InTx(ctx, func(tx core.Store) error {
		b, err := a.leased(ctx, tx, l)
		if err != nil || b.Status == core.BuildRunning { // the answer to the first call was lost
			return err
		}
		return a.start(ctx, tx, &b, sha)
	})
	if err == nil {
		core.CrashPoint("build.started")
		a.moved(l.BuildID)
		a.bell.ring(topicOutbox)
	}
	return err
}

func (a *App) start(ctx context.Context, tx core.Store, b *core.Build, sha string) error {
	event, err := b.Transition(core.BuildRunning, b.RunnerName, "", a.now())
	if err != nil {
		return err
	}
	if sha != "" {
		b.SHA = sha
	}
	b.LeaseExpiresAt = a.now().Add(a.leaseTTL)
	if err := tx.UpdateBuild(ctx, *b, core.BuildAssigned, b.LeaseToken, &event); err != nil {
		return err
	}
	return a.wantStatus(ctx, tx, *b)
}

// AppendLog stores chunks; a repeat is free.
func (a *App) AppendLog(ctx context.Context, l core.Lease, chunks []core.LogChunk) error {
	if len(chunks) == 0 {
		return core.Errorf(core.KindInvalid, "chunks: give one at least")
	}
	for _, c := range chunks {
		if c.BuildID != l.BuildID {
			return core.Errorf(core.KindInvalid, "A log chunk names build %s, the lease %s", c.BuildID, l.BuildID)
		}
	}
	if err := a.store.AppendLog(ctx, l.Token, chunks); err != nil {
		return err
	}
	core.CrashPoint("log.stored")
	a.changed(l.BuildID)
	return nil
}

// ReportStep stores a step's state.
func (a *App) ReportStep(ctx context.Context, l core.Lease, s core.Step) error {
	if s.BuildID != l.BuildID {
		return core.Errorf(core.KindInvalid, "A step names build %s, the lease %s", s.BuildID, l.BuildID)
	}
	err := a.store.InTx(ctx, func(tx core.Store) error {
		if _, err := a.leased(ctx, tx, l); err != nil {
			return err
		}
		return tx.SaveStep(ctx, s)
	})
	if err == nil {
		core.CrashPoint("step.stored")
		a.changed(l.BuildID)
	}
	return err
}
