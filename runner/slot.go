package runner

import (
	"context"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// slot runs one build after another in the workspace until claims ends. Workspace and shim are made
// ready while it waits for work; the shim serves build after build as long as each
// leaves nothing.
func (p *Pool) slot(ctx, claims, house context.Context, workspace string) {
	var s *shim
	defer func() {
		if s != nil {
			s.release()
		}
	}()
	for fails := 0; claims.Err() == nil; {
		err := p.makeReady(workspace)
		if err == nil {
			s, err = p.living(s)
		}
		var job *core.Job
		if err == nil {
			job, err = p.claim(claims)
		}
		switch {
		case err != nil:
			if refused(err) { // ask the house whether it still knows us
				p.beatNow()
			}
			fails++
			pause(claims, min(core.Backoff(fails), maxPause))
		case job != nil:
			fails = 0
			if fresh, err := p.living(s); err == nil { // else the build says what is wrong
				s = fresh
			}
			if !p.work(ctx, house, *job, s, workspace) {
				s.release()
				s = nil
			}
		default:
			fails = 0
			pause(claims, 20*time.Millisecond) // a house that never waits must not make us ask without end
		}
	}
}

// living returns the shim, or a new one in place of none and of one that was killed while it
// waited for work (by an operator, or for want of memory), which is no build's fault.
func (p *Pool) living(s *shim) (*shim, error) {
	if s != nil && !s.gone() {
		return s, nil
	}
	if s != nil {
		p.log.Warn("a slot's shim has gone while it waited for work; the slot gets a new one")
		s.release()
	}
	s, err := startShim(p.exe)
	if err != nil {
		p.log.Error("start a shim", "error", err)
		return nil, err
	}
	s.meter = p.meter
	return s, nil
}

// claim waits for a build; nil without an error: none came, or none is wanted now.
func (p *Pool) claim(claims context.Context) (*core.Job, error) {
	room, leave := p.gate.enter(claims)
	defer leave()
	if room.Err() != nil {
		return nil, nil
	}
	job, err := p.jobs.Claim(room, p.runner, claimWait)
	if room.Err() != nil && job == nil {
		return nil, nil
	}
	if err != nil {
		p.log.Warn("claim a build", "error", err)
	}
	return job, err
}

// beatNow lets the house hear of us at once.
func (p *Pool) beatNow() {
	select {
	case p.beats <- struct{}{}:
	default:
	}
}

// work runs one build and frees the slot as soon as its processes are gone; its
// last words reach the house later, if they must. false: the shim is of no more use.
func (p *Pool) work(ctx, house context.Context, job core.Job, s *shim, workspace string) bool {
	b := &build{
		pool: p, job: job, shim: s, dir: workspace, sha: job.Build.SHA,
		lines: p.log.With("build", job.Build.ID, "attempt", job.Build.AssignedAt),
		log:   newJournal(job.NextLog, job.LogLimit),
		found: newFindings(&p.matchers, workspace),
		space: newSpace(p.limit, workspace, p.disk, p.meter),
		since: time.Now(), timeout: orDefault(job.Build.Timeout),
	}
	p.held.Store(job.Build.ID, nil)
	b.lines.Info("build claimed", "project", job.Build.ProjectID)
	s.arm()
	c := newCourier(house, b)
	work, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	defer context.AfterFunc(ctx, func() { stop(errShutdown) })()
	c.start(&p.finishing, stop)
	b.deadline = time.AfterFunc(b.timeout, func() { stop(errTimedOut) })
	result := b.watched(work, stop)
	b.deadline.Stop()
	shimErr := s.stop(graceFor(work))
	if shimErr != nil {
		b.lines.Error("stop a build's processes", "error", shimErr)
		s.release()
		if found := killMarked(buildMark + "=" + job.Build.ID); found > 0 {
			b.lines.Error("processes of a build were left that nobody watched over", "processes", found)
			p.meter.Note(core.MetricOrphans, float64(found))
			p.meter.Note(core.MetricKills, float64(found), "sweep")
		}
	}
	core.CrashPoint("process.ended")
	b.closeOutputs()
	b.giveBackMirrors()
	p.remove(secretsOf(workspace))
	result = b.redacted(result)
	b.space.leave()
	p.meter.Note(core.MetricMasked, float64(b.log.masks.hidden.Load()))
	b.lines.Info("build ended", "status", result.Status, "reason", result.Reason)
	c.finish(&p.finishing, result)
	return shimErr == nil
}

func orDefault(timeout time.Duration) time.Duration {
	if timeout > 0 {
		return timeout
	}
	return core.DefaultTimeout
}
