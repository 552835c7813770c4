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
		bob := core.User{ID: newID("user"), Name: "Bob", Email: "bob@example.org", Role: core.RoleViewer, Invited: true, Password: "hash", CreatedAt: at(0), UpdatedAt: at(0)}
		ok(t, s.CreateUser(ctx, ann))
		ok(t, s.CreateUser(ctx, bob))
		refused(t, s.CreateUser(ctx, core.User{ID: newID("user"), Email: "Ann@Example.org"}), core.KindConflict, core.CodeEmailExists)
		found, err := s.FindUser(ctx, ann.ID)
		ok(t, err)
		equal(t, found, ann)
		found, err = s.FindUserByEmail(ctx, "ANN@example.ORG")
		ok(t, err)
		equal(t, found, ann)
		for _, miss := range []func() (core.User, error){
			func() (core.User, error) { return s.FindUser(ctx, "none") },
			func() (core.User, error) { return s.FindUserByEmail(ctx, "nobody@example.org") },
			func() (core.User, error) { return s.HoldUser(ctx, "none") },
		} {
			_, err = miss()
			refused(t, err, core.KindNotFound, core.CodeNotFound)
		}

		bob.Name, bob.Role, bob.Enabled, bob.Invited, bob.Password, bob.UpdatedAt = "Robert", core.RoleOwner, true, false, "other", at(5)
		bob.Email = "robert@example.org"
		changed := bob
		changed.CreatedAt = at(9) // which stays
		ok(t, s.UpdateUser(ctx, changed))
		changed.Email = "ANN@example.org"
		refused(t, s.UpdateUser(ctx, changed), core.KindConflict, core.CodeEmailExists)
		refused(t, s.UpdateUser(ctx, core.User{ID: "none"}), core.KindNotFound, core.CodeNotFound)
		list, err := s.ListUsers(ctx)
		ok(t, err)
		equal(t, list, []core.User{bob, ann})
		owners, err := s.HoldOwners(ctx)
		ok(t, err)
		equal(t, owners, []core.User{ann, bob})
	})
}

func TestIdentities(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, ctx := open(t, url), t.Context()
		ann := core.User{ID: newID("user"), Email: "ann@example.org", CreatedAt: at(0), UpdatedAt: at(0)}
		bob := core.User{ID: newID("user"), Email: "bob@example.org", CreatedAt: at(0), UpdatedAt: at(0)}
		ok(t, s.CreateUser(ctx, ann))
		ok(t, s.CreateUser(ctx, bob))
		one := core.Identity{Provider: "github:github.com", Subject: "7", UserID: ann.ID, Login: "ann", CreatedAt: at(1)}
		two := core.Identity{Provider: "oidc:https://id.example.org", Subject: "7", UserID: ann.ID, CreatedAt: at(2)}
		ok(t, s.SaveIdentity(ctx, two))
		ok(t, s.SaveIdentity(ctx, one))
		list, err := s.ListIdentities(ctx, ann.ID)
		ok(t, err)
		equal(t, list, []core.Identity{one, two})
		used := at(5)
		one.Login, one.LastUsedAt = "annie", &used
		again := one
		again.CreatedAt = at(9)
		ok(t, s.SaveIdentity(ctx, again))
		stolen := one
		stolen.UserID = bob.ID
		refused(t, s.SaveIdentity(ctx, stolen), core.KindConflict, core.CodeIdentityTaken)
		found, err := s.FindIdentity(ctx, one.Provider, "7")
		ok(t, err)
		equal(t, found, one)
		refused(t, s.DeleteIdentity(ctx, bob.ID, one.Provider, "7"), core.KindNotFound, core.CodeNotFound) // which is not his
		ok(t, s.DeleteIdentity(ctx, ann.ID, two.Provider, "7"))
		list, err = s.ListIdentities(ctx, ann.ID)
		ok(t, err)
		equal(t, list, []core.Identity{one})
		_, err = s.FindIdentity(ctx, one.Provider, "8")
		refused(t, err, core.KindNotFound, core.CodeNotFound)
		one.UserID, one.Subject = "none", "9"
		refused(t, s.SaveIdentity(ctx, one), core.KindNotFound, core.CodeNotFound)
	})
}

func TestMembers(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h, ctx := furnish(t, url), t.Context()
		other := h.saveProject(t, "other")
		ann := core.User{ID: newID("user"), Email: "ann@example.org", CreatedAt: at(0), UpdatedAt: at(0)}
		bob := core.User{ID: newID("user"), Email: "bob@example.org", CreatedAt: at(0), UpdatedAt: at(0)}
		ok(t, h.CreateUser(ctx, ann))
		ok(t, h.CreateUser(ctx, bob))
		first := core.Member{ProjectID: h.project.ID, UserID: bob.ID, Role: core.RoleViewer, CreatedAt: at(1)}
		second := core.Member{ProjectID: h.project.ID, UserID: ann.ID, Role: core.RoleMaintainer, CreatedAt: at(2)}
		elsewhere := core.Member{ProjectID: other.ID, UserID: ann.ID, Role: core.RoleDeveloper, CreatedAt: at(3)}
		for _, m := range []core.Member{second, first, elsewhere} {
			ok(t, h.SaveMember(ctx, m))
		}
		again := first
		again.Role, again.CreatedAt = core.RoleDeveloper, at(9)
		ok(t, h.SaveMember(ctx, again))
		first.Role = core.RoleDeveloper
		list, err := h.ListMembers(ctx, h.project.ID)
		ok(t, err)
		equal(t, list, []core.Member{first, second})
		mine, err := h.ListMemberships(ctx, ann.ID)
		ok(t, err)
		roles := map[string]core.Role{}
		for _, m := range mine {
			roles[m.ProjectID] = m.Role
		}
		equal(t, roles, map[string]core.Role{h.project.ID: core.RoleMaintainer, other.ID: core.RoleDeveloper})
		found, err := h.FindMember(ctx, h.project.ID, ann.ID)
		ok(t, err)
		equal(t, found, second)

		ok(t, h.DeleteMember(ctx, h.project.ID, ann.ID))
		refused(t, h.DeleteMember(ctx, h.project.ID, ann.ID), core.KindNotFound, core.CodeNotFound)
		_, err = h.FindMember(ctx, h.project.ID, ann.ID)
		refused(t, err, core.KindNotFound, core.CodeNotFound)
		for _, m := range []core.Member{{ProjectID: "none", UserID: ann.ID}, {ProjectID: h.project.ID, UserID: "none"}} {
			refused(t, h.SaveMember(ctx, m), core.KindNotFound, core.CodeNotFound)
		}
		ok(t, h.DeleteProject(ctx, other.ID))
		mine, err = h.ListMemberships(ctx, ann.ID)
		ok(t, err)
		equal(t, mine, []core.Member{})
	})
}

