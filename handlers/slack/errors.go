package slack

import (
	"errors"
	"net/http"
	"time"

	"github.com/slack-go/slack"

	"github.com/oore-ci/oore/app/core"
)

// maxPause bounds how long Slack can make us wait.
const maxPause = time.Hour

// translate turns the error of any call of Slack's API into one of the house's.
func translate(err error) *core.Error {
	var slow *slack.RateLimitedError
	var status slack.StatusCodeError
	var refused slack.SlackErrorResponse
	switch {
	case errors.As(err, &slow):
		return limited(slow.RetryAfter).Because(err)
	case errors.As(err, &refused):
		return kindOf(refused.Err, refused.Needed).Because(err)
	case errors.As(err, &status) && status.Code == http.StatusTooManyRequests:
		return limited(0).Because(err)
	case errors.As(err, &status) && status.Code >= 300 && status.Code < 500:
		return core.Errorf(core.KindInvalid, "Slack refuses the call (HTTP %d); check OORE_SLACK_API_URL", status.Code).Because(err)
	case errors.As(err, &status):
		return core.Errorf(core.KindUnavailable, "Slack has a problem (HTTP %d); try again", status.Code).Because(err)
	}
	return unanswered(err)
}

func unanswered(err error) *core.Error {
	return core.Errorf(core.KindUnavailable, "Slack does not answer just now; try again").Because(err)
}

// kindOf sorts Slack's own codes. needed is the scope that it misses, if it says so.
func kindOf(code, needed string) *core.Error {
	switch code {
	case "not_in_channel", "channel_not_found":
		return core.Errorf(core.KindNotFound, "The bot is not in that channel; write /invite @oore there")
	case "is_archived":
		return core.Errorf(core.KindNotFound, "The channel is archived")
	case "missing_scope", "no_permission":
		if needed == "" {
			needed = "chat:write"
		}
		return core.Errorf(core.KindForbidden, "The Slack app lacks the scope %s; add it under OAuth & Permissions, and install the app again", needed)
	case "invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive", "not_allowed_token_type",
		"org_login_required", "ekm_access_denied", "team_access_not_granted", "access_denied":
		return core.Errorf(core.KindForbidden, "Slack refuses the bot token (%s); check OORE_SLACK_BOT_TOKEN", code)
	case "restricted_action", "restricted_action_read_only_channel", "restricted_action_thread_only_channel", "restricted_action_non_threadable_channel":
		return core.Errorf(core.KindForbidden, "The workspace does not let the bot post there (%s); ask one of its admins", code)
	case "ratelimited", "rate_limited", "message_limit_exceeded":
		return limited(0)
	case "internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org", "accesslimited":
		return core.Errorf(core.KindUnavailable, "Slack has a problem (%s); try again", code)
	}
	return core.Errorf(core.KindInvalid, "Slack refuses the message: %s", code)
}

// limited is KindLimited; 0: Slack named no time.
func limited(wait time.Duration) *core.Error {
	e := core.Errorf(core.KindLimited, "Slack wants no more messages just now")
	e.RetryAfter = min(wait, maxPause)
	return e
}
