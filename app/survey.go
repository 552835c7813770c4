package app

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/oore-ci/oore/app/core"
)

const (
	surveyEvery = 5 * time.Minute
	// forgeMemory is how far back a forge knows its deliveries (GitHub: three days).
	forgeMemory    = 72 * time.Hour
	redeliverLimit = 50 // asked for in one survey
	redeliverTries = 3
	sweepEvent     = "sweep"
	// tagRefs stands among a repository's heads once its tags are noted too: notes from
	// before there were any say nothing of them.
	tagRefs = "refs/tags/"
)

// survey asks the forges what we were never told: deliveries that did not reach us
// are asked for again, and heads that moved without a delivery are taken as one.
func (a *App) survey(ctx context.Context) (more bool, err error) {
	if a.databaseDisk.room() != nil {
		return false, nil // nothing could be stored, and a forge need not hear so again
	}
	for provider, forge := range a.forges {
		s, ok := forge.(core.Surveyor)
		if !ok {
			continue
		}
		whole, err := a.surveyForge(ctx, provider, s)
		if ctx.Err() != nil {
			break
		}
		result := "ok"
		if !whole {
			result = "failed"
		}
		a.meter.Note(core.MetricSurveys, 1, string(provider), result)
		if err != nil {
			return false, err
		}
	}
	return false, ctx.Err()
}

// surveyForge does what it can, and tells whether that was all.
func (a *App) surveyForge(ctx context.Context, provider core.Provider, s core.Surveyor) (whole bool, err error) {
	repos, err := a.linkedRepositories(ctx, provider)
	if err != nil {
		return false, err
	}
	whole = true
	check := func(err error, message string, about ...any) {
		if err != nil {
			whole = false
			a.warn(ctx, message, append(about, "error", err)...)
		}
	}
	check(a.mendHooks(ctx, provider, repos), "mend the webhooks", "provider", provider)
	a.pulses.beat(topicSurvey)
	check(a.recallMissed(ctx, provider, s, repos), "ask the forge for deliveries that we missed", "provider", provider)
	lost, err := a.givenUp(ctx)
	check(err, "look which builds were given up")
	for _, r := range repos {
		a.pulses.beat(topicSurvey) // thousands take their time
		check(a.sweepRepository(ctx, r, s, lost), "sweep a repository", "repository", r.FullName)
	}
	return whole, nil
}

// missed lists what the forge could not bring and what has not come since.
func (a *App) missed(ctx context.Context, p core.Provider, s core.Surveyor, repos ...core.Repository) ([]core.MissedDelivery, error) {
	all, trouble := s.Missed(ctx, core.Lookback{
		Since: a.now().Add(-forgeMemory), Repositories: repos, HookAddress: a.HookAddress(p), GoesOn: func() { a.pulses.beat(topicSurvey) },
	})
	var missed []core.MissedDelivery
	for _, m := range all {
		_, err := a.store.FindDeliveryOf(ctx, p, m.DeliveryID)
		switch {
		case core.KindOf(err) == core.KindNotFound:
			missed = append(missed, m)
		case err != nil:
			return nil, err
		}
	}
	return missed, trouble
}

func (a *App) recallMissed(ctx context.Context, p core.Provider, s core.Surveyor, repos []core.Repository) error {
	missed, trouble := a.missed(ctx, p, s, repos...)
	asked := 0
	held := map[string]bool{} // repositories of which the forge sends no more for now
	for _, m := range missed {
		if asked == redeliverLimit || held[m.RepositoryID] || a.recalls.tries(p, m.DeliveryID) >= redeliverTries {
			continue
		}
		a.pulses.beat(topicSurvey)
		err := s.Redeliver(ctx, m)
		if core.KindOf(err) == core.KindLimited {
			held[m.RepositoryID] = true
			continue
		}
		a.recalls.note(p, m.DeliveryID)
		asked++
		if k := core.KindOf(err); err != nil && (k == core.KindInvalid || k == core.KindNotFound || k == core.KindForbidden) {
			a.warn(ctx, "ask for a delivery that we missed", "provider", p, "delivery", m.DeliveryID, "error", err)
			continue // this one cannot be sent; others may
		}
		if err != nil {
			return fmt.Errorf("ask for delivery %s: %w", m.DeliveryID, err)
		}
		a.meter.Note(core.MetricRecovered, 1, string(p))
		a.log.Info("asked for a delivery that we missed", "provider", p, "delivery", m.DeliveryID, "event", m.Event, "answer", m.StatusCode)
	}
	return trouble
}

// sweepRepository compares where refs stand with where they stood. The first look
// only takes notes: what was there before us was never ours to build. lost are looked at
// wherever they stood.
func (a *App) sweepRepository(ctx context.Context, r core.Repository, s core.Surveyor, lost map[place]bool) error {
	known, err := a.store.ListHeads(ctx, r.ID)
	if err != nil {
		return err
	}
	heads, err := s.Heads(ctx, r)
	if err != nil {
		return err
	}
	_, tagsNoted := known[tagRefs]
	now := map[string]string{tagRefs: ""}
	moved := false
	for _, e := range heads {
		now[e.Ref] = e.SHA
		same := known[e.Ref] == e.SHA
		if same && !lost[place{e.Branch, e.SHA}] {
			continue
		}
		moved = moved || !same
		if known == nil || e.Kind == core.EventTag && !tagsNoted {
			continue
		}
		if err := a.sweepHead(ctx, r, e); err != nil {
			return err
		}
	}
	if !moved && len(now) == len(known) {
		return nil
	}
	core.CrashPoint("heads.taken")
	saving, saved := lastWord(ctx) // what we learned outlives a stop
	defer saved()
	return a.store.SaveHeads(saving, r.ID, now)
}

