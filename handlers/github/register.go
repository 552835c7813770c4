package github

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/google/go-github/v60/github"

	"github.com/oore-ci/oore/app/core"
)

// conversionCode is as much as we ask of a code before it becomes part of an address.
var conversionCode = regexp.MustCompile(`^[A-Za-z0-9_-]{1,200}$`)

const startAgain = "start again under Settings → Sources"

// RegisterApp implements core.AppRegistrar. The code is worth the App's keys for an
// hour, so it is written into no log and no error.
func (r *Room) RegisterApp(ctx context.Context, webURL, code string) (core.Connection, error) {
	web, err := address("The address of GitHub", webURL)
	if err != nil {
		return core.Connection{}, err
	}
	if !conversionCode.MatchString(code) {
		return core.Connection{}, core.Errorf(core.KindInvalid, "GitHub sent no code that could be one; %s", startAgain)
	}
	api := apiOf(web)
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	config, _, err := r.anonymous(api).Apps.CompleteAppManifest(ctx, code)
	if err != nil {
		return core.Connection{}, conversionTrouble(err, code, web)
	}
	c := core.Connection{
		Integration: core.Integration{
			Provider: core.ProviderGitHub, Name: config.GetName(), Slug: config.GetSlug(), ExternalID: strconv.FormatInt(config.GetID(), 10),
			Host: hostOf(web.String()), WebURL: web.String(), APIURL: api.String(), Origin: core.OriginWeb,
		},
		Secrets: core.Secrets{
			PrivateKey: config.GetPEM(), WebhookSecret: config.GetWebhookSecret(), ClientID: config.GetClientID(), ClientSecret: config.GetClientSecret(),
		},
	}
	return c, r.whole(c)
}

// anonymous is a client without credentials, and without a log of its own.
func (r *Room) anonymous(api *url.URL) *github.Client {
	quiet := &transport{host: api.Host, next: r.options.Transport, log: slog.New(slog.DiscardHandler)}
	client := github.NewClient(&http.Client{Transport: gate{newLane(r.options.Now), quiet}})
	client.BaseURL, client.UserAgent = api, userAgent
	return client
}

func conversionTrouble(err error, code string, web *url.URL) error {
	cause := errors.New(strings.ReplaceAll(err.Error(), code, "…"))
	var limited *core.Error
	switch status := statusOf(err); {
	case errors.As(err, &limited):
		return limited
	case status == http.StatusNotFound || status == http.StatusUnprocessableEntity:
		return core.Errorf(core.KindInvalid, "GitHub does not take the code: it works once, and for an hour; %s", startAgain).Because(cause)
	}
	return core.Errorf(core.KindUnavailable, "GitHub does not give the App's keys just now; %s, and delete the App that was made, at %s",
		startAgain, appSettings(web)).Because(cause)
}

// whole tells whether we can work as the App that GitHub made.
func (r *Room) whole(c core.Connection) error {
	var missing []string
	if c.Secrets.PrivateKey == "" {
		missing = append(missing, "private key")
	}
	if c.Secrets.WebhookSecret == "" {
		missing = append(missing, "webhook secret")
	}
	_, err := NewForge(c, r.options)
	if len(missing) == 0 && err == nil {
		return nil
	}
	what := "keys that work"
	if len(missing) > 0 {
		what = "its " + strings.Join(missing, " and its ")
	}
	web, _ := url.Parse(c.WebURL) // it was one before
	return core.Errorf(core.KindInvalid, "GitHub made %s without %s; delete it at %s, then %s", title(c.Integration), what, appSettings(web), startAgain).Because(err)
}

func appSettings(web *url.URL) string { return fmt.Sprint(web.JoinPath("settings/apps")) }
