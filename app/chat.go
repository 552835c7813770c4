package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/oore-ci/oore/app/core"
)

// unverifiedAfter is how often a forge that cannot say what a person may do is asked
// before the person is told.
const unverifiedAfter = 3

// conversation is one message with commands, while they are run.
type conversation struct {
	delivery   core.Delivery
	chat       core.Chat
	door       core.ChatDoor
	actor      core.Actor
	repo       core.Repository // forge: whose pull request it is
	projects   []core.Project  // forge: of the repository; Slack: those that the actor sees
	candidates []candidate     // their pipelines

	told  bool        // the door has answered at once: help, and what was not understood, in Slack
	fault *core.Error // nobody knows what the actor may do: no line is run
	past  past
	pull  *core.Event // the pull request as it is now; nil until it is asked for
}

// processChat runs the commands of one comment or slash command, one after another, and
// notes what they came to. What was run before is not run again: it is answered as it was.
func (a *App) processChat(ctx context.Context, u understood) error {
	c := conversation{delivery: u.delivery, chat: *u.event.Chat, door: core.DoorForge}
	d := &c.delivery
	d.Action, d.Repository, d.Ref, d.Actor, d.Verdicts = u.event.Action, u.event.RepositoryName, u.event.Ref, u.event.Actor, nil
	if d.Provider == core.ProviderSlack {
		c.door = core.DoorSlack
	}
	lines := a.chatLines(c)
	switch {
	case u.event.Ignored != nil:
		return a.settle(ctx, a.store, *d, core.DeliveryIgnored, *u.event.Ignored)
	case c.chat.Bot || c.chat.Internal:
		return a.settle(ctx, a.store, *d, core.DeliveryIgnored, core.Reason{Code: core.WhyOwnComment, Text: "Comments of programs, and those that are not for all eyes, are no commands."})
	case len(lines) == 0:
		return a.settle(ctx, a.store, *d, core.DeliveryIgnored, core.Reason{Code: core.WhyNoCommand, Text: "It holds no command for Oore."})
	}
	known, err := a.locate(ctx, &c, u)
	if err != nil {
		return err
	}
	if !known {
		return a.settle(ctx, a.store, *d, core.DeliveryIgnored, unlinked(u.event))
	}
	if c.past, err = a.recall(ctx, c); err != nil {
		return err
	}
	if c.past.covers(lines) {
		return a.converse(ctx, c, lines)
	}
	if d.Attempts == 0 && counts(c, lines) {
		if allowed, first := a.chatLimit.allow(c, c.delivery.ReceivedAt); !allowed {
			return a.tooManyCommands(ctx, c, first)
		}
	}
	if err := a.meet(ctx, &c); err != nil {
		return err
	}
	return a.converse(ctx, c, lines)
}

// counts tells whether a message uses up the limit: in Slack the door itself answers
// help and what is not understood, and nobody is to be kept from linking an account.
func counts(c conversation, lines []core.ChatLine) bool {
	return c.door == core.DoorForge || slices.ContainsFunc(lines, func(l core.ChatLine) bool {
		v, _ := core.FindChatVerb(l.Command.Verb)
		return l.Err == nil && v.Class != core.ClassNone
	})
}

// tooManyCommands refuses a message. In a pull request only the first is answered:
// replies to somebody who floods it would keep its results waiting.
func (a *App) tooManyCommands(ctx context.Context, c conversation, first bool) error {
	reason := core.Reason{Code: core.CodeRateLimited, Text: "Too many commands; try again in a minute."}
	if c.door == core.DoorForge && !first {
		return a.settle(ctx, a.store, c.delivery, core.DeliveryIgnored, reason)
	}
	return a.answer(ctx, c, []string{reason.Text}, core.DeliveryIgnored, reason)
}

// chatLines finds the commands in what was written or pressed.
func (a *App) chatLines(c conversation) []core.ChatLine {
	switch {
	case c.chat.Button != "":
		return []core.ChatLine{{Command: core.ChatCommand{Verb: c.chat.Button}}}
	case c.door == core.DoorSlack:
		command, err := core.ParseLine(c.chat.Body)
		var wrong *core.Error
		if errors.As(err, &wrong) {
			return []core.ChatLine{{Err: wrong}}
		}
		return []core.ChatLine{{Command: command}}
	}
	var names []string
	if i, ok := a.connections.get(c.delivery.IntegrationID); ok && i.Slug != "" {
		names = append(names, i.Slug)
	}
	return core.ParseComment(c.chat.Body, names)
}

// converse runs the commands in order; the first that is refused ends it.
func (a *App) converse(ctx context.Context, c conversation, lines []core.ChatLine) error {
	c.told = c.door == core.DoorSlack && (lines[0].Err != nil || lines[0].Command.Verb == "help")
	results := c.past.all
	if !c.past.over {
		var err error
		if results, err = a.runLines(ctx, &c, lines); err != nil {
			return err
		}
	}
	texts, status, reason := c.sum(results, len(lines))
	return a.answer(ctx, c, texts, status, reason)
}

