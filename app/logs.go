package app

import (
	"context"
	"errors"
	"math"
	"sync"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// logPageBytes bounds what one read of a log gathers.
const logPageBytes = 1 << 20

// LogPage is a piece of a build's log. Complete: the build has ended and nothing
// follows the records.
type LogPage struct {
	Records  []core.LogRecord
	Build    core.Build
	Next     int64 // the sequence after the last record; read on with after = Next-1
	Total    int64 // records stored so far
	Complete bool
}

// ReadLog reads records after the sequence (-1: from the start), in order, at most
// limit of them (0: about 1 MiB). The records are shared with other readers: do not
// change them.
func (a *App) ReadLog(ctx context.Context, actor core.Actor, buildID string, after int64, limit int) (LogPage, error) {
	key := tailKey{after: after, limit: limit}
	load := func() (tailPage, error) { return a.readLog(ctx, buildID, after, limit) }
	cached, err := a.tails.read(buildID, key, load)
	if errors.Is(err, context.Canceled) && ctx.Err() == nil {
		cached, err = load() // it was another reader who went away
	}
	if err != nil {
		return LogPage{}, err
	}
	if actor.Scope == buildID {
		actor.Scope = "" // it may read this, as far as whoever made its token may
	}
	if core.Allow(actor, core.ActRead, &cached.project) != nil {
		return LogPage{}, core.Errorf(core.KindNotFound, "Build not found")
	}
	return cached.page, nil
}

// readLog reads the build before its log: what it printed last is stored before its
// runner lets go, so a complete build's log is whole.
func (a *App) readLog(ctx context.Context, buildID string, after int64, limit int) (tailPage, error) {
	var t tailPage
	b, err := a.store.FindBuild(ctx, buildID)
	if err != nil {
		return t, err
	}
	if t.project, err = a.store.FindProject(ctx, b.ProjectID); err != nil {
		return t, err
	}
	before := int64(math.MaxInt64)
	if limit > 0 {
		before = after + 1 + int64(limit)
	}
	chunks, extent, err := a.logChunks(ctx, b, after+1, before, logPageBytes)
	if err != nil {
		return t, err
	}
	t.page = LogPage{Build: b, Next: after + 1, Total: extent.Next}
	for _, chunk := range chunks {
		records, err := chunk.Records()
		if err != nil {
			return t, err
		}
		if skip := after + 1 - chunk.FirstSequence; skip > 0 {
			records = records[skip:]
		}
		t.page.Records = append(t.page.Records, records...)
		if limit > 0 && len(t.page.Records) >= limit {
			t.page.Records = t.page.Records[:limit]
			break
		}
	}
	if n := len(t.page.Records); n > 0 {
		t.page.Next = t.page.Records[n-1].Sequence + 1
	}
	t.page.Complete = b.LogComplete() && t.page.Next >= t.page.Total
	return t, nil
}

// logChunks is the one way to a log, wherever it lies: the chunks with records from a
// sequence to before another, until maxBytes are gathered, and the log's extent. What
// was read of the store counts only if the log was still there afterwards: it may be
// archived meanwhile, and once it is, it stays so.
func (a *App) logChunks(
	ctx context.Context, b core.Build, from, before int64, maxBytes int,
) (chunks []core.LogChunk, extent core.LogExtent, err error) {
	if b.LogComplete() {
		extent, err = a.store.FindLog(ctx, b.ID)
	}
	if err == nil && extent.Object == nil {
		chunks, err = a.store.ReadLog(ctx, b.ID, from-1, maxBytes)
		if err == nil {
			extent, err = a.store.FindLog(ctx, b.ID)
		}
	}
	if err == nil && extent.DeletedAt != nil {
		return nil, extent, core.LogGone(*extent.DeletedAt)
	}
	if err == nil && extent.Object != nil {
		chunks, err = a.archive.Read(ctx, *extent.Object, from, before, maxBytes)
	}
	return chunks, extent, err
}

// BuildChanged returns a channel that closes when the build's state or log changes
// next. Take it before reading.
func (a *App) BuildChanged(buildID string) <-chan struct{} { return a.bell.wait(topicBuild(buildID)) }

// changed tells the readers of a build that it changed.
func (a *App) changed(buildID string) {
	a.tails.forget(buildID)
	a.bell.ring(topicBuild(buildID))
}

// tails lets the readers of one live log share a read: a hundred of them wake at
// the same ring and ask for the same records. Nothing lives only here; a page is
// forgotten when its build changes, and after tailLife in case another process
// changed it.
type tails struct {
	mu     sync.Mutex
	builds map[string]map[tailKey]*tailEntry
}

const tailLife = time.Second

type tailKey struct {
	after int64
	limit int
}

type tailPage struct {
	page    LogPage
	project core.Project
}

type tailEntry struct {
	once  sync.Once
	page  tailPage
	err   error
	drops *time.Timer // stopped when it is dropped: it would keep the page in memory
}

func newTails() *tails { return &tails{builds: map[string]map[tailKey]*tailEntry{}} }

func (t *tails) read(buildID string, key tailKey, load func() (tailPage, error)) (tailPage, error) {
	e := t.entry(buildID, key)
	e.once.Do(func() {
		e.page, e.err = load()
		if e.err != nil || e.page.page.Next < e.page.page.Total {
			t.drop(buildID, key, e) // only the living end is worth sharing; the middle would fill memory
		}
	})
	return e.page, e.err
}

func (t *tails) entry(buildID string, key tailKey) *tailEntry {
	t.mu.Lock()
	defer t.mu.Unlock()
	pages, ok := t.builds[buildID]
	if !ok {
		pages = map[tailKey]*tailEntry{}
		t.builds[buildID] = pages
	}
	e, ok := pages[key]
	if !ok {
		e = &tailEntry{}
		pages[key] = e
		e.drops = time.AfterFunc(tailLife, func() { t.drop(buildID, key, e) })
	}
	return e
}

func (t *tails) drop(buildID string, key tailKey, e *tailEntry) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e.drops.Stop()
	if pages := t.builds[buildID]; pages[key] == e {
		delete(pages, key)
		if len(pages) == 0 {
			delete(t.builds, buildID)
		}
	}
}

func (t *tails) forgetAll() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, pages := range t.builds {
		for _, e := range pages {
			e.drops.Stop()
		}
	}
	clear(t.builds)
}

func (t *tails) forget(buildID string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, e := range t.builds[buildID] {
		e.drops.Stop()
	}
	delete(t.builds, buildID)
}
