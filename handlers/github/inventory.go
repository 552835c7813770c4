package github

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/oore-ci/oore/app/core"
)

// installationRow is an installation as GitHub lists it; the library's own type lacks
// permissions that are newer.
type installationRow struct {
	ID      int64 `json:"id"`
	Account struct {
		Login string `json:"login"`
		Type  string `json:"type"`
	} `json:"account"`
	Selection   string            `json:"repository_selection"`
	SuspendedAt *time.Time        `json:"suspended_at"`
	HTMLURL     string            `json:"html_url"`
	Permissions map[string]string `json:"permissions"`
	Events      []string          `json:"events"`
}

// Inventory lists the installations with what each sees. An archived repository builds
// nothing and is left out. One that cannot be listed fails the whole, so that nothing
// seems to be gone.
func (f *Forge) Inventory(ctx context.Context) ([]core.Inventory, error) {
	rows, err := f.installations(ctx)
	if err != nil {
		return nil, translate(err, refusalOf(err), "the App's installations", f.about())
	}
	all := []core.Inventory{}
	for _, row := range rows {
		in := core.Inventory{Installation: row.installation(f.about().ID)}
		if !in.Suspended {
			in.Repositories, err = f.repositories(ctx, row)
		}
		switch core.CodeOf(err) {
		case CodeInstallationGone: // since it was listed
			err = nil
			continue
		case CodeInstallationSuspended:
			in.Suspended, err = true, nil
		}
		if err != nil {
			return nil, err
		}
		all = append(all, in)
	}
	return all, nil
}

func (f *Forge) installations(ctx context.Context) ([]installationRow, error) {
	ctx, cancel := context.WithTimeout(ctx, surveyTimeout)
	defer cancel()
	var all []installationRow
	err := eachPage(ctx, f.app, "app/installations", func(page []installationRow) { all = append(all, page...) })
	return all, err
}

func (f *Forge) repositories(ctx context.Context, row installationRow) ([]core.Repository, error) {
	ctx, cancel := context.WithTimeout(ctx, surveyTimeout)
	defer cancel()
	client, lane, err := f.client(row.ID)
	if err != nil {
		return nil, err
	}
	type listed struct {
		Repositories []struct {
			repositoryBody
			Archived bool `json:"archived"`
		} `json:"repositories"`
	}
	i := f.about()
	all := []core.Repository{}
	err = eachPage(ctx, client, "installation/repositories", func(page listed) {
		for _, body := range page.Repositories {
			if body.known() && !body.Archived {
				r := body.repository(row.ID)
				r.Host, r.IntegrationID = i.Host, i.ID
				all = append(all, r)
			}
		}
	})
	if err != nil {
		return nil, f.trouble(err, seat{client: client, lane: lane, fullName: row.Account.Login, installation: row.ID})
	}
	return all, nil
}

// eachPage reads all pages of a list.
func eachPage[T any](ctx context.Context, client *github.Client, path string, take func(T)) error {
	for number := 1; number != 0; {
		request, err := client.NewRequest(http.MethodGet, fmt.Sprintf("%s?per_page=%d&page=%d", path, perPage, number), nil)
		if err != nil {
			return err
		}
		var page T
		resp, err := client.Do(ctx, request, &page)
		if err != nil {
			return err
		}
		take(page)
		number = resp.NextPage
	}
	return nil
}

func (row installationRow) installation(integrationID string) core.Installation {
	return core.Installation{
		IntegrationID: integrationID, ExternalID: row.ID, Account: row.Account.Login, AccountType: row.Account.Type,
		All: row.Selection == "all", Suspended: row.SuspendedAt != nil, Missing: row.missing(), SettingsURL: row.HTMLURL,
	}
}

// missing lists what Oore needs and the account's owner has not granted yet.
func (row installationRow) missing() []string {
	var out []string
	for name, level := range permissions() {
		if granted := row.Permissions[name]; granted != level && granted != "write" && granted != "admin" {
			out = append(out, name+": "+level)
		}
	}
	slices.Sort(out)
	for _, event := range events() {
		if !slices.Contains(row.Events, event) {
			out = append(out, "event "+event)
		}
	}
	return out
}
