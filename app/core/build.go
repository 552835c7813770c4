package core

import (
	"slices"
	"time"
)

// BuildStatus is a build's place in the published table (contract section 3).
type BuildStatus string

// The states of a build.
const (
	BuildQueued    BuildStatus = "queued"
	BuildAssigned  BuildStatus = "assigned"
	BuildRunning   BuildStatus = "running"
	BuildSucceeded BuildStatus = "succeeded"
	BuildFailed    BuildStatus = "failed"
	BuildCanceled  BuildStatus = "canceled"
	BuildTimedOut  BuildStatus = "timed_out"
	BuildExpired   BuildStatus = "expired"
)

// BuildStatuses lists every state, in the order in which a build meets them.
func BuildStatuses() []BuildStatus {
	return []BuildStatus{
		BuildQueued, BuildAssigned, BuildRunning, BuildSucceeded, BuildFailed, BuildCanceled, BuildTimedOut, BuildExpired,
	}
}

// next returns the states that s may become: the table of contract section 3.
func (s BuildStatus) next() []BuildStatus {
	switch s {
	case BuildQueued:
		return []BuildStatus{BuildAssigned, BuildCanceled, BuildExpired, BuildFailed}
	case BuildAssigned:
		return []BuildStatus{BuildRunning, BuildQueued, BuildCanceled}
	case BuildRunning:
		return []BuildStatus{BuildSucceeded, BuildFailed, BuildCanceled, BuildTimedOut}
	case BuildSucceeded, BuildFailed, BuildCanceled, BuildTimedOut, BuildExpired:
		return nil
	}
	return nil
}

// CanBecome tells whether the table allows s → t.
func (s BuildStatus) CanBecome(t BuildStatus) bool { return slices.Contains(s.next(), t) }

// Terminal tells whether nothing follows s.
func (s BuildStatus) Terminal() bool { return s.Valid() && len(s.next()) == 0 }

// Valid tells whether s is a state at all.
func (s BuildStatus) Valid() bool { return slices.Contains(BuildStatuses(), s) }

// TriggerType says which way a build came to be.
type TriggerType string

// The ways.
const (
	TriggerManual   TriggerType = "manual"
	TriggerAPI      TriggerType = "api"
	TriggerWebhook  TriggerType = "webhook"
	TriggerChat     TriggerType = "chat"
	TriggerSchedule TriggerType = "schedule"
	TriggerRerun    TriggerType = "rerun"
)

// Reasons why a build ended as it did (Build.StatusReason) where the state alone
// does not say it.
const (
	ReasonCommandFailed   = "command_failed"
	ReasonCheckoutFailed  = "checkout_failed"
	ReasonCommitUnknown   = "commit_not_in_repository"
	ReasonConfigInvalid   = "config_invalid"
	ReasonConfigMissing   = "config_missing"
	ReasonRunnerLost      = "runner_lost"
	ReasonRunnerError     = "runner_error"
	ReasonCanceledByUser  = "canceled"
	ReasonSuperseded      = "superseded"
	ReasonNotNeeded       = "not_needed" // its branch was deleted, or its pull request closed
	ReasonTimedOut        = "timed_out"
	ReasonExpired         = "not_claimed"
	ReasonRepositoryGone  = "repository_not_found"
	ReasonRunnerShutdown  = "runner_shutdown"
	ReasonArtifactMissing = "artifact_missing"
	ReasonWorkspaceLimit  = "workspace_limit" // it wrote more than its runner allows
)

// PullRequest is a pull or merge request as a build and its reports need it.
type PullRequest struct {
	Number int
	Title  string
	URL    string
	Fork   bool // its head lives in another repository
}

// Build is one run of one pipeline at one commit.
type Build struct {
	ID         string
	ProjectID  string
	PipelineID string
	Number     int // counts up by one in a project, never used again

	Status        BuildStatus
	StatusReason  string // one of the Reason… codes, empty while all goes well
	StatusMessage string // one sentence for a human, e.g. "build-2 failed: exit 1"

	TriggerType  TriggerType
	TriggerActor string // who asked: a login, a user's e-mail, a token's name
	TriggerUser  string // who asked, as Actor.Identity tells people apart; empty: nobody that is known so
	TriggerEvent string // the event kind that made it, for webhook builds
	TriggerRef   string // free text of the asker, e.g. a pull request number
	ChatChannel  string // the chat's team and channel, "T1/C1", where it was asked for: set by chat alone
	Note         string // the asker's, for people; one line

	Branch        string
	Tag           string
	SHA           string // full hex; empty only while a local repository has not been asked yet
	CommitMessage string
	CommitAuthor  string
	PullRequest   *PullRequest
	Platforms     []string // those of its configuration that are built; nil: all
	DedupeKey     string   // builds made by events share one build per key (EventBuildKey); empty: never shared
	DeliveryID    string   // the delivery that made it
	SourceBuildID string   // the build of which this is a rerun
	LostRuns      int      // how many runs of this chain were lost by their runner

	RunnerID       string
	RunnerName     string
	LeaseToken     string // the fence: whoever holds it may write log, steps and the end; empty: nobody
	LeaseExpiresAt time.Time
	Timeout        time.Duration
	Labels         []string
	ExitCode       *int
	Problems       []Annotation // what its output complains of, the worst first; lists of builds leave it out
	Tests          *TestSummary // nil: none are known; lists of builds leave it out

	QueuedAt   time.Time
	AssignedAt *time.Time
	StartedAt  *time.Time
	FinishedAt *time.Time
	CreatedAt  time.Time // its place in lists: of a commit that came late it is before those of newer ones
	UpdatedAt  time.Time
}

