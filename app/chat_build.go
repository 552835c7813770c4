package app

import (
	"context"
	"fmt"
	"strings"

	"github.com/oore-ci/oore/app/core"
)

// chatBuild starts builds: of what a pull request stands at, or of a branch, tag or
// commit of the repository.
func (a *App) chatBuild(ctx context.Context, c *conversation, in core.ChatCommand) (said, error) {
	scoped, err := a.scope(ctx, c, in)
	if err != nil {
		return said{}, err
	}
	if in.Options["platform"] != "" {
		return said{}, core.Errorf(core.KindInvalid, "Argument `platform` is not supported by this version; choose a pipeline instead.")
	}
	what, err := a.chatTarget(ctx, c, scoped, in)
	if err != nil {
		return said{}, err
	}
	chosen, err := a.chosenPipelines(c, scoped, in, what)
	if err != nil {
		return said{}, err
	}
	var texts []string
	result := said{}
	for _, one := range chosen {
		text, started, err := a.chatBuildOne(ctx, c, one, in, what)
		if err != nil {
			return said{}, err
		}
		texts, result.done = append(texts, text), result.done || started
	}
	result.text = strings.Join(texts, "\n")
	return result, nil
}

// chatTarget is the commit to build, as an event would tell of it.
func (a *App) chatTarget(ctx context.Context, c *conversation, scoped []candidate, in core.ChatCommand) (core.Event, error) {
	branch, tag, commit := in.Options["branch"], in.Options["tag"], in.Options["commit"]
	if c.door == core.DoorForge && branch == "" && tag == "" {
		pull, err := a.pullRequest(ctx, c)
		if err != nil {
			return pull, err
		}
		if !strings.HasPrefix(pull.SHA, commit) {
			return pull, core.Codef(core.KindInvalid, "commit_not_in_pr", "The pull request stands at %.12s now, not at %s; build a branch with `branch=`.", pull.SHA, quoted(commit))
		}
		return pull, nil
	}
	project := scoped[0].project
	if branch == "" && tag == "" {
		branch = project.Branch()
	}
	ref, full := orElse(tag, branch), ""
	if commit != "" {
		if !core.ValidSHA(commit) {
			return core.Event{}, core.Codef(core.KindInvalid, "ref_not_found", "Give the commit by its whole SHA.")
		}
		full = commit
	}
	found, err := a.resolve(ctx, project.Repository, ref, full)
	if core.KindOf(err) == core.KindInvalid && err != nil {
		return core.Event{}, core.Codef(core.KindNotFound, "ref_not_found", "%s has no branch, tag or commit %s.", project.Repository.FullName, quoted(orElse(full, ref)))
	}
	e := core.Event{Branch: branch, Tag: tag, SHA: found.SHA, Message: found.Message, Author: found.Author}
	return e, err
}

// chosenPipelines are those that the command names; else those that the pull request
// triggers, and in Slack the only one.
func (a *App) chosenPipelines(c *conversation, scoped []candidate, in core.ChatCommand, what core.Event) ([]candidate, error) {
	if selectors := append(in.List("pipeline"), in.Args...); len(selectors) > 0 {
		return selectPipelines(scoped, selectors)
	}
	var chosen []candidate
	for _, one := range scoped {
		asked := what
		asked.Message, asked.Draft = "", false // a person's command overrides what only keeps events back
		if one.pipeline.Enabled && (what.Kind == core.EventNone || one.pipeline.Trigger.Match(asked).Matched) {
			chosen = append(chosen, one)
		}
	}
	if len(chosen) == 0 {
		return nil, core.Codef(core.KindNotFound, "no_match", "No enabled pipeline matches this pull request. Available: %s.", some(pipelineNames(scoped)))
	}
	if c.door == core.DoorSlack && len(chosen) > 1 {
		return nil, core.Codef(core.KindInvalid, "ambiguous", "Say which pipeline: %s, or `all`.", some(pipelineNames(scoped)))
	}
	return chosen, nil
}

