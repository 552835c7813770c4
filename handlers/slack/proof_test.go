package slack_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/oore-ci/oore/handlers/slack/slacktest"
)

func TestWhatSlackDidNotSendIsRefused(t *testing.T) {
	in := &inbox{}
	h := open(t, in, nil)
	command := h.Command("build octo/app main").Encode()
	button := h.Press(slacktest.Message{Channel: slacktest.Channel, TS: "1.2"}, "oore.cancel", "5b7c5a0e-6f0f-4b53-9f3c-0d1c6f1f2a11").Encode()
	for name, prepare := range map[string]func(*http.Request){
		"unsigned":            func(r *http.Request) { r.Header.Del("X-Slack-Signature") },
		"without a timestamp": func(r *http.Request) { r.Header.Del("X-Slack-Request-Timestamp") },
		"no signature at all": func(r *http.Request) { r.Header.Set("X-Slack-Signature", "v0=") },
		"no hex":              func(r *http.Request) { r.Header.Set("X-Slack-Signature", "v0="+strings.Repeat("z", 64)) },
		"another version":     func(r *http.Request) { r.Header.Set("X-Slack-Signature", "v1"+r.Header.Get("X-Slack-Signature")[2:]) },
		"no number as time":   func(r *http.Request) { r.Header.Set("X-Slack-Request-Timestamp", "now") },
		"another time": func(r *http.Request) {
			slacktest.Sign(r, "", slacktest.SigningSecret, time.Now().Add(time.Minute))
		},
		"old: a replay":  resign(-6 * time.Minute),
		"of the future":  resign(6 * time.Minute),
		"far away":       resign(-20 * 365 * 24 * time.Hour),
		"another secret": func(r *http.Request) { slacktest.Sign(r, bodyOf(r), "another", time.Now()) },
		"no secret":      func(r *http.Request) { slacktest.Sign(r, bodyOf(r), "", time.Now()) },
		"another's body": func(r *http.Request) { slacktest.Sign(r, bodyOf(r)+"&a=b", slacktest.SigningSecret, time.Now()) },
		"smuggled, bare": func(r *http.Request) { r.URL.RawQuery = command; r.Header.Del("X-Slack-Signature") },
		"signed as query": func(r *http.Request) {
			r.URL.RawQuery = button
			slacktest.Sign(r, button, slacktest.SigningSecret, time.Now())
		},
	} {
		for address, body := range map[string]string{h.commands: command, h.interactions: button} {
			if name == "signed as query" {
				body = "a=b"
			}
			reply := post(t, address, body, prepare)
			if reply.Status != http.StatusUnauthorized || !strings.Contains(string(reply.Body), `_signature"`) {
				t.Errorf("%s at %s: got %d %s", name, address, reply.Status, reply.Body)
			}
		}
	}
	if all := in.all(); len(all) != 0 {
		t.Errorf("stored %+v", all)
	}
	if post(t, h.commands, command, resign(4*time.Minute)).Status != http.StatusOK || post(t, h.interactions, button, resign(-4*time.Minute)).Status != http.StatusOK {
		t.Error("what is refused above is refused for another reason")
	}
}

func resign(by time.Duration) func(*http.Request) {
	return func(r *http.Request) { slacktest.Sign(r, bodyOf(r), slacktest.SigningSecret, time.Now().Add(by)) }
}

func bodyOf(r *http.Request) string {
	body, err := r.GetBody()
	if err != nil {
		panic(err)
	}
	raw, err := io.ReadAll(body)
	if err != nil {
		panic(err)
	}
	return string(raw)
}

// A signature covers the body, so whoever has one signed request could put another's
// fields into the address.
func TestTheAddressIsNeverRead(t *testing.T) {
	in := &inbox{}
	h := open(t, in, nil)
	evil := h.Press(slacktest.Message{Channel: slacktest.Channel, TS: "6.6"}, "oore.cancel", "66666666-6666-6666-6666-666666666666").Encode()
	command := h.Command("status")
	if reply := post(t, h.interactions+"?"+evil, command.Encode(), nil); reply.Status != http.StatusBadRequest {
		t.Errorf("a body without a payload: got %d %s", reply.Status, reply.Body)
	}
	without := h.Command("status")
	without.Del("trigger_id")
	if reply := post(t, h.commands+"?trigger_id=6.6.6", without.Encode(), nil); reply.Status != http.StatusBadRequest {
		t.Errorf("a body without a trigger: got %d %s", reply.Status, reply.Body)
	}
	if all := in.all(); len(all) != 0 {
		t.Fatalf("stored %+v", all)
	}
	query := url.Values{"text": {"cancel 42"}, "trigger_id": {"6.6.6"}, "ssl_check": {"1"}, "payload": {evil}}
	if reply := post(t, h.commands+"?"+query.Encode(), command.Encode(), nil); reply.Status != http.StatusOK {
		t.Errorf("got %d %s", reply.Status, reply.Body)
	}
	if d := in.one(t); string(d.Payload) != command.Encode() || d.DeliveryID != slacktest.Team+":"+command.Get("trigger_id") {
		t.Errorf("stored %s as %s", d.Payload, d.DeliveryID)
	}
}
