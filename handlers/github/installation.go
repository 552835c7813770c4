package github

import (
	"strconv"

	"github.com/oore-ci/oore/app/core"
)

// installationPayload is the body of all events about an installation.
type installationPayload struct {
	envelope
	Installation struct {
		ID      int64   `json:"id"`
		Account account `json:"account"`
	} `json:"installation"`
	Account      account          `json:"account"` // installation_target alone
	Repositories []repositoryBody `json:"repositories"`
	Added        []repositoryBody `json:"repositories_added"`
	Removed      []repositoryBody `json:"repositories_removed"`
}

type account struct {
	Login string `json:"login"`
}

// decodeInstallation reads what happens to an installation as a whole.
func decodeInstallation(payload []byte) (core.Event, error) {
	p, e, err := parseInstallation("installation", payload)
	if err != nil {
		return core.Event{}, err
	}
	kinds := map[string]core.ChangeKind{
		"created": core.ChangeInstalled, "deleted": core.ChangeUninstalled, "suspend": core.ChangeSuspended,
		"unsuspend": core.ChangeUnsuspended, "new_permissions_accepted": core.ChangePermissions,
	}
	kind, known := kinds[p.Action]
	if !known {
		return ignored(e, core.WhyAction, "Installation action %q changes nothing for Oore.", p.Action), nil
	}
	return p.change(e, kind, p.Repositories)
}

// decodeInstallationRepositories reads which repositories came or went.
func decodeInstallationRepositories(payload []byte) (core.Event, error) {
	p, e, err := parseInstallation("installation_repositories", payload)
	if err != nil {
		return core.Event{}, err
	}
	switch p.Action {
	case "added":
		return p.change(e, core.ChangeAdded, p.Added)
	case "removed":
		return p.change(e, core.ChangeRemoved, p.Removed)
	}
	return ignored(e, core.WhyAction, "Action %q on an installation's repositories changes nothing for Oore.", p.Action), nil
}

// decodeInstallationTarget reads the new name of an account. It is told as an
// installation under that name, which lists no repositories.
func decodeInstallationTarget(payload []byte) (core.Event, error) {
	p, e, err := parseInstallation("installation_target", payload)
	if err != nil {
		return core.Event{}, err
	}
	if p.Action != "renamed" {
		return ignored(e, core.WhyAction, "Action %q on an installation's account changes nothing for Oore.", p.Action), nil
	}
	if p.Account.Login == "" {
		return core.Event{}, undocumented("installation_target", "account.login is missing")
	}
	p.Installation.Account = p.Account
	return p.change(e, core.ChangeInstalled, nil)
}

func parseInstallation(event string, payload []byte) (installationPayload, core.Event, error) {
	var p installationPayload
	if err := parse(event, payload, &p); err != nil {
		return p, core.Event{}, err
	}
	if p.Installation.ID == 0 {
		return p, core.Event{}, undocumented(event, "installation.id is missing")
	}
	e := p.event()
	e.InstallationID = p.Installation.ID
	return p, e, nil
}

func (p installationPayload) change(e core.Event, kind core.ChangeKind, bodies []repositoryBody) (core.Event, error) {
	e.Change = &core.Change{Kind: kind, InstallationID: e.InstallationID, Account: p.Installation.Account.Login}
	for _, body := range bodies {
		if !body.known() {
			return core.Event{}, undocumented("an installation", "a repository without id or full_name")
		}
		e.Change.Repositories = append(e.Change.Repositories, body.repository(e.InstallationID))
	}
	return e, nil
}

// repositoryBody is a repository of a payload. Lists of an installation have its id,
// names and privacy alone.
type repositoryBody struct {
	ID            int64   `json:"id"`
	FullName      string  `json:"full_name"`
	Private       bool    `json:"private"`
	HTMLURL       string  `json:"html_url"`
	CloneURL      string  `json:"clone_url"`
	DefaultBranch string  `json:"default_branch"`
	Owner         account `json:"owner"`
}

func (b repositoryBody) known() bool { return b.ID != 0 && b.FullName != "" }

func (b repositoryBody) repository(installation int64) core.Repository {
	return core.Repository{
		Provider: core.ProviderGitHub, ExternalID: strconv.FormatInt(b.ID, 10), FullName: b.FullName, WebURL: b.HTMLURL,
		CloneURL: b.CloneURL, DefaultBranch: b.DefaultBranch, Private: b.Private, InstallationID: installation,
	}
}
