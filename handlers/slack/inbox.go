package slack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/templates"
)

// Slack shows an error to the person unless it is answered within 3 s: a store that
// hangs gets storeTimeout of them, and what is to be said then lastWord.
const (
	storeTimeout = 2 * time.Second
	lastWord     = 500 * time.Millisecond
)

// What the person reads when there is no better answer.
const (
	textTaken    = "On it …"
	textNotTaken = "Oore could not take this just now, so nothing was done. Please try again in a moment."
)

// Receiver stores a delivery durably before it returns; app.App is one. The id is ours,
// and duplicate tells that the delivery was known already.
type Receiver interface {
	ReceiveDelivery(ctx context.Context, in app.ReceiveDelivery) (id string, duplicate bool, err error)
}

// store stores the delivery in time, or says to the person why it could not. The store may
// hang: nobody waits longer for it than that.
func (r *Room) store(ctx context.Context, receiver Receiver, in app.ReceiveDelivery) (refused string) {
	// The request's context may be recycled with it; ours ends on its own.
	ctx, cancel := context.WithTimeout(core.NameRequest(context.Background(), core.RequestName(ctx)), storeTimeout)
	defer cancel()
	in.Provider = core.ProviderSlack
	stored := make(chan error, 1)
	go func() { stored <- receive(ctx, receiver, in) }()
	var err error
	select {
	case err = <-stored:
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		r.log.Error("store a Slack delivery", "slack_id", in.DeliveryID, "event", in.Event, "error", err)
		return notTaken(err)
	}
	r.log.Debug("delivery stored", "slack_id", in.DeliveryID, "event", in.Event)
	return ""
}

func notTaken(err error) string {
	if core.IsNoRoom(err) {
		return textNotTaken + " (" + core.MessageOf(err) + ".)"
	}
	return textNotTaken
}

// receive keeps a panic from ending the process: no server catches it here.
func receive(ctx context.Context, receiver Receiver, in app.ReceiveDelivery) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in the receiver: %v", p)
		}
	}()
	_, _, err = receiver.ReceiveDelivery(ctx, in)
	return err
}

// refuse answers what is not believed or makes no sense. Nothing of it is kept.
func (r *Room) refuse(w http.ResponseWriter, req *http.Request, err error) {
	refused := invalidSignature()
	errors.As(err, &refused)
	r.log.Warn("Slack request refused", "code", refused.code, "from", req.RemoteAddr)
	answer(w, refused.status, struct {
		Error string `json:"error"`
		Code  string `json:"code"`
	}{refused.message, refused.code})
}

// say answers the person alone.
func say(w http.ResponseWriter, text string) {
	answer(w, http.StatusOK, struct {
		ResponseType string `json:"response_type"`
		Text         string `json:"text"`
	}{"ephemeral", templates.SlackText(core.Message{Text: text, Markdown: true})})
}

// decline is say for what is not stored. The status cannot tell: Slack shows no text of an
// answer that is not 200.
func decline(w http.ResponseWriter, text string) {
	w.Header().Set(core.HeaderNotStored, "true")
	say(w, text)
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// If this fails Slack has hung up; there is nobody left to tell.
	_ = json.NewEncoder(w).Encode(body)
}
