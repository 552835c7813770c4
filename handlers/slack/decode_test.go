package slack_test

import (
	"encoding/json"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/slack"
	"github.com/oore-ci/oore/handlers/slack/slacktest"
)

const someBuild = "5b7c5a0e-6f0f-4b53-9f3c-0d1c6f1f2a11"

func responseURL(t *testing.T, payload string) string {
	t.Helper()
	var p struct {
		ResponseURL string `json:"response_url"`
	}
	if err := json.Unmarshal([]byte(payload), &p); err != nil {
		t.Fatal(err)
	}
	return p.ResponseURL
}

func TestDecodeACommand(t *testing.T) {
	double := slacktest.New(t)
	form := double.Command(`build “ios release” a&amp;b`)
	got, err := slack.Decoder{}.Decode("slash_command", []byte(form.Encode()))
	want := core.Event{Provider: core.ProviderSlack, Actor: slacktest.UserName, Chat: &core.Chat{
		ID: form.Get("trigger_id"), Body: `build “ios release” a&amp;b`, AuthorID: slacktest.User, Author: slacktest.UserName,
		Team: slacktest.Team, Channel: slacktest.Channel, ResponseURL: form.Get("response_url"),
	}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v %+v, %v", got, got.Chat, err)
	}
	form.Del("user_name") // Slack means to leave it out some day
	if got, err = (slack.Decoder{}).Decode("slash_command", []byte(form.Encode())); err != nil || got.Actor != slacktest.User {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestDecodeAButton(t *testing.T) {
	double := slacktest.New(t)
	for id, verb := range map[string]string{"oore.cancel": "cancel", "oore.retry": "retry"} {
		payload := double.Press(slacktest.Message{Channel: "C9", TS: "1.2", Blocks: json.RawMessage(`[{"type":"newer than we"}]`)}, id, someBuild).Get("payload")
		got, err := slack.Decoder{}.Decode("block_actions", []byte(payload))
		if err != nil || got.Chat == nil {
			t.Fatalf("got %+v, %v", got, err)
		}
		if c := *got.Chat; got.Actor != slacktest.UserName || got.Action != id || c.Button != verb || c.BuildID != someBuild || c.Body != "" || c.ID == "" ||
			c.AuthorID != slacktest.User || c.Team != slacktest.Team || c.Channel != "C9" || c.ResponseURL != responseURL(t, payload) {
			t.Errorf("got %+v %+v", got, c)
		}
	}
	for _, id := range []string{"oore.log", "oore.page", "oore.more", "rerun", "oore.approve", ""} {
		payload := double.Press(slacktest.Message{Channel: "C9", TS: "1.2"}, id, someBuild).Get("payload")
		if got, err := (slack.Decoder{}).Decode("block_actions", []byte(payload)); err != nil || got.Ignored == nil || got.Ignored.Code != core.WhyAction || got.Chat != nil {
			t.Errorf("%q: got %+v, %v", id, got, err)
		}
	}
}

func TestDecodeRefusesWhatSlackDoesNotSend(t *testing.T) {
	double := slacktest.New(t)
	commands := []string{"", "%zz", "text=build"}
	for _, field := range []string{"team_id", "user_id", "channel_id", "trigger_id"} {
		form := double.Command("build")
		form.Del(field)
		commands = append(commands, form.Encode())
	}
	buttons := []string{"", "[]", "{}", `{"actions":7}`, `{"actions":[{"action_id":"oore.retry","value":"` + someBuild + `"}]}`}
	whole := double.Press(slacktest.Message{}, "oore.cancel", someBuild).Get("payload")
	for _, value := range []string{"", "42", strings.ToUpper(someBuild), someBuild + "\n", "../" + someBuild} {
		buttons = append(buttons, double.Press(slacktest.Message{}, "oore.retry", value).Get("payload"))
	}
	buttons = append(buttons, strings.ReplaceAll(whole, slacktest.User, ""), strings.ReplaceAll(whole, slacktest.Team, ""))
	for event, payloads := range map[string][]string{"slash_command": commands, "block_actions": buttons} {
		for _, p := range payloads {
			if got, err := (slack.Decoder{}).Decode(event, []byte(p)); core.KindOf(err) != core.KindInvalid || err == nil {
				t.Errorf("%s %s: got %+v, %v", event, p, got, err)
			}
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add("slash_command", url.Values{"team_id": {"T"}, "text": {"build"}}.Encode())
	f.Add("block_actions", `{"actions":[{"action_id":"oore.cancel","value":"x"}],"team":null,"user":{"id":"U"}}`)
	f.Fuzz(func(t *testing.T, event, payload string) {
		e, err := slack.Decoder{}.Decode(event, []byte(payload))
		switch {
		case err != nil && core.KindOf(err) != core.KindInvalid:
			t.Errorf("got %v", err)
		case err == nil && (e.Chat == nil) == (e.Ignored == nil):
			t.Errorf("neither a command nor ignored: %+v", e)
		case err == nil && e.Chat != nil && (e.Chat.AuthorID == "" || e.Chat.Team == ""):
			t.Errorf("nobody said it: %+v", e.Chat)
		}
	})
}
