package slack_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/slack"
	"github.com/oore-ci/oore/handlers/slack/slacktest"
)

func retryAfter(err error) time.Duration {
	var e *core.Error
	errors.As(err, &e)
	return e.RetryAfter
}

func TestABuildIsOneMessageThatChanges(t *testing.T) {
	h := open(t, &inbox{}, nil)
	id, err := h.room.Post(t.Context(), slacktest.Channel, core.Message{Text: "Queued", Report: report(core.BuildQueued)}, "")
	if err != nil || !strings.HasPrefix(id, slacktest.Channel+":") {
		t.Fatal(id, err)
	}
	for range 2 { // may be repeated freely
		again, err := h.room.Post(t.Context(), "T0TEST/"+slacktest.Channel, core.Message{Text: "Failed", Report: report(core.BuildFailed)}, id)
		if err != nil || again != id {
			t.Errorf("got %q, %v", again, err)
		}
	}
	all := h.Messages()
	if len(all) != 1 || all[0].Edits != 2 || all[0].Text != "Failed" || len(all[0].Mentions) != 0 || strings.Contains(string(all[0].Blocks), "oore.cancel") {
		t.Errorf("there is %+v", all)
	}
	for _, r := range h.Requests() {
		if !strings.Contains(r.Body, "parse=none") {
			t.Errorf("Slack may read mentions into %s", r.Body)
		}
	}
}

func TestAMessageThatSomebodyDeletedIsPostedAnew(t *testing.T) {
	h := open(t, &inbox{}, nil)
	id, err := h.room.Post(t.Context(), slacktest.Channel, core.Message{Text: "Queued"}, "")
	if err != nil {
		t.Fatal(err)
	}
	channel, ts, _ := strings.Cut(id, ":")
	h.Delete(channel, ts)
	again, err := h.room.Post(t.Context(), "T0TEST/"+slacktest.Channel, core.Message{Text: "Passed"}, id)
	if err != nil || again == id || len(h.Messages()) != 1 {
		t.Errorf("got %q, %v and %+v", again, err, h.Messages())
	}
}

func TestPostSortsRefusals(t *testing.T) {
	message := core.Message{Text: "x"}
	for name, c := range map[string]struct {
		prepare func(house)
		channel string
		kind    core.Kind
		says    string
	}{
		"the bot is outside":  {func(h house) { h.AddChannel("C0OUT", false) }, "C0OUT", core.KindNotFound, "/invite"},
		"no such channel":     {nil, "C0NONE", core.KindNotFound, "/invite"},
		"archived":            {failing(slacktest.APIError("is_archived")), "", core.KindNotFound, "archived"},
		"no scope":            {func(h house) { h.SetScopes("commands") }, "", core.KindForbidden, "chat:write"},
		"revoked":             {func(h house) { h.Revoke() }, "", core.KindForbidden, "OORE_SLACK_BOT_TOKEN"},
		"limited":             {failing(slacktest.RateLimited(30 * time.Second)), "", core.KindLimited, ""},
		"limited in words":    {failing(slacktest.APIError("ratelimited")), "", core.KindLimited, ""},
		"limited, no time":    {failing(slacktest.Failure{Status: 429}), "", core.KindLimited, ""},
		"down":                {failing(slacktest.Failure{Status: 502, Body: "<html>"}), "", core.KindUnavailable, "502"},
		"down in words":       {failing(slacktest.APIError("internal_error")), "", core.KindUnavailable, ""},
		"broken off":          {failing(slacktest.Failure{Drop: true}), "", core.KindUnavailable, ""},
		"no JSON":             {failing(slacktest.Failure{Status: 200, Body: "<html>"}), "", core.KindUnavailable, ""},
		"another refusal":     {failing(slacktest.APIError("msg_blocks_too_long")), "", core.KindInvalid, "msg_blocks_too_long"},
		"a wrong API address": {failing(slacktest.Failure{Status: 404}), "", core.KindInvalid, "OORE_SLACK_API_URL"},
	} {
		h := open(t, &inbox{}, nil)
		if c.prepare != nil {
			c.prepare(h)
		}
		channel := c.channel
		if channel == "" {
			channel = slacktest.Channel
		}
		_, err := h.room.Post(t.Context(), channel, message, "")
		var e *core.Error
		if !errors.As(err, &e) || e.Kind != c.kind || !strings.Contains(e.Message, c.says) {
			t.Errorf("%s: got %v", name, err)
		}
		if err != nil && strings.Contains(err.Error(), slacktest.BotToken) {
			t.Errorf("%s: the error tells the token", name)
		}
		if len(h.Messages()) != 0 {
			t.Errorf("%s: something was posted", name)
		}
	}
}

func failing(f slacktest.Failure) func(house) { return func(h house) { h.FailNext(f) } }

func TestARateLimitIsKept(t *testing.T) {
	h := open(t, &inbox{}, nil)
	h.FailNext(slacktest.RateLimited(30 * time.Second))
	for range 3 {
		_, err := h.room.Post(t.Context(), slacktest.Channel, core.Message{Text: "x"}, "")
		if core.KindOf(err) != core.KindLimited || retryAfter(err) <= 0 || retryAfter(err) > 30*time.Second {
			t.Fatalf("got %v", err)
		}
	}
	if n := len(h.Requests()); n != 1 {
		t.Errorf("Slack was asked %d times", n)
	}
	closed := func() float64 {
		all, err := h.room.Readings(t.Context())
		if err != nil || len(all) != 1 || all[0].Metric != core.MetricBreakers {
			t.Fatalf("readings %v, %v", all, err)
		}
		return all[0].Value
	}
	if closed() != 1 {
		t.Error("no gauge says so")
	}
	h.Advance(31 * time.Second)
	if closed() != 0 {
		t.Error("the gauge says so for ever")
	}
	if _, err := h.room.Post(t.Context(), slacktest.Channel, core.Message{Text: "x"}, ""); err != nil {
		t.Errorf("after the limit: %v", err)
	}
}

func TestWithoutATokenNothingIsPosted(t *testing.T) {
	h := open(t, &inbox{}, func(o *slack.Options) { o.BotToken = "" })
	_, err := h.room.Post(t.Context(), slacktest.Channel, core.Message{Text: "x"}, "")
	if core.KindOf(err) != core.KindForbidden || !strings.Contains(err.Error(), "set OORE_SLACK_BOT_TOKEN") || len(h.Requests()) != 0 {
		t.Errorf("got %v after %d requests", err, len(h.Requests()))
	}
}

func TestTheTokenStaysAtTheAPIsHost(t *testing.T) {
	reached := false
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	defer other.Close()
	h := open(t, &inbox{}, nil)
	h.FailNext(slacktest.RedirectTo(other.URL + "/api/chat.postMessage"))
	if _, err := h.room.Post(t.Context(), slacktest.Channel, core.Message{Text: "x"}, ""); err == nil || reached {
		t.Errorf("got %v; the other host was asked: %v", err, reached)
	}
}
