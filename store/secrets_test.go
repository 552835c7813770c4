package store_test

import (
	"testing"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store/storetest"
)

func TestSecrets(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h, ctx := furnish(t, url), t.Context()
		other := h.saveProject(t, "other")
		one := core.Secret{
			ID: newID("secret"), ProjectID: h.project.ID, Name: "TOKEN", File: true, Branches: []string{"main"}, Sealed: []byte("v1:\x00\xff"), UpdatedAt: at(1), UpdatedBy: "ann",
		}
		two := core.Secret{ID: newID("secret"), ProjectID: h.project.ID, Name: "ALPHA", Branches: []string{}, Sealed: []byte("two"), UpdatedAt: at(2), UpdatedBy: "bob"}
		others := one
		others.ID, others.ProjectID = newID("secret"), other.ID
		open := func(s core.Secret) core.Secret { s.Sealed = nil; return s }
		for _, s := range []core.Secret{one, two, others} {
			stored, err := h.SaveSecret(ctx, s)
			ok(t, err)
			equal(t, stored, open(s))
		}
		list, err := h.ListSecrets(ctx, h.project.ID)
		ok(t, err)
		equal(t, list, []core.Secret{open(two), open(one)})
		found, err := h.FindSecret(ctx, h.project.ID, "TOKEN")
		ok(t, err)
		equal(t, found, one)

		again := core.Secret{ID: newID("secret"), ProjectID: h.project.ID, Name: "TOKEN", Branches: []string{}, Sealed: []byte("new"), UpdatedAt: at(9), UpdatedBy: "eve"}
		stored, err := h.SaveSecret(ctx, again)
		ok(t, err)
		again.ID = one.ID
		equal(t, stored, open(again))
		found, err = h.FindSecret(ctx, h.project.ID, "TOKEN")
		ok(t, err)
		equal(t, found, again)

		ok(t, h.DeleteSecret(ctx, h.project.ID, "TOKEN"))
		refused(t, h.DeleteSecret(ctx, h.project.ID, "TOKEN"), core.KindNotFound, core.CodeNotFound)
		_, err = h.FindSecret(ctx, h.project.ID, "TOKEN")
		refused(t, err, core.KindNotFound, core.CodeNotFound)
		_, err = h.FindSecret(ctx, other.ID, "TOKEN")
		ok(t, err)

		two.ID, two.ProjectID = newID("secret"), "none"
		_, err = h.SaveSecret(ctx, two)
		refused(t, err, core.KindNotFound, core.CodeNotFound)
		ok(t, h.DeleteProject(ctx, other.ID))
		list, err = h.ListSecrets(ctx, other.ID)
		ok(t, err)
		equal(t, list, []core.Secret{})
	})
}
