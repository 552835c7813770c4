package app_test

import (
	"testing"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

func TestFindSeesWhatTheActorSees(t *testing.T) {
	h := newHouse(t)
	shop := h.project(t)
	secret := h.project(t, func(in *app.CreateProject) { in.Name, in.Visibility = "Secret shop", core.VisibleMembers })
	h.pipeline(t, shop.ID, "Android release")
	h.pipeline(t, secret.ID, "Android hidden")
	h.deliver(t, push("main", shaA))
	stranger := core.Actor{Kind: core.ActorUser, UserID: "u", Name: "kim", Role: core.RoleViewer}
	for _, c := range []struct {
		actor                       core.Actor
		text                        string
		projects, pipelines, builds int
	}{
		{h.owner, "SHOP", 2, 0, 0},
		{stranger, "shop", 1, 0, 0},
		{h.owner, "android", 0, 2, 0},
		{stranger, "android", 0, 1, 0},
		{h.owner, "#1", 0, 0, 2},
		{stranger, "1", 0, 0, 1},
		{h.owner, "secret 1", 0, 0, 1},
		{stranger, "secret #1", 0, 0, 0},
		{h.owner, shaA[:7], 0, 0, 2},
		{stranger, shaA[:4], 0, 0, 1},
		{h.owner, shaA[:3], 0, 0, 0},
		{h.owner, "  ", 0, 0, 0},
		{h.owner, "%", 0, 0, 0},
		{h.owner, "99999999999999999999", 0, 0, 0},
	} {
		found, err := h.Find(t.Context(), c.actor, c.text)
		if err != nil || len(found.Projects) != c.projects || len(found.Pipelines) != c.pipelines || len(found.Builds) != c.builds {
			t.Errorf("%s finds for %q: %d projects, %d pipelines, %d builds, %v", c.actor.Name, c.text, len(found.Projects), len(found.Pipelines), len(found.Builds), err)
		}
	}
	if _, err := h.Find(t.Context(), core.Actor{}, "shop"); err == nil {
		t.Error("nobody finds something")
	}
}
