package app

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/oore-ci/oore/app/core"
)

const chatLinkLife = 10 * time.Minute

// slackActor is the user of the house that a person in Slack is linked with. Nobody: an
// actor without a role, who may do nothing.
func (a *App) slackActor(ctx context.Context, chat core.Chat) (core.Actor, error) {
	nobody := core.Actor{Kind: core.ActorUser, Name: chat.Author}
	linked, err := a.store.FindChatUser(ctx, chat.Team, chat.AuthorID)
	if core.KindOf(err) == core.KindNotFound {
		return nobody, nil
	}
	if err != nil {
		return nobody, err
	}
	user, err := a.store.FindUser(ctx, linked.UserID)
	if core.KindOf(err) == core.KindNotFound || err == nil && !user.Enabled {
		return nobody, nil
	}
	return core.Actor{Kind: core.ActorUser, UserID: user.ID, Name: user.Name, Role: user.Role}, err
}

// visibleCandidates lists the pipelines of all projects that the actor sees.
func (a *App) visibleCandidates(ctx context.Context, actor core.Actor) ([]candidate, error) {
	if actor.Role == "" {
		return nil, nil
	}
	projects, err := a.visibleProjects(ctx, actor)
	if err != nil {
		return nil, err
	}
	var all []candidate
	for _, p := range projects {
		pipelines, err := a.store.ListPipelines(ctx, p.ID)
		if err != nil {
			return nil, err
		}
		for _, pipeline := range pipelines {
			all = append(all, candidate{project: p, pipeline: pipeline})
		}
	}
	return all, nil
}

// runSlackVerb runs what is offered in Slack alone.
func (a *App) runSlackVerb(ctx context.Context, c *conversation, in core.ChatCommand) (said, error) {
	switch in.Verb {
	case "link":
		return a.slackLink(ctx, c)
	case "unlink":
		if err := a.store.DeleteChatUser(ctx, c.chat.Team, c.chat.AuthorID); err != nil {
			return said{}, err
		}
		return saying("Your Slack user is linked with no account any more.")
	case "whoami":
		if c.actor.Role == "" {
			return saying("You are linked with no account: type `/oore link`.")
		}
		return saying("You are %s here, with the role %s.", c.actor.Name, c.actor.Role)
	case "use":
		return a.slackUse(ctx, c, in)
	case "subscribe":
		return a.slackSubscribe(ctx, c, in)
	case "unsubscribe":
		return a.slackUnsubscribe(ctx, c, in)
	}
	return said{}, core.Codef(core.KindInvalid, core.CodeUnknownCommand, "This version does not know the command `%s`.", in.Verb)
}

// slackLink gives a one-time address: whoever opens it signed in is linked.
func (a *App) slackLink(ctx context.Context, c *conversation) (said, error) {
	secret, _, err := a.issue(ctx, core.Credential{Kind: core.CredentialChatLink, Name: c.chat.Team + "/" + c.chat.AuthorID}, chatLinkLife)
	if err != nil {
		return said{}, err
	}
	return saying("Open this address, sign in, and your Slack user is linked (once, within 10 minutes): %s/settings/slack/link/%s", a.publicURL, secret)
}

// LinkChatUser links the person in Slack who was given the secret with the actor.
// KindUnauthorized: it was used or has expired.
func (a *App) LinkChatUser(ctx context.Context, actor core.Actor, secret string) error {
	if actor.UserID == "" {
		return core.Errorf(core.KindForbidden, "Sign in as a person: a token without a user cannot be linked")
	}
	used := core.Errorf(core.KindUnauthorized, "This link was used already or has expired; type `/oore link` in Slack for a new one")
	link, err := a.credential(ctx, core.CredentialChatLink, secret)
	if core.KindOf(err) == core.KindUnauthorized {
		return used
	}
	if err != nil {
		return err
	}
	mine, err := a.store.DeleteCredential(ctx, link.ID)
	if err != nil {
		return err
	}
	if !mine {
		return used
	}
	team, member, _ := strings.Cut(link.Name, "/")
	a.log.Info("Slack user linked", "team", team, "member", member, "actor", actor.Name)
	return a.store.SaveChatUser(ctx, core.ChatUser{Team: team, MemberID: member, UserID: actor.UserID, LinkedAt: a.now()})
}

