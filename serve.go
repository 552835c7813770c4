package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers"
	"github.com/oore-ci/oore/handlers/localgit"
	"github.com/oore-ci/oore/handlers/metrics"
	"github.com/oore-ci/oore/handlers/sse"
	"github.com/oore-ci/oore/handlers/traces"
	"github.com/oore-ci/oore/handlers/web"
	"github.com/oore-ci/oore/runner"
	"github.com/oore-ci/oore/store"
	"github.com/oore-ci/oore/store/archive"
	"github.com/oore-ci/oore/store/blob"
	"github.com/oore-ci/oore/templates"
)

const watchEvery = time.Second

// serveCommand runs the server until it is told to stop.
func serveCommand(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	cfg, err := loadConfig("serve", args, os.Environ(), stderr)
	if err != nil {
		return err
	}
	log := newLogger(cfg, stderr)
	defer flush(log)
	for _, name := range environment(os.Environ()).unknown() {
		log.Warn("this version of Oore does not read this variable", "name", name)
	}
	s, err := newServer(ctx, cfg, log)
	if err != nil {
		return err
	}
	defer s.close()
	link, err := s.app.EnsureOwner(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "%s · data %s · %s\n", versionLine(), cfg.DataDir, cfg.PublicURL)
	if link != "" {
		fmt.Fprintf(stdout, "First start. Open this link to sign in (good for an hour, once):\n  %s?next=/setup\n", link)
	}
	return s.run(ctx)
}

// server is the house with all its rooms wired.
type server struct {
	cfg      Config
	log      *slog.Logger
	lock     *os.File
	key      *store.KeyHold
	rotation string // the entry of the audit log that tells of the last renewal
	store    *store.Store
	app      *app.App
	runner   core.Runner
	pool     *runner.Pool // nil: no embedded runners
	watcher  *localgit.Watcher
	metrics  *metrics.Metrics
	streams  *sse.Streams
	traces   *traces.Traces // nil: nobody collects them
	http     *fiber.App
	draining chan struct{} // closes when the server is told to stop
	stop     chan struct{} // closes when long answers must end
	ln       net.Listener
}

func newServer(ctx context.Context, cfg Config, log *slog.Logger) (*server, error) {
	r, err := newRooms(cfg, log)
	if err != nil {
		return nil, err
	}
	return assemble(ctx, cfg, r, log)
}

// assemble opens what the server stands on and wires it, bottom to top. Nothing
// runs yet.
func assemble(ctx context.Context, cfg Config, r rooms, log *slog.Logger) (_ *server, err error) {
	if err := hideMemory(); err != nil {
		log.Warn("hide the server's environment from builds", "error", err)
	}
	s := &server{cfg: cfg, log: log, metrics: metrics.New(log), draining: make(chan struct{}), stop: make(chan struct{})}
	s.streams = sse.NewStreams(s.metrics)
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.lock, err = lockDataDir(ctx, cfg.DataDir); err != nil {
		return nil, err
	}
	if s.store, err = store.Open(ctx, cfg.DatabaseURL, store.Options{Log: log, Meter: s.metrics, Sound: true}); err != nil {
		return nil, err
	}
	if s.key, err = holdKey(ctx, s.store); err != nil {
		return nil, err
	}
	bytes, err := cfg.openBlobs()
	if err != nil {
		return nil, err
	}
	blobs := blob.NewMeasured(bytes, s.metrics)
	logs, err := archive.New(blobs)
	if err != nil {
		return nil, err
	}
	vault, err := openVault(ctx, cfg, s.store)
	if err != nil {
		return nil, err
	}
	server, err := describe(cfg, r, vault, bytes)
	if err != nil {
		return nil, err
	}
	if err := s.openTraces(ctx, server.ID); err != nil {
		return nil, err
	}
	own := system{
		cfg: cfg, rooms: r, vault: vault, database: s.store.Examine, settings: s.store.ExamineSettings, spare: s.store.SpareBytes,
		sources: func(ctx context.Context) ([]string, error) { return s.app.SourceAddresses(ctx) },
	}
	s.app, err = app.New(app.Deps{
		Store: s.store, Blobs: blobs, Archive: logs, Forges: r.forges, Reporters: r.reporters, Decoders: r.decoders, Vault: vault, Environment: r.environment,
		Demo: r.demo, Facts: facts(cfg), Storage: measure(cfg), DatabaseDisk: spaceOf(cfg.databaseDir()), BlobDisk: spaceOf(cfg.BlobDir),
		Messenger: r.messenger(), SignIn: r.signIn, Notifiers: r.notifiers, Version: version, Probes: hiding(own.probes(), cfg.secrets()),
		Clock: wallClock, Steady: runner.Uptime, NewID: newID, Log: log, Meter: s.metrics, Tracer: s.tracer(), Server: server, Relay: s.store.Relay(),
		PublicURL: cfg.PublicURL, AdminToken: cfg.AdminToken, LocalRoots: cfg.LocalRoots, LogLimit: cfg.LogLimit, LeaseTTL: cfg.leaseTTL,
	})
	if err != nil {
		return nil, err
	}
	if err := s.checkKey(ctx); err != nil {
		return nil, err
	}
	if err := s.app.Join(ctx); err != nil {
		return nil, err
	}
	if err := s.app.Connect(ctx); err != nil {
		log.Error("an integration cannot work", "error", err)
	}
	if err := s.wireRunner(); err != nil {
		return nil, err
	}
	s.watcher = localgit.NewWatcher(
		func(ctx context.Context, d app.ReceiveDelivery) error {
			_, _, err := s.app.ReceiveDelivery(ctx, d)
			return err
		},
		func(ctx context.Context) ([]core.Repository, error) {
			return s.app.ListRepositories(ctx, core.ProviderGit)
		},
		watchEvery, log)
	if err := s.wireHTTP(r); err != nil {
		return nil, err
	}
	s.ln, err = net.Listen("tcp", cfg.ListenAddr)
	return s, err
}

