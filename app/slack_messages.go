package app

import (
	"context"
	"fmt"

	"github.com/oore-ci/oore/app/core"
)

// wantMessages asks that channels be shown the build: the one where it was asked for,
// and those that subscribed to how it ended.
func (a *App) wantMessages(ctx context.Context, tx core.Store, b core.Build) error {
	if a.messenger == nil {
		return nil
	}
	if b.SourceBuildID != "" && b.Status == core.BuildQueued { // what it runs again loses its button
		if err := tx.WantMessagesAgain(ctx, b.SourceBuildID, a.now()); err != nil {
			return err
		}
	}
	channels := map[string]bool{}
	if b.ChatChannel != "" {
		channels[b.ChatChannel] = true
	}
	if b.Status.Terminal() {
		if err := a.addSubscribed(ctx, tx, b, channels); err != nil {
			return err
		}
	}
	for channel := range channels {
		err := tx.WantEffect(ctx, core.Effect{
			Key: "message:" + channel + ":" + b.ID, Kind: core.EffectMessage, BuildID: b.ID, Channel: channel, PipelineID: b.PipelineID, SHA: b.SHA,
			NotBefore: a.now(), UpdatedAt: a.now(),
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (a *App) addSubscribed(ctx context.Context, tx core.Store, b core.Build, channels map[string]bool) error {
	subscriptions, err := tx.ListSubscriptions(ctx, b.ProjectID)
	if err != nil || len(subscriptions) == 0 {
		return err
	}
	before, err := a.endedBefore(ctx, tx, b)
	if err != nil {
		return err
	}
	for _, s := range subscriptions {
		if (s.PipelineID == "" || s.PipelineID == b.PipelineID) && tells(s.On, before, b.Status) {
			channels[s.Team+"/"+s.Channel] = true
		}
	}
	return nil
}

// endedBefore is how the build before b ended, of the same pipeline and branch, those aside
// that were run again without anybody asking; empty: there is none.
func (a *App) endedBefore(ctx context.Context, tx core.Store, b core.Build) (core.BuildStatus, error) {
	for {
		builds, _, err := tx.ListBuilds(ctx, core.BuildFilter{
			Before: &b, Statuses: []core.BuildStatus{core.BuildSucceeded, core.BuildFailed, core.BuildTimedOut},
		}, core.Page{Limit: 1, Older: &core.Cursor{CreatedAt: b.CreatedAt, ID: b.ID}, Uncounted: true})
		if err != nil || len(builds) == 0 {
			return "", err
		}
		if b = builds[0]; !b.RunsAgain() {
			return b.Status, nil
		}
	}
}

// tells decides whether a channel hears of an end, by what came before it.
func tells(on core.SubscribedTo, before, now core.BuildStatus) bool {
	failed := func(s core.BuildStatus) bool { return s == core.BuildFailed || s == core.BuildTimedOut }
	broken := failed(now) && !failed(before)
	fixed := now == core.BuildSucceeded && failed(before)
	switch on {
	case core.OnAll:
		return true
	case core.OnFixed:
		return broken || fixed
	case core.OnBroken:
		return broken
	}
	return false
}

// message is a build as a channel is shown it.
func (a *App) message(ctx context.Context, b core.Build) (core.Message, error) {
	r, err := a.report(ctx, b)
	if err != nil {
		return core.Message{}, err
	}
	p, err := a.store.FindProject(ctx, b.ProjectID)
	if err != nil {
		return core.Message{}, err
	}
	if b.RunsAgain() {
		r.State = core.ReportPending
	}
	if r.State == core.ReportFailure {
		if r.Tail, err = a.tail(ctx, b); err != nil {
			return core.Message{}, err
		}
	}
	again, _, err := a.store.ListBuilds(ctx, core.BuildFilter{SourceID: b.ID}, core.Page{Limit: 1})
	if err != nil {
		return core.Message{}, err
	}
	if len(again) > 0 {
		r.RerunNumber = again[0].Number
	}
	return core.Message{Text: fmt.Sprintf("%s · %s #%d: %s", p.Name, r.Pipeline.Name, b.Number, r.Description), Report: &r, Link: r.TargetURL}, nil
}
