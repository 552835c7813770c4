package github_test

import (
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/oore-ci/oore/app/core"
)

// payloadOf reads a recorded payload and sets the given fields, each written as a
// path with dots.
func payloadOf(t *testing.T, name string, fields map[string]any) []byte {
	t.Helper()
	payload, err := os.ReadFile("testdata/payloads/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	return edit(t, payload, func(p map[string]any) {
		for path, value := range fields {
			in, parts := p, strings.Split(path, ".")
			for _, part := range parts[:len(parts)-1] {
				in = in[part].(map[string]any)
			}
			in[parts[len(parts)-1]] = value
		}
	})
}

func TestChangesOfInstallations(t *testing.T) {
	listed := core.Repository{Provider: core.ProviderGitHub, ExternalID: "186853002", FullName: "Codertocat/Hello-World", InstallationID: 957387}
	space := core.Repository{Provider: core.ProviderGitHub, ExternalID: "186853007", FullName: "Codertocat/Space", InstallationID: 957387}
	all := []any{map[string]any{"id": 186853007, "full_name": "Codertocat/Space", "private": false}}
	tests := []struct {
		event, action, payload string
		fields                 map[string]any
		kind                   core.ChangeKind
		repositories           []core.Repository
	}{
		{"installation", "created", "installation.created.1", nil, core.ChangeInstalled, []core.Repository{listed}},
		{"installation", "deleted", "installation.created.1", nil, core.ChangeUninstalled, []core.Repository{listed}},
		{"installation", "suspend", "installation.created.1", map[string]any{"repositories": nil}, core.ChangeSuspended, nil},
		{"installation", "unsuspend", "installation.created.1", map[string]any{"repositories": nil}, core.ChangeUnsuspended, nil},
		{"installation", "new_permissions_accepted", "installation.created.1", map[string]any{"repositories": nil}, core.ChangePermissions, nil},
		{"installation_repositories", "added", "installation_repositories.added.1", nil, core.ChangeAdded, []core.Repository{space}},
		{"installation_repositories", "removed", "installation_repositories.added.1", map[string]any{"repositories_removed": all, "repositories_added": []any{}}, core.ChangeRemoved, []core.Repository{space}},
	}
	for _, tt := range tests {
		fields := map[string]any{"action": tt.action}
		for path, value := range tt.fields {
			fields[path] = value
		}
		e := decode(t, tt.event, payloadOf(t, tt.payload, fields))
		want := &core.Change{Kind: tt.kind, InstallationID: 957387, Account: "Codertocat", Repositories: tt.repositories}
		if e.Kind != core.EventNone || e.Ignored != nil || e.InstallationID != 957387 || e.Action != tt.action || !reflect.DeepEqual(e.Change, want) {
			t.Errorf("%s %s: %+v\nchange %+v\nwant   %+v", tt.event, tt.action, e, e.Change, want)
		}
	}
}

func TestAnAccountIsRenamed(t *testing.T) {
	payload := payloadOf(t, "installation.created.1", map[string]any{
		"action": "renamed", "account": map[string]any{"login": "Codertodog"}, "repositories": nil,
		"installation": map[string]any{"id": 957387}, "target_type": "User", "changes": map[string]any{"login": map[string]any{"from": "Codertocat"}},
	})
	e := decode(t, "installation_target", payload)
	if want := (&core.Change{Kind: core.ChangeInstalled, InstallationID: 957387, Account: "Codertodog"}); !reflect.DeepEqual(e.Change, want) || e.Ignored != nil {
		t.Errorf("got %+v %+v", e, e.Change)
	}
}

func TestChangesOfRepositories(t *testing.T) {
	repository := core.Repository{
		Provider: core.ProviderGitHub, ExternalID: "186853002", FullName: "Codertocat/Hello-Space", InstallationID: 5, Private: true, DefaultBranch: "trunk",
		WebURL: "https://github.com/Codertocat/Hello-Space", CloneURL: "https://github.com/Codertocat/Hello-Space.git",
	}
	tests := []struct {
		action  string
		changes map[string]any
		kind    core.ChangeKind
	}{
		{"renamed", nil, core.ChangeRepository},
		{"transferred", nil, core.ChangeRepository},
		{"edited", map[string]any{"default_branch": map[string]any{"from": "main"}}, core.ChangeRepository},
		{"publicized", nil, core.ChangeRepository},
		{"privatized", nil, core.ChangeRepository},
		{"unarchived", nil, core.ChangeRepository},
		{"archived", nil, core.ChangeDeleted},
		{"deleted", nil, core.ChangeDeleted},
	}
	for _, tt := range tests {
		e := decode(t, "repository", payloadOf(t, "repository.publicized.1", map[string]any{
			"action": tt.action, "changes": tt.changes, "installation": map[string]any{"id": 5},
			"repository.full_name": repository.FullName, "repository.html_url": repository.WebURL, "repository.clone_url": repository.CloneURL,
			"repository.id": 186853002, "repository.private": true, "repository.default_branch": "trunk",
		}))
		want := &core.Change{Kind: tt.kind, InstallationID: 5, Account: "Codertocat", Repositories: []core.Repository{repository}}
		if e.Kind != core.EventNone || e.Ignored != nil || e.RepositoryID != "186853002" || e.RepositoryName != repository.FullName || !reflect.DeepEqual(e.Change, want) {
			t.Errorf("%s: %+v\nchange %+v\nwant   %+v", tt.action, e, e.Change, want)
		}
	}
}

