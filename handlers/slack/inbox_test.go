package slack_test

import (
	"errors"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/slack"
	"github.com/oore-ci/oore/handlers/slack/slacktest"
)

const onIt, notTaken = "On it …", "try again"

// file is a payload of testdata with its placeholders filled.
func file(t *testing.T, name string) string {
	t.Helper()
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return strings.NewReplacer("%7B%7Bnonce%7D%7D", "abc123", "{{nonce}}", "abc123").Replace(string(raw))
}

func TestEverySlashCommandIsStoredAndAnswered(t *testing.T) {
	names, err := filepath.Glob("testdata/slash/*.form")
	if err != nil || len(names) < 11 {
		t.Fatal(names, err)
	}
	answers := map[string]string{
		"build.form": onIt, "build-sha.form": onIt, "cancel.form": onIt, "status.form": onIt, "unicode.form": onIt, "escaped.form": onIt, "quotes.form": onIt,
		"empty.form": "/oore build", "help.form": "/oore build",
		"inject.form": "", "long.form": "at most 1000 characters", "mention.form": "mention",
	}
	for _, name := range names {
		in := &inbox{}
		h := open(t, in, nil)
		body := file(t, name)
		reply := post(t, h.commands, body, nil)
		want, known := answers[filepath.Base(name)]
		if !known || reply.Status != http.StatusOK || !reply.Ephemeral() || !strings.Contains(reply.Text(), want) {
			t.Errorf("%s: got %d %s", name, reply.Status, reply.Body)
		}
		d := in.one(t)
		if string(d.Payload) != body || d.Event != "slash_command" || d.DeliveryID != "T0RIG0001:1111111111.2222222222.abc123" {
			t.Errorf("%s is stored as %+v", name, d)
		}
		form, _ := url.ParseQuery(body)
		e, err := slack.Decoder{}.Decode(d.Event, d.Payload)
		if err != nil || e.Chat == nil || e.Chat.Body != form.Get("text") || e.Ignored != nil {
			t.Errorf("%s is read as %+v, %v", name, e, err)
		}
	}
}

func TestTheInteractionAndTheEventOfTheDocumentation(t *testing.T) {
	in := &inbox{}
	h := open(t, in, nil)
	payload := file(t, "testdata/interactions/block_actions.own.json")
	if reply := post(t, h.interactions, url.Values{"payload": {payload}}.Encode(), nil); reply.Status != http.StatusOK || len(reply.Body) != 0 {
		t.Errorf("got %d %s", reply.Status, reply.Body)
	}
	d := in.one(t)
	if string(d.Payload) != payload || d.Event != "block_actions" || d.DeliveryID != "T0RIG0001:U0RIG0001:1548426417.840180:rerun:1548261231.000200" {
		t.Errorf("stored %+v", d)
	}
	if reply := post(t, h.interactions, file(t, "testdata/events/url_verification.own.json"), nil); reply.Status != http.StatusBadRequest {
		t.Errorf("an event, for which there is no door: got %d %s", reply.Status, reply.Body)
	}
	in.one(t)
}

func TestACommandSentTwiceIsStoredOnce(t *testing.T) {
	in := &inbox{}
	h := open(t, in, nil)
	command := h.Command("build app")
	button := h.Press(slacktest.Message{Channel: slacktest.Channel, TS: "1.2"}, "oore.retry", "5b7c5a0e-6f0f-4b53-9f3c-0d1c6f1f2a11")
	for range 2 {
		if reply := h.send(t, h.commands, command); reply.Status != http.StatusOK || reply.Text() != onIt {
			t.Errorf("got %d %s", reply.Status, reply.Body)
		}
		if reply := h.send(t, h.interactions, button); reply.Status != http.StatusOK {
			t.Errorf("got %d %s", reply.Status, reply.Body)
		}
	}
	if n := len(in.all()); n != 2 {
		t.Errorf("stored %d", n)
	}
}

func TestHelpAndMistakesAreAnsweredAtOnce(t *testing.T) {
	in := &inbox{}
	h := open(t, in, nil)
	for text, want := range map[string]string{
		"":           "/oore build",
		"  ":         "/oore build",
		"HELP":       "/oore build",
		"help build": "Command `build`",
		"biuld app":  "Unknown command `biuld`. Did you mean `build`?",
		"build app":  onIt,
		"<!channel>": "mention",
		"&lt;b&gt;":  "Unknown command `&lt;b&gt;`",
	} {
		reply := h.send(t, h.commands, h.Command(text))
		if reply.Status != http.StatusOK || !reply.Ephemeral() || !strings.Contains(reply.Text(), want) {
			t.Errorf("%q: got %d %s", text, reply.Status, reply.Body)
		}
	}
	if n := len(in.all()); n != 8 {
		t.Errorf("stored %d", n)
	}
	h = open(t, in, func(o *slack.Options) { o.Help, o.Check = nil, nil })
	if reply := h.send(t, h.commands, h.Command("help")); reply.Text() != onIt {
		t.Errorf("without a grammar: got %s", reply.Body)
	}
	h = open(t, in, func(o *slack.Options) { o.Check = func(string) error { return errors.New("database password is 42") } })
	if reply := h.send(t, h.commands, h.Command("build")); reply.Text() != onIt {
		t.Errorf("what is not meant for people: got %s", reply.Body)
	}
}

