// Package github is everything that knows GitHub. In: Room.Inbox takes webhooks and
// Decoder reads them. Out: Room asks and reports through the GitHub Apps that are
// connected, each at its host, and makes new ones. It must not know the store, the
// runner or another provider.
package github

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/go-github/v60/github"
	"github.com/palantir/go-githubapp/githubapp"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

// storeTimeout ends a store that hangs before GitHub gives up on us, after 10 s.
const storeTimeout = 8 * time.Second

// noEvent stands for a missing X-GitHub-Event: the dispatcher refuses such a request
// before it looks at the signature, and we look at the signature first.
const noEvent = "-"

// Receiver stores a delivery durably before it returns; app.App is one. The id is
// ours, and duplicate tells that the delivery was known already.
type Receiver interface {
	ReceiveDelivery(ctx context.Context, in app.ReceiveDelivery) (id string, duplicate bool, err error)
}

// maxGuesses bounds how many secrets are tried on a delivery that does not say whose
// it is: each costs a pass over the body.
const maxGuesses = 16

// codeNotConfigured is the contract's word for a door without a secret.
const codeNotConfigured = "not_configured"

// targetHeader names the App that a webhook is of, by its id at its host.
const targetHeader = "X-GitHub-Hook-Installation-Target-ID"

type inbox struct {
	room     *Room
	receiver Receiver
	log      *slog.Logger
}

// Inbox returns the door for GitHub's webhooks (contract section 4). It answers 200
// only for what the receiver has stored, and 404 not_configured while no App is
// connected. The caller limits the size of bodies.
func (r *Room) Inbox(receiver Receiver) http.Handler {
	return &inbox{room: r, receiver: receiver, log: r.options.Log}
}

// ServeHTTP leaves verifying and routing to the dispatcher. That one passes on only
// the events for which a handler is registered, and we store every event, so each
// request brings a handler for its own event.
func (in *inbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	all := in.room.all()
	if len(all) == 0 {
		in.refuse(w, r, refusal{http.StatusNotFound, codeNotConfigured, notConnected().Message})
		return
	}
	if refused := signatureForm(r.Header); refused != nil {
		in.refuse(w, r, refused)
		return
	}
	// The context of fiber's adaptor is recycled with its request; ours ends on its own.
	ctx, cancel := context.WithTimeout(core.NameRequest(context.Background(), core.RequestName(r.Context())), storeTimeout)
	defer cancel()
	r = withKnownForm(r.WithContext(ctx))
	sender, err := senderOf(r, all)
	if err != nil {
		in.refuse(w, r, err)
		return
	}
	keeper := keeper{inbox: in, integrationID: sender.about().ID, event: r.Header.Get(github.EventTypeHeader)}
	githubapp.NewEventDispatcher([]githubapp.EventHandler{keeper}, sender.webhookSecret,
		githubapp.WithScheduler(atOnce{}), githubapp.WithErrorCallback(in.refuse),
	).ServeHTTP(w, r)
}

// senderOf finds the App that sent the request: the one that it names, if that is
// connected, and else the one whose secret signed it. Two hosts may both have an App of
// that id. The dispatcher verifies in any case.
func senderOf(r *http.Request, all []connected) (connected, error) {
	target := r.Header.Get(targetHeader)
	candidates := slices.DeleteFunc(slices.Clone(all), func(c connected) bool { return c.about().ExternalID != target })
	if len(candidates) == 0 {
		candidates = all[:min(len(all), maxGuesses)]
	}
	if len(candidates) == 1 {
		return candidates[0], nil
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return connected{}, invalidSignature() // nobody can tell
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	for _, c := range candidates {
		if github.ValidateSignature(r.Header.Get(github.SHA256SignatureHeader), body, []byte(c.webhookSecret)) == nil {
			return c, nil
		}
	}
	return connected{}, invalidSignature()
}

// signatureForm refuses what the library would take besides: SHA-1, other hashes
// under the SHA-256 header, and one of several signatures.
func signatureForm(h http.Header) error {
	signatures := h.Values(github.SHA256SignatureHeader)
	if len(signatures) == 0 || signatures[0] == "" {
		return refusal{http.StatusUnauthorized, "missing_signature", "The header X-Hub-Signature-256 is missing"}
	}
	if len(signatures) > 1 || !strings.HasPrefix(signatures[0], "sha256=") {
		return invalidSignature()
	}
	return nil
}

func invalidSignature() refusal {
	return refusal{http.StatusUnauthorized, "invalid_signature", "The signature does not match the webhook secret"}
}

// withKnownForm fills what the dispatcher insists on before it verifies, so that a
// wrong signature is always what a forged request is refused for. Whatever is no
// form is taken for JSON, and proves it later.
func withKnownForm(r *http.Request) *http.Request {
	r.Header = r.Header.Clone()
	if r.Header.Get(github.EventTypeHeader) == "" {
		r.Header.Set(github.EventTypeHeader, noEvent)
	}
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/x-www-form-urlencoded" {
		r.Header.Set("Content-Type", "application/json")
	}
	return r
}

