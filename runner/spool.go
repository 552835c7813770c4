package runner

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/oore-ci/oore/app/core"
)

const (
	// tellPatience bounds how long a start waits for a house that is there, and cannot take
	// an end.
	tellPatience = 10 * time.Minute
	// leastTell is what an end gets though it seems too old: the machine was off over the
	// weekend, or a clock was wrong. Whether it comes too late the house knows.
	leastTell = time.Minute
)

// spool keeps on disk what builds have still to tell the house about their end, so that
// neither an outage of a day nor a restart of the runner loses a result. It holds leases:
// our own user alone may read it, and builds not at all, as all of the pool's folder.
type spool struct{ dir string } // without dir it keeps nothing

// spooled is the end of a build that the house has not confirmed.
type spooled struct {
	Lease   core.Lease
	TTL     time.Duration // as core.Job.LeaseTTL
	Ended   time.Time
	Began   bool // the house knows that it ran
	SHA     string
	Result  core.Result
	Cases   []core.TestCase
	Sent    []core.LogRecord // they were on their way, in one call
	Records []core.LogRecord // after those
	Steps   []core.Step
}

func (s spool) path(buildID string) string {
	sum := sha256.Sum256([]byte(buildID)) // what a server says is no name of a file
	return filepath.Join(s.dir, hex.EncodeToString(sum[:16])+".json")
}

// put returns when the disk has it.
func (s spool) put(w spooled) error {
	if s.dir == "" {
		return nil
	}
	data, err := json.Marshal(w)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	fresh, err := os.CreateTemp(s.dir, "new-*") // mode 0600
	if err != nil {
		return err
	}
	_, err = fresh.Write(data)
	err = errors.Join(err, fresh.Sync(), fresh.Close())
	if err == nil {
		err = os.Rename(fresh.Name(), s.path(w.Lease.BuildID))
	}
	if err != nil {
		return errors.Join(err, os.Remove(fresh.Name()))
	}
	return syncNames(s.dir)
}

// syncNames makes the names in a folder durable.
func syncNames(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

func (s spool) remove(buildID string) {
	if s.dir != "" {
		_ = os.Remove(s.path(buildID)) // what stays is refused the next time
	}
}

// list returns what a process before us could not tell.
func (s spool) list() ([]spooled, error) {
	if s.dir == "" {
		return nil, nil
	}
	files, err := os.ReadDir(s.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var kept []spooled
	for _, f := range files {
		name := filepath.Join(s.dir, f.Name())
		switch {
		case strings.HasPrefix(f.Name(), "new-"): // it was being written when we were killed
			err = errors.Join(err, os.Remove(name))
		case filepath.Ext(name) == ".json":
			w, readErr := readSpooled(name)
			err = errors.Join(err, readErr)
			if readErr == nil {
				kept = append(kept, w)
			}
		}
	}
	return kept, err
}

// readSpooled removes a file that is broken. One that cannot be read now stays for the
// next start.
func readSpooled(name string) (w spooled, err error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return w, err
	}
	if err = json.Unmarshal(data, &w); err == nil && w.Lease.BuildID == "" {
		err = errors.New("it names no build")
	}
	if err != nil {
		return w, errors.Join(fmt.Errorf("read %s: %w", name, err), os.Remove(name))
	}
	return w, nil
}

// tellKept tells the house, before it hears that we have started and hold nothing, how
// builds ended that a process before us could not report. All at once: one that is not
// taken must not keep the others waiting.
func (p *Pool) tellKept(ctx context.Context) {
	trying, cancel := context.WithTimeout(ctx, tellPatience)
	defer cancel()
	kept, err := p.spool.list()
	if err != nil {
		p.log.Warn("read what is to be reported", "dir", p.spool.dir, "error", err)
	}
	var telling sync.WaitGroup
	for _, w := range kept {
		telling.Go(func() {
			log := p.log.With("build", w.Lease.BuildID, "status", w.Result.Status)
			switch err := p.tell(trying, w); {
			case err == nil:
				log.Info("a build's end of before the restart is reported")
			case trying.Err() != nil:
				log.Warn("how a build ended before the restart could not be told", "error", err)
				return
			default:
				log.Warn("a build's end was not taken", "error", err)
			}
			p.spool.remove(w.Lease.BuildID)
		})
	}
	telling.Wait()
}

// tell returns when the house has taken or refused it, or it is too old and was tried.
// Meanwhile it renews the lease.
func (p *Pool) tell(ctx context.Context, w spooled) error {
	ctx, cancel := context.WithTimeoutCause(ctx, max(finishPatience-time.Since(w.Ended), leastTell), errUnheard)
	defer cancel()
	b := &build{
		pool: p, lines: p.log.With("build", w.Lease.BuildID), began: w.Began, sha: w.SHA, cases: w.Cases,
		job: core.Job{Lease: w.Lease, LeaseTTL: w.TTL, Build: core.Build{ID: w.Lease.BuildID}},
	}
	c := newCourier(ctx, b)
	c.over.Store(true)
	var renewing sync.WaitGroup
	defer renewing.Wait()
	defer c.hangUp(nil)
	renewing.Go(func() { c.renew(func(error) {}, func(error) { c.hangUp(errLeaseLost) }) })
	// As before the restart: the house takes a repeat only of the same chunks. What went
	// before those is not summed up here, so the end says nothing of the whole log.
	for _, j := range []*journal{{records: w.Sent, closed: true}, {records: w.Records, steps: w.Steps, closed: true}} {
		j.changed.L = &j.mu
		if err := ship(c.ctx, p.jobs, w.Lease, j, &core.LogTally{}); err != nil {
			return fmt.Errorf("send its log: %w", err)
		}
	}
	return c.report(w.Result)
}
