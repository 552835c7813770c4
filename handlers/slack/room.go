// Package slack is everything that knows Slack. In: Room.Commands and Room.Interactions
// take slash commands and pressed buttons, and Decoder reads them. Out: Room answers
// commands and shows builds in channels. It must not know the store, the runner or
// another provider.
package slack

import (
	"cmp"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/oore-ci/oore/app/core"
)

// callTimeout ends a call to Slack that hangs.
const callTimeout = 10 * time.Second

// Options say how to reach Slack, and how it is known.
type Options struct {
	SigningSecret string // proves what comes in; must be set
	BotToken      string // empty: nothing can be posted in channels
	APIURL        string // default https://slack.com/api/
	Log           *slog.Logger
	Transport     http.RoundTripper // by which requests leave; nil: http.DefaultTransport, which goes anywhere
	Now           func() time.Time  // for how long Slack wants us to keep away; default time.Now

	// Help answers `/oore help [verb]` at once. Nil: the receiver's worker answers.
	Help func(verb string) string
	// Check reads a command's text as Slack sends it; the message of a *core.Error is the
	// answer. Nil: as for Help.
	Check func(text string) error
}

// Room is a Slack app. It is a core.Messenger, and safe for concurrent use.
type Room struct {
	secret   string
	token    string
	api      *url.URL
	client   *slack.Client
	http     *http.Client
	log      *slog.Logger
	help     func(string) string
	check    func(string) error
	apiPause pause
}

// New makes a room. A missing signing secret is KindInvalid: without one anybody could
// send commands.
func New(o Options) (*Room, error) {
	if o.SigningSecret == "" {
		return nil, core.Errorf(core.KindInvalid, "OORE_SLACK_SIGNING_SECRET must be set: without it anybody could send commands")
	}
	api, err := apiAddress(o.APIURL)
	if err != nil {
		return nil, err
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	client := &http.Client{
		Timeout: callTimeout, Transport: bounded{o.Transport},
		// A redirect could lead the token, or a message, to another host.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return &Room{
		secret: o.SigningSecret, token: o.BotToken, api: api, http: client, log: o.Log, help: o.Help, check: o.Check,
		client:   slack.New(o.BotToken, slack.OptionAPIURL(api.String()), slack.OptionHTTPClient(client)),
		apiPause: pause{now: o.Now},
	}, nil
}

// maxAnswer bounds the bytes that are read of one answer.
const maxAnswer = 1 << 20

// bounded reads so much of an answer and no more. next may be nil.
type bounded struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := cmp.Or(b.next, http.DefaultTransport).RoundTrip(r)
	if err != nil {
		return nil, err
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(resp.Body, maxAnswer), resp.Body}
	return resp, nil
}

func apiAddress(raw string) (*url.URL, error) {
	if raw == "" {
		raw = slack.APIURL
	}
	if !strings.HasSuffix(raw, "/") {
		raw += "/"
	}
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.RawQuery != "" || u.Fragment != "" {
		return nil, core.Errorf(core.KindInvalid, "OORE_SLACK_API_URL must be an address like %s", slack.APIURL).
			Because(fmt.Errorf("parse %q: %w", raw, err))
	}
	return u, nil
}