// atOnce is a githubapp.Scheduler that works within the request: GitHub is answered
// when the delivery is stored, and never before.
type atOnce struct{}

// Schedule clones the strings, which through fiber's adaptor are views of a buffer
// that the next request overwrites.
func (atOnce) Schedule(ctx context.Context, d githubapp.Dispatch) error {
	d.EventType, d.DeliveryID = strings.Clone(d.EventType), strings.Clone(d.DeliveryID)
	return d.Execute(ctx)
}

// keeper is a githubapp.EventHandler that stores the event of one request.
type keeper struct {
	*inbox
	integrationID string
	event         string
}

// Handles names the one event of the request.
func (k keeper) Handles() []string { return []string{k.event} }

// Handle stores a verified delivery and sets the answer.
func (k keeper) Handle(ctx context.Context, event, deliveryID string, payload []byte) error {
	switch {
	case deliveryID == "":
		return refusal{http.StatusBadRequest, "missing_delivery_id", "The header X-GitHub-Delivery is missing"}
	case event == noEvent:
		return refusal{http.StatusBadRequest, core.CodeInvalidInput, "The header X-GitHub-Event is missing"}
	case !json.Valid(payload):
		return refusal{http.StatusBadRequest, core.CodeInvalidInput, "The body is not JSON, nor a form whose payload is"}
	}
	id, duplicate, err := k.receiver.ReceiveDelivery(ctx, app.ReceiveDelivery{
		Provider: core.ProviderGitHub, IntegrationID: k.integrationID, DeliveryID: deliveryID, Event: event, Payload: payload,
	})
	if err != nil {
		return err
	}
	k.log.Debug("delivery stored", "delivery", id, "github_id", deliveryID, "integration", k.integrationID, "event", event, "duplicate", duplicate)
	githubapp.SetResponder(ctx, func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, accepted{OK: true, Duplicate: duplicate, DeliveryID: id})
	})
	return nil
}

// accepted and failure are the two answers of the door (contract sections 3 and 4).
type accepted struct {
	OK         bool   `json:"ok"`
	Duplicate  bool   `json:"duplicate,omitempty"`
	DeliveryID string `json:"delivery_id"`
}

type failure struct {
	Error string `json:"error"`
	Code  string `json:"code"`
}

// refusal is an error of the sender.
type refusal struct {
	status  int
	code    string
	message string
}

func (r refusal) Error() string { return r.message }

// refuse is the dispatcher's error callback. Nothing of what it refuses is kept.
func (in *inbox) refuse(w http.ResponseWriter, r *http.Request, err error) {
	var unverified githubapp.ValidationError
	if errors.As(err, &unverified) {
		err = invalidSignature()
	}
	var refused refusal
	if !errors.As(err, &refused) {
		in.log.Error("store a GitHub delivery", "error", err)
		refused = refusal{http.StatusServiceUnavailable, core.CodeUnavailable, notStored(err)}
	} else {
		in.log.Warn("GitHub delivery refused", "code", refused.code, "from", r.RemoteAddr)
	}
	answer(w, refused.status, failure{Error: refused.message, Code: refused.code})
}

// notStored says why a delivery is not taken, where there is something to say.
func notStored(err error) string {
	if core.IsNoRoom(err) {
		return core.MessageOf(err)
	}
	return "The delivery could not be stored; send it again later"
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// If this fails the sender has hung up; there is nobody left to tell.
	_ = json.NewEncoder(w).Encode(body)
}
