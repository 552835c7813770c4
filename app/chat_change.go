package app

import (
	"context"
	"fmt"
	"slices"

	"github.com/oore-ci/oore/app/core"
)

// chatRetry runs again what failed, or what is named.
func (a *App) chatRetry(ctx context.Context, c *conversation, in core.ChatCommand) (deed, error) {
	b, named, err := a.namedBuild(ctx, c, in)
	builds := []core.Build{b}
	if err == nil && !named {
		builds, err = a.targets(ctx, c, in)
		named = len(in.Args) > 0 && in.Args[0] != "failed" || len(in.List("pipeline")) > 0
	}
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, tx core.Store) (said, error) {
		var p parts
		for _, b := range builds {
			one, err := c.project(b)
			if err != nil {
				return said{}, err
			}
			s, skip, err := a.retryOne(ctx, tx, c, one, b.ID, retrying{named: named, fresh: in.Options["fresh"] == "true"})
			if skip && err == nil {
				continue
			}
			if err := p.add(one, fmt.Sprintf("Build #%d of %s is not run again", b.Number, one.pipeline.Name), s, err); err != nil {
				return said{}, err
			}
		}
		if len(p.lines) == 0 {
			return said{}, core.Codef(core.KindConflict, "nothing_to_retry", "Nothing failed%s.", c.at())
		}
		return p.sum()
	}, nil
}

// retrying is how builds are to be run again.
type retrying struct {
	named bool // somebody chose the build: it need not have failed
	fresh bool // even if that is being done
}

// retryOne runs one build again, unless that is being done: people press a button twice.
// skip: there is nothing to say of it.
func (a *App) retryOne(ctx context.Context, tx core.Store, c *conversation, one candidate, id string, how retrying) (s said, skip bool, err error) {
	b, err := tx.FindBuild(ctx, id) // others who run it again wait
	if err != nil {
		return s, false, err
	}
	rerun := b
	if b.Status.Terminal() && !how.fresh {
		again, err := a.activeBuilds(ctx, tx, core.BuildFilter{SourceID: b.ID})
		if err != nil {
			return s, false, err
		}
		if len(again) > 0 {
			rerun = again[0]
		}
	}
	switch {
	case !rerun.Status.Terminal() && (how.named || rerun.SourceBuildID != ""):
		s, err = saying("Build #%d of %s already runs: %s", rerun.Number, one.pipeline.Name, a.BuildURL(rerun.ID))
		return s, false, err
	case !b.Status.Terminal() || b.Status == core.BuildSucceeded && !how.named:
		return s, true, nil
	}
	for _, err := range []error{
		c.mayRetry(one, b), enabled(one.pipeline), a.trusted(ctx, tx, one.project, core.Event{SHA: b.SHA, PullRequest: b.PullRequest}),
	} {
		if err != nil {
			return s, false, err
		}
	}
	s, err = a.createChatBuild(ctx, tx, c, one, a.rerunOf(b, one.pipeline, c.actor))
	return s, false, err
}

// namedBuild finds the one build that a button or a number names.
func (a *App) namedBuild(ctx context.Context, c *conversation, in core.ChatCommand) (b core.Build, named bool, err error) {
	if c.chat.BuildID != "" {
		b, err = a.store.FindBuild(ctx, c.chat.BuildID)
		if _, hidden := c.project(b); core.KindOf(err) == core.KindNotFound || err == nil && hidden != nil {
			err = core.Codef(core.KindNotFound, "build_not_found", "There is no such build.")
		}
		return b, true, err
	}
	if len(in.Args) == 0 || !isNumber(in.Args[0]) {
		return b, false, nil
	}
	about, err := a.scope(ctx, c, in)
	if err == nil {
		b, err = a.findBuild(ctx, about.projects, in.Args[0])
	}
	return b, true, err
}

func (c *conversation) at() string {
	if c.pull == nil {
		return ""
	}
	return " on " + c.pull.SHA[:min(len(c.pull.SHA), 7)]
}

// mayRetry applies the project's own rule.
func (c *conversation) mayRetry(one candidate, b core.Build) error {
	if c.door == core.DoorForge && b.PullRequest != nil && b.PullRequest.Number == c.chat.Number {
		return nil // mayRun has decided: write access, or the author's own pull request
	}
	return core.Allow(c.actor, core.ActTrigger, &one.project)
}

