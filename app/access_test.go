package app_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

// Another process on the same database revokes; this one's streams are told.
func TestWhatAnotherServerRevokesIsHeardOf(t *testing.T) {
	h, ctx := newHouse(t), t.Context()
	other, err := app.New(app.Deps{
		Store: testTime{h.store, h.clock}, Blobs: newBlobs(t), Archive: newArchive(t, newBlobs(t)), Clock: h.clock.now, NewID: uuid.NewString, Log: slog.New(slog.DiscardHandler), PublicURL: "https://ci.example.com", LogLimit: 1 << 20,
	})
	if err != nil {
		t.Fatal(err)
	}
	ada := h.invite(t, "ada", core.RoleViewer)
	second := h.open(t, h.newLink(t, ada.ID))
	_, token := h.token(t, h.actor(t, ada.session), app.CreateAPIToken{})
	as := h.actor(t, ada.session)

	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- h.RunWorkers(running) }()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	for heard := false; !heard; { // what happens before its first look it does not tell
		_, early := h.token(t, as, app.CreateAPIToken{})
		_, bell := h.AccessChanged(core.Actor{CredentialID: early.ID})
		if err := other.DeleteAPIToken(ctx, h.owner, early.ID); err != nil {
			t.Fatal(err)
		}
		select {
		case <-bell:
			heard = true
		case <-time.After(3 * time.Second):
		}
	}

	user, _ := h.AccessChanged(as)
	_, session := h.AccessChanged(h.actor(t, second))
	_, revoked := h.AccessChanged(core.Actor{CredentialID: token.ID})
	if err := other.DeleteSession(ctx, h.owner, h.actor(t, second).CredentialID); err != nil {
		t.Fatal(err)
	}
	if err := other.DeleteAPIToken(ctx, h.owner, token.ID); err != nil {
		t.Fatal(err)
	}
	if err := other.DisableUser(ctx, h.owner, ada.ID); err != nil {
		t.Fatal(err)
	}
	for what, bell := range map[string]<-chan struct{}{"user": user, "session": session, "token": revoked} {
		select {
		case <-bell:
		case <-time.After(patience):
			t.Errorf("%s: not heard of within %s", what, patience)
		}
	}
}
