package slack_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/slack/slacktest"
)

func report(status core.BuildStatus) *core.Report {
	start := time.Unix(1_763_800_000, 0)
	b := core.Build{ID: someBuild, Number: 142, Status: status, SHA: strings.Repeat("a", 40), Branch: "main", TriggerActor: "sam", QueuedAt: start}
	r := core.ReportOf(b, core.Pipeline{Name: "Android <!channel>"}, nil, "https://ci.example.com/builds/"+someBuild)
	return &r
}

func TestRespondTellsThePersonAlone(t *testing.T) {
	h := open(t, &inbox{}, nil)
	address := h.ResponseURL()
	if err := h.room.Respond(t.Context(), core.Chat{ResponseURL: address}, core.Message{Text: "Queued <!here>", Report: report(core.BuildQueued)}); err != nil {
		t.Fatal(err)
	}
	said := h.Responses(address)
	if len(said) != 1 || said[0].ResponseType != "ephemeral" || said[0].Text != "Queued &lt;!here&gt;" || len(said[0].Mentions) != 0 || !strings.Contains(string(said[0].Blocks), "oore.cancel") {
		t.Fatalf("said %+v", said)
	}
	sent := h.Requests()[0]
	var body map[string]any
	if err := json.Unmarshal([]byte(sent.Body), &body); err != nil || body["replace_original"] != false || body["parse"] != "none" {
		t.Errorf("sent %v, %v", body, err)
	}
	if strings.Contains(sent.Body, slacktest.BotToken) || sent.Header.Get("Authorization") != "" {
		t.Error("the token was sent along")
	}
}

func TestAResponseURLIsUsedUpAfterFiveAnswersOrHalfAnHour(t *testing.T) {
	h := open(t, &inbox{}, nil)
	used, old := core.Chat{ResponseURL: h.ResponseURL()}, core.Chat{ResponseURL: h.ResponseURL()}
	for range 5 {
		if err := h.room.Respond(t.Context(), used, core.Message{Text: "x"}); err != nil {
			t.Fatal(err)
		}
	}
	h.Advance(31 * time.Minute)
	for name, c := range map[string]core.Chat{"used": used, "old": old} {
		if err := h.room.Respond(t.Context(), c, core.Message{Text: "x"}); core.KindOf(err) != core.KindGone {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestRespondGoesNowhereElse(t *testing.T) {
	reached := false
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	defer other.Close()
	h := open(t, &inbox{}, nil)
	host := strings.TrimPrefix(strings.TrimSuffix(h.APIURL(), "/api/"), "http://")
	for _, address := range []string{
		"", other.URL, other.URL + "/response/T/1", "http://hooks.slack.com/x", "https://hooks.slack.com.evil.example/x", "https://evil.example/hooks.slack.com",
		"https://hooks.slack.com@evil.example/x", "https://user:pass@hooks.slack.com/x", "https://hooks.slack.com:8443/x", "http://169.254.169.254/", "file:///etc/passwd",
		"https://" + host + "/response/x", "http://u@" + host + "/response/x", "//" + host + "/x", "gopher://" + host + "/x", "%", "http://[::1]/x",
	} {
		if err := h.room.Respond(t.Context(), core.Chat{ResponseURL: address}, core.Message{Text: "x"}); core.KindOf(err) != core.KindInvalid || err == nil {
			t.Errorf("%q: got %v", address, err)
		}
	}
	h.FailNext(slacktest.RedirectTo(other.URL))
	if err := h.room.Respond(t.Context(), core.Chat{ResponseURL: h.ResponseURL()}, core.Message{Text: "x"}); core.KindOf(err) != core.KindInvalid || err == nil {
		t.Errorf("a redirect: got %v", err)
	}
	if reached {
		t.Error("another host was asked")
	}
}

func TestRespondSortsRefusals(t *testing.T) {
	h := open(t, &inbox{}, nil)
	for name, c := range map[string]struct {
		failure slacktest.Failure
		kind    core.Kind
	}{
		"expired, with status 200": {slacktest.APIError("Expired url"), core.KindGone},
		"limited":                  {slacktest.RateLimited(7 * time.Second), core.KindLimited},
		"down":                     {slacktest.Failure{Status: 503, Body: "<html>"}, core.KindUnavailable},
		"broken off":               {slacktest.Failure{Drop: true}, core.KindUnavailable},
		"bad blocks":               {slacktest.APIError("invalid_blocks"), core.KindInvalid},
		"plain refusal":            {slacktest.Failure{Status: 403, Body: "no"}, core.KindInvalid},
	} {
		h.FailNext(c.failure)
		err := h.room.Respond(t.Context(), core.Chat{ResponseURL: h.ResponseURL()}, core.Message{Text: "x"})
		if err == nil || core.KindOf(err) != c.kind {
			t.Errorf("%s: got %v", name, err)
		}
		if c.kind == core.KindLimited && retryAfter(err) != 7*time.Second {
			t.Errorf("to wait %s", retryAfter(err))
		}
	}
	h.FailNext(slacktest.Failure{Status: 200, Body: "ok"})
	if err := h.room.Respond(t.Context(), core.Chat{ResponseURL: h.ResponseURL()}, core.Message{Text: "x"}); err != nil {
		t.Errorf("a plain ok: got %v", err)
	}
}
