package store_test

import (
	"testing"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store/storetest"
)

func TestStandings(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, ctx := open(t, url), t.Context()
		var all []core.Standing
		for i, name := range []string{"ann", "bob", "idle", "shut"} {
			u := core.User{ID: newID("user"), Email: name + "@example.org", Enabled: name != "shut", CreatedAt: at(0), UpdatedAt: at(0)}
			ok(t, s.CreateUser(ctx, u))
			if name != "idle" {
				ok(t, s.CreateCredential(ctx, core.Credential{ID: newID("credential"), Kind: core.CredentialSession, Hash: name, UserID: u.ID, CreatedAt: at(0)}))
			}
			one := core.Standing{ID: newID("standing"), Provider: "github:github.com", Subject: name, UserID: u.ID, Sealed: []byte(name), AskAt: at(10 - i)}
			ok(t, s.SaveIdentity(ctx, core.Identity{Provider: one.Provider, Subject: name, UserID: u.ID, CreatedAt: at(0)}))
			ok(t, s.SaveStanding(ctx, one))
			all = append(all, one)
		}
		ann, bob := all[0], all[1]
		taken, err := s.TakeStandings(ctx, at(9), at(20), 10)
		ok(t, err)
		bob.AskAt = at(20)
		equal(t, taken, []core.Standing{bob}) // who has nothing open and who is disabled are let be
		taken, err = s.TakeStandings(ctx, at(12), at(20), 10)
		ok(t, err)
		ann.AskAt = at(20)
		equal(t, taken, []core.Standing{ann}) // another server has bob

		renewed := ann
		renewed.ID, renewed.Sealed = newID("standing"), []byte("newer")
		ok(t, s.SaveStanding(ctx, renewed))
		ann.Sealed, ann.Noes = []byte("older"), 1
		ok(t, s.UpdateStanding(ctx, ann)) // says nothing of the newer one
		was, err := s.DeleteStanding(ctx, ann.ID)
		ok(t, err)
		equal(t, was, false) // there is a newer one
		bob.Sealed, bob.Noes = []byte("asked"), 1
		ok(t, s.UpdateStanding(ctx, bob))
		bob.AskAt = at(20)
		is, err := s.FindStanding(ctx, bob.ID)
		ok(t, err)
		is.AskAt = bob.AskAt
		equal(t, is, bob)
		ok(t, s.DeleteIdentity(ctx, renewed.UserID, renewed.Provider, renewed.Subject))
		_, err = s.FindStanding(ctx, renewed.ID)
		refused(t, err, core.KindNotFound, core.CodeNotFound)
		taken, err = s.TakeStandings(ctx, at(20), at(30), 10)
		ok(t, err)
		bob.AskAt = at(30)
		equal(t, taken, []core.Standing{bob})
	})
}
