package app_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

// namesake adds another repository that is named acme/shop, in another place, with a
// project of its own.
func (h *house) namesake(t *testing.T, provider core.Provider, externalID, slug string, seen core.Visibility) core.Project {
	t.Helper()
	repo, err := h.store.SaveRepository(t.Context(), core.Repository{
		ID: uuid.NewString(), Provider: provider, Host: "git.example.com", ExternalID: externalID, FullName: "acme/shop", DefaultBranch: "main", CreatedAt: h.clock.now(), UpdatedAt: h.clock.now(),
	})
	if err != nil {
		t.Fatal(err)
	}
	p := core.Project{
		ID: uuid.NewString(), Name: slug, Slug: slug, RepositoryID: repo.ID, Repository: repo, Visibility: seen, TriggerRole: core.RoleViewer,
		Forks: core.ForksApprove, Comments: core.CommentsAlways, Checks: core.CheckStatus, CreatedAt: h.clock.now(), UpdatedAt: h.clock.now(),
	}
	if err := h.store.CreateProject(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestWhyTellsRepositoriesOfOneNameApart(t *testing.T) {
	h := newHouse(t)
	viewer := core.Actor{Kind: core.ActorUser, UserID: "v", Name: "vera", Role: core.RoleViewer}
	open := h.project(t)
	h.pipeline(t, open.ID, "Android")
	hidden := h.namesake(t, core.ProviderGitHub, "77", "secret", core.VisibleMembers)
	h.deliver(t, push("main", shaA))
	secret := push("secret-branch", shaB) // names the same repository
	secret.RepositoryID = "77"
	h.deliver(t, secret)

	w, err := h.Why(t.Context(), viewer, app.AskWhy{Repository: "acme/shop", SHA: shaB})
	if err != nil || w.Code == app.WhyCodeNotBuilt || len(w.Deliveries) != 0 {
		t.Errorf("the hidden one's commit: %+v, %v", w, err)
	}
	if w, err = h.Why(t.Context(), viewer, app.AskWhy{Repository: "acme/shop", SHA: shaA}); err != nil || w.Code != app.WhyCodeBuilt || len(w.Deliveries) != 1 {
		t.Errorf("its own: %+v, %v", w, err)
	}
	for _, by := range []string{hidden.RepositoryID, "git.example.com/acme/shop"} {
		if w, err = h.Why(t.Context(), viewer, app.AskWhy{Repository: by, SHA: shaB}); err != nil || w.Code != app.WhyCodeUnknownRepo {
			t.Errorf("by %s: %+v, %v", by, w, err)
		}
	}
	all, _, err := h.ListDeliveries(t.Context(), viewer, core.DeliveryFilter{SHA: shaB}, core.Page{Limit: 10})
	if err != nil || len(all) != 1 || all[0].Ref != "" || all[0].Repository != "" {
		t.Errorf("the list of deliveries tells of it: %+v, %v", all, err)
	}
}

func TestWhyFindsTheOneOfAllOfAName(t *testing.T) {
	h := newHouse(t)
	h.project(t)
	second := h.namesake(t, core.ProviderGitLab, "9", "lab", core.VisibleInstance)
	pipeline := h.pipeline(t, second.ID, "Mac")
	now := h.clock.now()
	b := core.Build{
		ID: uuid.NewString(), ProjectID: second.ID, PipelineID: pipeline.ID, Status: core.BuildQueued, TriggerType: core.TriggerAPI, SHA: shaB,
		QueuedAt: now, CreatedAt: now, UpdatedAt: now,
	}
	if _, _, err := h.store.CreateBuild(t.Context(), b, core.BuildEvent{BuildID: b.ID, To: core.BuildQueued, At: now}); err != nil {
		t.Fatal(err)
	}
	for _, in := range []app.AskWhy{
		{Repository: "acme/shop", SHA: shaB},
		{Repository: "acme/shop", Provider: core.ProviderGitLab, SHA: shaB},
		{Repository: "git.example.com/acme/shop", SHA: shaB},
		{Repository: second.RepositoryID, SHA: shaB},
	} {
		if w, err := h.Why(t.Context(), h.owner, in); err != nil || w.Code != app.WhyCodeBuilt || len(w.Builds) != 1 {
			t.Errorf("%+v: %+v, %v", in, w, err)
		}
	}
	if w, err := h.Why(t.Context(), h.owner, app.AskWhy{Repository: "acme/shop", Provider: core.ProviderGitHub, SHA: shaB}); err != nil || w.Code != app.WhyCodeNeverSent {
		t.Errorf("%+v, %v", w, err)
	}
}

func TestWhyInSlackIsAboutTheProjectsOwnRepository(t *testing.T) {
	h := newSlackHouse(t)
	hidden := h.namesake(t, core.ProviderGitHub, "77", "aaa-secret", core.VisibleMembers) // comes first by name
	secret := push("x", shaB)
	secret.RepositoryID = "77"
	h.deliver(t, secret)
	h.deliver(t, push("main", shaA))
	if d := h.types(t, "wes", "why "+shaB); strings.Contains(d.Reply, "arrived") || !strings.Contains(d.Reply, "/why?repo="+h.project.RepositoryID) {
		t.Errorf("%q (hidden is %s)", d.Reply, hidden.RepositoryID)
	}
	if d := h.types(t, "wes", "why "+shaA); !strings.Contains(d.Reply, "It arrived and was built: build #1") {
		t.Errorf("%q", d.Reply)
	}
}

func TestAShortSHAIsEnough(t *testing.T) {
	h := newSlackHouse(t)
	h.deliver(t, push("main", shaA))
	if d := h.types(t, "wes", "why aaaaaaa"); !strings.Contains(d.Reply, "It arrived and was built") || !strings.Contains(d.Reply, "sha="+shaA) {
		t.Errorf("one that was built: %q", d.Reply)
	}
	if d := h.types(t, "wes", "build android commit=bbbbbbb"); d.SHA != shaB {
		t.Errorf("one that the forge knows: %+v, %q", d.Reason, d.Reply)
	}
	if d := h.types(t, "wes", "build android commit=ccccccc"); d.Reason.Code != "ref_not_found" || !strings.Contains(d.Reply, "`ccccccc`") {
		t.Errorf("one that nobody knows: %+v", d.Reason)
	}
	h.deliver(t, push("other", "aaaaaaa1"+shaB[8:]))
	if d := h.types(t, "wes", "why aaaaaaa"); d.Reason.Code != "ambiguous" || !strings.Contains(d.Reply, shaA) {
		t.Errorf("one of two: %+v", d.Reason)
	}
	if d := h.types(t, "wes", "why aaaaaaa1"); d.Status != core.DeliveryProcessed {
		t.Errorf("with one digit more: %+v", d.Reason)
	}
}

func TestAnOldCommitHasAStatus(t *testing.T) {
	h := newSlackHouse(t)
	h.deliver(t, push("main", shaA))
	for i := range 25 {
		h.deliver(t, push("main", fmt.Sprintf("%040x", 0xb000+i)))
	}
	for _, commit := range []string{shaA, shaA[:7]} {
		if d := h.types(t, "wes", "status commit="+commit); !strings.Contains(d.Reply, "Android #1: **queued**") {
			t.Errorf("%q", d.Reply)
		}
	}
}

func TestWhyAtGitLabSpeaksOfItsWebhook(t *testing.T) {
	h := newSlackHouse(t)
	lab := h.namesake(t, core.ProviderGitLab, "9", "lab", core.VisibleInstance)
	w, err := h.Why(t.Context(), h.owner, app.AskWhy{Repository: lab.RepositoryID, SHA: shaB})
	if err != nil || strings.Contains(w.Sentence, "App") || !strings.Contains(w.Sentence, "webhook") {
		t.Errorf("%+v, %v", w, err)
	}
}
