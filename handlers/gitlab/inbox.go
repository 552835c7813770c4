package gitlab

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

// storeTimeout ends a store that hangs before GitLab gives up on us, after 10 s.
const storeTimeout = 8 * time.Second

// noEvent stands for a missing X-Gitlab-Event.
const noEvent = "-"

// Receiver stores a delivery durably before it returns; app.App is one. The id is ours,
// and duplicate tells that the delivery was known already.
type Receiver interface {
	ReceiveDelivery(ctx context.Context, in app.ReceiveDelivery) (id string, duplicate bool, err error)
}

// HookSecrets lists the webhook secrets of the repositories with this project id, at
// whatever host.
type HookSecrets func(ctx context.Context, projectID string) ([]core.HookSecret, error)

type inbox struct {
	room     *Room
	receiver Receiver
	secrets  HookSecrets
	log      *slog.Logger
}

// Inbox returns the door for GitLab's webhooks (contract section 4). It answers 200
// only for what the receiver has stored, and 404 not_configured while nothing is
// connected. A repository's own secret is good for that repository alone, a
// connection's for all of its host. The caller limits the size of bodies.
func (r *Room) Inbox(receiver Receiver, secrets HookSecrets) http.Handler {
	return &inbox{room: r, receiver: receiver, secrets: secrets, log: r.log}
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

// ServeHTTP implements http.Handler.
func (in *inbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// The context of fiber's adaptor is recycled with its request; ours ends on its own.
	ctx, cancel := context.WithTimeout(core.NameRequest(context.Background(), core.RequestName(r.Context())), storeTimeout)
	defer cancel()
	done, err := in.receive(ctx, r)
	if err == nil {
		answer(w, http.StatusOK, done)
		return
	}
	var refused refusal
	if !errors.As(err, &refused) {
		in.log.Error("store a GitLab delivery", "error", err)
		refused = refusal{http.StatusServiceUnavailable, core.CodeUnavailable, notStored(err)}
	} else {
		in.log.Warn("GitLab delivery refused", "code", refused.code, "from", r.RemoteAddr)
	}
	answer(w, refused.status, failure{Error: refused.message, Code: refused.code})
}

func (in *inbox) receive(ctx context.Context, r *http.Request) (accepted, error) {
	accounts := in.room.all()
	if len(accounts) == 0 {
		return accepted{}, refusal{http.StatusNotFound, "not_configured", "No GitLab is connected here"}
	}
	p := proofOf(r.Header)
	if p.missing() {
		return accepted{}, refusal{http.StatusUnauthorized, "missing_token", "The header X-Gitlab-Token is missing"}
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return accepted{}, refusal{http.StatusBadRequest, core.CodeInvalidInput, "The body breaks off"}
	}
	integration, err := in.prove(ctx, p, body, accounts)
	if err != nil {
		return accepted{}, err
	}
	if !json.Valid(body) {
		return accepted{}, refusal{http.StatusBadRequest, core.CodeInvalidInput, "The body is not JSON"}
	}
	event := clean(r.Header, "X-Gitlab-Event")
	if event == "" {
		event = noEvent
	}
	delivery := app.ReceiveDelivery{Provider: core.ProviderGitLab, IntegrationID: integration, DeliveryID: identity(r.Header, event, body), Event: event, Payload: body}
	id, duplicate, err := in.receiver.ReceiveDelivery(ctx, delivery)
	if err != nil {
		return accepted{}, err
	}
	in.log.Debug("delivery stored", "delivery", id, "gitlab_id", delivery.DeliveryID, "event", event, "duplicate", duplicate)
	return accepted{OK: true, Duplicate: duplicate, DeliveryID: id}, nil
}

// clean copies a header's value, which through fiber's adaptor is a view of a buffer
// that the next request overwrites.
func clean(h http.Header, name string) string { return strings.Clone(h.Get(name)) }

// identity is what repeats of a delivery have in common. GitLab before 17.4 has no key
// of its own for that, and gives one event's hooks the same UUID.
func identity(h http.Header, event string, body []byte) string {
	for _, name := range []string{"Idempotency-Key", "Webhook-Id"} {
		if key := clean(h, name); key != "" {
			return key
		}
	}
	sum := sha256.New()
	sum.Write([]byte(event + "\x00"))
	sum.Write(body)
	hash := hex.EncodeToString(sum.Sum(nil))
	if uuid := h.Get("X-Gitlab-Event-Uuid"); uuid != "" {
		return uuid + ":" + hash
	}
	return hash
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
