package slack_test

import (
	"strings"
	"testing"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/slack"
	"github.com/oore-ci/oore/handlers/slack/slacktest"
)

func TestExamineTellsHowSlackIs(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*slack.Options)
		spoil  func(house)
		state  core.CheckState
		says   string
	}{
		"it works":            {nil, nil, core.CheckOK, " in "},
		"no bot token":        {func(o *slack.Options) { o.BotToken = "" }, nil, core.CheckWarning, "OORE_SLACK_BOT_TOKEN"},
		"a revoked token":     {nil, func(h house) { h.Revoke() }, core.CheckFailed, "OORE_SLACK_BOT_TOKEN"},
		"Slack is down":       {nil, failing(slacktest.Failure{Status: 502, Body: "<html>"}), core.CheckFailed, "reaches"},
		"Slack says nonsense": {nil, failing(slacktest.Failure{Status: 200, Body: "\x00<html>"}), core.CheckFailed, "reaches"},
		"a wrong address":     {nil, failing(slacktest.Failure{Status: 404}), core.CheckFailed, "OORE_SLACK_API_URL"},
	} {
		h := open(t, &inbox{}, c.change)
		if c.spoil != nil {
			c.spoil(h)
		}
		got := h.room.Examine(t.Context())
		if got.State != c.state || !strings.Contains(got.Value+got.Fix, c.says) {
			t.Errorf("%s: %+v", name, got)
		}
		if strings.Contains(got.Value+got.Fix, slacktest.BotToken) {
			t.Errorf("%s: the token is told", name)
		}
	}
}