func (a *App) chatBuildOne(ctx context.Context, c *conversation, one candidate, in core.ChatCommand, what core.Event) (text string, started bool, err error) {
	if err := core.Allow(c.actor, core.ActTrigger, &one.project); err != nil {
		return "", false, err
	}
	if err := a.trusted(ctx, a.store, one.project, what); err != nil {
		return "", false, err
	}
	if in.Options["fresh"] != "true" {
		running, err := a.activeBuilds(ctx, a.store, core.BuildFilter{PipelineID: one.pipeline.ID, SHA: what.SHA})
		if err != nil {
			return "", false, err
		}
		for _, b := range running {
			if b.Tag == what.Tag && !c.made(b) {
				return fmt.Sprintf("Build #%d already runs for this commit: %s", b.Number, a.BuildURL(b.ID)), false, nil
			}
		}
	}
	b := a.newBuild(one.pipeline, core.TriggerChat, c.actor)
	b.Branch, b.Tag, b.SHA, b.PullRequest = what.Branch, what.Tag, what.SHA, what.PullRequest
	b.CommitMessage, b.CommitAuthor = what.Message, what.Author
	b, err = a.keepChatBuild(ctx, c, one, b)
	return a.startedText(one, b), err == nil, err
}

// keepChatBuild stores a build that a command asked for, once.
func (a *App) keepChatBuild(ctx context.Context, c *conversation, one candidate, b core.Build) (core.Build, error) {
	b.TriggerRef, b.DeliveryID = c.ref(), c.delivery.ID
	if c.door == core.DoorSlack {
		b.ChatChannel = c.chat.Team + "/" + c.chat.Channel
	}
	b.DedupeKey = "chat:" + c.identity() + ":" + b.PipelineID + ":" + b.SHA + ":" + b.SourceBuildID
	var canceled []core.Build
	err := a.store.InTx(ctx, func(tx core.Store) (err error) {
		if b, _, err = tx.CreateBuild(ctx, b, queuedEvent(b)); err != nil {
			return err
		}
		if canceled, err = a.supersede(ctx, tx, one.project.Repository, one.pipeline, b); err != nil {
			return err
		}
		return a.wantReports(ctx, tx, one.project.Repository, b)
	})
	if err != nil {
		return b, err
	}
	c.rings = append(c.rings, b.ID)
	for _, old := range canceled {
		c.rings = append(c.rings, old.ID)
	}
	v := verdictOf(one, core.Verdict{Matched: true, Code: core.WhyCommand, Reason: c.actor.Name + " asked for it."})
	v.BuildID = b.ID
	c.delivery.Verdicts = append(c.delivery.Verdicts, v)
	c.delivery.SHA = b.SHA
	return b, nil
}

func (a *App) startedText(one candidate, b core.Build) string {
	return fmt.Sprintf("Build #%d of %s is queued: %s", b.Number, one.pipeline.Name, a.BuildURL(b.ID))
}

// identity is the same for every delivery of one comment: two webhooks of a project, its
// own and its group's, tell of it twice.
func (c *conversation) identity() string {
	if c.door == core.DoorForge {
		return c.repo.ID + ":" + c.chat.ID
	}
	return c.delivery.ID
}

// made tells whether this conversation, or another of the same comment, asked for b.
func (c *conversation) made(b core.Build) bool {
	return b.DeliveryID == c.delivery.ID || c.door == core.DoorForge && b.TriggerRef == c.ref()
}

// ref says where a build was asked for, as TriggerRef keeps it.
func (c *conversation) ref() string {
	switch {
	case c.door == core.DoorSlack:
		return "slack:" + c.chat.Team + "/" + c.chat.Channel + "/" + c.chat.AuthorID
	case c.repo.Provider == core.ProviderGitLab:
		return fmt.Sprintf("gitlab:mr/%d#note-%s", c.chat.Number, c.chat.ID)
	}
	return fmt.Sprintf("github:pr/%d#comment-%s", c.chat.Number, c.chat.ID)
}