func TestCredentials(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, ctx := open(t, url), t.Context()
		end := at(10)
		ann := core.User{ID: newID("user"), Email: "ann@example.org", CreatedAt: at(0), UpdatedAt: at(0)}
		ok(t, s.CreateUser(ctx, ann))
		session := core.Credential{
			ID: newID("credential"), Kind: core.CredentialSession, Hash: "h1", Name: "n", UserID: ann.ID, Role: core.RoleAdmin, BuildID: "b", ParentID: "p",
			Address: "192.0.2.7", UserAgent: "Firefox", CreatedAt: at(1), ExpiresAt: &end, Sealed: []byte{0, 255},
		}
		token := core.Credential{
			ID: newID("credential"), Kind: core.CredentialAPIToken, Hash: "h1", Prefix: "abcdefgh", ProjectID: "project", CreatedBy: "Ann", Role: core.RoleOwner, CreatedAt: at(0),
		}
		ok(t, s.CreateCredential(ctx, session))
		ok(t, s.CreateCredential(ctx, token))
		found, err := s.FindCredential(ctx, core.CredentialSession, "h1")
		ok(t, err)
		equal(t, found, session)
		found, err = s.FindCredentialByID(ctx, token.ID)
		ok(t, err)
		equal(t, found, token)
		_, err = s.FindCredential(ctx, core.CredentialSession, "h2")
		refused(t, err, core.KindNotFound, core.CodeNotFound)
		_, err = s.FindCredentialByID(ctx, "none")
		refused(t, err, core.KindNotFound, core.CodeNotFound)

		used := at(2)
		token.LastUsedAt = &used
		ok(t, s.TouchCredential(ctx, token, used))
		ok(t, s.TouchCredential(ctx, core.Credential{ID: "none", UserID: ann.ID}, used))
		user, err := s.FindUser(ctx, ann.ID)
		ok(t, err)
		equal(t, user.LastSeenAt, &used)
		list, err := s.ListCredentials(ctx, core.CredentialAPIToken, "")
		ok(t, err)
		equal(t, list, []core.Credential{token})
		list, err = s.ListCredentials(ctx, core.CredentialSession, ann.ID)
		ok(t, err)
		equal(t, list, []core.Credential{session})
		list, err = s.ListCredentials(ctx, core.CredentialSession, "somebody")
		ok(t, err)
		equal(t, list, []core.Credential{})

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

func TestSessionsThatNobodyUsesGo(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, ctx := open(t, url), t.Context()
		idle := int(core.SessionIdle.Minutes())
		used := at(5)
		for _, c := range []core.Credential{
			{ID: "unused", Kind: core.CredentialSession, Hash: "1", CreatedAt: at(0)},
			{ID: "used", Kind: core.CredentialSession, Hash: "2", CreatedAt: at(0), LastUsedAt: &used},
			{ID: "token", Kind: core.CredentialAPIToken, Hash: "3", CreatedAt: at(0)},
		} {
			ok(t, s.CreateCredential(ctx, c))
		}
		left := func(id string, want core.Kind) {
			t.Helper()
			if _, err := s.FindCredentialByID(ctx, id); (err == nil) != (want == 0) {
				t.Errorf("%s: %v", id, err)
			}
		}
		ok(t, s.DeleteExpiredCredentials(ctx, at(idle)))
		left("unused", core.KindNotFound)
		left("used", 0)
		ok(t, s.DeleteExpiredCredentials(ctx, at(idle+5)))
		left("used", core.KindNotFound)
		left("token", 0)
	})
}

func TestAUsersCredentialsAreDeletedByKind(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, ctx := open(t, url), t.Context()
		for i, c := range []core.Credential{
			{ID: "a", Kind: core.CredentialSession, UserID: "ann"},
			{ID: "b", Kind: core.CredentialStream, UserID: "ann"},
			{ID: "c", Kind: core.CredentialAPIToken, UserID: "ann"},
			{ID: "d", Kind: core.CredentialSession, UserID: "bob"},
			{ID: "e", Kind: core.CredentialSession},
		} {
			c.Hash, c.CreatedAt = string(rune('0'+i)), at(i)
			ok(t, s.CreateCredential(ctx, c))
		}
		ok(t, s.DeleteCredentialsOf(ctx, "ann", core.CredentialSession, core.CredentialStream))
		ok(t, s.DeleteCredentialsOf(ctx, "", core.CredentialSession)) // nobody is no user
		var left []string
		for _, id := range []string{"a", "b", "c", "d", "e"} {
			if _, err := s.FindCredentialByID(ctx, id); err == nil {
				left = append(left, id)
			}
		}
		equal(t, left, []string{"c", "d", "e"})
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