func newID() string { return uuid.Must(uuid.NewV7()).String() }

func (s *server) wireRunner() error {
	id, err := runnerID(s.cfg.DataDir)
	if err != nil {
		return fmt.Errorf("name the embedded runner: %w", err)
	}
	s.runner = core.Runner{ID: id, Name: "built-in", Slots: s.cfg.Runners, Platform: core.Platform(runtime.GOOS, runtime.GOARCH), Version: version}
	if s.cfg.Runners == 0 {
		return nil
	}
	s.pool, err = runner.New(runner.Options{
		Jobs: s.app, Meter: s.metrics, Runner: s.runner, Slots: s.cfg.Runners, Dir: s.cfg.DataDir, Log: s.log, Sandbox: s.cfg.sandbox(), WorkspaceLimit: s.cfg.WorkspaceLimit,
		CacheLimit: s.cfg.CacheLimit, Sole: s.sole(),
	})
	if err == nil {
		s.app.KeepOwn(s.runner.ID, s.pool.Holds)
	}
	return err
}

// sole tells whether this server is the only one that gives builds away.
func (s *server) sole() bool {
	_, sqlite := store.SQLitePath(s.cfg.DatabaseURL)
	return sqlite
}

func (s *server) wireHTTP(r rooms) error {
	set, err := templates.New()
	if err != nil {
		return err
	}
	var commands, interactions http.Handler
	if r.slack != nil {
		commands, interactions = r.slack.Commands(s.app), r.slack.Interactions(s.app)
	}
	s.http = handlers.New(handlers.Options{
		SlackCommands: commands, SlackInteractions: interactions,
		App: s.app, GitHub: r.inbox(core.ProviderGitHub, s.app), GitLab: r.inbox(core.ProviderGitLab, s.app),
		PublicURL: s.cfg.PublicURL, Log: s.log, Draining: s.draining, Stop: s.stop, Version: version, TrustedProxies: s.cfg.TrustedProxies,
		Meter: s.metrics, Metrics: s.metrics.Handler(append(r.readers(), s.app.Readings, s.disks, s.streams.Readings)...), MetricsToken: s.cfg.MetricsToken, Sent: s.streams,
		Pages: web.New(web.Options{App: s.app, Templates: set, PublicURL: s.cfg.PublicURL, Log: s.log, Stop: s.stop, Sent: s.streams, Proxy: s.cfg.SignIn.proxy(), Development: version == development}),
	})
	return nil
}

// takeBack makes the runners' builds agree with a server that has just started.
func (s *server) takeBack(ctx context.Context) error {
	if err := s.app.EmbedRunner(ctx, s.runner); err != nil {
		return err
	}
	if err := s.app.RecoverRunner(ctx, s.runner.ID); err != nil {
		return err
	}
	return s.app.AwaitRunners(ctx)
}

func (s *server) close() {
	if s.ln != nil {
		s.ln.Close()
	}
	s.closeTraces()
	s.key.Close()
	if s.store != nil {
		if err := s.store.Close(); err != nil {
			s.log.Error("close the database", "error", err)
		}
	}
	if s.lock != nil {
		s.lock.Close()
	}
}
