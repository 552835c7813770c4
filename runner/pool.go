package runner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/oore-ci/oore/app/core"
)

const (
	// claimWait is how long one question for work waits for an answer.
	claimWait = 30 * time.Second
	// shutdownGrace is what running builds get to stop and report when the pool stops.
	shutdownGrace = 10 * time.Second
	// drainPatience is how long a pool without work waits for a house that is away.
	drainPatience = time.Hour
)

// Options are what a pool needs. All but Exe, Meter and Sandbox are required.
type Options struct {
	Jobs   Jobs
	Runner core.Runner
	Slots  int    // builds at once
	Dir    string // absolute; mirrors/, workspaces/, cache/, home/ and spool/ lie below it. One pool at a time.
	Exe    string // the program that calls RunShim; default: our own binary
	Log    *slog.Logger
	Meter  core.Meter // nil: nobody measures

	Sandbox        *SandboxOptions // nil: builds may do what our own user may
	WorkspaceLimit int64           // bytes that a build may write into its folder; 0: any number
	CacheLimit     int64           // bytes that are kept for the caches of builds

	// Sole: Jobs gives a build that the pool Holds to nobody else, whether its lease is
	// renewed in time or not.
	Sole bool
	// Spool keeps what builds have still to tell in a folder below Dir, over a restart.
	Spool bool
}

func (o Options) spool() spool {
	if !o.Spool {
		return spool{}
	}
	return spool{filepath.Join(o.Dir, "spool")}
}

// Pool runs builds in a number of slots.
type Pool struct {
	jobs   Jobs
	runner core.Runner
	slots  int
	dir    string
	exe    string
	log    *slog.Logger
	meter  core.Meter

	git, shell string
	matchers   matchers
	env        map[string]string
	confine    *SandboxOptions
	sandbox    *sandbox // what all builds have in common; nil: none
	scratch    bool     // builds get temporary folders of their own
	limit      int64    // of a workspace
	cacheLimit int64
	caches     *cacheStore // from Run on
	disk       disk
	gate       *gate // keeps slots from claiming while the disk is almost full
	shelf      shelf
	unconfined string // why there is no sandbox though one is wanted
	sole       bool
	spool      spool
	uptime     func() time.Duration
	held       sync.Map       // the ids of the builds that it holds
	finishing  sync.WaitGroup // builds whose processes are gone, but not yet their reports

	drained context.Context // ends when no more builds are wanted
	drain   context.CancelFunc
	beats   chan struct{} // asks for a beat at once
}

// New checks the options and that git and sh are there. Nothing is started.
func New(o Options) (*Pool, error) {
	if o.Jobs == nil || o.Log == nil || o.Slots < 1 || !filepath.IsAbs(o.Dir) {
		return nil, errors.New("runner: Jobs, Log, Slots and an absolute Dir are required")
	}
	p := &Pool{
		jobs: o.Jobs, runner: o.Runner, slots: o.Slots, dir: filepath.Clean(o.Dir), exe: o.Exe, log: o.Log, meter: o.Meter,
		env: hostEnv(o.Dir), confine: o.Sandbox, limit: o.WorkspaceLimit, cacheLimit: o.CacheLimit,
		sole: o.Sole, spool: o.spool(), uptime: Uptime,
	}
	if p.meter == nil {
		p.meter = core.NoMeter{}
	}
	for _, stage := range []string{"term", "kill", "sweep", "failed"} {
		p.meter.Note(core.MetricKills, 0, stage) // an alert sees no first rise of a series that was not there
	}
	p.meter.Note(core.MetricWorkspaces, 0)
	p.useDisk(DiskSpace)
	p.drained, p.drain = context.WithCancel(context.Background())
	p.beats = make(chan struct{}, 1)
	var err error
	if p.exe == "" {
		if p.exe, err = ownBinary(); err != nil {
			return nil, fmt.Errorf("find our own binary: %w", err)
		}
	}
	if p.matchers, err = loadMatchers(matchersSource); err != nil {
		return nil, err
	}
	if p.git, err = exec.LookPath("git"); err != nil {
		return nil, fmt.Errorf("builds need git: install it and put it on the PATH: %w", err)
	}
	if p.shell, err = exec.LookPath("sh"); err != nil {
		return nil, fmt.Errorf("builds need sh on the PATH: %w", err)
	}
	return p, nil
}

func (p *Pool) useDisk(d disk) { p.disk, p.gate = d, newGate(p.dir, d) }

func (p *Pool) mirrors() string    { return filepath.Join(p.dir, "mirrors") }
func (p *Pool) workspaces() string { return filepath.Join(p.dir, "workspaces") }

