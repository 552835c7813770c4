package app_test

import (
	"fmt"
	"log/slog"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store"
	"github.com/oore-ci/oore/store/storetest"
)

// BenchmarkWrongPassword tells whether the time of an answer says who is a user here: it
// tries a wrong password of an account that there is and of one that there is not, in turn,
// and prints both medians, their ratio and Welch's t. Beyond 2.6 (p < 0.01) in run after
// run, and always with the same sign, is a difference that a stranger can measure.
func BenchmarkWrongPassword(b *testing.B) {
	for name, open := range map[string]func(*testing.B) string{
		"sqlite":   func(b *testing.B) string { return "sqlite:" + b.TempDir() + "/oore.db" },
		"postgres": func(b *testing.B) string { return storetest.Postgres(b) },
	} {
		b.Run(name, func(b *testing.B) {
			a, clock := benchDoor(b, open(b))
			took := map[string][]float64{}
			for i := 0; b.Loop(); i++ {
				who := []string{"existing", "unknown"}
				if i%2 == 1 {
					slices.Reverse(who)
				}
				for _, one := range who {
					clock.forward(time.Hour) // no limit is met
					start := time.Now()
					_, err := a.SignInWithPassword(b.Context(), app.Visitor{Door: core.ViaAPI, Address: "192.0.2.1"}, one+"@example.com", "not the password")
					if core.CodeOf(err) != core.CodeBadCredentials {
						b.Fatal(err)
					}
					took[one] = append(took[one], float64(time.Since(start).Nanoseconds())/1e6)
				}
			}
			existing, unknown := median(took["existing"]), median(took["unknown"])
			b.ReportMetric(existing, "ms/existing")
			b.ReportMetric(unknown, "ms/unknown")
			b.ReportMetric(existing/unknown, "ratio")
			b.ReportMetric(welch(took["existing"], took["unknown"]), "t")
		})
	}
}

func benchDoor(b *testing.B, url string) (*app.App, *fakeClock) {
	b.Helper()
	db, err := store.Open(b.Context(), url, store.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	clock := &fakeClock{at: time.Now()}
	a, err := app.New(app.Deps{
		Store: db, Blobs: newBlobs(b), Archive: newArchive(b, newBlobs(b)), Clock: clock.now, NewID: uuid.NewString, Log: slog.New(slog.DiscardHandler),
		PublicURL: "https://ci.example.com", LogLimit: 1 << 20, SignIn: app.SignIn{Passwords: true},
	})
	if err != nil {
		b.Fatal(err)
	}
	for i := range 200 { // a house with people in it
		u := core.User{ID: uuid.NewString(), Name: "u", Email: fmt.Sprintf("u%d@example.com", i), Role: core.RoleViewer, Enabled: true, CreatedAt: clock.at, UpdatedAt: clock.at}
		if i == 100 {
			u.Email = "existing@example.com"
		}
		if err := db.CreateUser(b.Context(), u); err != nil {
			b.Fatal(err)
		}
		if i == 100 {
			actor := core.Actor{Kind: core.ActorUser, UserID: u.ID, Role: core.RoleViewer}
			if _, err := a.SetPassword(b.Context(), actor, app.Visitor{}, app.SetPassword{New: "correct horse battery"}); err != nil {
				b.Fatal(err)
			}
		}
	}
	return a, clock
}

func median(all []float64) float64 {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/2]
}

// welch is the statistic of Welch's test, of all but the slowest twentieth: those are the
// machine's.
func welch(x, y []float64) float64 {
	mean := func(all []float64) (m, perSample float64) {
		all = slices.Sorted(slices.Values(all))
		all = all[:max(1, len(all)*19/20)]
		for _, v := range all {
			m += v / float64(len(all))
		}
		for _, v := range all {
			perSample += (v - m) * (v - m) / float64(max(1, len(all)-1))
		}
		return m, perSample / float64(len(all))
	}
	mx, vx := mean(x)
	my, vy := mean(y)
	if vx+vy == 0 {
		return 0
	}
	return (mx - my) / math.Sqrt(vx+vy)
}
