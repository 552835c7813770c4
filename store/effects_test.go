package store_test

import (
	"sync"
	"testing"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store/storetest"
)

func newEffect(key string) core.Effect {
	return core.Effect{
		Key: key, Kind: core.EffectStatus, RepositoryID: "r", PipelineID: "p", SHA: "cafe", Number: 3, BuildID: "b", Channel: "T1/C1", NotificationID: "n", NotBefore: at(0), UpdatedAt: at(0),
	}
}

func TestEffectIsWantedTakenAndDone(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, ctx := open(t, url), t.Context()
		want := newEffect("status:p:cafe")
		ok(t, s.WantEffect(ctx, want))
		want.Wanted = 1
		found, err := s.FindEffect(ctx, want.Key)
		ok(t, err)
		equal(t, found, want)
		due, err := s.CountDueEffects(ctx, at(0))
		ok(t, err)
		equal(t, due, 1)

		taken, err := s.TakeEffects(ctx, at(0), at(5), 10)
		ok(t, err)
		want.NotBefore = at(5)
		equal(t, taken, []core.Effect{want})
		taken, err = s.TakeEffects(ctx, at(4), at(9), 10)
		ok(t, err)
		equal(t, len(taken), 0)

		ok(t, s.WantEffect(ctx, newEffect(want.Key))) // while it is being sent
		want.Told = "b:running"
		want.Done, want.RemoteID, want.Sent, want.Attempts, want.NotBefore, want.LastError, want.UpdatedAt = 1, "9", "digest", 2, at(1), "oops", at(1)
		ok(t, s.SaveEffect(ctx, want, at(5)))
		want.Wanted = 2
		found, err = s.FindEffect(ctx, want.Key)
		ok(t, err)
		equal(t, found, want)
		due, err = s.CountDueEffects(ctx, at(1))
		ok(t, err)
		equal(t, due, 1)
		want.Done = 2
		ok(t, s.SaveEffect(ctx, want, at(1)))
		taken, err = s.TakeEffects(ctx, at(99), at(100), 10)
		ok(t, err)
		equal(t, len(taken), 0)

		ok(t, s.WantEffect(ctx, newEffect(want.Key)))
		taken, err = s.TakeEffects(ctx, at(99), at(100), 10, core.EffectNotify, core.EffectReply)
		ok(t, err)
		equal(t, len(taken), 0)
		taken, err = s.TakeEffects(ctx, at(99), at(100), 10, core.EffectNotify, core.EffectStatus)
		ok(t, err)
		equal(t, len(taken), 1)

		refused(t, s.SaveEffect(ctx, newEffect("none"), at(0)), core.KindNotFound, core.CodeNotFound)
		_, err = s.FindEffect(ctx, "none")
		refused(t, err, core.KindNotFound, core.CodeNotFound)
	})
}

func TestEffectKeepsItsBuildAndChannel(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, ctx := open(t, url), t.Context()
		want := newEffect("k")
		ok(t, s.WantEffect(ctx, want))
		other := newEffect("k")
		other.BuildID, other.Channel = "other", "T2/C2"
		ok(t, s.WantEffect(ctx, other))
		ok(t, s.SaveEffect(ctx, other, at(0)))
		found, err := s.FindEffect(ctx, "k")
		ok(t, err)
		want.Wanted = 2
		equal(t, found, want)
	})
}

func TestMessagesOfABuildAreWantedAgain(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, ctx := open(t, url), t.Context()
		message, other, notice := newEffect("m"), newEffect("o"), newEffect("n")
		message.Kind, other.Kind, other.BuildID, notice.Kind = core.EffectMessage, core.EffectMessage, "other", core.EffectNotify
		for _, e := range []core.Effect{message, other, notice} {
			ok(t, s.WantEffect(ctx, e))
			e.Wanted, e.Done, e.Parked = 1, 1, true
			ok(t, s.SaveEffect(ctx, e, at(0)))
		}
		ok(t, s.WantMessagesAgain(ctx, "b", at(3)))
		ok(t, s.WantMessagesAgain(ctx, "", at(3)))
		for key, want := range map[string]bool{"m": true, "o": false, "n": false} {
			e, err := s.FindEffect(ctx, key)
			ok(t, err)
			equal(t, e.Wanted > e.Done && !e.Parked && e.NotBefore.Equal(at(3)), want)
		}
	})
}

func TestParkedEffectRestsUntilItIsWantedAnew(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, ctx := open(t, url), t.Context()
		ok(t, s.WantEffect(ctx, newEffect("k")))
		e, err := s.FindEffect(ctx, "k")
		ok(t, err)
		e.Parked, e.Attempts, e.NotBefore = true, 4, at(30)
		ok(t, s.SaveEffect(ctx, e, at(0)))
		due, err := s.CountDueEffects(ctx, at(99))
		ok(t, err)
		equal(t, due, 0)

		ok(t, s.WantEffect(ctx, newEffect("k")))
		found, err := s.FindEffect(ctx, "k")
		ok(t, err)
		e.Parked, e.Attempts, e.Wanted, e.UpdatedAt = false, 0, 2, at(0)
		equal(t, found, e) // the pause until minute 30 stays

		// A sender who gives up on what was wanted before must not park what came since.
		e.Wanted, e.Parked = 1, true
		ok(t, s.SaveEffect(ctx, e, at(30)))
		found, err = s.FindEffect(ctx, "k")
		ok(t, err)
		equal(t, found.Parked, false)
	})
}

func TestParallelTakersNeverShareAnEffect(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s, ctx := open(t, url), t.Context()
		const effects = 100
		for range effects {
			ok(t, s.WantEffect(ctx, newEffect(newID("effect"))))
		}
		var mu sync.Mutex
		taken := map[string]int{}
		ok(t, inParallel(8, func(int) error {
			for {
				due, err := s.TakeEffects(ctx, at(1), at(60), 7)
				if err != nil {
					return err
				}
				mu.Lock()
				for _, e := range due {
					taken[e.Key]++
				}
				finished := len(taken) == effects
				mu.Unlock()
				if finished {
					return nil
				}
			}
		}))
		for key, n := range taken {
			if n != 1 {
				t.Errorf("%s was taken %d times", key, n)
			}
		}
	})
}

func TestACommentIsKnownOnceItIsThere(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		h, ctx := furnish(t, url), t.Context()
		e := core.Effect{Key: core.CommentKey(h.project.RepositoryID, 7), Kind: core.EffectComment, RepositoryID: h.project.RepositoryID, Number: 7, NotBefore: at(0), UpdatedAt: at(0)}
		ok(t, h.WantEffect(ctx, e))
		has, err := h.HasCommented(ctx)
		ok(t, err)
		equal(t, has, false)
		e.Done, e.RemoteID = 1, "c1"
		ok(t, h.SaveEffect(ctx, e, at(0)))
		has, err = h.HasCommented(ctx)
		ok(t, err)
		equal(t, has, true)
	})
}
