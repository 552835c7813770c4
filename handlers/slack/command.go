package slack

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

// eventCommand is our word for a slash command; Slack has none.
const eventCommand = "slash_command"

// Commands returns the door for slash commands (contract section 4). It answers within
// 3 s whatever the receiver does, and always in words that the person alone can read.
// The caller limits the size of bodies.
func (r *Room) Commands(receiver Receiver) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, form, err := r.open(req)
		if err != nil {
			r.refuse(w, req, err)
			return
		}
		if form.Get("ssl_check") == "1" { // Slack looks at our certificate
			w.WriteHeader(http.StatusOK)
			return
		}
		if form.Get("trigger_id") == "" {
			r.refuse(w, req, missingIdentity("trigger_id"))
			return
		}
		refused := r.store(req.Context(), receiver, app.ReceiveDelivery{
			DeliveryID: form.Get("team_id") + ":" + form.Get("trigger_id"), Event: eventCommand, Payload: body,
		})
		switch text, ok := r.atOnce(form.Get("text")); {
		case ok:
			say(w, text)
		case refused != "":
			decline(w, refused)
		default:
			say(w, textTaken)
		}
	})
}

// atOnce is the answer to what needs nobody's knowledge: help, and what cannot be read.
func (r *Room) atOnce(text string) (string, bool) {
	if r.check != nil {
		var wrong *core.Error
		if errors.As(r.check(text), &wrong) {
			return wrong.Message, true
		}
	}
	words := append(strings.Fields(text), "", "")
	if r.help != nil && (words[0] == "" || strings.EqualFold(words[0], "help")) {
		return r.help(words[1]), true
	}
	return "", false
}

func decodeCommand(payload []byte) (core.Event, error) {
	form, err := url.ParseQuery(string(payload))
	if err != nil {
		return core.Event{}, core.Errorf(core.KindInvalid, "The slash command is no form").Because(err)
	}
	for _, field := range []string{"team_id", "user_id", "channel_id", "trigger_id"} {
		if form.Get(field) == "" {
			return core.Event{}, missing("slash command", field)
		}
	}
	c := core.Chat{
		ID: form.Get("trigger_id"), Body: form.Get("text"), AuthorID: form.Get("user_id"),
		Author: cmp.Or(form.Get("user_name"), form.Get("user_id")),
		Team:   form.Get("team_id"), Channel: form.Get("channel_id"), ResponseURL: form.Get("response_url"),
	}
	return chatEvent(c), nil
}
