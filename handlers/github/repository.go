package github

import "github.com/oore-ci/oore/app/core"

type repositoryPayload struct {
	envelope
	Repository repositoryBody `json:"repository"`
	Changes    struct {
		DefaultBranch *struct{} `json:"default_branch"`
	} `json:"changes"`
}

// decodeRepository reads what happens to one repository. GitHub tells of a transfer
// to the new owner's installation alone.
func decodeRepository(payload []byte) (core.Event, error) {
	var p repositoryPayload
	if err := parse("repository", payload, &p); err != nil {
		return core.Event{}, err
	}
	if !p.Repository.known() {
		return core.Event{}, undocumented("repository", "repository.id or full_name is missing")
	}
	p.envelope.Repository.ID, p.envelope.Repository.FullName = p.Repository.ID, p.Repository.FullName
	e := p.event()
	kind := core.ChangeRepository
	switch p.Action {
	case "renamed", "transferred", "publicized", "privatized", "unarchived":
	case "archived", "deleted":
		kind = core.ChangeDeleted
	case "edited":
		if p.Changes.DefaultBranch == nil {
			return ignored(e, core.WhyAction, "The repository was edited; its default branch is the same."), nil
		}
	default:
		return ignored(e, core.WhyAction, "Repository action %q changes nothing for Oore.", p.Action), nil
	}
	e.Change = &core.Change{
		Kind: kind, InstallationID: e.InstallationID, Account: p.Repository.Owner.Login,
		Repositories: []core.Repository{p.Repository.repository(e.InstallationID)},
	}
	return e, nil
}
