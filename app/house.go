package app

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/oore-ci/oore/app/core"
)

const (
	beatEvery = 2 * time.Second
	// serverLife is how long a server that is silent counts as there, and keeps the house.
	serverLife = 10 * time.Second
	// houseSpare is how much earlier a server stops keeping the house than another may begin.
	houseSpare = 2 * time.Second
	// turnHouse names what one of all servers does: decide about deliveries, tell the
	// outside, ask the forges what we missed, delete what is old.
	turnHouse = "house"
)

// Join makes this server known to the others on its database. KindConflict: it cannot
// work beside one of them, and the message says why. Call it before anything else.
func (a *App) Join(ctx context.Context) error {
	a.server.StartedAt = a.now()
	others, err := a.beat(ctx)
	if err == nil {
		err = a.checkClock(ctx, others)
	}
	if err != nil {
		return err
	}
	for _, other := range others {
		if err := a.agrees(other); err != nil {
			return errors.Join(err, a.store.LeaveServer(context.WithoutCancel(ctx), a.server.ID))
		}
	}
	a.bell.ring(topicServers)
	return nil
}

// agrees refuses what two servers must share and do not.
func (a *App) agrees(other core.Server) error {
	const wait = "; or stop that server, and wait ten seconds if it was killed"
	switch {
	case other.KeyID != a.server.KeyID:
		return core.Errorf(core.KindConflict,
			"The server on %s works on this database with another encryption key (id %s, here %s): give both the same OORE_ENCRYPTION_KEY%s", other.Name, other.KeyID, a.server.KeyID, wait)
	case other.Blobs != a.server.Blobs:
		return core.Errorf(core.KindConflict,
			"The server on %s works on this database and keeps artifacts and logs elsewhere (%s, here %s): set OORE_BLOB_URL of both to the same s3:// bucket, or to a folder that both share%s",
			other.Name, other.Blobs, a.server.Blobs, wait)
	}
	return nil
}

// Servers lists the servers that work on the database, the oldest first; none where there
// can be only one.
func (a *App) Servers(ctx context.Context) ([]core.Server, error) {
	return a.store.ListServers(ctx, serverLife)
}

// beat notes that this server is there, and sets its clock by the database's, which all
// servers share: a lease that one of them gives ends at the same moment for all.
func (a *App) beat(ctx context.Context) (others []core.Server, err error) {
	asked := time.Now()
	others, now, err := a.store.BeatServer(ctx, a.server, serverLife)
	switch took := time.Since(asked); {
	case err == nil && now.IsZero():
		a.clock.follow(a.wall())
	case err == nil && (took < beatEvery || !a.beside.Load()): // at first an answer that took long is better than the machine's clock
		a.clock.set(now.Add(took / 2))
	}
	a.beside.Store(!now.IsZero())
	if err == nil {
		a.bell.company.Store(len(others) > 0)
	}
	return others, err
}

// longSilence is after how long without a sign of life a server that starts does not take
// its clock's word: far less than what waits or is idle may take.
const longSilence = time.Hour

// checkClock compares the time at the server's start with what is stored.
func (a *App) checkClock(ctx context.Context, others []core.Server) error {
	last, err := a.store.LastSigns(ctx)
	if err != nil || last.Newest.IsZero() {
		return err
	}
	const advice = ". If the clock is wrong, set it right, and start the server again"
	now := a.now()
	if ahead := last.Newest.Sub(now); ahead > time.Minute {
		a.log.Warn("by the clock the newest that is stored lies ahead: what waits for that time is done now"+advice, "ahead", ahead.Round(time.Second).String())
		if err := a.pullBack(ctx); err != nil {
			return err
		}
	}
	// One that serves and is in doubt no more knows better, and may be of before there were signs.
	served := slices.ContainsFunc(others, func(o core.Server) bool { return o.SeenAt.Sub(o.StartedAt) > 2*clockTrial })
	if now.Sub(last.Served) <= longSilence || served {
		return nil
	}
	a.log.Warn("by the clock nothing happened here for long: nothing is deleted for its age for a while"+advice, "last", last.Served, "while", clockTrial.String())
	a.clock.hold()
	// It may be started again before it is known whether the clock was right.
	return a.store.Unserved(ctx, last.Served, now)
}

