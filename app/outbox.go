package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/oore-ci/oore/app/core"
)

const (
	outboxParallel = 16 // calls of one lane at once
	// outboxHold is how long a sender may take before another may try: longer than
	// any call's time-out, short enough that a crash delays a status little.
	outboxHold = 15 * time.Second
	// outboxSpare is how much earlier a sender gives up than another may take the effect.
	outboxSpare    = time.Second
	effectAttempts = 60 // with Backoff: about four hours of outage, but for what is lasting
	tailLines      = 30
)

// wantReports asks that the forge be told of a build, if it takes reports at all.
func (a *App) wantReports(ctx context.Context, tx core.Store, repo core.Repository, b core.Build) error {
	if err := a.wantMessages(ctx, tx, b); err != nil {
		return err
	}
	if err := a.wantNotifications(ctx, tx, b); err != nil {
		return err
	}
	if a.reporters[repo.Provider] == nil || b.SHA == "" {
		return nil
	}
	if err := a.wantStatusOf(ctx, tx, repo, b); err != nil {
		return err
	}
	if b.PullRequest == nil {
		return nil
	}
	return tx.WantEffect(ctx, core.Effect{
		Key: core.CommentKey(repo.ID, b.PullRequest.Number), Kind: core.EffectComment,
		RepositoryID: repo.ID, Number: b.PullRequest.Number, NotBefore: a.now(), UpdatedAt: a.now(),
	})
}

func (a *App) wantStatusOf(ctx context.Context, tx core.Store, repo core.Repository, b core.Build) error {
	err := tx.WantEffect(ctx, core.Effect{
		Key: core.StatusKey(b.PipelineID, b.SHA), Kind: core.EffectStatus,
		RepositoryID: repo.ID, PipelineID: b.PipelineID, SHA: b.SHA, NotBefore: a.now(), UpdatedAt: a.now(),
	})
	core.CrashPoint("status.wanted")
	return err
}

// wantStatus asks for the status alone: what a comment says does not change when a
// build merely starts.
func (a *App) wantStatus(ctx context.Context, tx core.Store, b core.Build) error {
	if err := a.wantMessages(ctx, tx, b); err != nil {
		return err
	}
	p, err := tx.FindProject(ctx, b.ProjectID)
	if err != nil || a.reporters[p.Repository.Provider] == nil {
		return err
	}
	return a.wantStatusOf(ctx, tx, p.Repository, b)
}

// sent notes how a call went. Only errors that time can heal are tried again.
func (a *App) sent(e *core.Effect, err error) {
	e.NotBefore, e.UpdatedAt = a.now(), a.now()
	if err == nil {
		e.Done, e.Attempts, e.LastError, e.Parked = e.Wanted, 0, "", false
		return
	}
	e.LastError = err.Error()
	if core.KindOf(err) == core.KindLimited {
		// Waiting for our turn is no failure. The room keeps calls from the forge until
		// then, so we may look again soon: a result may pass where a progress may not.
		e.NotBefore = a.now().Add(min(max(retryAfter(err), time.Second), time.Minute))
		return
	}
	e.Attempts++
	switch core.KindOf(err) {
	case core.KindNotFound, core.KindGone, core.KindInvalid, core.KindForbidden, core.KindConflict, core.KindUnauthorized, core.KindTooLarge:
		e.Parked = true
	case core.KindUnavailable, core.KindInternal, core.KindLimited:
		e.Parked = e.Attempts >= effectAttempts && !lasting(*e, err)
		pause := core.Backoff(e.Attempts)
		e.NotBefore = a.now().Add(max(retryAfter(err), pause/2+rand.N(pause)))
	}
	a.log.Warn("report to the forge", "key", e.Key, "attempt", e.Attempts, "parked", e.Parked, "error", err)
}

// lasting tells what is tried for as long as the forge is away: the last status must be that
// of the newest build, whenever that can be told.
func lasting(e core.Effect, err error) bool {
	return core.KindOf(err) == core.KindUnavailable && (e.Kind == core.EffectStatus || e.Kind == core.EffectComment)
}

