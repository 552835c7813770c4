package app

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// outboxLane is a sender with calls of its own: a mail server that hangs must not keep
// a commit's status waiting.
type outboxLane struct {
	app     *App
	kinds   []core.EffectKind
	slots   chan struct{} // one for each call
	sending sync.WaitGroup

	mu   sync.Mutex
	busy map[string]time.Time // keys under way, and their holds: a clock that jumps ends a hold before its call
}

func newOutboxLanes(a *App) []*outboxLane {
	lane := func(kinds ...core.EffectKind) *outboxLane {
		return &outboxLane{app: a, kinds: kinds, slots: make(chan struct{}, outboxParallel), busy: map[string]time.Time{}}
	}
	return []*outboxLane{
		lane(core.EffectStatus, core.EffectComment),
		lane(core.EffectReply, core.EffectReact, core.EffectMessage),
		lane(core.EffectNotify),
		lane(core.EffectSettings),
	}
}

// take makes true what is wanted outside, as far as calls are free. A key has one
// sender at a time.
func (l *outboxLane) take(ctx context.Context) (more bool, err error) {
	l.app.outgoing.calls.Add(1)
	defer l.app.outgoing.calls.Add(-1)
	free := cap(l.slots) - len(l.slots)
	if free == 0 {
		return false, nil // whoever ends rings
	}
	now, end := l.app.now(), time.Now().Add(outboxHold-outboxSpare)
	due, err := l.app.store.TakeEffects(ctx, now, now.Add(outboxHold), free, l.kinds...)
	if err != nil {
		return false, fmt.Errorf("read the outbox: %w", err)
	}
	for _, e := range due {
		if !l.begin(e.Key, e.NotBefore) {
			continue // its call will say how it went, under the new hold
		}
		l.slots <- struct{}{}
		l.app.outgoing.calls.Add(1)
		l.sending.Go(func() {
			defer l.free(e.Key)
			l.send(ctx, e, end)
		})
	}
	return len(due) > 0, nil
}

func (l *outboxLane) begin(key string, held time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, busy := l.busy[key]
	l.busy[key] = held
	return !busy
}

func (l *outboxLane) held(key string) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.busy[key]
}

func (l *outboxLane) free(key string) {
	l.mu.Lock()
	delete(l.busy, key)
	l.mu.Unlock()
	<-l.slots
	l.app.outgoing.calls.Add(-1)
	l.app.bell.ringHere(topicOutbox) // the same may be wanted anew, or others wait for a call
}

// send makes one effect true before the end of its hold: after that another server may
// say something newer.
func (l *outboxLane) send(ctx context.Context, e core.Effect, end time.Time) {
	core.CrashPoint("report.taken")
	taken := e.NotBefore
	calling, cancel := context.WithDeadline(ctx, end)
	defer cancel()
	_, err := l.app.guarded(calling, func(ctx context.Context) (bool, error) { return false, l.app.send(ctx, &e) })
	core.CrashPoint("report.sent")
	if err != nil && ctx.Err() != nil {
		e.NotBefore = l.app.now() // we stop: whoever comes next need not wait for our hold
	} else {
		l.app.sent(&e, err)
		if !errors.Is(err, errOurPause) {
			l.app.meter.Note(core.MetricOutbound, 1, hostClass(e.Kind), string(e.Kind), outboundCode(err))
		}
	}
	held := l.held(e.Key)
	if err != nil && !held.Equal(taken) { // it was woken meanwhile: what failed may work by now
		e.NotBefore, e.Attempts, e.Parked = l.app.now(), 0, false
	}
	saving, saved := lastWord(ctx)
	defer saved()
	if err := l.app.saveSent(saving, e, held); err != nil {
		l.app.log.Error("note what was sent", "key", e.Key, "error", err)
	}
	core.CrashPoint("report.noted")
}

// saveSent notes how it went. If another sender took the effect meanwhile, since this one
// was halted, nobody knows whose call the outside heard last: what is kept true there is
// said once more.
func (a *App) saveSent(ctx context.Context, e core.Effect, held time.Time) error {
	err := a.store.SaveEffect(ctx, e, held)
	if err == nil || core.KindOf(err) != core.KindConflict {
		return err
	}
	a.log.Warn("sent while another server sent it", "key", e.Key)
	switch e.Kind {
	case core.EffectStatus, core.EffectComment, core.EffectMessage, core.EffectSettings:
		defer a.bell.ring(topicOutbox)
		return a.store.DoubtEffect(ctx, e.Key, a.now())
	case core.EffectReply, core.EffectReact, core.EffectNotify: // said once
	}
	return nil
}

// hostClass is whom an effect is told, as a label.
func hostClass(k core.EffectKind) string {
	switch k {
	case core.EffectStatus, core.EffectComment, core.EffectSettings:
		return "forge"
	case core.EffectNotify:
		return "notification"
	case core.EffectReply, core.EffectReact, core.EffectMessage:
	}
	return "chat"
}

// outboundCode is how a call went, as a label: ok, or the code of the fault's kind.
func outboundCode(err error) string {
	if err == nil {
		return "ok"
	}
	return core.CodeOf(core.Errorf(core.KindOf(err), ""))
}
