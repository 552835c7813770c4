package app_test

import (
	"strings"
	"testing"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

func TestTriggerBuildTakesTheDefaultBranchAndItsHead(t *testing.T) {
	h := newHouse(t)
	p := h.project(t)
	pl := h.pipeline(t, p.ID, "Android")
	viewer := core.Actor{Kind: core.ActorToken, Name: "vera", Role: core.RoleViewer}
	b, err := h.TriggerBuild(t.Context(), viewer, app.TriggerBuild{ProjectID: p.ID, PipelineID: pl.ID, TriggerRef: "PR 5", Type: core.TriggerAPI})
	if err != nil {
		t.Fatal(err)
	}
	if b.Status != core.BuildQueued || b.Branch != "main" || b.SHA != shaA || b.Number != 1 || b.TriggerRef != "PR 5" ||
		b.TriggerType != core.TriggerAPI || b.TriggerActor != "vera" || b.CommitMessage != "First" {
		t.Errorf("build %+v", b)
	}
	again, err := h.TriggerBuild(t.Context(), viewer, app.TriggerBuild{ProjectID: p.ID, PipelineID: pl.ID, Branch: "dev", SHA: shaB, Type: core.TriggerAPI})
	if err != nil || again.Number != 2 || again.SHA != shaB || again.Branch != "dev" {
		t.Errorf("build of a commit: %+v, %v", again, err)
	}
}

func TestTriggerBuildRefusesWhatCannotBeBuilt(t *testing.T) {
	h := newHouse(t)
	p := h.project(t)
	pl := h.pipeline(t, p.ID, "Android")
	off := h.pipeline(t, p.ID, "Off", func(in *app.PipelineInput) { in.Enabled = new(bool) })
	cases := []struct {
		name string
		in   app.TriggerBuild
		kind core.Kind
		code string
	}{
		{"no pipeline", app.TriggerBuild{ProjectID: p.ID}, core.KindInvalid, core.CodeInvalidInput},
		{"unknown project", app.TriggerBuild{ProjectID: "00000000-0000-0000-0000-000000000000", PipelineID: pl.ID}, core.KindNotFound, core.CodeNotFound},
		{"unknown pipeline", app.TriggerBuild{ProjectID: p.ID, PipelineID: "00000000-0000-0000-0000-000000000000"}, core.KindNotFound, core.CodeNotFound},
		{"disabled", app.TriggerBuild{ProjectID: p.ID, PipelineID: off.ID}, core.KindConflict, core.CodePipelineDisabled},
		{"unknown branch", app.TriggerBuild{ProjectID: p.ID, PipelineID: pl.ID, Branch: "gone"}, core.KindInvalid, core.CodeInvalidRef},
		{"an option for a branch", app.TriggerBuild{ProjectID: p.ID, PipelineID: pl.ID, Branch: "--upload-pack=x"}, core.KindInvalid, core.CodeInvalidRef},
		{"a short commit", app.TriggerBuild{ProjectID: p.ID, PipelineID: pl.ID, SHA: shaA[:7]}, core.KindInvalid, core.CodeInvalidRef},
		{"an unknown commit", app.TriggerBuild{ProjectID: p.ID, PipelineID: pl.ID, SHA: strings.Repeat("c", 40)}, core.KindInvalid, core.CodeInvalidRef},
		{"a long reference", app.TriggerBuild{ProjectID: p.ID, PipelineID: pl.ID, TriggerRef: strings.Repeat("x", 256)}, core.KindInvalid, core.CodeInvalidInput},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := h.TriggerBuild(t.Context(), h.owner, c.in)
			wantCode(t, err, c.kind, c.code)
		})
	}
	if n := len(h.builds(t)); n != 0 {
		t.Errorf("%d builds were made", n)
	}
}

func TestTriggerRoleNarrowsWhoMayStart(t *testing.T) {
	h := newHouse(t)
	p := h.project(t, func(in *app.CreateProject) { in.TriggerRole = core.RoleDeveloper })
	pl := h.pipeline(t, p.ID, "Android")
	in := app.TriggerBuild{ProjectID: p.ID, PipelineID: pl.ID}
	_, err := h.TriggerBuild(t.Context(), core.Actor{Kind: core.ActorUser, Role: core.RoleViewer}, in)
	wantCode(t, err, core.KindForbidden, core.CodePermissionDenied)
	if _, err := h.TriggerBuild(t.Context(), core.Actor{Kind: core.ActorUser, Role: core.RoleDeveloper}, in); err != nil {
		t.Errorf("a developer: %v", err)
	}
}

