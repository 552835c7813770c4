package slack

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/templates"
)

// Post implements core.Messenger. The channel may have its team before it, "T1/C1". The
// id is "channel:ts"; a known message that is gone, or can be changed no more, is posted
// anew. Further errors: KindForbidden: the bot's token is missing or may not do that;
// KindLimited: until RetryAfter Post keeps from asking Slack; KindUnavailable: try later.
func (r *Room) Post(ctx context.Context, channel string, m core.Message, known string) (id string, err error) {
	if r.token == "" {
		return "", core.Errorf(core.KindForbidden, "There is no bot token to post in Slack with: set OORE_SLACK_BOT_TOKEN and restart")
	}
	if left := r.apiPause.left(); left > 0 {
		return "", limited(left)
	}
	blocks, err := blocksOf(m)
	if err != nil {
		return "", err
	}
	say := slack.MsgOptionCompose(
		slack.MsgOptionText(templates.SlackText(m), false), slack.MsgOptionBlocks(blocks.BlockSet...),
		slack.MsgOptionParse(false), slack.MsgOptionDisableLinkUnfurl(), slack.MsgOptionDisableMediaUnfurl(),
	)
	if in, ts, ok := strings.Cut(known, ":"); ok {
		at, ts, _, err := r.client.UpdateMessageContext(ctx, in, ts, say)
		if !replaceable(err) {
			return r.posted(at, ts, err)
		}
	}
	at, ts, err := r.client.PostMessageContext(ctx, channel[strings.LastIndexByte(channel, '/')+1:], say)
	return r.posted(at, ts, err)
}

// posted makes the id of a message, or learns from the refusal.
func (r *Room) posted(channel, ts string, err error) (string, error) {
	if err == nil {
		return channel + ":" + ts, nil
	}
	e := translate(err)
	if e.Kind == core.KindLimited {
		r.apiPause.begin(max(e.RetryAfter, time.Second))
	}
	return "", e
}

// replaceable tells that the message cannot be changed, and a new one must be posted.
func replaceable(err error) bool {
	var refused slack.SlackErrorResponse
	if !errors.As(err, &refused) {
		return false
	}
	switch refused.Err {
	case "message_not_found", "cant_update_message", "edit_window_closed":
		return true
	}
	return false
}