// LogComplete tells that nobody will append to the build's log any more: it has
// ended and its runner has let go of it.
func (b Build) LogComplete() bool { return b.Status.Terminal() && b.LeaseToken == "" }

// maxLostRuns is how often a build that its runner lost is run again by itself.
const maxLostRuns = 2

// RunsAgain tells whether the house runs the build again by itself: its runner was lost or
// stopped. It says nothing of the commit, so nobody hears of it as of a failure.
func (b Build) RunsAgain() bool {
	return b.StatusReason == ReasonRunnerShutdown || b.StatusReason == ReasonRunnerLost && b.LostRuns < maxLostRuns
}

// Duration is the time from the first process to the end, or to now while it
// runs; zero before it started.
func (b Build) Duration(now time.Time) time.Duration {
	if b.StartedAt == nil {
		return 0
	}
	if b.FinishedAt != nil {
		return b.FinishedAt.Sub(*b.StartedAt)
	}
	return now.Sub(*b.StartedAt)
}

// BuildEvent is one transition of a build: who moved it, when, and why. The
// first one has an empty From.
type BuildEvent struct {
	BuildID string
	From    BuildStatus
	To      BuildStatus
	Actor   string
	Reason  string
	At      time.Time
}

// Transition moves the build and returns the event to store with it. A move that
// the table does not allow changes nothing and is KindConflict, code
// invalid_transition.
func (b *Build) Transition(to BuildStatus, actor, reason string, at time.Time) (BuildEvent, error) {
	if !b.Status.CanBecome(to) {
		return BuildEvent{}, Codef(KindConflict, CodeInvalidTransition,
			"Build #%d is %s and cannot become %s", b.Number, b.Status, to)
	}
	event := BuildEvent{BuildID: b.ID, From: b.Status, To: to, Actor: actor, Reason: reason, At: at}
	b.Status, b.UpdatedAt = to, at
	switch to {
	case BuildQueued:
		b.AssignedAt, b.RunnerID, b.RunnerName, b.LeaseToken, b.LeaseExpiresAt = nil, "", "", "", time.Time{}
	case BuildAssigned:
		b.AssignedAt = &at
	case BuildRunning:
		b.StartedAt = &at
	case BuildSucceeded, BuildFailed, BuildCanceled, BuildTimedOut, BuildExpired:
		b.FinishedAt = &at
		if b.StatusReason == "" && to != BuildSucceeded {
			b.StatusReason = reason
		}
	}
	return event, nil
}

// EventBuildKey is the key under which builds made by events share one build: a
// push and a pull request of one commit give one, a tag makes its own (contract
// section 4).
func EventBuildKey(pipelineID string, e Event) string {
	if e.Kind == EventTag {
		return pipelineID + ":" + e.SHA + ":tag:" + e.Tag
	}
	return pipelineID + ":" + e.SHA
}

// StepStatus is the state of one step of a build.
type StepStatus string

// The states of a step.
const (
	StepRunning   StepStatus = "running"
	StepSucceeded StepStatus = "succeeded"
	StepFailed    StepStatus = "failed"
	StepCanceled  StepStatus = "canceled"
	StepSkipped   StepStatus = "skipped"
)

// Step is one command of a build (or its checkout) and the span of the log that
// is its own. Index orders the steps of a build from 0.
type Step struct {
	BuildID       string
	Index         int
	Name          string
	Command       string // shown in the pages; empty for our own steps
	Status        StepStatus
	ExitCode      *int
	FirstSequence int64
	LastSequence  *int64 // nil while running, or if it printed nothing
	StartedAt     time.Time
	FinishedAt    *time.Time
}

// BuildFilter narrows a list of builds; zero fields do not narrow.
type BuildFilter struct {
	IDs          []string // non-nil: only these
	ProjectID    string
	ProjectIDs   []string // non-nil: only these (empty: none); what the asker may see
	PipelineID   string
	Statuses     []BuildStatus
	Branch       string
	SHA          string
	SHAPrefix    string // lower-case hex digits
	TriggerType  TriggerType
	TriggerEvent string // the event kind that made it
	TriggerUser  string // who asked, as Actor.Identity tells people apart
	// Text is in the branch, tag, commit message or author, whatever the case of ASCII letters.
	Text string
	// Newest narrows to so many of the newest builds of the project and pipeline, for
	// what no index helps to find.
	Newest       int
	PullRequest  int
	RepositoryID string
	Number       int    // of the build in its project
	SourceID     string // the build of which they are reruns
	// Before leaves what came before that build of its pipeline, on the same branch or
	// tag: a fork's main is not ours, and a merge queue's entry stands beside the branch
	// it is for.
	Before *Build
	// WithTests gives their Tests too.
	WithTests bool
}

// Page is a window of a list. Limit is 1 to 200; 0: all, for who acts on each. Of a list of builds, Older gives what
// comes after a build in it, Newer what comes just before it; the total counts all, or
// with Uncounted what was read.
type Page struct {
	Limit, Offset int
	Older, Newer  *Cursor
	Uncounted     bool
}

// Cursor is a build's place in a list.
type Cursor struct {
	CreatedAt time.Time
	ID        string
}

// BuildsVersion tells apart two moments of all builds.
type BuildsVersion struct {
	UpdatedAt time.Time // of the newest change
	Active    int       // builds that have not ended
}
