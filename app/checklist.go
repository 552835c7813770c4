package app

import (
	"context"
	"slices"

	"github.com/oore-ci/oore/app/core"
)

// ToDo is a thing to do before a house is whole.
type ToDo struct {
	Code string // one of the ToDo… codes
	Done bool
}

// Codes of what there is to do, in the order in which it is done.
const (
	ToDoRunner  = "runner"  // one is online
	ToDoBuild   = "build"   // one has ended
	ToDoSource  = "source"  // a forge is connected
	ToDoWebhook = "webhook" // one has arrived of late
	ToDoComment = "comment" // a pull request has its comment
	ToDoSlack   = "slack"   // a Slack app is connected
	ToDoBackup  = "backup"  // one was made of late
)

// Checklist tells what is done of what makes a house whole; nil: all of it, or the actor
// is none of those who can do it.
func (a *App) Checklist(ctx context.Context, actor core.Actor) ([]ToDo, error) {
	if core.Allow(actor, core.ActManageInstance, nil) != nil {
		return nil, nil
	}
	runners, err := a.store.ListRunners(ctx)
	if err != nil {
		return nil, err
	}
	ended, err := a.store.ListEndedBuilds(ctx, nil, 1)
	if err != nil {
		return nil, err
	}
	sources, err := a.store.ListIntegrations(ctx)
	if err != nil {
		return nil, err
	}
	arrived, _, err := a.store.ListDeliveries(ctx, core.DeliveryFilter{}, core.Page{Limit: 20})
	if err != nil {
		return nil, err
	}
	commented, err := a.store.HasCommented(ctx)
	if err != nil {
		return nil, err
	}
	backup, _, err := a.store.LastBackup(ctx)
	if err != nil {
		return nil, err
	}
	list := []ToDo{
		{ToDoRunner, slices.ContainsFunc(runners, func(r core.Runner) bool { return r.State(a.now()) == core.RunnerOnline })},
		{ToDoBuild, len(ended) > 0},
		{ToDoSource, len(sources) > 0},
		{ToDoWebhook, slices.ContainsFunc(arrived, byWebhook)},
		{ToDoComment, commented},
		{ToDoSlack, a.messenger != nil},
		{ToDoBackup, !backup.IsZero() && a.now().Sub(backup) <= core.BackupLife},
	}
	if !slices.ContainsFunc(list, func(t ToDo) bool { return !t.Done }) {
		return nil, nil
	}
	return list, nil
}

func byWebhook(d core.Delivery) bool {
	return (d.Provider == core.ProviderGitHub || d.Provider == core.ProviderGitLab) && d.Event != sweepEvent
}
