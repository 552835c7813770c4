package store_test

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store"
	"github.com/oore-ci/oore/store/storetest"
)

func newIntegration(created int) core.Integration {
	return core.Integration{
		ID: newID("integration"), Provider: core.ProviderGitHub, Name: "Oore at Acme", Host: "github.com", WebURL: "https://github.com/",
		APIURL: "https://api.github.com/", ExternalID: "4711", Slug: "oore-acme", Origin: core.OriginWeb, Trouble: "The key is old",
		Sealed: []byte("v1:\x00\xff"), CreatedAt: at(created), UpdatedAt: at(created),
	}
}

func saveIntegration(tb testing.TB, s *store.Store, created int) core.Integration {
	tb.Helper()
	i := newIntegration(created)
	ok(tb, s.SaveIntegration(tb.Context(), i))
	return i
}

func newInstallation(integrationID string, externalID int64, account string) core.Installation {
	return core.Installation{
		IntegrationID: integrationID, ExternalID: externalID, Account: account, AccountType: "Organization", All: true, Suspended: true,
		Missing: []string{"checks: write", "merge_group"}, SettingsURL: "https://github.com/settings", UpdatedAt: at(1),
	}
}

func TestIntegrations(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, ctx := open(t, url), t.Context()
		list, err := s.ListIntegrations(ctx)
		ok(t, err)
		equal(t, list, []core.Integration{})

		young, old := saveIntegration(t, s, 2), saveIntegration(t, s, 1)
		found, err := s.FindIntegration(ctx, young.ID)
		ok(t, err)
		equal(t, found, young)
		list, err = s.ListIntegrations(ctx)
		ok(t, err)
		equal(t, list, []core.Integration{old, young})

		old.Name, old.Host, old.WebURL, old.APIURL = "Ann", "git.acme.dev/code", "https://git.acme.dev/code/", "https://git.acme.dev/code/api/v4/"
		old.ExternalID, old.Slug, old.Origin, old.Trouble = "1", "", core.OriginEnvironment, ""
		old.Sealed, old.UpdatedAt = nil, at(3)
		again := old
		again.CreatedAt = at(3) // its birth stays
		ok(t, s.SaveIntegration(ctx, again))
		list, err = s.ListIntegrations(ctx)
		ok(t, err)
		equal(t, list, []core.Integration{old, young})

		_, err = s.FindIntegration(ctx, "none")
		refused(t, err, core.KindNotFound, core.CodeNotFound)
		refused(t, s.DeleteIntegration(ctx, "none"), core.KindNotFound, core.CodeNotFound)
	})
}

func TestKeysAreSwappedOnlyIfNobodyElseHas(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, ctx := open(t, url), t.Context()
		i := saveIntegration(t, s, 1)
		old, mine, theirs := i.Sealed, []byte("v1:mine\x00"), []byte("v1:theirs")
		swap := func(sealed, old []byte, trouble string) bool {
			t.Helper()
			next := i
			next.Sealed, next.Trouble, next.UpdatedAt, next.Name = sealed, trouble, at(5), "another name"
			swapped, err := s.SwapKeys(ctx, next, old)
			ok(t, err)
			return swapped
		}
		equal(t, swap(mine, old, ""), true)
		equal(t, swap(theirs, old, "late"), false)

		// What is noted meanwhile takes no keys back.
		noted := i
		noted.Name, noted.Slug, noted.Trouble, noted.Sealed, noted.UpdatedAt = "Ann", "ann", "It ends soon", nil, at(6)
		ok(t, s.NoteIntegration(ctx, noted))
		want := i
		want.Name, want.Slug, want.Trouble, want.Sealed, want.UpdatedAt = "Ann", "ann", "It ends soon", mine, at(6)
		found, err := s.FindIntegration(ctx, i.ID)
		ok(t, err)
		equal(t, found, want)

		// Of many who see the same keys one wins.
		var wins atomic.Int32
		var all sync.WaitGroup
		for n := range 20 {
			all.Go(func() {
				if swap([]byte{'v', byte(n)}, mine, "") {
					wins.Add(1)
				}
			})
		}
		all.Wait()
		equal(t, wins.Load(), int32(1))
	})
}

