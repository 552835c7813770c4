package github

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/oore-ci/oore/app/core"
)

// Room is everything of GitHub: it speaks for all Apps that are connected, at whatever
// hosts, each through a Forge of its own. It is a core.Forge, core.Surveyor,
// core.Reporter, core.CheckReporter, core.Talker, core.Connector and core.AppRegistrar, and
// safe for concurrent use. Where no App is connected the ports answer KindInvalid, and where a
// repository's own is not any more, KindGone.
type Room struct {
	options Options

	mu   sync.Mutex
	apps []connected // in the order of Connect; replaced as a whole
}

// connected is an App that the room speaks for.
type connected struct {
	*Forge
	webhookSecret string // never empty
}

// New makes a room without any App.
func New(o Options) *Room { return &Room{options: o.withDefaults()} }

// Connect implements core.Connector. An App whose keys and addresses are the same
// keeps all that it knows: tokens, rate limits, pages.
func (r *Room) Connect(all []core.Connection) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var apps []connected
	var faults []error
	for _, c := range all {
		f, err := r.forge(c)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		apps = append(apps, connected{f, c.Secrets.WebhookSecret})
	}
	r.apps = apps
	return errors.Join(faults...)
}

// forge makes a Forge for a connection, or finds the one that there is. The caller
// holds mu.
func (r *Room) forge(c core.Connection) (*Forge, error) {
	if c.Secrets.WebhookSecret == "" {
		return nil, core.Errorf(core.KindInvalid, "%s must be set: without it anybody could send events",
			part(c.Integration, "OORE_GITHUB_APP_WEBHOOK_SECRET", "webhook secret"))
	}
	for _, known := range r.apps {
		if known.speaksFor(c) {
			known.rename(c.Integration)
			return known.Forge, nil
		}
	}
	return NewForge(c, r.options)
}

func (r *Room) all() []connected {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.apps
}

// some is all, of which there must be one.
func (r *Room) some() ([]connected, error) {
	all := r.all()
	if len(all) == 0 {
		return nil, notConnected()
	}
	return all, nil
}

func notConnected() *core.Error {
	return core.Errorf(core.KindInvalid, "GitHub is not connected: connect a GitHub App under Settings → Sources, "+
		"or set OORE_GITHUB_APP_ID, OORE_GITHUB_APP_PRIVATE_KEY and OORE_GITHUB_APP_WEBHOOK_SECRET and restart")
}

// find returns the App of an integration. what names what it was to be used for.
func (r *Room) find(integrationID, what string) (*Forge, error) {
	all, err := r.some()
	if err != nil {
		return nil, err
	}
	for _, c := range all {
		if c.about().ID == integrationID {
			return c.Forge, nil
		}
	}
	return nil, disconnected(what)
}

func disconnected(what string) *core.Error {
	return core.Errorf(core.KindGone, "The GitHub App that reached %s is not connected any more; connect one under Settings → Sources", what)
}

// route finds the App that reaches a repository. One that does not say goes to the only
// App of its host, or to the first that finds it there; it is returned with what was found.
func (r *Room) route(ctx context.Context, repo core.Repository) (*Forge, core.Repository, error) {
	if repo.IntegrationID != "" {
		f, err := r.find(repo.IntegrationID, repo.FullName)
		return f, repo, err
	}
	all, err := r.some()
	if err != nil {
		return nil, repo, err
	}
	if repo.Host != "" {
		all = at(all, repo.Host)
	}
	switch len(all) {
	case 0:
		return nil, repo, disconnected(repo.FullName)
	case 1:
		return all[0].Forge, repo, nil
	}
	f, found, err := search(ctx, all, repo.FullName, repo.ExternalID)
	if err != nil {
		return nil, repo, err
	}
	repo.Host, repo.IntegrationID, repo.InstallationID = found.Host, found.IntegrationID, found.InstallationID
	return f, repo, nil
}

// at are the Apps of one host.
func at(all []connected, host string) []connected {
	return slices.DeleteFunc(slices.Clone(all), func(c connected) bool { return !strings.EqualFold(c.about().Host, host) })
}

// search asks each App until one has the repository; an empty externalID is any. That
// one could not be asked is told only if no other has it.
func search(ctx context.Context, among []connected, name, externalID string) (*Forge, core.Repository, error) {
	var trouble, unknown error
	for _, c := range among {
		found, err := c.FindRepository(ctx, name)
		switch {
		case err == nil && (externalID == "" || found.ExternalID == externalID):
			return c.Forge, found, nil
		case err == nil:
		case core.KindOf(err) == core.KindNotFound:
			unknown = err
		case trouble == nil:
			trouble = err
		}
	}
	switch {
	case trouble != nil:
		return nil, core.Repository{}, trouble
	case len(among) == 1 && unknown != nil:
		return nil, core.Repository{}, unknown
	}
	return nil, core.Repository{}, core.Codef(core.KindNotFound, core.CodeRepositoryUnknown,
		"None of the connected GitHub Apps is installed on %s, or there is no such repository. Install one there, then try again.", name).Because(unknown)
}
