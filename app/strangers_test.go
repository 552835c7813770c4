package app_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

// Who guesses runners' tokens, or goes on with one that was taken back, left no trace.
func TestARefusedRunnerIsNotedOnceAnHour(t *testing.T) {
	h := newHouse(t)
	_, token := h.register(t, "mini")
	come := func(address, token string) {
		t.Helper()
		if _, err := h.AuthenticateRunner(t.Context(), app.Visitor{Door: core.ViaAPI, Address: address}, token); err != nil {
			wantCode(t, err, core.KindUnauthorized, core.CodeInvalidSession)
		}
	}
	refused := core.AuditFilter{Action: core.AuditRunnerRefused}
	come("192.0.2.1", token)
	if got := h.audit(t, refused); len(got) != 0 {
		t.Fatalf("a good token: %+v", got)
	}
	for range 50 {
		come("192.0.2.1", "oorer_guess")
		come("2001:db8:1:2::3", "oorer_guess")
		come("2001:db8:1:2::4", "oorer_guess") // of the same customer
	}
	got := h.audit(t, refused)
	if len(got) != 2 || got[1].Address != "192.0.2.1" || got[1].ActorKind != core.ActorStranger || got[1].Door != core.ViaAPI || len(got[1].Changes) != 1 {
		t.Fatalf("%+v", got)
	}
	h.clock.forward(time.Hour)
	come("192.0.2.1", "oorer_guess")
	if got := h.audit(t, refused); len(got) != 3 {
		t.Errorf("an hour later: %d entries", len(got))
	}
	for i := range 400 {
		come(fmt.Sprintf("10.0.%d.%d", i/200, i%200), "oorer_guess")
	}
	if got := h.audit(t, refused); len(got) > 3+200 {
		t.Errorf("a flood of addresses: %d entries", len(got))
	}
}
