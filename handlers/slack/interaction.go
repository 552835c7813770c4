package slack

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/templates"
)

const eventButtons = "block_actions"

var buildID = regexp.MustCompile(`^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// interaction is as much of Slack's payload as we use. The library's own type refuses
// all of it when it does not know a block of the message, which may be newer than it.
type interaction struct {
	Type        string `json:"type"`
	TriggerID   string `json:"trigger_id"`
	ResponseURL string `json:"response_url"`
	Team        struct {
		ID string `json:"id"`
	} `json:"team"`
	User struct {
		ID       string `json:"id"`
		Username string `json:"username"`
		Name     string `json:"name"`
		TeamID   string `json:"team_id"`
	} `json:"user"`
	Channel struct {
		ID string `json:"id"`
	} `json:"channel"`
	Container struct {
		MessageTS string `json:"message_ts"`
		ChannelID string `json:"channel_id"`
	} `json:"container"`
	Actions []action `json:"actions"`
}

// action is one pressed button.
type action struct {
	ID    string `json:"action_id"`
	Value string `json:"value"`
	TS    string `json:"action_ts"`
}

// Interactions returns the door for pressed buttons and whatever else Slack's
// interactivity sends (contract section 4). It answers within 3 s whatever the receiver
// does. The caller limits the size of bodies.
func (r *Room) Interactions(receiver Receiver) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		_, form, err := r.open(req)
		if err != nil {
			r.refuse(w, req, err)
			return
		}
		if form.Get("ssl_check") == "1" {
			w.WriteHeader(http.StatusOK)
			return
		}
		payload := []byte(form.Get("payload"))
		var in interaction
		if json.Unmarshal(payload, &in) != nil || in.Type == "" {
			r.refuse(w, req, &refusal{http.StatusBadRequest, core.CodeInvalidInput, "The body is no form whose payload is an interaction"})
			return
		}
		id := in.identity(payload)
		if id == "" {
			r.refuse(w, req, missingIdentity("action_ts"))
			return
		}
		refused := r.store(req.Context(), receiver, app.ReceiveDelivery{DeliveryID: id, Event: in.Type, Payload: payload})
		if refused == "" {
			w.WriteHeader(http.StatusOK)
			return
		}
		r.apologize(in, refused)
		decline(w, refused)
	})
}

// apologize tells the person through the response URL: in answer to a pressed button
// Slack shows nobody the body.
func (r *Room) apologize(in interaction, refused string) {
	ctx, cancel := context.WithTimeout(context.Background(), lastWord)
	defer cancel()
	if err := r.Respond(ctx, core.Chat{ResponseURL: in.ResponseURL}, core.Message{Text: refused}); err != nil {
		r.log.Warn("tell that a button was not taken", "error", err)
	}
}

// identity is what a second sending of the same interaction has too; empty: it has none.
func (in interaction) identity(payload []byte) string {
	switch {
	case in.Type == eventButtons && (len(in.Actions) == 0 || in.Actions[0].TS == ""):
		return ""
	case in.Type == eventButtons:
		a := in.Actions[0]
		return strings.Join([]string{in.team(), in.User.ID, a.TS, a.ID, in.Container.MessageTS}, ":")
	case in.TriggerID != "":
		return in.team() + ":" + in.TriggerID
	}
	sum := sha256.Sum256(payload)
	return in.team() + ":" + hex.EncodeToString(sum[:])
}

// team is where the button was pressed. An app of a whole organization is told no team.
func (in interaction) team() string { return cmp.Or(in.Team.ID, in.User.TeamID) }

func decodeButtons(payload []byte) (core.Event, error) {
	var in interaction
	if err := json.Unmarshal(payload, &in); err != nil {
		return core.Event{}, core.Errorf(core.KindInvalid, "The interaction is not what Slack documents").Because(err)
	}
	switch {
	case len(in.Actions) == 0:
		return core.Event{}, missing("interaction", "actions")
	case in.team() == "":
		return core.Event{}, missing("interaction", "team.id")
	case in.User.ID == "":
		return core.Event{}, missing("interaction", "user.id")
	}
	pressed := in.Actions[0]
	c := core.Chat{
		ID: pressed.TS, AuthorID: in.User.ID, Author: cmp.Or(in.User.Username, in.User.Name, in.User.ID),
		Team: in.team(), Channel: cmp.Or(in.Channel.ID, in.Container.ChannelID), ResponseURL: in.ResponseURL,
	}
	switch pressed.ID {
	case templates.SlackCancel, templates.SlackRetry:
		if !buildID.MatchString(pressed.Value) {
			return core.Event{}, core.Errorf(core.KindInvalid, "The button's value is no build's id")
		}
		c.Button, c.BuildID = strings.TrimPrefix(pressed.ID, "oore."), pressed.Value
		e := chatEvent(c)
		e.Action = pressed.ID
		return e, nil
	case templates.SlackOpenLog, templates.SlackOpenPage, templates.SlackOpenMore:
		return ignored(c.Author, core.WhyAction, "The button only opens a page."), nil
	}
	return ignored(c.Author, core.WhyAction, "Oore has no such button."), nil
}