// pullBack makes due what a clock that was ahead has put off.
func (a *App) pullBack(ctx context.Context) error {
	err := errors.Join(a.store.PullBack(ctx, a.now(), a.now().Add(a.leaseTTL)), a.recallSchedules(ctx))
	a.bell.ring(topicInbox, topicOutbox)
	return err
}

// term is a while in which this server keeps the house.
type term struct {
	cancel context.CancelFunc
	end    *time.Timer // calls cancel
	done   sync.WaitGroup
}

// stop ends it and waits for its work; nil: there is none.
func (t *term) stop() {
	if t == nil {
		return
	}
	t.cancel()
	t.end.Stop()
	t.done.Wait()
}

// keepHouse does the work of the house whenever it is this server's turn. Each term has a
// work of its own, which ends before another server may begin, whether the database can be
// asked or not.
func (a *App) keepHouse(ctx context.Context, work func(context.Context)) error {
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	var now *term
	defer func() {
		now.stop()
		a.leave(ctx)
	}()
	for {
		now = a.renewTerm(ctx, now, work)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// renewTerm returns the term that goes on; nil: it is not our turn.
func (a *App) renewTerm(ctx context.Context, t *term, work func(context.Context)) *term {
	asked := time.Now()
	end := asked.Add(serverLife - houseSpare)
	asking, cancel := context.WithDeadline(ctx, end) // a connection to who is gone without a word says nothing for a quarter of an hour
	defer cancel()
	_, err := a.beat(asking)
	mine := false
	if err == nil {
		mine, err = a.store.TakeTurn(asking, turnHouse, a.server.ID, serverLife)
	}
	switch {
	case err != nil:
		a.warn(ctx, "tell the other servers that this one is there", "error", err)
		return t // it ends by itself
	case mine && t != nil && (!a.beside.Load() || t.end.Reset(time.Until(end))):
		return t
	}
	t.stop()
	if left := time.Until(end); mine && left > 0 && ctx.Err() == nil {
		return a.beginTerm(ctx, left, work)
	}
	return nil
}

func (a *App) beginTerm(ctx context.Context, left time.Duration, work func(context.Context)) *term {
	ctx, cancel := context.WithCancel(ctx)
	t := &term{cancel: cancel, end: time.AfterFunc(left, cancel)}
	if !a.beside.Load() {
		t.end.Stop()
	}
	a.log.Debug("this server keeps house")
	t.done.Go(func() { work(ctx) })
	return t
}

// lastWord is for what is noted though ctx has ended. It has an end of its own: the work of
// a term is waited for.
func lastWord(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), serverLife)
}

// leave lets another server go on at once.
func (a *App) leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), beatEvery)
	defer cancel()
	if err := a.store.LeaveServer(ctx, a.server.ID); err != nil {
		a.log.Warn("tell the other servers that this one leaves", "error", err)
	}
}

// inTurn runs f while no other server runs what has the name, for at most life.
func (a *App) inTurn(ctx context.Context, name string, life time.Duration, f func(context.Context) error) error {
	for {
		mine, err := a.store.TakeTurn(ctx, name, a.server.ID, life)
		if err != nil {
			return err
		}
		if mine {
			break
		}
		if err := sleep(ctx, turnPoll); err != nil {
			return err
		}
	}
	defer func() {
		ending, ended := lastWord(ctx)
		defer ended()
		if err := a.store.EndTurn(ending, name, a.server.ID); err != nil {
			a.warn(ctx, "end a turn", "turn", name, "error", err)
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, life-houseSpare)
	defer cancel()
	return f(ctx)
}

// turnPoll is how often a turn is asked for that somebody else has.
const turnPoll = 200 * time.Millisecond