// managed finds the project that a command names, for those who manage it.
func (a *App) managed(c *conversation, in core.ChatCommand) (candidate, error) {
	name := in.Options["project"]
	if len(in.Args) > 0 {
		name = in.Args[0]
	}
	for _, one := range c.candidates {
		if namesProject(name, one.project) {
			return one, core.Allow(c.actor, core.ActManageProject, &one.project)
		}
	}
	return candidate{}, core.Codef(core.KindNotFound, "project_not_found", "No such project with a pipeline. There are: %s.", some(projectNames(c.candidates)))
}

func (a *App) slackUse(ctx context.Context, c *conversation, in core.ChatCommand) (said, error) {
	one, err := a.managed(c, in)
	if err != nil {
		return said{}, err
	}
	if err := a.store.SaveChannelProject(ctx, c.chat.Team, c.chat.Channel, one.project.ID); err != nil {
		return said{}, err
	}
	return saying("Commands in this channel are about %s from now on.", one.project.Name)
}

func (a *App) slackSubscribe(ctx context.Context, c *conversation, in core.ChatCommand) (said, error) {
	one, err := a.managed(c, in)
	if err != nil {
		return said{}, err
	}
	on := core.SubscribedTo(orElse(in.Options["events"], string(core.OnBroken)))
	pipelines := []string{""}
	if selectors := in.List("pipeline"); len(selectors) > 0 {
		pipelines = nil
		chosen, err := selectPipelines(ofProject(c.candidates, one.project), selectors)
		if err != nil {
			return said{}, err
		}
		for _, p := range chosen {
			pipelines = append(pipelines, p.pipeline.ID)
		}
	}
	for _, id := range pipelines {
		err := a.store.SaveSubscription(ctx, core.Subscription{
			ID: a.newID(), Team: c.chat.Team, Channel: c.chat.Channel, ProjectID: one.project.ID, PipelineID: id, On: on, CreatedAt: a.now(),
		})
		if err != nil {
			return said{}, err
		}
	}
	return saying("This channel hears of builds of %s: %s.", one.project.Name, on)
}

func ofProject(all []candidate, p core.Project) []candidate {
	var own []candidate
	for _, c := range all {
		if c.project.ID == p.ID {
			own = append(own, c)
		}
	}
	return own
}

func (a *App) slackUnsubscribe(ctx context.Context, c *conversation, in core.ChatCommand) (said, error) {
	one, err := a.managed(c, in)
	if err != nil {
		return said{}, err
	}
	n, err := a.store.DeleteSubscriptions(ctx, c.chat.Team, c.chat.Channel, one.project.ID)
	if err != nil {
		return said{}, err
	}
	if n == 0 {
		return said{}, core.Codef(core.KindNotFound, "not_subscribed", "This channel hears nothing of %s.", one.project.Name)
	}
	return saying("This channel hears no more of builds of %s.", one.project.Name)
}

// wantMessages asks that channels be shown the build: the one where it was asked for,
// and those that subscribed to how it ended.
func (a *App) wantMessages(ctx context.Context, tx core.Store, b core.Build) error {
	if a.messenger == nil {
		return nil
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

// endedBefore is how the build before b ended, of the same pipeline and branch; empty:
// there is none.
func (a *App) endedBefore(ctx context.Context, tx core.Store, b core.Build) (core.BuildStatus, error) {
	builds, _, err := tx.ListBuilds(ctx, core.BuildFilter{
		Before: &b, Statuses: []core.BuildStatus{core.BuildSucceeded, core.BuildFailed, core.BuildTimedOut},
	}, core.Page{Limit: 1})
	if err != nil || len(builds) == 0 {
		return "", err
	}
	return builds[0].Status, nil
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
	if r.State == core.ReportFailure {
		if r.Tail, err = a.tail(ctx, b); err != nil {
			return core.Message{}, err
		}
	}
	return core.Message{Text: fmt.Sprintf("%s · %s #%d: %s", p.Name, r.Pipeline.Name, b.Number, r.Description), Report: &r, Link: r.TargetURL}, nil
}
