package app

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/oore-ci/oore/app/core"
)

const chatLinkLife = 10 * time.Minute

// slackActor is the user of the house that a person in Slack is linked with. Nobody: an
// actor without a role, who may do nothing.
func (a *App) slackActor(ctx context.Context, chat core.Chat, deliveryID string) (core.Actor, error) {
	nobody := core.Actor{Kind: core.ActorUser, Name: chat.Author, Door: core.ViaSlack, Delivery: deliveryID}
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
	if err != nil {
		return nobody, err
	}
	actor, err := a.actorOfUser(ctx, user)
	actor.Door, actor.Delivery = nobody.Door, nobody.Delivery
	return actor, err
}

// visibleCandidates lists all projects that the actor sees, and their pipelines.
func (a *App) visibleCandidates(ctx context.Context, actor core.Actor) (projects []core.Project, all []candidate, err error) {
	if actor.Role == "" {
		return nil, nil, nil
	}
	if projects, err = a.visibleProjects(ctx, actor); err != nil {
		return nil, nil, err
	}
	for _, p := range projects {
		pipelines, err := a.store.ListPipelines(ctx, p.ID)
		if err != nil {
			return nil, nil, err
		}
		for _, pipeline := range pipelines {
			all = append(all, candidate{project: p, pipeline: pipeline})
		}
	}
	return projects, all, nil
}

// planSlackVerb knows what is offered in Slack alone.
func (a *App) planSlackVerb(c *conversation, in core.ChatCommand) (deed, error) {
	switch in.Verb {
	case "link":
		return telling(saying("Open this address, sign in, and your Slack user is linked (once, within 10 minutes): %s", chatLinkHere))
	case "unlink":
		return a.slackUnlink(c), nil
	case "whoami":
		if c.actor.Role == "" {
			return telling(saying("You are linked with no account: type `/oore link`."))
		}
		return telling(saying("You are %s here, with the role %s.", c.actor.Name, c.actor.Role))
	case "use":
		return a.slackUse(c, in)
	case "subscribe":
		return a.slackSubscribe(c, in)
	case "unsubscribe":
		return a.slackUnsubscribe(c, in)
	}
	return nil, core.Codef(core.KindInvalid, core.CodeUnknownCommand, "This version does not know the command `%s`.", in.Verb)
}

// chatLinkHere stands in an answer for the one-time address that is made when it is sent:
// the answer is kept, and no secret with it.
const chatLinkHere = "\x1a"

// withChatLink gives an answer its address, if it is to have one: whoever opens that signed
// in is linked.
func (a *App) withChatLink(ctx context.Context, c core.Chat, answer string) (string, error) {
	if !strings.Contains(answer, chatLinkHere) {
		return answer, nil
	}
	secret, _, err := a.issue(ctx, a.store, core.Credential{Kind: core.CredentialChatLink, Name: c.Team + "/" + c.AuthorID}, chatLinkLife)
	return strings.ReplaceAll(answer, chatLinkHere, a.publicURL+"/settings/slack/link/"+secret), err
}

func (a *App) slackUnlink(c *conversation) deed {
	return func(ctx context.Context, tx core.Store) (said, error) {
		if _, err := tx.FindChatUser(ctx, c.chat.Team, c.chat.AuthorID); core.KindOf(err) == core.KindNotFound {
			return saying("Your Slack user is linked with no account.")
		}
		if err := tx.DeleteChatUser(ctx, c.chat.Team, c.chat.AuthorID); err != nil {
			return said{}, err
		}
		entry := auditChatUser(core.AuditChatUnlink, c.chat.Team, c.chat.AuthorID)
		return said{text: "Your Slack user is linked with no account any more."}, a.note(ctx, tx, c.actor, entry)
	}
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
	team, member, _ := strings.Cut(link.Name, "/")
	err = a.noting(ctx, actor, auditChatUser(core.AuditChatLink, team, member), func(tx core.Store) error {
		if err := take(ctx, tx, link, used); err != nil {
			return err
		}
		return tx.SaveChatUser(ctx, core.ChatUser{Team: team, MemberID: member, UserID: actor.UserID, LinkedAt: a.now()})
	})
	if err != nil {
		return err
	}
	a.log.Info("Slack user linked", "team", team, "member", member, "actor", actor.Name)
	return nil
}