func TestInstallations(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, ctx := open(t, url), t.Context()
		one, two := saveIntegration(t, s, 1), saveIntegration(t, s, 2)
		zoo, ant := newInstallation(one.ID, 0, "zoo"), newInstallation(one.ID, 7, "ant")
		other := newInstallation(two.ID, 7, "other")
		for _, i := range []core.Installation{zoo, ant, other} {
			ok(t, s.SaveInstallation(ctx, i))
		}
		list, err := s.ListInstallations(ctx, one.ID)
		ok(t, err)
		equal(t, list, []core.Installation{ant, zoo})

		zoo.Account, zoo.AccountType, zoo.All, zoo.Suspended = "aardvark", "User", false, false
		zoo.Missing, zoo.SettingsURL, zoo.UpdatedAt = nil, "", at(2)
		ok(t, s.SaveInstallation(ctx, zoo))
		list, err = s.ListInstallations(ctx, one.ID)
		ok(t, err)
		equal(t, list, []core.Installation{zoo, ant})

		for range 2 { // the second finds nothing, which is no error
			ok(t, s.DeleteInstallation(ctx, one.ID, ant.ExternalID))
		}
		list, err = s.ListInstallations(ctx, one.ID)
		ok(t, err)
		equal(t, list, []core.Installation{zoo})
		list, err = s.ListInstallations(ctx, two.ID)
		ok(t, err)
		equal(t, list, []core.Installation{other})
		refused(t, s.SaveInstallation(ctx, newInstallation("none", 1, "x")), core.KindNotFound, core.CodeNotFound)
	})
}

func TestDeletedIntegrationTakesItsInstallationsAndLeavesRepositories(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h, ctx := furnish(t, url), t.Context()
		gone, stays := saveIntegration(t, h.Store, 1), saveIntegration(t, h.Store, 2)
		left := newInstallation(stays.ID, 7, "acme")
		ok(t, h.SaveInstallation(ctx, newInstallation(gone.ID, 7, "acme")))
		ok(t, h.SaveInstallation(ctx, left))
		repo := h.project.Repository
		repo.IntegrationID = gone.ID
		_, err := h.SaveRepository(ctx, repo)
		ok(t, err)
		ok(t, h.SaveHookSecret(ctx, repo.ID, []byte("sealed")))

		ok(t, h.DeleteIntegration(ctx, gone.ID))
		list, err := h.ListInstallations(ctx, gone.ID)
		ok(t, err)
		equal(t, list, []core.Installation{})
		list, err = h.ListInstallations(ctx, stays.ID)
		ok(t, err)
		equal(t, list, []core.Installation{left})
		project, err := h.FindProject(ctx, h.project.ID)
		ok(t, err)
		equal(t, project.Repository, repo)
		secrets, err := h.ListHookSecrets(ctx, repo.Provider, repo.ExternalID)
		ok(t, err)
		equal(t, len(secrets), 1)
	})
}

func TestHookSecretsAreListedOverHosts(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, ctx := open(t, url), t.Context()
		save := func(p core.Provider, host, externalID string) string {
			r := newRepository(externalID)
			r.Provider, r.Host = p, host
			_, err := s.SaveRepository(ctx, r)
			ok(t, err)
			return r.ID
		}
		first, second := save(core.ProviderGitLab, "gitlab.com", "1"), save(core.ProviderGitLab, "git.acme.dev/code", "1")
		for _, id := range []string{first, second, save(core.ProviderGitLab, "gitlab.com", "11"), save(core.ProviderGitHub, "github.com", "1")} {
			ok(t, s.SaveHookSecret(ctx, id, []byte(id)))
		}
		save(core.ProviderGitLab, "silent.example", "1")
		ok(t, s.SaveHookSecret(ctx, second, []byte("\x00\xff"))) // replaces

		secrets, err := s.ListHookSecrets(ctx, core.ProviderGitLab, "1")
		ok(t, err)
		equal(t, secrets, map[string][]byte{first: []byte(first), second: []byte("\x00\xff")})
		secrets, err = s.ListHookSecrets(ctx, core.ProviderGitLab, "2")
		ok(t, err)
		equal(t, len(secrets), 0)
		refused(t, s.SaveHookSecret(ctx, "none", []byte("x")), core.KindNotFound, core.CodeNotFound)
	})
}
