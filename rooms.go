package main

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/github"
	"github.com/oore-ci/oore/handlers/gitlab"
	"github.com/oore-ci/oore/handlers/localgit"
	"github.com/oore-ci/oore/handlers/metrics"
	"github.com/oore-ci/oore/handlers/slack"
)

// rooms are the parts that know a provider; the demo brings its own.
type rooms struct {
	forges      map[core.Provider]core.Forge
	reporters   map[core.Provider]core.Reporter
	decoders    map[core.Provider]core.Decoder
	inboxes     map[core.Provider]func(*app.App) http.Handler
	slack       *slack.Room // nil: there is none
	notifiers   map[core.NotificationKind]core.Notifier
	environment []core.Connection // what the settings connect
	signIn      app.SignIn
	demo        demoRepository    // the sample
	transport   http.RoundTripper // by which they ask outside; nil: there are none
}

// newRooms makes them, and tries what the settings give: a key that is no key must
// not wait for the first webhook.
func newRooms(cfg Config, log *slog.Logger) (rooms, error) {
	local := localgit.New(localgit.Options{Log: log, Relay: cfg.gitRelay})
	outside := cfg.connectTransport()
	gh, gl := github.New(github.Options{Log: log, Transport: outside}), gitlab.New(gitlab.Options{Log: log, Transport: outside})
	r := rooms{
		transport: outside, demo: demoIn(cfg.DataDir),
		forges:    map[core.Provider]core.Forge{core.ProviderGit: local, core.ProviderGitHub: gh, core.ProviderGitLab: gl},
		reporters: map[core.Provider]core.Reporter{core.ProviderGitHub: gh, core.ProviderGitLab: gl},
		decoders: map[core.Provider]core.Decoder{
			core.ProviderGit: localgit.Decoder{}, core.ProviderGitHub: github.Decoder{}, core.ProviderGitLab: gitlab.Decoder{},
		},
		inboxes: map[core.Provider]func(*app.App) http.Handler{
			core.ProviderGitHub: func(a *app.App) http.Handler { return gh.Inbox(a) },
			core.ProviderGitLab: func(a *app.App) http.Handler { return gl.Inbox(a, a.GitLabHookSecrets) },
		},
	}
	if cfg.GitHubAppID != 0 {
		r.environment = append(r.environment, gitHubConnection(cfg))
	}
	if cfg.GitLabToken != "" {
		r.environment = append(r.environment, gitLabConnection(cfg))
	}
	if cfg.SlackSigningSecret != "" {
		if err := r.addSlack(cfg, log); err != nil {
			return r, usageError{err}
		}
	}
	var err error
	if r.signIn, err = cfg.signIn(outside, log); err != nil {
		return r, usageError{err}
	}
	if r.notifiers, err = newNotifiers(cfg); err != nil {
		return r, usageError{err}
	}
	for _, c := range r.environment {
		if err := r.forges[c.Provider].(core.Connector).Connect([]core.Connection{c}); err != nil {
			return r, usageError{err}
		}
	}
	return r, nil
}

func (r *rooms) addSlack(cfg Config, log *slog.Logger) (err error) {
	r.slack, err = slack.New(slack.Options{
		SigningSecret: cfg.SlackSigningSecret, BotToken: cfg.SlackBotToken, APIURL: cfg.SlackAPIURL, Log: log, Transport: r.transport,
		Help: func(verb string) string {
			return strings.Join(core.HelpText(core.DoorSlack, verb), "\n") + "\n\nMore: " + cfg.PublicURL + "/commands"
		},
		Check: func(text string) error {
			_, err := core.ParseLine(text)
			return err
		},
	})
	r.decoders[core.ProviderSlack] = slack.Decoder{}
	return err
}

// messenger is what posts in channels; nil: nothing does.
func (r rooms) messenger() core.Messenger {
	if r.slack == nil {
		return nil
	}
	return r.slack
}

// readers are those of the rooms that have gauges.
func (r rooms) readers() []metrics.Reader {
	var all []metrics.Reader
	for _, forge := range r.forges {
		if room, ok := forge.(interface {
			Readings(context.Context) ([]core.Reading, error)
		}); ok {
			all = append(all, room.Readings)
		}
	}
	if r.slack != nil {
		all = append(all, r.slack.Readings)
	}
	return all
}

func gitHubConnection(cfg Config) core.Connection {
	id := strconv.FormatInt(cfg.GitHubAppID, 10)
	return core.Connection{
		Integration: core.Integration{
			ID: environmentID(core.ProviderGitHub, cfg.GitHubWebURL, id), Provider: core.ProviderGitHub, Name: "GitHub App " + id,
			Host: hostOf(cfg.GitHubWebURL), WebURL: cfg.GitHubWebURL, APIURL: cfg.GitHubAPIURL, ExternalID: id, Origin: core.OriginEnvironment,
		},
		Secrets: core.Secrets{PrivateKey: cfg.GitHubPrivateKey, WebhookSecret: cfg.GitHubWebhookSecret},
	}
}

func gitLabConnection(cfg Config) core.Connection {
	host := hostOf(cfg.GitLabURL)
	return core.Connection{
		Integration: core.Integration{
			ID: environmentID(core.ProviderGitLab, cfg.GitLabURL, ""), Provider: core.ProviderGitLab, Name: host,
			Host: host, WebURL: cfg.GitLabURL, APIURL: strings.TrimSuffix(cfg.GitLabURL, "/") + "/api/v4/", Origin: core.OriginEnvironment,
		},
		Secrets: core.Secrets{Token: cfg.GitLabToken, WebhookSecret: cfg.GitLabWebhookSecret},
	}
}

// environmentID is the same after every start, so that repositories keep their integration.
func environmentID(p core.Provider, web, externalID string) string {
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte("oore:"+string(p)+":"+web+":"+externalID)).String()
}

// hostOf is an integration's host: its pages' address without scheme.
func hostOf(web string) string {
	u, err := url.Parse(web)
	if err != nil {
		return web
	}
	return strings.TrimSuffix(u.Host+u.Path, "/")
}

func (r rooms) inbox(p core.Provider, a *app.App) http.Handler {
	if door, ok := r.inboxes[p]; ok {
		return door(a)
	}
	return nil
}
