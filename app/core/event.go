package core

// EventKind is the normal form's name for what happened; it is what
// `triggers.events` of a pipeline lists.
type EventKind string

// The kinds. EventNone is an event that can never start a build; its Ignored says
// why.
const (
	EventNone        EventKind = ""
	EventPush        EventKind = "push"
	EventTag         EventKind = "tag"
	EventPullRequest EventKind = "pull_request"
	EventMergeGroup  EventKind = "merge_group"
)

// BuildEventKinds lists the kinds that may stand in a pipeline's triggers.
func BuildEventKinds() []EventKind {
	return []EventKind{EventPush, EventTag, EventPullRequest, EventMergeGroup}
}

// Event is a delivery understood: one shape for all forges. A decoder fills what
// its payload says and leaves the rest zero.
type Event struct {
	Kind   EventKind
	Action string // the provider's own word, e.g. "synchronize"

	Provider       Provider
	RepositoryID   string // the repository's external id; empty when the payload names none
	RepositoryName string // full name, for people
	InstallationID int64

	Ref          string // as sent, e.g. refs/heads/main
	Branch       string // push: the branch; pull request: the source branch
	TargetBranch string // pull request: the base
	Tag          string
	SHA          string // full hex of the commit to build
	Before       string // where the branch, the pull request, or the merge group's base stood before; empty: nowhere, or not known
	Message      string // of the head commit, where the payload has it
	Author       string // of the head commit
	Actor        string // login of who caused it
	Forced       bool
	Draft        bool
	PullRequest  *PullRequest
	Opener       string // login of the pull request's author, for people; empty where the payload does not say
	OpenerID     string // their numeric id: names change hands

	Paths         []string // changed files, as far as the payload lists them
	PathsComplete bool     // Paths is the whole list

	Change *Change // set: the forge tells of installations and repositories
	Rerun  *Rerun  // set: somebody asked the forge to run checks again
	Cancel *Cancel // set: somebody asked the forge to stop a check
	Chat   *Chat   // set: somebody wrote what may be a command
	Closed bool    // pull request: it was merged or closed
	// Head is where the branch or pull request stands by now, and Gone that the branch is
	// deleted or the pull request closed, by the forge's word; empty and false: the forge
	// was not asked, or could not say. No decoder fills them.
	Head string
	Gone bool
	// Retargeted: the pull request has another target now. What was approved was approved
	// for the old one.
	Retargeted bool

	Ignored *Reason // set: nothing can come of it, and why
}

// ChangeKind says what happened to an installation or a repository.
type ChangeKind string

// The changes.
const (
	ChangeInstalled   ChangeKind = "installed"   // Repositories: those it sees, as far as the payload lists them
	ChangeUninstalled ChangeKind = "uninstalled" // Repositories as above
	ChangeSuspended   ChangeKind = "suspended"
	ChangeUnsuspended ChangeKind = "unsuspended"
	ChangePermissions ChangeKind = "permissions" // new permissions were accepted
	ChangeAdded       ChangeKind = "added"       // Repositories came to the installation
	ChangeRemoved     ChangeKind = "removed"     // Repositories left it
	ChangeRepository  ChangeKind = "repository"  // renamed, transferred, edited, published, hidden, unarchived: Repositories[0] as it is now
	ChangeDeleted     ChangeKind = "deleted"     // Repositories[0] is gone, or archived
)

// Change is what a forge says about what we are installed on. It starts no build.
type Change struct {
	Kind           ChangeKind
	InstallationID int64
	Account        string       // whose installation it is
	Repositories   []Repository // ExternalID and FullName at least; other fields as far as the payload has them
}

// Rerun asks for failed builds of a commit again. BuildID narrows it to one build.
type Rerun struct {
	SHA     string
	BuildID string
}

// Cancel asks for the end of one build.
type Cancel struct {
	BuildID string
}

// Reason is a stable code and its sentence (ux.md, delivery log).
type Reason struct {
	Code string `json:"code"`
	Text string `json:"text"`
}

// Codes of why a delivery or a pipeline did or did not build.
const (
	WhyMatched         = "matched"
	WhySharedBuild     = "shared_build"
	WhyRepoUnknown     = "repo_unknown"
	WhyPipelineOff     = "pipeline_disabled"
	WhyEvent           = "event_not_listened"
	WhyAction          = "action_ignored"
	WhyBranch          = "branch_no_match"
	WhyTarget          = "target_no_match"
	WhyTag             = "tag_no_match"
	WhyPath            = "path_no_match"
	WhyDraft           = "draft_pr"
	WhySkipMark        = "skip_mark"
	WhyFork            = "fork_blocked"
	WhyForkIgnored     = "fork_ignored"
	WhyBranchDeleted   = "branch_deleted"
	WhyEmptyPush       = "empty_push"
	WhyMergeQueue      = "merge_queue_branch"
	WhyEventUnknown    = "event_unknown"
	WhyPing            = "ping"
	WhyPayload         = "payload_invalid"
	WhyConcurrency     = "concurrency"  // as many builds of the project wait as may
	WhyRateLimited     = "rate_limited" // its builds have run as long in a day as they may
	WhyInternal        = "internal"
	WhyNoBuild         = "no_build"
	WhyBuilds          = "builds_started"
	WhyRefUnknown      = "ref_unknown"
	WhyBookkeeping     = "bookkeeping"
	WhyRerun           = "rerun"
	WhyNothingToRerun  = "nothing_to_rerun"
	WhyCanceled        = "canceled"
	WhyNothingToCancel = "nothing_to_cancel"
	WhyCommand         = "command"     // a command was run
	WhyNoCommand       = "no_command"  // a comment without one
	WhyOwnComment      = "bot_comment" // written by a program, or not for all eyes
)
