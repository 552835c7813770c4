package gitlab

import (
	"strings"

	"github.com/oore-ci/oore/app/core"
)

type systemPayload struct {
	envelope
	FullName   string `json:"path_with_namespace"`
	Visibility string `json:"project_visibility"`
}

// decodeSystem reads what an administrator's hook tells of projects. Pushes and merge
// requests come from the project's own hook too, and are built from there alone.
func decodeSystem(payload []byte) (core.Event, error) {
	var p systemPayload
	if err := parse(systemHook, payload, &p); err != nil {
		return core.Event{}, err
	}
	e := p.event()
	e.Action = p.EventName
	kind := core.ChangeRepository
	switch p.EventName {
	case "project_create", "project_rename", "project_transfer", "project_update":
	case "project_destroy":
		kind = core.ChangeDeleted
	case "push", "tag_push", "repository_update":
		return ignored(e, core.WhyEventUnknown, "Oore builds what the project's own webhook brings, not system hooks."), nil
	case "":
		return ignored(e, core.WhyEventUnknown, "Oore reads no %s from system hooks.", p.kind()), nil
	default:
		return ignored(e, core.WhyEventUnknown, "The system event %q has no meaning for Oore yet.", p.EventName), nil
	}
	if e.RepositoryID == "" || p.FullName == "" {
		return core.Event{}, undocumented(systemHook, "project_id or path_with_namespace is missing")
	}
	e.RepositoryName = p.FullName
	e.Change = &core.Change{Kind: kind, Repositories: []core.Repository{{
		Provider: core.ProviderGitLab, ExternalID: e.RepositoryID, FullName: p.FullName, Private: !strings.Contains(p.Visibility, "public"),
	}}}
	return e, nil
}

func (p systemPayload) kind() string {
	if p.ObjectKind == "" {
		return "events without a name"
	}
	return p.ObjectKind
}
