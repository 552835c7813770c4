package core

import (
	"context"
	"time"
)

// Commit is a commit as a forge knows it.
type Commit struct {
	SHA     string
	Message string
	Author  string
	At      time.Time // when it was committed; zero: the forge did not say
}

// Forge is what the house asks of a Git host before and during a build.
// Implementations are safe for concurrent use and return *Error: KindNotFound for
// what is not there, KindUnavailable (with RetryAfter where known) when the host
// cannot be asked.
type Forge interface {
	// FindRepository looks up a repository by its full name (for ProviderGit: its
	// address) with what we are installed on. Unknown: KindNotFound.
	FindRepository(ctx context.Context, name string) (Repository, error)
	// ResolveRef finds the commit of a branch, tag or full SHA; refs/heads/… is a branch
	// alone. Unknown: KindNotFound, code invalid_ref.
	ResolveRef(ctx context.Context, repo Repository, ref string) (Commit, error)
	// PullRequestHead is the commit that a pull request stands at now. Unknown: KindNotFound.
	PullRequestHead(ctx context.Context, repo Repository, number int) (sha string, err error)
	// Checkout gives address and a short-lived credential that can read this one repository.
	Checkout(ctx context.Context, repo Repository) (Checkout, error)
}

// CommitFinder is a Forge that knows commits by the beginning of their SHA, which people
// type. What is stored or built is never named so.
type CommitFinder interface {
	// FindCommit finds the one commit whose SHA begins with the hex digits, 7 at least, in
	// lower case. None, or more than one: KindNotFound, code invalid_ref.
	FindCommit(ctx context.Context, repo Repository, short string) (Commit, error)
}

// Reporter is what the outbox asks of a Git host that shows build results. Both
// calls may be repeated freely. Errors: KindNotFound, KindGone, KindInvalid,
// KindForbidden: no use trying again; KindUnavailable, KindInternal: try later;
// KindLimited: the same, and the room itself keeps further calls from the host until
// it may be asked again.
type Reporter interface {
	// SetStatus makes the status of the report's context on its commit say what the report says.
	SetStatus(ctx context.Context, repo Repository, r Report) error
	// UpsertComment makes the one comment of a pull request say what c says. known is the
	// comment's id from an earlier call, or empty; the id is returned.
	UpsertComment(ctx context.Context, repo Repository, c Comment, known string) (id string, err error)
}

// CheckReporter is a Reporter whose host has checks with a page of their own.
type CheckReporter interface {
	// SetCheck makes the check of the report's context on its commit say what the report
	// says. known is the check's id from an earlier call, or empty; the id is returned.
	// May be repeated freely; errors as with Reporter.
	SetCheck(ctx context.Context, repo Repository, r Report, known string) (id string, err error)
}

// Surveyor is a Forge that can be asked what it never told us. Errors as with Forge.
type Surveyor interface {
	// Heads lists the heads of branches and of open pull requests, and all tags, as the
	// events that would have announced them: EventPush, EventPullRequest (Action
	// "opened") and EventTag.
	Heads(ctx context.Context, repo Repository) ([]Event, error)
	// Missed lists deliveries that the forge tried and that no answer of ours accepted,
	// newest try of each, those of a repository oldest first. A forge that does not know
	// the newest try lists what has arrived since as well. What was learned before an
	// error is returned with it.
	Missed(ctx context.Context, l Lookback) ([]MissedDelivery, error)
	// Redeliver asks the forge to send it again. It arrives under its old delivery id.
	// KindLimited: the forge sends no more of this repository's for now.
	Redeliver(ctx context.Context, m MissedDelivery) error
	// Paths lists the files that a pull request or push changes, when its payload could
	// not. complete is false when the forge cuts the list too.
	Paths(ctx context.Context, repo Repository, e Event) (paths []string, complete bool, err error)
}

// Lookback says which deliveries are asked for.
type Lookback struct {
	Since time.Time // where the forge says when it tried
	// Repositories are those whose deliveries matter. A forge with one list for all may
	// return others too.
	Repositories []Repository
	HookAddress  string // where webhooks of single repositories go
	GoesOn       func() // called for each repository that is asked about by itself; may be nil
}

// MissedDelivery is a delivery as the forge remembers it.
type MissedDelivery struct {
	IntegrationID string
	ID            string // the forge's id of the try
	DeliveryID    string // the identity that it arrives under
	Event         string
	Action        string
	StatusCode    int       // what was answered; 0: nobody answered
	Status        string    // in the forge's words
	At            time.Time // zero: the forge does not say

	RepositoryID string // external id; empty where the event has no repository
}
