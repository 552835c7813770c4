package core

import "context"

// Commit is a commit as a forge knows it.
type Commit struct {
	SHA     string
	Message string
	Author  string
}

// Forge is what the house asks of a Git host before and during a build.
// Implementations are safe for concurrent use and return *Error: KindNotFound for
// what is not there, KindUnavailable (with RetryAfter where known) when the host
// cannot be asked.
type Forge interface {
	// FindRepository looks up a repository by its full name (for ProviderGit: its
	// address) with what we are installed on. Unknown: KindNotFound.
	FindRepository(ctx context.Context, name string) (Repository, error)
	// ResolveRef finds the commit of a branch, tag or full SHA. Unknown: KindNotFound.
	ResolveRef(ctx context.Context, repo Repository, ref string) (Commit, error)
	// Checkout gives address and a short-lived credential that can read this one repository.
	Checkout(ctx context.Context, repo Repository) (Checkout, error)
}

// Reporter is what the outbox asks of a Git host that shows build results. Both
// calls may be repeated freely. Errors: KindNotFound, KindGone, KindInvalid,
// KindForbidden: no use trying again; KindLimited, KindUnavailable, KindInternal:
// try later.
type Reporter interface {
	// SetStatus makes the status of the report's context on its commit say what the report says.
	SetStatus(ctx context.Context, repo Repository, r Report) error
	// UpsertComment makes the one comment of a pull request say what c says. known is the
	// comment's id from an earlier call, or empty; the id is returned.
	UpsertComment(ctx context.Context, repo Repository, c Comment, known string) (id string, err error)
}
