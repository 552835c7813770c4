package app

import (
	"context"
	"strings"

	"github.com/oore-ci/oore/app/core"
)

// sendChat makes an answer to a command true, or a build's message in a channel.
func (a *App) sendChat(ctx context.Context, e *core.Effect) error {
	if e.Kind == core.EffectMessage {
		return a.sendMessage(ctx, e)
	}
	d, err := a.store.FindDelivery(ctx, e.DeliveryID)
	if err != nil {
		return err
	}
	u := a.understand(ctx, d)
	if u.err != nil || u.event.Chat == nil {
		return core.Errorf(core.KindInvalid, "Delivery %s holds no command any more", d.ID)
	}
	if d.Provider == core.ProviderSlack {
		if a.messenger == nil {
			return core.Errorf(core.KindInvalid, "Slack is not set up any more")
		}
		return a.respond(ctx, e, *u.event.Chat, d)
	}
	repo, err := a.store.FindRepository(ctx, e.RepositoryID)
	if err != nil {
		return err
	}
	talker, err := a.talker(repo.Provider)
	if err != nil {
		return err
	}
	start := a.now()
	if e.Kind == core.EffectReact {
		reaction := reactionTo(d)
		if e.Sent == string(reaction) {
			return nil
		}
		err := talker.React(ctx, repo, *u.event.Chat, reaction)
		a.told(start, *e, err, core.DeliverySpan(d.ID))
		if err != nil {
			return err
		}
		e.Sent = string(reaction)
		return nil
	}
	err = talker.Reply(ctx, repo, e.Number, u.event.Chat.ID, d.Reply)
	a.told(start, *e, err, core.DeliverySpan(d.ID))
	return err
}

// onceMore begins an answer in Slack of which nobody knows whether it was given before.
const onceMore = "Once more, in case the first answer did not reach you:\n\n"

// respond answers in Slack, where a second answer stands beside the first: what is said of
// a slash command can neither be found nor replaced. So it is noted before that it is going
// to be said. Who finds that note, since a server was killed or halted in the middle, says
// it once more and says so; who cannot write it has lost the answer to another server.
func (a *App) respond(ctx context.Context, e *core.Effect, c core.Chat, d core.Delivery) error {
	answer := digest(d.Reply)
	if answer == e.Sent {
		return nil
	}
	text, err := a.withChatLink(ctx, c, d.Reply)
	if err != nil {
		return err
	}
	before, begun := e.Sent, "begun "+answer
	if before == begun {
		text = onceMore + text
	}
	e.Sent = begun
	if err := a.store.SaveEffect(ctx, *e, e.NotBefore); err != nil {
		e.Sent = before
		return core.Errorf(core.KindUnavailable, "Another server may be answering").Because(err)
	}
	start := a.now()
	err = a.messenger.Respond(ctx, c, core.Message{Text: text, Markdown: true, Link: a.publicURL + "/deliveries/" + d.ID})
	a.told(start, *e, err, core.DeliverySpan(d.ID))
	switch {
	case err == nil:
		e.Sent = answer
	case core.KindOf(err) == core.KindLimited: // it was not said
		e.Sent = before
	}
	return err
}

func reactionTo(d core.Delivery) core.Reaction {
	switch d.Status {
	case core.DeliveryReceived:
		return core.ReactionSeen
	case core.DeliveryProcessed:
		return core.ReactionDone
	case core.DeliveryIgnored, core.DeliveryFailed:
	}
	return core.ReactionNo
}

// sendMessage shows a channel the build as it is now.
func (a *App) sendMessage(ctx context.Context, e *core.Effect) error {
	if a.messenger == nil {
		return core.Errorf(core.KindInvalid, "Slack is not set up any more")
	}
	b, err := a.store.FindBuild(ctx, e.BuildID)
	if err != nil {
		return err
	}
	m, err := a.message(ctx, b)
	if err != nil {
		return err
	}
	said := digest(m.Text, m.Report.State, m.Link, m.Report.RerunNumber, strings.Join(m.Report.Tail, "\n"))
	if said == e.Sent {
		return nil
	}
	_, channel, _ := strings.Cut(e.Channel, "/")
	start := a.now()
	id, err := a.messenger.Post(ctx, channel, m, e.RemoteID)
	a.told(start, *e, err, core.BuildSpan(b), b)
	if err != nil {
		return err
	}
	e.RemoteID, e.Sent = id, said
	return nil
}
