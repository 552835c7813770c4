package core

import "time"

// Approval lets exactly one commit of a fork's pull request be built. The next push
// needs another.
type Approval struct {
	RepositoryID string
	PullRequest  int
	SHA          string
	Approver     string
	At           time.Time
}
