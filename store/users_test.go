package store_test

import (
	"sync/atomic"
	"testing"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store/storetest"
)

func TestUsers(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, ctx := open(t, url), t.Context()
		ann := core.User{ID: newID("user"), Name: "Ann", Email: "ann@example.org", Role: core.RoleOwner, Enabled: true, CreatedAt: at(1), UpdatedAt: at(1)}
		bob := core.User{ID: newID("user"), Name: "Bob", Email: "bob@example.org", Role: core.RoleViewer, CreatedAt: at(0), UpdatedAt: at(0)}
		ok(t, s.CreateUser(ctx, ann))
		ok(t, s.CreateUser(ctx, bob))
		refused(t, s.CreateUser(ctx, core.User{ID: newID("user"), Email: "Ann@Example.org"}), core.KindConflict, core.CodeNameTaken)
		found, err := s.FindUser(ctx, ann.ID)
		ok(t, err)
		equal(t, found, ann)
		_, err = s.FindUser(ctx, "none")
		refused(t, err, core.KindNotFound, core.CodeNotFound)
		list, err := s.ListUsers(ctx)
		ok(t, err)
		equal(t, list, []core.User{bob, ann})
	})
}

func TestCredentials(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, ctx := open(t, url), t.Context()
		end := at(10)
		session := core.Credential{
			ID: newID("credential"), Kind: core.CredentialSession, Hash: "h1", Name: "n", UserID: "u", Role: core.RoleAdmin, BuildID: "b", CreatedAt: at(1), ExpiresAt: &end, Sealed: []byte{0, 255},
		}
		token := core.Credential{ID: newID("credential"), Kind: core.CredentialAPIToken, Hash: "h1", Role: core.RoleOwner, CreatedAt: at(0)}
		ok(t, s.CreateCredential(ctx, session))
		ok(t, s.CreateCredential(ctx, token))
		found, err := s.FindCredential(ctx, core.CredentialSession, "h1")
		ok(t, err)
		equal(t, found, session)
		_, err = s.FindCredential(ctx, core.CredentialSession, "h2")
		refused(t, err, core.KindNotFound, core.CodeNotFound)

		used := at(2)
		token.LastUsedAt = &used
		ok(t, s.TouchCredential(ctx, token.ID, used))
		ok(t, s.TouchCredential(ctx, "none", used))
		list, err := s.ListCredentials(ctx, core.CredentialAPIToken)
		ok(t, err)
		equal(t, list, []core.Credential{token})

		ok(t, s.DeleteExpiredCredentials(ctx, at(9)))
		_, err = s.FindCredential(ctx, core.CredentialSession, "h1")
		ok(t, err)
		ok(t, s.DeleteExpiredCredentials(ctx, at(10)))
		_, err = s.FindCredential(ctx, core.CredentialSession, "h1")
		refused(t, err, core.KindNotFound, core.CodeNotFound)
		_, err = s.FindCredential(ctx, core.CredentialAPIToken, "h1")
		ok(t, err)
	})
}

func TestOneOfManyDeletesACredential(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, ctx := open(t, url), t.Context()
		link := core.Credential{ID: newID("credential"), Kind: core.CredentialSignInLink, Hash: "h", CreatedAt: at(0)}
		ok(t, s.CreateCredential(ctx, link))
		var won atomic.Int32
		ok(t, inParallel(16, func(int) error {
			mine, err := s.DeleteCredential(ctx, link.ID)
			if mine {
				won.Add(1)
			}
			return err
		}))
		equal(t, won.Load(), int32(1))
	})
}
