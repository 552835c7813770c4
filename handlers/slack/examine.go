package slack

import (
	"context"

	"github.com/oore-ci/oore/app/core"
)

// Examine tells whether Slack answers and takes the bot token.
func (r *Room) Examine(ctx context.Context) core.Check {
	if r.token == "" {
		return core.Warn("commands are answered, and channels are told nothing", "Set OORE_SLACK_BOT_TOKEN")
	}
	who, err := r.client.AuthTestContext(ctx)
	if err == nil {
		return core.Good(who.User + " in " + who.Team)
	}
	e := translate(err)
	if e.Kind == core.KindUnavailable || e.Kind == core.KindLimited {
		return core.Fail(e.Message, "Check that this machine reaches "+r.api.String())
	}
	return core.Fail("the Slack app does not work", e.Message)
}