// managed finds the project that a command names, for those who manage it, and the
// pipelines of it that the command narrows itself to; none: to all.
func (c *conversation) managed(in core.ChatCommand) (core.Project, []candidate, error) {
	p, err := c.projectNamed(in.Args[0])
	if err == nil {
		err = core.Allow(c.actor, core.ActManageProject, &p)
	}
	if err != nil {
		return p, nil, err
	}
	chosen, err := selectPipelines(ofProject(c.candidates, p), in.List("pipeline"), toFind)
	return p, chosen, err
}

func (a *App) slackUse(c *conversation, in core.ChatCommand) (deed, error) {
	p, _, err := c.managed(in)
	return func(ctx context.Context, tx core.Store) (said, error) {
		if err := tx.SaveChannelProject(ctx, c.chat.Team, c.chat.Channel, p.ID); err != nil {
			return said{}, err
		}
		text := "Commands in this channel are about " + p.Name + " from now on."
		return said{text: text}, a.note(ctx, tx, c.actor, auditChannel(core.AuditChatUse, c.chat, p))
	}, err
}

func (a *App) slackSubscribe(c *conversation, in core.ChatCommand) (deed, error) {
	p, chosen, err := c.managed(in)
	on := core.SubscribedTo(orElse(in.Options["events"], string(core.OnBroken)))
	ids := pipelineIDs(chosen)
	if len(ids) == 0 {
		ids = []string{""}
	}
	return func(ctx context.Context, tx core.Store) (said, error) {
		for _, id := range ids {
			err := tx.SaveSubscription(ctx, core.Subscription{
				ID: a.newID(), Team: c.chat.Team, Channel: c.chat.Channel, ProjectID: p.ID, PipelineID: id, On: on, CreatedAt: a.now(),
			})
			if err != nil {
				return said{}, err
			}
		}
		entry := auditChannel(core.AuditChatSubscribe, c.chat, p)
		entry.Changes = core.AuditChanges{}.With("on", "", on).With("pipelines", "", pipelineIDs(chosen))
		text := fmt.Sprintf("This channel hears of builds of %s: %s.", ofPipelines(p, chosen), on)
		return said{text: text}, a.note(ctx, tx, c.actor, entry)
	}, err
}

func pipelineIDs(of []candidate) (ids []string) {
	for _, one := range of {
		ids = append(ids, one.pipeline.ID)
	}
	return ids
}

// ofPipelines names a project, and which of its pipelines are meant if not all.
func ofPipelines(p core.Project, chosen []candidate) string {
	if len(chosen) == 0 {
		return p.Name
	}
	var slugs []string
	for _, one := range chosen {
		slugs = append(slugs, one.pipeline.Slug)
	}
	return p.Name + " (" + some(slugs) + ")"
}

// slackUnsubscribe ends what was subscribed to: a channel that hears of all pipelines is
// not made one that hears of all but one.
func (a *App) slackUnsubscribe(c *conversation, in core.ChatCommand) (deed, error) {
	p, chosen, err := c.managed(in)
	return func(ctx context.Context, tx core.Store) (said, error) {
		n, err := tx.DeleteSubscriptions(ctx, c.chat.Team, c.chat.Channel, p.ID, pipelineIDs(chosen)...)
		if err != nil {
			return said{}, err
		}
		left, err := tx.ListSubscriptionsOfChannel(ctx, c.chat.Team, c.chat.Channel)
		if err != nil {
			return said{}, err
		}
		all := slices.ContainsFunc(left, func(s core.Subscription) bool { return s.ProjectID == p.ID && s.PipelineID == "" })
		switch {
		case n == 0 && all:
			return said{}, core.Codef(core.KindConflict, "not_subscribed", "This channel hears of all pipelines of %s: unsubscribe from the project, then subscribe to the pipelines that you want.", p.Name)
		case n == 0:
			return said{}, core.Codef(core.KindNotFound, "not_subscribed", "This channel hears nothing of %s.", ofPipelines(p, chosen))
		}
		entry := auditChannel(core.AuditChatUnsubscribe, c.chat, p)
		entry.Changes = core.AuditChanges{}.With("pipelines", pipelineIDs(chosen), "")
		if err := a.note(ctx, tx, c.actor, entry); err != nil {
			return said{}, err
		}
		if all {
			return saying("The subscription to builds of %s is ended; this channel still hears of all pipelines of %s.", ofPipelines(p, chosen), p.Name)
		}
		return saying("This channel hears no more of builds of %s.", ofPipelines(p, chosen))
	}, err
}
