package localgit

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

// Watcher sees pushes to local repositories, which no forge tells about. What it has
// seen lives in memory alone: the first look at a repository takes notes and reports
// nothing, so a push while the server was down starts no build. The exception is a
// repository linked while the watcher runs: what moved after it was linked counts.
type Watcher struct {
	receive  func(context.Context, app.ReceiveDelivery) error
	list     func(context.Context) ([]core.Repository, error)
	interval time.Duration
	log      *slog.Logger
	started  time.Time
	seen     map[string]*notes // by path
}

// notes are what the last look at a repository found.
type notes struct {
	gitDir string
	mark   string            // of the ref storage; empty: look closely next time
	refs   map[string]string // full name → commit
	broken bool              // it could not be read, and that has been logged
}

// NewWatcher returns a watcher that looks at what list returns every interval and
// hands each move to receive; what receive refuses is handed in again. Repositories
// that are no folder of this machine are left out.
func NewWatcher(
	receive func(context.Context, app.ReceiveDelivery) error,
	list func(context.Context) ([]core.Repository, error),
	interval time.Duration, log *slog.Logger,
) *Watcher {
	return &Watcher{receive: receive, list: list, interval: interval, log: log, started: time.Now(), seen: map[string]*notes{}}
}

// Run watches until ctx ends, and returns nil then.
func (w *Watcher) Run(ctx context.Context) error {
	tick := time.NewTicker(w.interval)
	defer tick.Stop()
	for {
		if err := w.look(ctx); err != nil && ctx.Err() == nil {
			w.log.Warn("list local repositories", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// look looks once at every repository.
func (w *Watcher) look(ctx context.Context) error {
	repositories, err := w.list(ctx)
	if err != nil {
		return err
	}
	linked := map[string]bool{}
	for _, r := range repositories {
		if !filepath.IsAbs(r.CloneURL) {
			continue
		}
		linked[r.CloneURL] = true
		n := w.seen[r.CloneURL]
		if n == nil {
			n = &notes{}
			w.seen[r.CloneURL] = n
		}
		err := w.lookAt(ctx, r, n)
		if err != nil && !n.broken && ctx.Err() == nil && !errors.Is(err, context.Canceled) {
			w.log.Warn("a local repository cannot be watched", "repository", r.CloneURL, "error", err)
		}
		n.broken = err != nil
	}
	for path := range w.seen {
		if !linked[path] {
			delete(w.seen, path)
		}
	}
	return nil
}

func (w *Watcher) lookAt(ctx context.Context, r core.Repository, n *notes) error {
	if n.gitDir == "" {
		dir, err := commonDir(ctx, address{text: r.CloneURL}.gitDir())
		if err != nil {
			return err
		}
		n.gitDir = dir
	}
	mark := storageMark(n.gitDir, time.Now())
	if mark != "" && mark == n.mark {
		return nil
	}
	refs, err := readRefs(ctx, n.gitDir)
	if err != nil {
		return err
	}
	if n.refs == nil {
		n.refs = w.before(r, n.gitDir, refs)
	}
	n.mark = mark
	return w.report(ctx, r, n, refs)
}

// before guesses what refs a repository had when it was linked, if that was while
// the watcher ran: those whose file has not been written since.
func (w *Watcher) before(r core.Repository, gitDir string, refs []ref) map[string]string {
	known := map[string]string{}
	for _, ref := range refs {
		info, err := os.Stat(filepath.Join(gitDir, filepath.FromSlash(ref.name)))
		if err != nil || !r.CreatedAt.After(w.started) || !info.ModTime().After(r.CreatedAt) {
			known[ref.name] = ref.sha
		}
	}
	return known
}

// report hands in what moved, and notes it once it has been received.
func (w *Watcher) report(ctx context.Context, r core.Repository, n *notes, refs []ref) error {
	var moved []ref
	now := make(map[string]string, len(refs))
	for _, ref := range refs {
		old, known := n.refs[ref.name]
		if old != ref.sha {
			moved = append(moved, ref)
		}
		if known {
			now[ref.name] = old
		}
	}
	n.refs = now // what was deleted is forgotten: made anew, it is new
	if len(moved) == 0 {
		return nil
	}
	n.mark = "" // until all has been received
	revisions := make([]string, len(moved))
	for i, ref := range moved {
		revisions[i] = ref.sha
	}
	commits, err := readCommits(ctx, n.gitDir, revisions)
	if err != nil {
		return err
	}
	for i, ref := range moved {
		if commits[i] != nil { // nil: tags around something else
			if err := w.hand(ctx, r, ref.name, n.refs[ref.name], *commits[i]); err != nil {
				return err
			}
		}
		n.refs[ref.name] = ref.sha
	}
	return nil
}

func (w *Watcher) hand(ctx context.Context, r core.Repository, ref, before string, c core.Commit) error {
	if before == "" {
		before = strings.Repeat("0", len(c.SHA))
	}
	p := push{Repository: r.ExternalID, Ref: ref, Before: before, After: c.SHA, Message: c.Message, Author: c.Author}
	payload, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return w.receive(ctx, app.ReceiveDelivery{Provider: core.ProviderGit, DeliveryID: p.id(), Event: "push", Payload: payload})
}