// chatRetry runs again what failed, or what is named.
func (a *App) chatRetry(ctx context.Context, c *conversation, in core.ChatCommand) (said, error) {
	builds, err := a.chatBuilds(ctx, c, in)
	if err != nil {
		return said{}, err
	}
	named := len(in.Args) > 0 && in.Args[0] != "failed" || len(in.List("pipeline")) > 0
	var texts []string
	for _, b := range builds {
		if !b.Status.Terminal() || b.Status == core.BuildSucceeded && !named {
			continue
		}
		one, err := c.project(b)
		if err != nil {
			return said{}, err
		}
		if err := a.mayChange(c, one, b); err != nil {
			return said{}, err
		}
		if err := enabled(one.pipeline); err != nil {
			return said{}, err
		}
		if err := a.trusted(ctx, a.store, one.project, core.Event{SHA: b.SHA, PullRequest: b.PullRequest}); err != nil {
			return said{}, err
		}
		again, err := a.keepChatBuild(ctx, c, one, a.rerunOf(b, one.pipeline, c.actor))
		if err != nil {
			return said{}, err
		}
		texts = append(texts, a.startedText(one, again))
	}
	if len(texts) == 0 {
		return said{}, core.Codef(core.KindConflict, "nothing_to_retry", "Nothing failed%s.", c.at())
	}
	return said{text: strings.Join(texts, "\n"), done: true}, nil
}

// chatBuilds lists what retry and cancel are about; a button names its build.
func (a *App) chatBuilds(ctx context.Context, c *conversation, in core.ChatCommand) ([]core.Build, error) {
	if c.chat.BuildID == "" {
		return a.targets(ctx, c, in)
	}
	b, err := a.store.FindBuild(ctx, c.chat.BuildID)
	if err != nil {
		return nil, err
	}
	if _, err := c.project(b); err != nil {
		return nil, core.Codef(core.KindNotFound, "build_not_found", "There is no such build.")
	}
	return []core.Build{b}, nil
}

func (c *conversation) at() string {
	if c.pull == nil {
		return ""
	}
	return " on " + c.pull.SHA[:min(len(c.pull.SHA), 7)]
}

// mayChange applies the project's own rule; whoever asked for a build may end it.
func (a *App) mayChange(c *conversation, one candidate, b core.Build) error {
	if c.door == core.DoorForge && b.PullRequest != nil && b.PullRequest.Number == c.chat.Number {
		return nil // mayRun has decided: write access, or the author's own pull request
	}
	if b.TriggerUser != "" && b.TriggerUser == c.actor.Identity() {
		return nil
	}
	return core.Allow(c.actor, core.ActTrigger, &one.project)
}

// chatCancel stops what has not ended.
func (a *App) chatCancel(ctx context.Context, c *conversation, in core.ChatCommand) (said, error) {
	builds, err := a.chatBuilds(ctx, c, in)
	if err != nil {
		return said{}, err
	}
	var texts []string
	for _, b := range builds {
		if b.Status.Terminal() {
			if len(builds) == 1 && (c.chat.BuildID != "" || len(in.Args) > 0 && isNumber(in.Args[0])) {
				return said{}, core.Codef(core.KindConflict, core.CodeInvalidTransition, "Build #%d has already finished (%s).", b.Number, b.Status)
			}
			continue
		}
		one, err := c.project(b)
		if err != nil {
			return said{}, err
		}
		if err := a.mayChange(c, one, b); err != nil {
			return said{}, err
		}
		if err := a.chatCancelOne(ctx, c, one, b.ID); err != nil {
			return said{}, err
		}
		texts = append(texts, fmt.Sprintf("Build #%d of %s is canceled.", b.Number, one.pipeline.Name))
	}
	if len(texts) == 0 {
		return said{}, core.Codef(core.KindConflict, core.WhyNothingToCancel, "No build is running%s.", c.at())
	}
	return said{text: strings.Join(texts, "\n"), done: true}, nil
}

func (a *App) chatCancelOne(ctx context.Context, c *conversation, one candidate, id string) error {
	err := a.store.InTx(ctx, func(tx core.Store) error {
		b, err := tx.FindBuild(ctx, id)
		if err != nil || b.Status.Terminal() {
			return err
		}
		return a.cancel(ctx, tx, one.project.Repository, &b, c.actor.Name, core.ReasonCanceledByUser, "Canceled by "+c.actor.Name)
	})
	c.rings = append(c.rings, id)
	return err
}