// Holds tells whether the pool works on the build, or has its end still to report.
func (p *Pool) Holds(buildID string) bool {
	_, held := p.held.Load(buildID)
	return held
}

// Drain claims no more builds; Run ends when those that run have ended.
func (p *Pool) Drain() { p.drain() }

// Run claims and runs builds until ctx ends or the pool is drained. When ctx ends it
// stops the running ones, which end as failed with reason runner_shutdown, and returns
// when nothing of them is left. An error means that it could not start, or that the
// house will not have this runner.
func (p *Pool) Run(ctx context.Context) error {
	release, err := p.takeDir()
	if err != nil {
		return err
	}
	defer release()
	p.confineBuilds(sandboxLevel())
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	claims, noMore := context.WithCancel(ctx)
	defer noMore()
	defer context.AfterFunc(p.drained, noMore)()
	p.lookAtDisk()
	p.tellKept(claims)
	heart := newHeart(p)
	if err := heart.first(claims); err != nil {
		if claims.Err() != nil {
			return nil
		}
		return err
	}
	beats, endBeats := context.WithCancel(context.WithoutCancel(ctx))
	var beating sync.WaitGroup
	beating.Go(func() { stop(heart.beat(beats)) })
	beating.Go(func() { p.watchDisk(beats) })
	beating.Go(func() { p.keepMirrors(beats) })
	p.runSlots(ctx, claims)
	endBeats()
	beating.Wait()
	if turnedAway := (*turnedAwayError)(nil); errors.As(context.Cause(ctx), &turnedAway) {
		return turnedAway
	}
	return nil
}

// runSlots returns when no slot works any more and every end is reported.
func (p *Pool) runSlots(ctx, claims context.Context) {
	// What is said to the house about builds outlives ctx by the grace.
	house, hangUp := context.WithCancel(context.WithoutCancel(ctx))
	defer hangUp()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(shutdownGrace, hangUp) })()
	var slots sync.WaitGroup
	for n := range p.slots {
		workspace := filepath.Join(p.workspaces(), strconv.Itoa(n))
		slots.Go(func() {
			defer p.remove(scratchOf(workspace))
			defer p.remove(workspace)
			p.slot(ctx, claims, house, workspace)
		})
	}
	slots.Wait()
	// A pool that is drained does not wait for a day; what is kept is told at the next start.
	defer time.AfterFunc(drainPatience, hangUp).Stop()
	p.finishing.Wait()
}

// takeDir makes the folders, removes what a killed pool left in them, and keeps
// other pools out until release.
func (p *Pool) takeDir() (release func(), err error) {
	for _, dir := range []string{p.mirrors(), p.workspaces(), filepath.Join(p.dir, "home")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("prepare the runner's folder: %w", err)
		}
	}
	lock, err := os.OpenFile(filepath.Join(p.dir, "runner.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("prepare the runner's folder: %w", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = lock.Close()
		return nil, fmt.Errorf("another runner works in %s: give this one a data directory of its own: %w", p.dir, err)
	}
	stale, _ := filepath.Glob(filepath.Join(p.workspaces(), "*")) // with what was set aside
	for _, dir := range stale {
		p.remove(dir)
	}
	if p.caches, err = openCacheStore(p.cacheDir(), p.cacheLimit, p.disk); err != nil {
		_ = lock.Close()
		return nil, fmt.Errorf("prepare the runner's folder: %w", err)
	}
	return func() { _ = lock.Close() }, nil
}

func (p *Pool) remove(dir string) {
	if err := removeAll(dir); err != nil {
		p.log.Warn("A folder of an earlier build cannot be deleted. Delete it yourself, as the owner of the files in it or as root.",
			"dir", dir, "error", err)
	}
}

// makeReady makes the workspace an empty folder, before a build is claimed: a
// folder that cannot be emptied must not fail anybody's build.
func (p *Pool) makeReady(workspace string) error {
	if p.scratch {
		if err := p.renew(scratchOf(workspace)); err != nil {
			return err
		}
	}
	return p.renew(workspace)
}

func (p *Pool) renew(workspace string) error {
	aside, err := renewDir(workspace, removeAll)
	switch {
	case err != nil:
		p.log.Error("This slot takes no builds until its folder can be emptied. Delete the folder yourself, "+
			"as the owner of the files in it or as root; the slot goes on by itself then.", "dir", workspace, "error", err)
	case aside.path != "":
		p.log.Warn("A build left files that this runner may not delete (a container's, perhaps, or immutable ones). They are set aside. "+
			"Delete them yourself, as their owner or as root; the next start of the runner tries it too.",
			"dir", aside.path, "error", aside.cause)
	}
	return err
}
