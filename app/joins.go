package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"sync"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// joinLife is how long what came of a join is remembered for who asks again.
const joinLife = 10 * time.Minute

// joins are the files that this server puts together. One is put together once, however
// often it is asked for, and goes on when who asked waits no longer.
type joins struct {
	ctx  context.Context
	stop context.CancelFunc
	work sync.WaitGroup

	mu  sync.Mutex
	all map[string]*join
}

type join struct {
	done  chan struct{} // closed when err is there
	err   error
	ended time.Time
}

func newJoins() *joins {
	ctx, stop := context.WithCancel(context.Background())
	return &joins{ctx: ctx, stop: stop, all: map[string]*join{}}
}

// end stops what is being put together, and waits for it.
func (j *joins) end() {
	j.mu.Lock()
	j.stop()
	j.mu.Unlock()
	j.work.Wait()
}

// do runs f unless what has the key is under way, and returns what came of it. If ctx ends
// first it goes on: code artifact_joining.
func (j *joins) do(ctx context.Context, key string, f func(context.Context) error) error {
	one := j.begin(ctx, key, f)
	select {
	case <-one.done:
		if kind := core.KindOf(one.err); one.err == nil || kind != core.KindInvalid && kind != core.KindTooLarge {
			j.forget(key, one)
		}
		return one.err
	case <-ctx.Done():
		return errJoining()
	}
}

func errJoining() error {
	return core.Codef(core.KindUnavailable, core.CodeArtifactJoining, "The file is still being put together; ask again")
}

func (j *joins) begin(ctx context.Context, key string, f func(context.Context) error) *join {
	j.mu.Lock()
	defer j.mu.Unlock()
	for k, old := range j.all {
		if !old.ended.IsZero() && time.Since(old.ended) > joinLife {
			delete(j.all, k) // nobody came back for it
		}
	}
	if one, there := j.all[key]; there {
		return one
	}
	one := &join{done: make(chan struct{})}
	if one.err = j.ctx.Err(); one.err != nil { // the server stops
		close(one.done)
		return one
	}
	j.all[key] = one
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stopped := context.AfterFunc(j.ctx, cancel)
	j.work.Go(func() {
		defer cancel()
		defer stopped()
		err := f(ctx)
		j.mu.Lock()
		defer j.mu.Unlock()
		one.err, one.ended = err, time.Now()
		close(one.done)
	})
	return one
}

// forget lets the next call look anew: it finds what is stored, or tries again. A file that
// is not what it was announced to be stays so, and is not tried again for a while.
func (j *joins) forget(key string, one *join) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.all[key] == one {
		delete(j.all, key)
	}
}

func joinKey(l core.Lease, artifact core.Artifact, parts []string) string {
	sum := sha256.Sum256([]byte(strings.Join(append([]string{l.Token, artifact.Name, artifact.SHA256}, parts...), "\n")))
	return l.BuildID + " " + hex.EncodeToString(sum[:])
}

// inJoinTurn runs f while no other server puts together what has the key: one that is
// asked meanwhile says that it is under way.
func (a *App) inJoinTurn(ctx context.Context, key string, f func(context.Context) error) error {
	turn := "join " + key
	mine, err := a.store.TakeTurn(ctx, turn, a.server.ID, serverLife)
	if err != nil {
		return err
	}
	if !mine {
		return errJoining()
	}
	ctx, cancel := context.WithCancel(ctx)
	var keeping sync.WaitGroup
	keeping.Go(func() {
		tick := time.NewTicker(beatEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if _, err := a.store.TakeTurn(ctx, turn, a.server.ID, serverLife); err != nil {
				a.warn(ctx, "keep a turn", "turn", turn, "error", err) // who takes it over does the same once more
			}
		}
	})
	_, err = a.guarded(ctx, func(ctx context.Context) (bool, error) { return false, f(ctx) })
	cancel()
	keeping.Wait()
	ending, ended := lastWord(ctx)
	defer ended()
	if ending := a.store.EndTurn(ending, turn, a.server.ID); ending != nil {
		a.warn(ctx, "end a turn", "turn", turn, "error", ending)
	}
	return err
}
