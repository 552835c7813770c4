package slack_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/slack"
	"github.com/oore-ci/oore/handlers/slack/slacktest"
)

// inbox is a slack.Receiver that keeps what it is given, unless it is told not to.
type inbox struct {
	mu     sync.Mutex
	stored []app.ReceiveDelivery
	known  map[string]bool

	err   error
	panic bool
	hang  chan struct{} // non-nil: waits for its end, whatever the context says
}

func (in *inbox) ReceiveDelivery(_ context.Context, d app.ReceiveDelivery) (string, bool, error) {
	if in.panic {
		panic("the store is broken")
	}
	if in.hang != nil {
		<-in.hang
		return "", false, context.Canceled
	}
	if in.err != nil {
		return "", false, in.err
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.known[d.DeliveryID] {
		return "ours", true, nil
	}
	if in.known == nil {
		in.known = map[string]bool{}
	}
	in.known[d.DeliveryID] = true
	in.stored = append(in.stored, d)
	return "ours", false, nil
}

func (in *inbox) all() []app.ReceiveDelivery {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.stored
}

// one is the only delivery that was stored.
func (in *inbox) one(t *testing.T) app.ReceiveDelivery {
	t.Helper()
	all := in.all()
	if len(all) != 1 || all[0].Provider != core.ProviderSlack {
		t.Fatalf("stored %+v, not one delivery from Slack", all)
	}
	return all[0]
}

// hanging is an inbox that hangs until the test ends.
func hanging(t *testing.T) *inbox {
	in := &inbox{hang: make(chan struct{})}
	t.Cleanup(func() { close(in.hang) })
	return in
}

// house is a room with both doors open, and the Slack that it talks to.
type house struct {
	*slacktest.Server
	room                   *slack.Room
	commands, interactions string
}

func open(t *testing.T, in *inbox, change func(*slack.Options)) house {
	t.Helper()
	double := slacktest.New(t)
	options := slack.Options{
		SigningSecret: slacktest.SigningSecret, BotToken: slacktest.BotToken, APIURL: double.APIURL(), Now: double.Now,
		Log:  slog.New(slog.NewTextHandler(io.Discard, nil)),
		Help: func(verb string) string { return strings.Join(core.HelpText(core.DoorSlack, verb), "\n") },
		Check: func(text string) error {
			_, err := core.ParseLine(text)
			return err
		},
	}
	if change != nil {
		change(&options)
	}
	room, err := slack.New(options)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/v1/slack/commands", room.Commands(in))
	mux.Handle("/v1/slack/interactions", room.Interactions(in))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return house{double, room, server.URL + "/v1/slack/commands", server.URL + "/v1/slack/interactions"}
}

func (h house) send(t *testing.T, address string, form url.Values) slacktest.Reply {
	t.Helper()
	reply, err := h.Send(address, form)
	if err != nil {
		t.Fatal(err)
	}
	return reply
}

// post sends a body as it is; prepare may spoil the signed request.
func post(t *testing.T, address, body string, prepare func(*http.Request)) slacktest.Reply {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	slacktest.Sign(r, body, slacktest.SigningSecret, time.Now())
	if prepare != nil {
		prepare(r)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return slacktest.Reply{Status: resp.StatusCode, Body: answer}
}
