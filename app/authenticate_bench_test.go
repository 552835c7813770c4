package app_test

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store"
	"github.com/oore-ci/oore/store/storetest"
)

// BenchmarkAuthenticate is what every request pays before anything else: an admin, and
// somebody who is a member of twenty projects.
func BenchmarkAuthenticate(b *testing.B) {
	for name, open := range map[string]func(*testing.B) string{
		"sqlite":   func(b *testing.B) string { return "sqlite:" + b.TempDir() + "/oore.db" },
		"postgres": func(b *testing.B) string { return storetest.Postgres(b) },
	} {
		b.Run(name, func(b *testing.B) {
			a, secrets := benchHouse(b, open(b))
			for _, who := range []string{"admin", "member"} {
				b.Run(who, func(b *testing.B) {
					for b.Loop() {
						if _, err := a.Authenticate(b.Context(), secrets[who]); err != nil {
							b.Fatal(err)
						}
					}
				})
			}
		})
	}
}

func benchHouse(b *testing.B, url string) (*app.App, map[string]string) {
	b.Helper()
	ctx := b.Context()
	db, err := store.Open(ctx, url, store.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	now := time.Now()
	a, err := app.New(app.Deps{
		Store: db, Blobs: newBlobs(b), Archive: newArchive(b, newBlobs(b)), Clock: func() time.Time { return now }, NewID: uuid.NewString, Log: slog.New(slog.DiscardHandler),
		PublicURL: "https://ci.example.com", LogLimit: 1 << 20,
	})
	if err != nil {
		b.Fatal(err)
	}
	repo, err := db.SaveRepository(ctx, core.Repository{ID: uuid.NewString(), Provider: core.ProviderGit, ExternalID: "/srv/x", CreatedAt: now, UpdatedAt: now})
	if err != nil {
		b.Fatal(err)
	}
	secrets := map[string]string{}
	for who, role := range map[string]core.Role{"admin": core.RoleAdmin, "member": core.RoleViewer} {
		u := core.User{ID: uuid.NewString(), Name: who, Email: who + "@example.com", Role: role, Enabled: true, CreatedAt: now, UpdatedAt: now}
		if err := db.CreateUser(ctx, u); err != nil {
			b.Fatal(err)
		}
		for i := range 20 {
			p := core.Project{ID: uuid.NewString(), Name: who, Slug: fmt.Sprint(who, i), RepositoryID: repo.ID, CreatedAt: now, UpdatedAt: now}
			if err := db.CreateProject(ctx, p); err != nil {
				b.Fatal(err)
			}
			if err := db.SaveMember(ctx, core.Member{ProjectID: p.ID, UserID: u.ID, Role: core.RoleDeveloper, CreatedAt: now}); err != nil {
				b.Fatal(err)
			}
		}
		secret, _, err := a.CreateAPIToken(ctx, core.Actor{Kind: core.ActorUser, UserID: u.ID, Role: role}, app.CreateAPIToken{Name: who})
		if err != nil {
			b.Fatal(err)
		}
		secrets[who] = secret
	}
	return a, secrets
}