func (a *App) runLines(ctx context.Context, c *conversation, lines []core.ChatLine) (results []core.ChatResult, err error) {
	for _, line := range lines {
		r, known := c.past.lines[line.Line]
		switch {
		case known:
		case c.fault != nil:
			r = c.result(line, refusing(c.fault))
		default:
			if r, err = a.runLine(ctx, c, line); err != nil {
				return nil, err
			}
		}
		if results = append(results, r); r.Refused != "" {
			return results, nil
		}
	}
	return results, nil
}

// sum says what is to be answered, and what the delivery's page says. At a forge what was
// done needs no answer, unless something else was refused.
func (c *conversation) sum(results []core.ChatResult, lines int) (texts []string, status core.DeliveryStatus, reason core.Reason) {
	status, reason = core.DeliveryProcessed, core.Reason{Code: core.WhyCommand}
	last := results[len(results)-1]
	for i, r := range results {
		c.delivery.Verdicts, c.delivery.SHA = append(c.delivery.Verdicts, r.Verdicts...), orElse(r.SHA, c.delivery.SHA)
		quiet := r.Done && !r.Partly && c.door == core.DoorForge && last.Refused == ""
		if r.Text != "" && !quiet {
			texts = append(texts, r.Text)
		}
		switch {
		case r.Refused != "" && i == 0:
			status, reason = core.DeliveryIgnored, core.Reason{Code: r.Refused, Text: r.Text}
		case r.Refused != "":
			reason.Text += r.Text
		case r.Partly:
			reason.Text += "Done in part: " + r.Command + ". " + r.Text + " "
		default:
			reason.Text += "Done: " + r.Command + ". "
		}
	}
	if rest := lines - len(results); rest > 0 && last.Refused != "" {
		texts = append(texts, fmt.Sprintf("%d of %d commands were not run.", rest, lines))
	}
	reason.Text = strings.TrimSpace(reason.Text)
	return texts, status, reason
}

// plan asks and decides what can be asked and decided before the line is run.
func (a *App) plan(ctx context.Context, c *conversation, line core.ChatLine) (deed, error) {
	if line.Err != nil && line.Err.Code == core.CodeSHARequired && c.door == core.DoorForge {
		pull, err := a.pullRequest(ctx, c)
		if err != nil {
			return nil, err
		}
		return nil, core.SHARequired(pull.SHA)
	}
	if line.Err != nil {
		return nil, line.Err
	}
	if err := a.mayRun(ctx, c, line.Command.Verb); err != nil {
		return nil, err
	}
	return a.planVerb(ctx, c, line.Command)
}

// planVerb is the one place that knows which verb does what.
func (a *App) planVerb(ctx context.Context, c *conversation, in core.ChatCommand) (deed, error) {
	switch in.Verb {
	case "build":
		return a.chatBuild(ctx, c, in)
	case "retry":
		return a.chatRetry(ctx, c, in)
	case "cancel":
		return a.chatCancel(ctx, c, in)
	case "status":
		return telling(a.chatStatus(ctx, c, in))
	case "logs":
		return telling(a.chatLogs(ctx, c, in))
	case "list":
		return telling(a.chatList(ctx, c, in))
	case "artifacts":
		return telling(a.chatArtifacts(ctx, c, in))
	case "why":
		return telling(a.chatWhy(ctx, c, in))
	case "approve":
		return a.chatApprove(ctx, c, in)
	case "revoke":
		return a.chatRevoke(c), nil
	case "help":
		return telling(a.chatHelp(c, in))
	case "ping":
		return telling(a.chatPing(ctx))
	}
	return a.planSlackVerb(c, in)
}

// answer notes what a conversation came to, and wants the reaction and the reply.
func (a *App) answer(ctx context.Context, c conversation, texts []string, status core.DeliveryStatus, reason core.Reason) error {
	c.delivery.Reply = strings.Join(texts, "\n\n")
	err := a.store.InTx(ctx, func(tx core.Store) error {
		if c.delivery.Reply != "" && !c.told {
			if err := tx.WantEffect(ctx, a.chatEffect(c, core.EffectReply)); err != nil {
				return err
			}
		}
		if err := a.settle(ctx, tx, c.delivery, status, reason); err != nil {
			return err
		}
		return a.wantReaction(ctx, tx, c)
	})
	if err == nil {
		a.bell.ring(topicOutbox)
	}
	return err
}

func (a *App) wantReaction(ctx context.Context, tx core.Store, c conversation) error {
	if !c.chat.Reactable || c.repo.ID == "" {
		return nil
	}
	return tx.WantEffect(ctx, a.chatEffect(c, core.EffectReact))
}

func (a *App) chatEffect(c conversation, kind core.EffectKind) core.Effect {
	return core.Effect{
		Key: string(kind) + ":" + c.delivery.ID, Kind: kind, RepositoryID: c.repo.ID, Number: c.chat.Number,
		DeliveryID: c.delivery.ID, NotBefore: a.now(), UpdatedAt: a.now(),
	}
}