func retryAfter(err error) time.Duration {
	var e *core.Error
	if errors.As(err, &e) {
		return e.RetryAfter
	}
	return 0
}

// send renders what is true now and tells the forge, unless it was told just that.
func (a *App) send(ctx context.Context, e *core.Effect) error {
	if e.Kind == core.EffectReply || e.Kind == core.EffectReact || e.Kind == core.EffectMessage {
		return a.sendChat(ctx, e)
	}
	if e.Kind == core.EffectNotify {
		return a.sendNotification(ctx, e)
	}
	if e.Kind == core.EffectSettings {
		return a.takeOver(ctx, *e)
	}
	repo, err := a.store.FindRepository(ctx, e.RepositoryID)
	if err == nil {
		err = a.hearOf(ctx, repo)
	}
	if err != nil {
		return err
	}
	reporter, ok := a.reporters[repo.Provider]
	if !ok {
		return core.Errorf(core.KindInvalid, "%s is not set up any more", repo.Provider)
	}
	if e.Kind == core.EffectComment {
		return a.sendComment(ctx, e, repo, reporter)
	}
	r, err := a.statusReport(ctx, *e)
	if err != nil {
		return err
	}
	said := digest(r.State, r.Context, r.Description, r.TargetURL)
	if said == e.Sent {
		e.Told = core.ToldOf(r.Build)
		return nil
	}
	start := a.now()
	err = a.tell(ctx, e, repo, reporter, r)
	if r.Build.ID != "" {
		a.told(start, *e, err, core.BuildSpan(r.Build), r.Build)
	}
	if err != nil {
		return err
	}
	if r.Build.ID != "" {
		a.meter.Note(core.MetricStatusLag, a.now().Sub(r.Build.UpdatedAt).Seconds())
	}
	e.Sent, e.Told = said, core.ToldOf(r.Build)
	return nil
}

// tell shows the report as the project wants it, where the forge can.
func (a *App) tell(ctx context.Context, e *core.Effect, repo core.Repository, reporter core.Reporter, r core.Report) error {
	p, err := a.store.FindProject(ctx, r.Pipeline.ProjectID)
	if err != nil {
		return err
	}
	checks, ok := reporter.(core.CheckReporter)
	if !ok || p.Checks != core.CheckRun {
		return reporter.SetStatus(ctx, repo, r)
	}
	if r.State == core.ReportFailure {
		if r.Tail, err = a.tail(ctx, r.Build); err != nil {
			return err
		}
	}
	id, err := checks.SetCheck(ctx, repo, r, e.RemoteID)
	if err != nil {
		return err
	}
	e.RemoteID = id
	return nil
}

func (a *App) statusReport(ctx context.Context, e core.Effect) (core.Report, error) {
	b, err := a.store.NewestBuild(ctx, e.PipelineID, e.SHA)
	if core.KindOf(err) == core.KindNotFound && e.Note.Code != "" {
		return a.noted(ctx, e)
	}
	if err != nil {
		return core.Report{}, err
	}
	return a.report(ctx, b)
}

func (a *App) report(ctx context.Context, b core.Build) (core.Report, error) {
	p, err := a.store.FindPipeline(ctx, b.PipelineID)
	if err != nil {
		return core.Report{}, err
	}
	steps, err := a.store.ListSteps(ctx, b.ID)
	if err != nil {
		return core.Report{}, err
	}
	r := core.ReportOf(b, p, steps, a.BuildURL(b.ID))
	if r.Artifacts, err = a.artifactLinks(ctx, b); err != nil {
		return r, err
	}
	if first := r.FirstError; first != nil && first.Path != "" {
		project, err := a.store.FindProject(ctx, b.ProjectID)
		if err != nil {
			return r, err
		}
		r.FirstErrorURL = project.Repository.FileURL(b.SHA, first.Path, first.Line)
	}
	return r, nil
}

func digest(parts ...any) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%v\x00", p)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
