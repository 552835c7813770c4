package github

import (
	"encoding/json"
	"net/url"
	"regexp"
	"unicode/utf8"

	"github.com/oore-ci/oore/app/core"
)

// maxAppName is GitHub's limit, in characters.
const maxAppName = 34

// accountName is a login of a person or an organization; those of managed users have an
// underscore.
var accountName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$`)

// permissions is all that Oore needs of an App, and nothing more.
func permissions() map[string]string {
	return map[string]string{
		"checks":        "write",
		"contents":      "read",
		"issues":        "write", // comments of pull requests are issues' comments
		"merge_queues":  "read",
		"metadata":      "read",
		"pull_requests": "write",
		"statuses":      "write",
	}
}

// events are those that an App must ask for. GitHub sends those about installations
// unasked, and refuses a manifest that lists them.
func events() []string {
	return []string{
		"check_run", "check_suite", "issue_comment", "merge_group", "pull_request", "pull_request_review", "push", "repository",
	}
}

// manifest is GitHub's description of an App to be made.
type manifest struct {
	Name        string            `json:"name"`
	URL         string            `json:"url"`
	Hook        manifestHook      `json:"hook_attributes"`
	RedirectURL string            `json:"redirect_url"`
	SetupURL    string            `json:"setup_url"`
	OnUpdate    bool              `json:"setup_on_update"`
	Public      bool              `json:"public"`
	Permissions map[string]string `json:"default_permissions"`
	Events      []string          `json:"default_events"`
}

type manifestHook struct {
	URL    string `json:"url"`
	Active bool   `json:"active"`
}

// AppForm implements core.AppRegistrar. Where GitHub cannot reach us the App is made
// with its webhook switched off, because GitHub makes none otherwise.
func (r *Room) AppForm(in core.AppRequest) (core.AppForm, error) {
	web, err := address("The address of GitHub", in.WebURL)
	if err != nil {
		return core.AppForm{}, err
	}
	public, err := address("The public address of this server", in.PublicURL)
	if err != nil {
		return core.AppForm{}, err
	}
	switch {
	case in.Organization != "" && !accountName.MatchString(in.Organization):
		return core.AppForm{}, core.Errorf(core.KindInvalid, "%q is not the name of an organization; write it as it stands in its address", in.Organization)
	case in.Name == "" || utf8.RuneCountInString(in.Name) > maxAppName:
		return core.AppForm{}, core.Errorf(core.KindInvalid, "An App needs a name of at most %d characters", maxAppName)
	case in.State == "":
		return core.AppForm{}, core.Errorf(core.KindInvalid, "An App cannot be made without a state")
	}
	action := web.JoinPath("settings/apps/new")
	if in.Organization != "" {
		action = web.JoinPath("organizations", in.Organization, "settings/apps/new")
	}
	action.RawQuery = url.Values{"state": {in.State}}.Encode()
	text, err := json.Marshal(manifest{
		Name: in.Name, URL: in.PublicURL,
		Hook:        manifestHook{URL: public.JoinPath("v1/webhooks/github").String(), Active: withinReach(public.Hostname(), cloud(web))},
		RedirectURL: public.JoinPath("settings/sources/github/callback").String(),
		SetupURL:    public.JoinPath("settings/sources/github/installed").String(),
		OnUpdate:    true, Permissions: permissions(), Events: events(),
	})
	if err != nil {
		return core.AppForm{}, err // only a defect of ours
	}
	return core.AppForm{Action: action.String(), Manifest: string(text)}, nil
}

// InstallURL implements core.AppRegistrar.
func (r *Room) InstallURL(i core.Integration) string {
	web, err := url.Parse(i.WebURL)
	if err != nil || i.Slug == "" {
		return ""
	}
	apps := "github-apps"
	if cloud(web) {
		apps = "apps"
	}
	return web.JoinPath(apps, i.Slug, "installations/new").String()
}
