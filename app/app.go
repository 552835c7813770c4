// Package app holds the commands: everything that changes Oore's state goes
// through a method of App. A command authorizes its actor, decides with core's
// rules, writes in one transaction and rings. It knows no HTTP, no markup, no SQL.
package app

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// Deps are what the commands stand on. All but the maps' contents are required.
type Deps struct {
	Store     core.Store
	Blobs     core.BlobStore
	Archive   core.LogArchive // on Blobs
	Forges    map[core.Provider]core.Forge
	Reporters map[core.Provider]core.Reporter
	Decoders  map[core.Provider]core.Decoder
	Messenger core.Messenger // nil: no Slack
	SignIn    SignIn
	Notifiers map[core.NotificationKind]core.Notifier
	Vault     *Vault               // nil: nothing can be connected
	Clock     func() time.Time     // this machine's
	Steady    func() time.Duration // what no setting of a clock changes, and goes on in sleep; nil: Clock is never set
	NewID     func() string
	Log       *slog.Logger
	Meter     core.Meter  // nil: nobody measures
	Tracer    core.Tracer // nil: nobody traces
	Relay     core.Relay  // to the other servers; nil: there are none
	Server    core.Server // this one, as the others are to know it; without ID it gets a new one

	PublicURL  string        // without a trailing slash
	Version    string        // told to whoever asks
	AdminToken string        // accepted as an owner's bearer token; empty: none
	LocalRoots []string      // absolute folders in which local repositories may lie
	LogLimit   int64         // bytes kept of one build's log
	LeaseTTL   time.Duration // how long a runner may be silent; 0: core.LeaseTTL

	Demo    DemoRepository                     // nil: there is none
	Facts   []core.Fact                        // how the server is set
	Storage func(context.Context) core.Storage // measures its files until ctx ends; nil: nobody does

	// The disks of the database and of blobs; nil: they are not this server's.
	DatabaseDisk, BlobDisk core.Space

	// Probes are the checks of what the commands do not know themselves.
	Probes []core.Probe

	// Environment are the connections that the operator's settings give, with ids that
	// are the same after a restart.
	Environment []core.Connection
}

// App is the house's one set of commands. It is safe for concurrent use.
type App struct {
	store     core.Store
	blobs     core.BlobStore
	archive   core.LogArchive
	forges    map[core.Provider]core.Forge
	reporters map[core.Provider]core.Reporter
	decoders  map[core.Provider]core.Decoder
	now       func() time.Time
	newID     func() string
	log       *slog.Logger
	meter     core.Meter
	tracer    core.Tracer           // nil: nobody traces
	reaped    atomic.Int64          // when the reaper last had success, Unix seconds
	own       func(core.Build) bool // this server's pool holds the build
	round     time.Time             // when the reaper last could look; it alone looks
	signed    time.Time             // when the reaper last noted that a server is there; it alone looks
	braked    time.Time             // when the reaper last gave all leases another term; it alone looks
	server    core.Server
	wall      func() time.Time
	clock     *clock
	beside    atomic.Bool // other servers may work on the database
	bell      *bell
	outgoing  outgoing
	tails     *tails
	recalls   *recalls   // used by the survey alone
	archiving *archiving // used by its worker alone
	joins     *joins
	searches  chan struct{}
	outlines  *outlines
	versions  *versions

	vault       *Vault
	environment []core.Connection
	connections *connections
	hooking     sync.Mutex // with a turn among the servers: one webhook is looked at at a time, since two who find none would make two
	mute        sync.Map   // by reach, until when a forge that gives no answer is not asked where a branch stands
	troubled    sync.Map   // of each provider that has webhooks, how many do not work
	messenger   core.Messenger
	notifiers   map[core.NotificationKind]core.Notifier
	chatLimit   chatLimits
	refusals    refusals
	strangers   strangers // who came with a runner's token that is none
	signIn      SignIn
	hasher      hasher
	version     string
	probes      []core.Probe
	checkup     lastCheckup

	publicURL  string
	adminToken string
	localRoots []string
	logLimit   int64
	leaseTTL   time.Duration
	demo       DemoRepository
	facts      []core.Fact
	storage    func(context.Context) core.Storage

	readiness              readiness
	pulses                 pulses
	databaseDisk, blobDisk disk
}

// New checks that nothing is missing and returns the commands.
func New(d Deps) (*App, error) {
	if d.Store == nil || d.Blobs == nil || d.Archive == nil || d.Clock == nil || d.NewID == nil || d.Log == nil || d.PublicURL == "" || d.LogLimit <= 0 {
		return nil, errors.New("app: Store, Blobs, Archive, Clock, NewID, Log, PublicURL and LogLimit are required")
	}
	meter := d.Meter
	if meter == nil {
		meter = core.NoMeter{}
	}
	goes := newClock(d.Clock, d.Steady, d.Log)
	if d.Server.ID == "" {
		d.Server.ID = d.NewID()
	}
	beginCounters(meter, d.Forges)
	measured := metered{Store: d.Store, meter: meter}
	return &App{
		server: d.Server, wall: d.Clock, clock: goes,
		store: followed{Store: measured, whole: measured, log: d.Log, tracer: d.Tracer, now: goes.now}, meter: meter, tracer: d.Tracer, blobs: d.Blobs, archive: d.Archive, forges: d.Forges, reporters: d.Reporters, decoders: d.Decoders,
		own: func(core.Build) bool { return false }, now: goes.now, newID: d.NewID, log: d.Log, bell: newBell(d.Relay), tails: newTails(), recalls: &recalls{count: map[string]int{}},
		archiving: &archiving{}, joins: newJoins(), searches: make(chan struct{}, searchesAtOnce), outlines: newOutlines(), versions: &versions{},
		vault: d.Vault, environment: d.Environment, connections: &connections{},
		messenger: d.Messenger, signIn: d.SignIn, hasher: newHasher(), notifiers: d.Notifiers, version: d.Version, probes: d.Probes,
		publicURL: d.PublicURL, adminToken: d.AdminToken, localRoots: d.LocalRoots, logLimit: d.LogLimit,
		demo: d.Demo, facts: d.Facts, storage: d.Storage, leaseTTL: cmp.Or(d.LeaseTTL, core.LeaseTTL),
		databaseDisk: disk{holds: "the database", space: d.DatabaseDisk, spare: d.Store.SpareBytes}, blobDisk: disk{holds: "artifacts and ended logs", space: d.BlobDisk},
	}, nil
}

// BuildURL is the address of a build's page.
func (a *App) BuildURL(id string) string { return a.publicURL + "/builds/" + id }