// forgetHeads makes the next look at a repository without a project a first one: what moved
// since it lost its last was never ours to build either.
func forgetHeads(ctx context.Context, tx core.Store, repositoryID string) error {
	projects, err := tx.ListProjectsOfRepository(ctx, repositoryID)
	if err != nil || len(projects) > 0 {
		return err
	}
	return tx.SaveHeads(ctx, repositoryID, nil)
}

// sweepHead takes a head that no delivery told of as a delivery of its own, so that
// it is decided about, and shown, like any other.
func (a *App) sweepHead(ctx context.Context, r core.Repository, e core.Event) error {
	told, err := a.announced(ctx, r, e)
	if err != nil {
		return err
	}
	id := "sweep:" + r.ExternalID + ":" + e.Ref + ":" + e.SHA
	if told {
		dead, err := a.headReplaced(ctx, r, e)
		if err != nil || dead == "" {
			return err
		}
		// Once more each hour: what the forge answers then may be of the past again.
		id += fmt.Sprintf(":%s:%d", dead, a.now().Unix()/3600)
	}
	e.Head = e.SHA // the forge's word, should it say nothing when the event is decided
	payload, err := json.Marshal(e)
	if err != nil {
		return err
	}
	_, duplicate, err := a.ReceiveDelivery(ctx, ReceiveDelivery{
		Provider: r.Provider, IntegrationID: r.IntegrationID, DeliveryID: id, Event: sweepEvent, Payload: payload,
	})
	if err == nil && !duplicate {
		a.log.Info("found a head that was not announced", "repository", r.FullName, "ref", e.Ref, "sha", e.SHA)
	}
	return err
}

// announced tells whether a delivery told of the head. Each ref must be told of by itself:
// its commit may have come with another, which other pipelines listen to. What is told of
// twice has one build all the same.
func (a *App) announced(ctx context.Context, r core.Repository, e core.Event) (bool, error) {
	told, _, err := a.store.ListDeliveries(ctx, core.DeliveryFilter{Provider: r.Provider, Repository: r.FullName, SHA: e.SHA}, core.Page{Limit: 200})
	return slices.ContainsFunc(told, func(d core.Delivery) bool { return d.Ref == e.Ref }), err
}

// headReplaced is the build of a branch's head that was given up for another commit's, "" if
// there is none: the forge was behind its own word for long, or the branch was set back
// without one. What a person has had built there since stays.
func (a *App) headReplaced(ctx context.Context, r core.Repository, e core.Event) (id string, err error) {
	if e.Branch == "" {
		return "", nil
	}
	builds, _, err := a.store.ListBuilds(ctx, core.BuildFilter{RepositoryID: r.ID, Branch: e.Branch, SHA: e.SHA}, core.Page{Limit: 200})
	seen := map[string]bool{}
	for _, b := range builds {
		known := seen[b.PipelineID]
		if seen[b.PipelineID] = true; known || b.StatusReason != core.ReasonSuperseded {
			continue
		}
		b.Number = math.MaxInt32
		newest, _, err := a.store.ListBuilds(ctx, core.BuildFilter{Before: &b}, core.Page{Limit: 1, Uncounted: true})
		if err != nil {
			return "", err
		}
		if len(newest) > 0 && !byHand(newest[0]) {
			return b.ID, nil
		}
	}
	return "", err
}

// byHand tells whether a person asked for just this build.
func byHand(b core.Build) bool {
	return b.TriggerType == core.TriggerManual || b.TriggerType == core.TriggerAPI || b.TriggerType == core.TriggerChat
}

// place is a branch at a commit.
type place struct{ branch, sha string }

// givenUp are the places of which one of the newest builds was replaced within the last day: should one be a
// head, its build is mended though the head is known. Not at once: what has just been
// pushed may be newer than the heads that are read.
func (a *App) givenUp(ctx context.Context) (map[place]bool, error) {
	canceled, _, err := a.store.ListBuilds(ctx, core.BuildFilter{Statuses: []core.BuildStatus{core.BuildCanceled}, Newest: 1000}, core.Page{Limit: 200, Uncounted: true})
	now, lost := a.now(), map[place]bool{}
	for _, b := range canceled {
		if b.StatusReason != core.ReasonSuperseded || b.FinishedAt == nil {
			continue
		}
		if ago := now.Sub(*b.FinishedAt); ago > time.Minute && ago < 24*time.Hour {
			lost[place{b.Branch, b.SHA}] = true
		}
	}
	return lost, err
}

// recalls counts how often each missed delivery was asked for. It may be forgotten:
// then it is asked for again.
type recalls struct{ count map[string]int }

func (r *recalls) tries(p core.Provider, id string) int { return r.count[string(p)+":"+id] }

func (r *recalls) note(p core.Provider, id string) { r.count[string(p)+":"+id]++ }
