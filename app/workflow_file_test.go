package app_test

import (
	"testing"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

func TestTheFileOfARepositoryIsReadWhereABuildMayBeStarted(t *testing.T) {
	h := newHouse(t)
	p := h.project(t, func(in *app.CreateProject) { in.TriggerRole = core.RoleDeveloper })
	own := h.pipeline(t, p.ID, "Own", func(in *app.PipelineInput) {
		path := "ci/own.yaml"
		in.ConfigPath = &path
	})
	other := h.namesake(t, core.ProviderGitLab, "9", "lab", core.VisibleInstance)
	foreign := h.pipeline(t, other.ID, "Foreign")
	h.forge.files = map[string]string{shaA + ":.oore.yml": "version: 1\n", shaB + ":ci/own.yaml": "version: 1 # own\n"}
	for _, test := range []struct {
		in              app.WorkflowAt
		path, sha, text string
	}{
		{app.WorkflowAt{ProjectID: p.ID}, ".oore.yml", shaA, "version: 1\n"},
		{app.WorkflowAt{ProjectID: p.ID, Ref: "main"}, ".oore.yml", shaA, "version: 1\n"},
		{app.WorkflowAt{ProjectID: p.ID, Ref: "dev", PipelineID: own.ID}, "ci/own.yaml", shaB, "version: 1 # own\n"},
		{app.WorkflowAt{ProjectID: p.ID, Ref: shaB, PipelineID: own.ID}, "ci/own.yaml", shaB, "version: 1 # own\n"},
	} {
		f, err := h.ReadWorkflow(t.Context(), h.owner, test.in)
		if err != nil || f.Path != test.path || f.SHA != test.sha || f.Text != test.text || f.Pipeline.ID != test.in.PipelineID {
			t.Errorf("%+v: %+v, %v", test.in, f, err)
		}
	}
	_, err := h.ReadWorkflow(t.Context(), h.owner, app.WorkflowAt{ProjectID: p.ID, Ref: "dev"})
	wantCode(t, err, core.KindInvalid, core.ReasonConfigMissing)
	_, err = h.ReadWorkflow(t.Context(), h.owner, app.WorkflowAt{ProjectID: p.ID, Ref: "nowhere"})
	wantCode(t, err, core.KindInvalid, core.CodeInvalidRef)
	_, err = h.ReadWorkflow(t.Context(), h.owner, app.WorkflowAt{ProjectID: p.ID, PipelineID: foreign.ID})
	wantCode(t, err, core.KindNotFound, core.CodeNotFound)
	viewer := core.Actor{Kind: core.ActorUser, UserID: "v", Role: core.RoleViewer}
	_, err = h.ReadWorkflow(t.Context(), viewer, app.WorkflowAt{ProjectID: p.ID})
	wantCode(t, err, core.KindForbidden, core.CodePermissionDenied)
}
