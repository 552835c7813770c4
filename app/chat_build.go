package app

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/oore-ci/oore/app/core"
)

// chatBuild starts builds: of what a pull request stands at, or of a branch, tag or
// commit of the repository.
func (a *App) chatBuild(ctx context.Context, c *conversation, in core.ChatCommand) (deed, error) {
	about, err := a.scope(ctx, c, in)
	if err != nil {
		return nil, err
	}
	what, err := a.chatTarget(ctx, c, about, in)
	if err != nil {
		return nil, err
	}
	chosen, err := a.chosenPipelines(c, about, in, what)
	if err != nil {
		return nil, err
	}
	refused := map[string]error{} // by pipeline; no forge is asked within a transaction
	for _, one := range chosen {
		refused[one.pipeline.ID] = a.refusePlatforms(ctx, one.project.Repository, one.pipeline, what.SHA, askedPlatforms(in))
	}
	return func(ctx context.Context, tx core.Store) (said, error) {
		var p parts
		for _, one := range chosen {
			s, err := a.chatBuildOne(ctx, tx, c, one, in, what, refused[one.pipeline.ID])
			if err := p.add(one, "No build of "+one.pipeline.Name, s, err); err != nil {
				return said{}, err
			}
		}
		return p.sum()
	}, nil
}

// chatTarget is the commit to build, as an event would tell of it.
func (a *App) chatTarget(ctx context.Context, c *conversation, about scope, in core.ChatCommand) (core.Event, error) {
	branch, tag, commit := in.Options["branch"], in.Options["tag"], in.Options["commit"]
	if c.door == core.DoorForge && branch == "" && tag == "" {
		pull, err := a.pullRequest(ctx, c)
		if err != nil {
			return pull, err
		}
		if !strings.HasPrefix(pull.SHA, commit) {
			return pull, core.Codef(core.KindInvalid, "commit_not_in_pr", "The pull request stands at %.12s now, not at %s; build a branch with `branch=`.", pull.SHA, core.CodeSpan(commit))
		}
		return pull, nil
	}
	project := about.projects[0]
	if branch == "" && tag == "" {
		branch = project.Branch()
	}
	ref, full := orElse(tag, branch), ""
	if commit != "" {
		var err error
		if full, err = a.expand(ctx, c, project.Repository, commit); err != nil {
			return core.Event{}, err
		}
	}
	found, err := a.resolve(ctx, project.Repository, ref, full)
	if core.KindOf(err) == core.KindInvalid && err != nil {
		return core.Event{}, core.Codef(core.KindNotFound, "ref_not_found", "%s has no branch, tag or commit %s.", project.Repository.FullName, core.CodeSpan(orElse(full, ref)))
	}
	e := core.Event{Branch: branch, Tag: tag, SHA: found.SHA, Message: found.Message, Author: found.Author}
	return e, err
}

// chosenPipelines are those that the command names; else those that the pull request
// triggers, and in Slack the only one.
func (a *App) chosenPipelines(c *conversation, about scope, in core.ChatCommand, what core.Event) ([]candidate, error) {
	if selectors := append(in.List("pipeline"), in.Args...); len(selectors) > 0 {
		return selectPipelines(about.candidates, selectors, toStart)
	}
	var chosen []candidate
	for _, one := range about.candidates {
		asked := what
		asked.Message, asked.Draft = "", false // a person's command overrides what only keeps events back
		if one.pipeline.Enabled && (what.Kind == core.EventNone || one.pipeline.Trigger.Match(asked).Matched) {
			chosen = append(chosen, one)
		}
	}
	if len(chosen) == 0 && what.Kind == core.EventNone {
		return nil, core.Codef(core.KindNotFound, "no_match", "There is no enabled pipeline. Available: %s.", some(pipelineNames(about.candidates)))
	}
	if len(chosen) == 0 {
		return nil, core.Codef(core.KindNotFound, "no_match", "No enabled pipeline matches this pull request. Available: %s.", some(pipelineNames(about.candidates)))
	}
	if c.door == core.DoorSlack && len(chosen) > 1 {
		return nil, core.Codef(core.KindInvalid, "ambiguous", "Say which pipeline: %s, or `all`.", some(pipelineNames(about.candidates)))
	}
	return chosen, nil
}

func (a *App) chatBuildOne(ctx context.Context, tx core.Store, c *conversation, one candidate, in core.ChatCommand, what core.Event, refused error) (said, error) {
	if err := core.Allow(c.actor, core.ActTrigger, &one.project); err != nil {
		return said{}, err
	}
	if err := enabled(one.pipeline); err != nil {
		return said{}, err
	}
	if err := a.trusted(ctx, tx, one.project, what); err != nil {
		return said{}, err
	}
	if refused != nil {
		return said{}, refused
	}
	b := a.newBuild(one.pipeline, core.TriggerChat, c.actor)
	b.Branch, b.Tag, b.SHA, b.PullRequest = what.Branch, what.Tag, what.SHA, what.PullRequest
	b.CommitMessage, b.CommitAuthor = what.Message, what.Author
	b.Note, b.Platforms = in.Options["note"], askedPlatforms(in)
	if in.Options["fresh"] != "true" {
		running, err := a.activeBuilds(ctx, tx, core.BuildFilter{PipelineID: one.pipeline.ID, SHA: what.SHA})
		if err != nil {
			return said{}, err
		}
		for _, other := range running {
			if other.Tag == b.Tag && slices.Equal(other.Platforms, b.Platforms) {
				return saying("Build #%d already runs for this commit: %s", other.Number, a.BuildURL(other.ID))
			}
		}
	}
	return a.createChatBuild(ctx, tx, c, one, b)
}

// createChatBuild stores a build that a command asked for. In Slack it is shown where it
// was asked for.
func (a *App) createChatBuild(ctx context.Context, tx core.Store, c *conversation, one candidate, b core.Build) (said, error) {
	b.TriggerRef, b.DeliveryID = c.ref(), c.delivery.ID
	if c.door == core.DoorSlack {
		b.ChatChannel = c.chat.Team + "/" + c.chat.Channel
	}
	if err := a.admit(ctx, tx, one, b); err != nil {
		return said{}, err
	}
	b, _, err := tx.CreateBuild(ctx, b, queuedEvent(b))
	if err != nil {
		return said{}, err
	}
	if err := a.noteBuild(ctx, tx, c.actor, askedBy(b), b); err != nil {
		return said{}, err
	}
	canceled, err := a.supersede(ctx, tx, one.project.Repository, one.pipeline, b)
	if err != nil {
		return said{}, err
	}
	rings := []string{b.ID}
	for _, old := range canceled {
		rings = append(rings, old.ID)
	}
	v := verdictOf(one, core.Verdict{Matched: true, Code: core.WhyCommand, Reason: c.actor.Name + " asked for it."})
	v.BuildID = b.ID
	return said{
		text: fmt.Sprintf("Build #%d of %s is queued: %s", b.Number, one.pipeline.Name, a.BuildURL(b.ID)),
		done: true, sha: b.SHA, verdicts: []core.DeliveryVerdict{v}, rings: rings,
	}, a.wantReports(ctx, tx, one.project.Repository, b)
}

// askedBy is the command that asked for a build.
func askedBy(b core.Build) core.AuditAction {
	if b.TriggerType == core.TriggerRerun {
		return core.AuditBuildRerun
	}
	return core.AuditBuildTrigger
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