func TestTheCertificateProbeIsNoCommand(t *testing.T) {
	in := &inbox{}
	h := open(t, in, nil)
	for _, address := range []string{h.commands, h.interactions} {
		if reply := post(t, address, "ssl_check=1&token=x", nil); reply.Status != http.StatusOK || len(reply.Body) != 0 {
			t.Errorf("got %d %s", reply.Status, reply.Body)
		}
	}
	if all := in.all(); len(all) != 0 {
		t.Errorf("stored %+v", all)
	}
}

func TestWhatHasNoIdentityIsRefused(t *testing.T) {
	in := &inbox{}
	h := open(t, in, nil)
	command := h.Command("build")
	command.Del("trigger_id")
	for body, address := range map[string]string{
		command.Encode(): h.commands,
		"%zz":            h.commands,
		"":               h.interactions,
		"payload=1":      h.interactions,
		"payload=%7B%7D": h.interactions,
		url.Values{"payload": {`{"type":"block_actions","team":{"id":"T1"},"user":{"id":"U1"}}`}}.Encode():                                        h.interactions,
		url.Values{"payload": {`{"type":"block_actions","team":{"id":"T1"},"user":{"id":"U1"},"actions":[{"action_id":"oore.retry"}]}`}}.Encode(): h.interactions,
	} {
		if reply := post(t, address, body, nil); reply.Status != http.StatusBadRequest {
			t.Errorf("%q: got %d %s", body, reply.Status, reply.Body)
		}
	}
	if all := in.all(); len(all) != 0 {
		t.Errorf("stored %+v", all)
	}
}

func TestOtherInteractionsAreStoredAndIgnored(t *testing.T) {
	for payload, id := range map[string]string{
		`{"type":"shortcut","team":{"id":"T1"},"user":{"id":"U1"},"trigger_id":"1.2.3"}`: "T1:1.2.3",
		`{"type":"view_closed","team":null,"user":{"id":"U1","team_id":"T2"}}`:           "T2:",
	} {
		in := &inbox{}
		h := open(t, in, nil)
		if reply := h.send(t, h.interactions, url.Values{"payload": {payload}}); reply.Status != http.StatusOK {
			t.Errorf("got %d %s", reply.Status, reply.Body)
		}
		d := in.one(t)
		e, err := slack.Decoder{}.Decode(d.Event, d.Payload)
		if err != nil || e.Ignored == nil || e.Ignored.Code != core.WhyEventUnknown || e.Chat != nil || !strings.HasPrefix(d.DeliveryID, id) {
			t.Errorf("%s is stored as %q and read as %+v, %v", payload, d.DeliveryID, e, err)
		}
	}
}

// Send gives up after Slack's 3 seconds, and fails the test then.
func TestAStoreThatHangsOrFailsIsAnsweredInTime(t *testing.T) {
	for name, in := range map[string]*inbox{
		"hangs": hanging(t), "fails": {err: errors.New("the database is gone")}, "panics": {panic: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := open(t, in, nil)
			if reply := h.send(t, h.commands, h.Command("build app")); reply.Status != http.StatusOK || !reply.Ephemeral() || !strings.Contains(reply.Text(), notTaken) {
				t.Errorf("a command: got %d %s", reply.Status, reply.Body)
			}
		})
		t.Run(name+", button", func(t *testing.T) {
			t.Parallel()
			h := open(t, in, nil)
			button := h.Press(slacktest.Message{Channel: slacktest.Channel, TS: "1.2"}, "oore.cancel", "5b7c5a0e-6f0f-4b53-9f3c-0d1c6f1f2a11")
			address := responseURL(t, button.Get("payload"))
			if reply := h.send(t, h.interactions, button); reply.Status != http.StatusOK || !reply.Ephemeral() || !strings.Contains(reply.Text(), notTaken) {
				t.Errorf("got %d %s", reply.Status, reply.Body)
			}
			if said := h.Responses(address); len(said) != 1 || !strings.Contains(said[0].Text, notTaken) || said[0].ResponseType != "ephemeral" {
				t.Errorf("the person is told %+v", said)
			}
		})
	}
	t.Run("help needs no store", func(t *testing.T) {
		t.Parallel()
		h := open(t, &inbox{err: errors.New("the database is gone")}, nil)
		if reply := h.send(t, h.commands, h.Command("")); reply.Status != http.StatusOK || !strings.Contains(reply.Text(), "/oore build") {
			t.Errorf("got %d %s", reply.Status, reply.Body)
		}
	})
	t.Run("everything hangs", func(t *testing.T) {
		t.Parallel()
		h := open(t, hanging(t), nil)
		h.FailNext(slacktest.Failure{Hang: true})
		button := h.Press(slacktest.Message{Channel: slacktest.Channel, TS: "1.2"}, "oore.cancel", "5b7c5a0e-6f0f-4b53-9f3c-0d1c6f1f2a11")
		if reply := h.send(t, h.interactions, button); reply.Status != http.StatusOK {
			t.Errorf("got %d %s", reply.Status, reply.Body)
		}
	})
}
