package app_test

import (
	"net/url"
	"testing"
	"time"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

// againRoom says at once whether it knows somebody.
type againRoom struct{ openRoom }

func (againRoom) Way() core.SignInWay {
	way := openRoom{}.Way()
	way.Again = true
	return way
}

func TestAServicesWordIsBelievedForFourHours(t *testing.T) {
	for name, again := range map[string]bool{"asked in the browser": true, "asked otherwise, or not at all": false} {
		t.Run(name, func(t *testing.T) {
			var room core.SignInRoom = openRoom{}
			if again {
				room = againRoom{}
			}
			a, clock := entranceBy(t, room, func(s core.Store) core.Store { return s })
			v := app.Visitor{Door: core.ViaWeb, Address: "192.0.2.1"}
			d, err := a.Depart(t.Context(), v, "oidc", "/")
			if err != nil {
				t.Fatal(err)
			}
			u, err := url.Parse(d.URL)
			if err != nil {
				t.Fatal(err)
			}
			s, err := a.Arrive(t.Context(), v, app.Return{Way: "oidc", Browser: d.Browser, State: u.Query().Get("state"), Code: "ann"})
			if err != nil {
				t.Fatal(err)
			}
			ann, err := a.Authenticate(t.Context(), s.Secret)
			if err != nil {
				t.Fatal(err)
			}
			v.Session = s.Secret
			stale := func(want bool) {
				t.Helper()
				_, err := a.Authenticate(t.Context(), s.Secret)
				_, streams := a.Recheck(t.Context(), ann)
				_, ok, departs := a.DepartAgain(t.Context(), v, "/")
				if (core.KindOf(err) == core.KindUnauthorized) != want || (core.KindOf(streams) == core.KindUnauthorized) != want || ok != want || departs != nil {
					t.Errorf("after %s: %v, %v, %v, %v", clock.now(), err, streams, ok, departs)
				}
			}
			stale(false)
			clock.forward(core.SessionProof - time.Second)
			stale(false)
			clock.forward(time.Second)
			stale(again)
			clock.forward(core.SessionIdle + time.Second)
			if _, ok, err := a.DepartAgain(t.Context(), v, "/"); ok || err != nil {
				t.Errorf("a session that is over is begun again: %v", err)
			}
		})
	}
}
