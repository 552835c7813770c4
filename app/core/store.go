package core

import (
	"context"
	"time"
)

// Store is the house's memory. Implementations are safe for concurrent use. Find…
// returns KindNotFound when there is nothing, List… never does; a database that
// cannot be reached is KindUnavailable. Lists end in id so that their order is total.
type Store interface {
	ProjectStore
	PipelineStore
	BuildStore
	LogStore
	DeliveryStore
	ApprovalStore
	EffectStore
	UserStore
	CredentialStore
	AuditStore
	IntegrationStore
	ChatStore
	ArtifactStore
	NotificationStore
	SecretStore
	RunnerStore
	QueueStore
	QuotaStore
	MetricsStore
	FigureStore
	ScheduleStore
	RetentionStore
	BlobClaimStore
	BackupStore
	SpaceStore
	SealedStore
	StandingStore
	TryStore
	RecordStore
	ServerStore
	ClockStore

	// InTx runs f in one transaction and commits if it returns nil. f must use only
	// the store it is given, must not wait for anything outside, and may run again
	// from the start if the database asks for it. A transaction inside a transaction
	// joins it.
	InTx(ctx context.Context, f func(Store) error) error
	// Ready checks that the database takes a change and its schema is this program's.
	Ready(ctx context.Context) error
}

// ProjectStore keeps projects and their repositories.
type ProjectStore interface {
	// SaveRepository inserts or updates by (Provider, Host, ExternalID) and returns the stored
	// row. What NoteHook wrote stays.
	SaveRepository(ctx context.Context, r Repository) (Repository, error)
	// NoteHook stores HookTrouble and HookNote alone: what else is known of the repository may
	// have changed while its forge was asked.
	NoteHook(ctx context.Context, id, trouble, note string, now time.Time) error
	// HoldRepository is FindRepository within a transaction, until whose end nobody else
	// changes or holds the repository.
	HoldRepository(ctx context.Context, id string) (Repository, error)
	FindRepository(ctx context.Context, id string) (Repository, error)
	FindRepositoryByExternalID(ctx context.Context, p Provider, host, externalID string) (Repository, error)
	ListRepositories(ctx context.Context, p Provider) ([]Repository, error)
	// ListHeads returns where the refs of a repository stood (ref → SHA) when SaveHeads
	// was last called; nil: never.
	ListHeads(ctx context.Context, repositoryID string) (map[string]string, error)
	// SaveHeads replaces them; nil: as if it never had been called.
	SaveHeads(ctx context.Context, repositoryID string, heads map[string]string) error

	// CreateProject answers KindConflict, code name_taken, when the slug is used.
	CreateProject(ctx context.Context, p Project) error
	UpdateProject(ctx context.Context, p Project) error
	// DeleteProject removes the project with its pipelines, builds and logs.
	DeleteProject(ctx context.Context, id string) error
	FindProject(ctx context.Context, id string) (Project, error)
	FindProjectBySlug(ctx context.Context, slug string) (Project, error)
	ListProjects(ctx context.Context, page Page) ([]Project, int, error) // by name; all when Limit is 0
	ListProjectsOfRepository(ctx context.Context, repositoryID string) ([]Project, error)
}

// PipelineStore keeps pipelines.
type PipelineStore interface {
	// CreatePipeline and UpdatePipeline answer KindConflict: name_taken when the slug
	// is used in the project.
	CreatePipeline(ctx context.Context, p Pipeline) error
	UpdatePipeline(ctx context.Context, p Pipeline) error
	DeletePipeline(ctx context.Context, id string) error
	FindPipeline(ctx context.Context, id string) (Pipeline, error)
	ListPipelines(ctx context.Context, projectID string) ([]Pipeline, error) // oldest first
	// ListPipelinesNamed lists pipelines of the projects by name, those whose name or slug
	// holds the part, whatever the case of ASCII letters.
	ListPipelinesNamed(ctx context.Context, part string, projectIDs []string, limit int) ([]Pipeline, error)
	// FindPipelineByContext finds the pipeline of a repository that owns a status context.
	FindPipelineByContext(ctx context.Context, repositoryID, statusContext string) (Pipeline, error)
}

