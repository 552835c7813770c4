package app_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store/storetest"
)

// An answer that was given while its server was killed came again, as if it were another.
func TestAnAnswerInSlackThatMayHaveComeSaysThatItComesAgain(t *testing.T) {
	h := newSlackHouse(t)
	stopped := make(chan struct{})
	h.slack.answered = func(ctx context.Context) error { // it is there; its server never learns that
		close(stopped)
		<-ctx.Done()
		return ctx.Err()
	}
	c := core.Chat{ID: uuid.NewString(), Body: "whoami", AuthorID: personID("olga"), Author: "olga"}
	h.comes(t, c)
	h.work(t, func() bool {
		select {
		case <-stopped:
			return true
		default:
			return false
		}
	})
	h.slack.answered = nil
	said := func() []string {
		h.slack.mu.Lock()
		defer h.slack.mu.Unlock()
		return slices.Clone(h.slack.answers[c.ID])
	}
	h.work(t, func() bool { return len(said()) == 2 })
	const answer = "You are olga here, with the role owner."
	if want := []string{answer, "Once more, in case the first answer did not reach you:\n\n" + answer}; !slices.Equal(said(), want) {
		t.Errorf("said %q", said())
	}
}

// slowHouse is a way to the database on which an answer's server stands still before it
// answers.
type slowHouse struct {
	testTime
	standstill func()
}

func (s *slowHouse) TakeEffects(ctx context.Context, now, until time.Time, limit int, kinds ...core.EffectKind) ([]core.Effect, error) {
	taken, err := s.testTime.TakeEffects(ctx, now, until, limit, kinds...)
	if slices.ContainsFunc(taken, func(e core.Effect) bool { return e.Kind == core.EffectReply }) {
		s.standstill()
	}
	return taken, err
}

// A server that stood still until another had the answer gave it too.
func TestAServerThatLostAnAnswerToAnotherGivesItNot(t *testing.T) {
	var way *slowHouse
	h := newSlackHouseOn(t, storetest.SQLite(t), func(s testTime) core.Store {
		way = &slowHouse{testTime: s}
		return way
	})
	lost := make(chan struct{})
	way.standstill = sync.OnceFunc(func() {
		h.clock.forward(time.Minute)
		other, err := h.store.TakeEffects(t.Context(), h.clock.now(), h.clock.now().Add(time.Hour), 10, core.EffectReply)
		if err != nil || len(other) != 1 {
			t.Errorf("the other took %+v, %v", other, err)
		}
		close(lost)
	})
	answered := false
	h.slack.answered = func(context.Context) error { answered = true; return nil }
	h.comes(t, core.Chat{ID: uuid.NewString(), Body: "whoami", AuthorID: personID("olga"), Author: "olga"})
	h.work(t, func() bool {
		select {
		case <-lost:
			return true
		default:
			return false
		}
	})
	if answered { // the workers have ended, and all calls with them
		t.Error("it answered too")
	}
}