func TestReruns(t *testing.T) {
	const sha = "d6fde92930d4715a2b49857d24b940956b26d2d3"
	tests := []struct {
		event, payload string
		fields         map[string]any
		want           core.Rerun
	}{
		{"check_run", "check_run.rerequested.1", nil, core.Rerun{SHA: sha}},
		{"check_run", "check_run.rerequested.1", map[string]any{"check_run.external_id": "build-1"}, core.Rerun{SHA: sha, BuildID: "build-1"}},
		{"check_run", "check_run.requested_action.1", map[string]any{"check_run.head_sha": sha, "check_run.external_id": "build-1", "requested_action.identifier": "retry"}, core.Rerun{SHA: sha, BuildID: "build-1"}},
		{"check_suite", "check_suite.rerequested.1", map[string]any{"check_suite.head_sha": sha}, core.Rerun{SHA: sha}},
	}
	for _, tt := range tests {
		e := decode(t, tt.event, payloadOf(t, tt.payload, tt.fields))
		if e.Kind != core.EventNone || e.Ignored != nil || e.RepositoryID == "" || e.Actor == "" || e.SHA != sha || e.Rerun == nil || *e.Rerun != tt.want {
			t.Errorf("%s %v: %+v %+v", tt.payload, tt.fields, e, e.Rerun)
		}
	}
}

func TestACheckRunIsCanceled(t *testing.T) {
	e := decode(t, "check_run", payloadOf(t, "check_run.requested_action.1", map[string]any{"check_run.external_id": "build-1", "requested_action.identifier": "cancel"}))
	if e.Kind != core.EventNone || e.Ignored != nil || e.RepositoryID == "" || e.Actor == "" || e.Rerun != nil || e.Cancel == nil || e.Cancel.BuildID != "build-1" {
		t.Errorf("got %+v", e)
	}
}

func TestActionsThatChangeNothing(t *testing.T) {
	tests := []struct {
		event, payload, action, word string
		fields                       map[string]any
	}{
		{"installation", "installation.created.1", "something_new", "something_new", nil},
		{"installation_repositories", "installation_repositories.added.1", "something_new", "something_new", nil},
		{"installation_target", "installation.created.1", "something_new", "something_new", nil},
		{"repository", "repository.renamed.1", "created", "created", nil},
		{"repository", "repository.renamed.1", "edited", "default branch", map[string]any{"changes": map[string]any{"description": map[string]any{"from": "x"}}}},
		{"check_run", "check_run.rerequested.1", "completed", "completed", nil},
		{"check_run", "check_run.requested_action.1", "requested_action", "no build", map[string]any{"requested_action.identifier": "cancel"}},
		{"check_run", "check_run.requested_action.1", "requested_action", "rerequested", map[string]any{"requested_action.identifier": "rerequested"}},
		{"check_run", "check_run.rerequested.1", "retry", "retry", nil},
		{"check_suite", "check_suite.rerequested.1", "requested", "requested", nil},
	}
	for _, tt := range tests {
		fields := map[string]any{"action": tt.action}
		for path, value := range tt.fields {
			fields[path] = value
		}
		e := decode(t, tt.event, payloadOf(t, tt.payload, fields))
		name := fmt.Sprintf("%s %s", tt.event, tt.action)
		if e.Kind != core.EventNone || e.Change != nil || e.Rerun != nil || e.Cancel != nil || e.Ignored == nil || e.Ignored.Code != core.WhyAction || !strings.Contains(e.Ignored.Text, tt.word) {
			t.Errorf("%s: %+v %+v", name, e, e.Ignored)
		}
	}
}