// BuildStore keeps builds, their transitions and their steps.
type BuildStore interface {
	// CreateBuild gives the build its project's next number and stores it with its
	// first event. When its DedupeKey is taken nothing is stored or counted, and the
	// build that has the key is returned with created false.
	CreateBuild(ctx context.Context, b Build, e BuildEvent) (stored Build, created bool, err error)
	FindBuild(ctx context.Context, id string) (Build, error)
	// ListBuilds gives the newest first, without Problems and (but for f.WithTests) Tests,
	// and the total of the filter.
	ListBuilds(ctx context.Context, f BuildFilter, page Page) ([]Build, int, error)
	// NewestBuild finds the build with the highest number for a pipeline and commit.
	NewestBuild(ctx context.Context, pipelineID, sha string) (Build, error)
	// UpdateBuild stores b and the event of its transition (if not nil), provided that
	// the stored status is still from and the stored lease token still lease;
	// otherwise KindConflict, code invalid_transition, and nothing is changed.
	// Problems and Tests of a build, once stored, are never taken back: nil leaves them.
	UpdateBuild(ctx context.Context, b Build, from BuildStatus, lease string, e *BuildEvent) error
	// ClaimBuild moves the oldest queued build that the runner's labels allow and whose
	// pipeline and project are not at their max_concurrent to assigned, with the given lease; builds that
	// were put first go before older ones. Nothing to do, or the queue is paused:
	// KindNotFound.
	ClaimBuild(ctx context.Context, r Runner, lease string, now, expires time.Time) (Build, error)
	// RenewLease moves the expiry if the token is the build's; otherwise KindConflict, code lease_lost.
	RenewLease(ctx context.Context, l Lease, expires time.Time) (Build, error)
	// ExtendLeases makes all leases live until t at least.
	ExtendLeases(ctx context.Context, t time.Time) error
	// ListLeased lists builds with a lease: those that expired before t, and, with a
	// runner's id, all of that runner's.
	ListLeased(ctx context.Context, expiredBefore time.Time, runnerID string) ([]Build, error)
	// ListQueuedBefore lists builds that are queued since before t, where time for which the
	// queue was paused does not count; none while it is.
	ListQueuedBefore(ctx context.Context, t time.Time) ([]Build, error)
	CountBuilds(ctx context.Context, s BuildStatus) (int, error)
	// BuildsVersion changes whenever a build is made, or one that is among the newest or has
	// not ended changes.
	BuildsVersion(ctx context.Context) (BuildsVersion, error)
	// UsualTimes are those of a pipeline's last ten builds that ran to their end.
	UsualTimes(ctx context.Context, pipelineID string) (UsualTimes, error)

	ListBuildEvents(ctx context.Context, buildID string) ([]BuildEvent, error) // oldest first
	// SaveStep inserts or updates by (BuildID, Index).
	SaveStep(ctx context.Context, s Step) error
	ListSteps(ctx context.Context, buildID string) ([]Step, error) // by index
}

// DeliveryStore is the inbox.
type DeliveryStore interface {
	// ReceiveDelivery stores a delivery durably before it returns. When (Provider,
	// DeliveryID) is known the stored one is returned with created false; if that one
	// failed it is made ready to be tried again.
	ReceiveDelivery(ctx context.Context, d Delivery) (stored Delivery, created bool, err error)
	// DueDeliveries lists received deliveries whose NotBefore has come, oldest first, with
	// payload, but for those whose ids are known, and those put off for a repository of busy.
	DueDeliveries(ctx context.Context, now time.Time, limit int, known, busy []string) ([]Delivery, error)
	// PutOffDeliveries notes that received deliveries are about a repository, so that
	// DueDeliveries can leave them out.
	PutOffDeliveries(ctx context.Context, repository string, ids []string) error
	// UpdateDelivery stores everything but identity and payload, provided that the stored
	// status is still from (empty: whatever it is); otherwise KindConflict, code
	// already_decided.
	UpdateDelivery(ctx context.Context, d Delivery, from DeliveryStatus) error
	// FindDeliveryOf finds one by the sender's identity for it, without payload.
	FindDeliveryOf(ctx context.Context, p Provider, deliveryID string) (Delivery, error)
	FindDelivery(ctx context.Context, id string) (Delivery, error)                            // with payload
	ListDeliveries(ctx context.Context, f DeliveryFilter, page Page) ([]Delivery, int, error) // newest first, without payload
}

// ApprovalStore keeps which commits of forks may be built.
type ApprovalStore interface {
	// SaveApproval stores it and tells whether it is new; a second one of the same commit
	// changes nothing.
	SaveApproval(ctx context.Context, a Approval) (bool, error)
	FindApproval(ctx context.Context, repositoryID string, pullRequest int, sha string) (Approval, error)
	// DeleteApprovals takes back all approvals of a pull request and says how many there were.
	DeleteApprovals(ctx context.Context, repositoryID string, pullRequest int) (int, error)
}

// EffectStore is the outbox.
type EffectStore interface {
	// WantEffect inserts the effect with Wanted 1 or raises the Wanted of the one with
	// its key by one, makes it due at once unless a pause lies in the future, and unparks it.
	WantEffect(ctx context.Context, e Effect) error
	// WantMessagesAgain makes the messages that show a build due, as WantEffect does.
	WantMessagesAgain(ctx context.Context, buildID string, now time.Time) error
	// TakeEffects takes due effects by moving their NotBefore to until, by
	// compare-and-set: nobody else gets them before that. Only those of the kinds; all
	// if none is named.
	TakeEffects(ctx context.Context, now, until time.Time, limit int, kinds ...EffectKind) ([]Effect, error)
	// SaveEffect stores Done, RemoteID, Sent, Attempts, NotBefore, LastError and Parked
	// by key; Wanted is left alone. held is the NotBefore to which the effect was taken:
	// when it is another by now, somebody else has taken it, and that is KindConflict.
	SaveEffect(ctx context.Context, e Effect, held time.Time) error
	// DoubtEffect makes an effect due whatever was sent, and whoever sends it now sends it
	// once more: two who sent at once do not know whose came last.
	DoubtEffect(ctx context.Context, key string, now time.Time) error
	// WakeEffects makes what waits to be told to a repository's forge due now, and what was
	// given up too. Who tells it just then finds out, and if it fails tries again at once.
	WakeEffects(ctx context.Context, repositoryID string, now time.Time) error
	// WakeEffectsThrough is WakeEffects for all repositories that are reached through an
	// integration; givenUp: what was given up too.
	WakeEffectsThrough(ctx context.Context, integrationID string, givenUp bool, now time.Time) error
	FindEffect(ctx context.Context, key string) (Effect, error)
	CountDueEffects(ctx context.Context, now time.Time) (int, error)
	// HasCommented tells whether any pull request has its comment.
	HasCommented(ctx context.Context) (bool, error)
}