// mayCancel is mayRetry, and whoever asked for a build may end it.
func (c *conversation) mayCancel(one candidate, b core.Build) error {
	if b.TriggerUser != "" && b.TriggerUser == c.actor.Identity() {
		return nil
	}
	return c.mayRetry(one, b)
}

// chatCancel stops what has not ended.
func (a *App) chatCancel(ctx context.Context, c *conversation, in core.ChatCommand) (deed, error) {
	b, named, err := a.namedBuild(ctx, c, in)
	if err != nil {
		return nil, err
	}
	if named {
		return func(ctx context.Context, tx core.Store) (said, error) { return a.cancelOne(ctx, tx, c, b.ID) }, nil
	}
	filters, chosen, err := a.toCancel(ctx, c, in)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, tx core.Store) (said, error) {
		living, err := a.living(ctx, tx, filters, chosen)
		if err != nil {
			return said{}, err
		}
		var p parts
		for _, b := range living {
			one, err := c.project(b)
			if err != nil {
				return said{}, err
			}
			s, err := a.cancelOne(ctx, tx, c, b.ID)
			if err := p.add(one, fmt.Sprintf("Build #%d of %s is not stopped", b.Number, one.pipeline.Name), s, err); err != nil {
				return said{}, err
			}
		}
		if len(p.lines) == 0 {
			return said{}, core.Codef(core.KindConflict, core.WhyNothingToCancel, "No build is running%s.", c.at())
		}
		return p.sum()
	}, nil
}

// toCancel says among which builds a cancel without a number looks, and of which
// pipelines: all of a pull request, whatever commit they build, and what else builds the
// commit that it stands at; in Slack those of the project.
func (a *App) toCancel(ctx context.Context, c *conversation, in core.ChatCommand) ([]core.BuildFilter, []candidate, error) {
	about, err := a.scope(ctx, c, in)
	if err != nil {
		return nil, nil, err
	}
	selectors := in.List("pipeline")
	if len(in.Args) > 0 && in.Args[0] != "all" {
		selectors = append(selectors, in.Args[0])
	}
	chosen := about.candidates
	if len(selectors) > 0 {
		if chosen, err = selectPipelines(chosen, selectors, toFind); err != nil {
			return nil, nil, err
		}
	}
	if c.door == core.DoorSlack {
		if len(in.Args)+len(selectors) == 0 {
			return nil, nil, core.Codef(core.KindInvalid, core.CodeMissingValue, "Say which: a build's number, a pipeline, or `all`.")
		}
		return []core.BuildFilter{{ProjectID: about.projects[0].ID}}, chosen, nil
	}
	pull, err := a.pullRequest(ctx, c)
	return []core.BuildFilter{
		{RepositoryID: c.repo.ID, PullRequest: c.chat.Number}, {RepositoryID: c.repo.ID, SHA: pull.SHA},
	}, chosen, err
}

// living lists the chosen pipelines' builds that have not ended and pass one of the
// filters, oldest first.
func (a *App) living(ctx context.Context, tx core.Store, filters []core.BuildFilter, chosen []candidate) ([]core.Build, error) {
	var all []core.Build
	for _, f := range filters {
		active, err := a.activeBuilds(ctx, tx, f)
		if err != nil {
			return nil, err
		}
		for _, b := range slices.Backward(active) {
			known := slices.ContainsFunc(all, func(other core.Build) bool { return other.ID == b.ID })
			if !known && slices.ContainsFunc(chosen, func(one candidate) bool { return one.pipeline.ID == b.PipelineID }) {
				all = append(all, b)
			}
		}
	}
	return all, nil
}

func (a *App) cancelOne(ctx context.Context, tx core.Store, c *conversation, id string) (said, error) {
	b, err := tx.FindBuild(ctx, id)
	if err != nil {
		return said{}, err
	}
	one, err := c.project(b)
	if err != nil {
		return said{}, err
	}
	if b.Status.Terminal() {
		return said{}, core.Codef(core.KindConflict, core.CodeInvalidTransition, "Build #%d has already finished (%s).", b.Number, b.Status)
	}
	if err := c.mayCancel(one, b); err != nil {
		return said{}, err
	}
	err = a.cancelFor(ctx, tx, c.actor, one.project.Repository, &b)
	return said{text: fmt.Sprintf("Build #%d of %s is canceled.", b.Number, one.pipeline.Name), done: true, rings: []string{b.ID}}, err
}