func TestCancelAndRerunFollowTheTable(t *testing.T) {
	h := newHouse(t)
	p := h.project(t)
	pl := h.pipeline(t, p.ID, "Android")
	b, err := h.TriggerBuild(t.Context(), h.owner, app.TriggerBuild{ProjectID: p.ID, PipelineID: pl.ID})
	if err != nil {
		t.Fatal(err)
	}
	_, err = h.RerunBuild(t.Context(), h.owner, b.ID)
	wantCode(t, err, core.KindConflict, core.CodeInvalidTransition)
	if b, err = h.CancelBuild(t.Context(), h.owner, b.ID); err != nil || b.Status != core.BuildCanceled || !b.LogComplete() {
		t.Fatalf("cancel: %+v, %v", b, err)
	}
	_, err = h.CancelBuild(t.Context(), h.owner, b.ID)
	wantCode(t, err, core.KindConflict, core.CodeInvalidTransition)
	again, err := h.RerunBuild(t.Context(), h.owner, b.ID)
	if err != nil || again.SourceBuildID != b.ID || again.SHA != b.SHA || again.Number != 2 || again.TriggerType != core.TriggerRerun {
		t.Errorf("rerun %+v, %v", again, err)
	}
	d, err := h.FindBuildDetail(t.Context(), h.owner, b.ID)
	if err != nil || len(d.Events) != 2 || d.Events[0].To != core.BuildQueued || d.Events[1].To != core.BuildCanceled || d.Events[1].Actor != "olga" {
		t.Errorf("events %+v, %v", d.Events, err)
	}
}

func TestStatusContextsAreUniqueInARepository(t *testing.T) {
	h := newHouse(t)
	first := h.project(t)
	second := h.project(t, func(in *app.CreateProject) { in.Name = "Shop again" })
	name := "Android"
	h.pipeline(t, first.ID, name)
	_, err := h.CreatePipeline(t.Context(), h.owner, first.ID, app.PipelineInput{Name: &name})
	if core.KindOf(err) != core.KindConflict {
		t.Errorf("the same name twice in a project: %v", err)
	}
	_, err = h.CreatePipeline(t.Context(), h.owner, second.ID, app.PipelineInput{Name: &name})
	wantCode(t, err, core.KindConflict, core.CodeContextTaken)
	own := "oore/again"
	pl, err := h.CreatePipeline(t.Context(), h.owner, second.ID, app.PipelineInput{Name: &name, StatusContext: &own})
	if err != nil {
		t.Fatal(err)
	}
	taken := "oore/android"
	_, err = h.UpdatePipeline(t.Context(), h.owner, pl.ID, app.PipelineInput{StatusContext: &taken})
	wantCode(t, err, core.KindConflict, core.CodeContextTaken)
	if _, err := h.UpdatePipeline(t.Context(), h.owner, pl.ID, app.PipelineInput{StatusContext: &own}); err != nil {
		t.Errorf("its own context again: %v", err)
	}
}

func TestCreateProjectNamesOneRepositoryThatExists(t *testing.T) {
	h := newHouse(t)
	cases := []struct {
		name  string
		actor core.Actor
		in    app.CreateProject
		kind  core.Kind
		code  string
	}{
		{"unknown repository", h.owner, app.CreateProject{Name: "x", Provider: core.ProviderGitHub, FullName: "acme/none"}, core.KindInvalid, core.CodeRepositoryUnknown},
		{"no repository", h.owner, app.CreateProject{Name: "x"}, core.KindInvalid, core.CodeInvalidInput},
		{"two repositories", h.owner, app.CreateProject{Name: "x", Provider: core.ProviderGitHub, FullName: "acme/shop", LocalPath: "/tmp"}, core.KindInvalid, core.CodeInvalidInput},
		{"a folder outside the roots", h.owner, app.CreateProject{Name: "x", LocalPath: "/etc"}, core.KindInvalid, core.CodeInvalidInput},
		{"the same as a file URL", h.owner, app.CreateProject{Name: "x", Provider: core.ProviderGit, CloneURL: "file:///etc"}, core.KindInvalid, core.CodeInvalidInput},
		{"no name", h.owner, app.CreateProject{Name: " ", Provider: core.ProviderGitHub, FullName: "acme/shop"}, core.KindInvalid, core.CodeInvalidInput},
		{"a developer", core.Actor{Kind: core.ActorUser, Role: core.RoleDeveloper}, app.CreateProject{Name: "x"}, core.KindForbidden, core.CodePermissionDenied},
		{"gitlab", h.owner, app.CreateProject{Name: "x", Provider: core.ProviderGitLab, FullName: "a/b"}, core.KindInvalid, core.CodeInvalidInput},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := h.CreateProject(t.Context(), c.actor, c.in)
			wantCode(t, err, c.kind, c.code)
		})
	}
	h.project(t)
	_, err := h.CreateProject(t.Context(), h.owner, app.CreateProject{Name: "Shop", Provider: core.ProviderGitHub, FullName: "acme/shop"})
	wantCode(t, err, core.KindConflict, core.CodeNameTaken)
}
