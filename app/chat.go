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
	candidates []candidate     // forge: its pipelines; Slack: those that the actor sees

	told  bool        // the door has answered at once: help, and what was not understood, in Slack
	pull  *core.Event // the pull request as it is now; nil until it is asked for
	rings []string    // builds to wake
}

// said is what a command came to.
type said struct {
	text string // Markdown; empty: there is nothing to answer
	done bool   // something was started or stopped
}

func saying(format string, args ...any) (said, error) {
	return said{text: fmt.Sprintf(format, args...)}, nil
}

// processChat runs the commands of one comment or slash command, one after another, and
// notes what they came to. What a command makes is keyed by the delivery, so that doing
// it again after a crash changes nothing.
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
	if err != nil || !known {
		return a.chatFault(ctx, c, err)
	}
	if d.Attempts == 0 && counts(c, lines) {
		if allowed, first := a.chatLimit.allow(c, a.now()); !allowed {
			return a.tooManyCommands(ctx, c, first)
		}
	}
	if err := a.meet(ctx, &c); err != nil {
		return a.chatFault(ctx, c, err)
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

// locate finds out of which repository somebody speaks. known is false where that is
// not ours: then there is nobody to answer.
func (a *App) locate(ctx context.Context, c *conversation, u understood) (known bool, err error) {
	if c.door == core.DoorSlack {
		return true, nil
	}
	c.candidates, err = a.candidates(ctx, u)
	if err != nil || len(c.candidates) == 0 {
		return false, err
	}
	c.repo = c.candidates[0].project.Repository
	return true, nil
}

// meet finds out who speaks, and what they may do.
func (a *App) meet(ctx context.Context, c *conversation) (err error) {
	if c.door == core.DoorSlack {
		c.actor, err = a.slackActor(ctx, c.chat)
		if err == nil {
			c.candidates, err = a.visibleCandidates(ctx, c.actor)
		}
		return err
	}
	talker, err := a.talker(c.repo.Provider)
	if err != nil {
		return err
	}
	permission, err := talker.Permission(ctx, c.repo, c.chat.AuthorID, c.chat.Author)
	if err != nil {
		return fmt.Errorf("ask what %s may do in %s: %w", c.chat.Author, c.repo.FullName, err)
	}
	if !c.repo.Private && permission == core.PermissionNone {
		permission = core.PermissionRead // everybody reads a public repository
	}
	c.actor = core.Actor{
		Kind: core.ActorForge, Name: c.chat.Author, Role: permission.Role(),
		ForgeID: string(c.repo.Provider) + ":" + c.repo.Host + ":" + c.chat.AuthorID,
	}
	return nil
}

func (a *App) talker(p core.Provider) (core.Talker, error) {
	if t, ok := a.forges[p].(core.Talker); ok {
		return t, nil
	}
	return nil, core.Errorf(core.KindInvalid, "%s takes no commands", p)
}

// chatFault settles a conversation that did not come about. A forge that cannot say
// what somebody may do is asked again; in the end nothing is started.
func (a *App) chatFault(ctx context.Context, c conversation, err error) error {
	switch {
	case err == nil:
		return a.settle(ctx, a.store, c.delivery, core.DeliveryIgnored, unlinked(core.Event{RepositoryName: c.delivery.Repository}))
	case c.door == core.DoorForge && c.delivery.Attempts < unverifiedAfter:
		a.bell.ring(topicOutbox)
		return errors.Join(err, a.wantReaction(ctx, a.store, c))
	case c.door == core.DoorForge:
		err = core.Codef(core.KindUnavailable, "unverified", "Could not verify your permission just now; nothing was started. Please try again.").Because(err)
	}
	var refused *core.Error
	if !errors.As(err, &refused) {
		return err
	}
	return a.answer(ctx, c, []string{refused.Message}, core.DeliveryIgnored, core.Reason{Code: refused.Code, Text: refused.Message})
}

// converse runs the commands in order; the first that is refused ends it.
func (a *App) converse(ctx context.Context, c conversation, lines []core.ChatLine) error {
	var texts, did []string // what is to be answered; what is worth an answer only if something is refused
	status, reason := core.DeliveryProcessed, core.Reason{Code: core.WhyCommand}
	for i, line := range lines {
		result, err := a.runLine(ctx, &c, line)
		var refused *core.Error
		if err != nil && (!errors.As(err, &refused) || refused.Kind == core.KindUnavailable || refused.Kind == core.KindInternal) {
			return err
		}
		if refused != nil {
			if i == 0 {
				status, reason = core.DeliveryIgnored, core.Reason{Code: refused.Code}
			}
			reason.Text += refused.Message
			texts = append(append(did, texts...), refused.Message)
			if rest := len(lines) - i - 1; rest > 0 {
				texts = append(texts, fmt.Sprintf("%d of %d commands were not run.", rest, len(lines)))
			}
			break
		}
		switch {
		case result.text == "":
		case result.done && c.door == core.DoorForge:
			did = append(did, result.text)
		default:
			texts = append(texts, result.text)
		}
		reason.Text += "Done: " + line.Command.String() + ". "
	}
	reason.Text = strings.TrimSpace(reason.Text)
	return a.answer(ctx, c, texts, status, reason)
}

func (a *App) runLine(ctx context.Context, c *conversation, line core.ChatLine) (said, error) {
	c.told = c.door == core.DoorSlack && (line.Err != nil || line.Command.Verb == "help")
	if line.Err != nil && line.Err.Code == core.CodeSHARequired && c.door == core.DoorForge {
		pull, err := a.pullRequest(ctx, c)
		if err != nil {
			return said{}, err
		}
		return said{}, core.SHARequired(pull.SHA)
	}
	if line.Err != nil {
		return said{}, line.Err
	}
	if err := a.mayRun(ctx, c, line.Command.Verb); err != nil {
		return said{}, err
	}
	result, err := a.runVerb(ctx, c, line.Command)
	if err == nil {
		a.log.Info("command", "verb", line.Command.Verb, "door", c.door, "actor", c.actor.Name, "delivery", c.delivery.ID, "text", line.Command.String())
	}
	return result, err
}

// runVerb is the one place that knows which verb does what.
func (a *App) runVerb(ctx context.Context, c *conversation, in core.ChatCommand) (said, error) {
	switch in.Verb {
	case "build":
		return a.chatBuild(ctx, c, in)
	case "retry":
		return a.chatRetry(ctx, c, in)
	case "cancel":
		return a.chatCancel(ctx, c, in)
	case "status":
		return a.chatStatus(ctx, c, in)
	case "logs":
		return a.chatLogs(ctx, c, in)
	case "list":
		return a.chatList(ctx, c, in)
	case "artifacts":
		return a.chatArtifacts(ctx, c, in)
	case "why":
		return a.chatWhy(ctx, c, in)
	case "approve":
		return a.chatApprove(ctx, c, in)
	case "revoke":
		return a.chatRevoke(ctx, c)
	case "help":
		return a.chatHelp(c, in)
	case "ping":
		return a.chatPing(ctx)
	}
	return a.runSlackVerb(ctx, c, in)
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
	if err != nil {
		return err
	}
	for _, id := range c.rings {
		a.tails.forget(id)
		a.bell.ring(topicBuild(id), topicCancel(id))
	}
	a.bell.ring(topicOutbox, topicQueue)
	return nil
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
