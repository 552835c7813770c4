package store

import (
	"context"

	"github.com/oore-ci/oore/app/core"
)

type approvalRow struct {
	RepositoryID string
	PRNumber     int `gorm:"column:pr_number"`
	SHA          string
	Approver     string
	At           int64
}

// TableName is gorm's.
func (approvalRow) TableName() string { return "approvals" }

// SaveApproval is core.ApprovalStore's.
func (s *Store) SaveApproval(ctx context.Context, a core.Approval) (bool, error) {
	var n int64
	err := s.writeOne(ctx, func(q session) (err error) {
		n, err = q.exec("INSERT INTO approvals (repository_id, pr_number, sha, approver, at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
			a.RepositoryID, a.PullRequest, a.SHA, a.Approver, micros(a.At))
		return err
	})
	return n > 0, failed(err, "approve %s", a.SHA)
}

// DeleteApprovals is core.ApprovalStore's.
func (s *Store) DeleteApprovals(ctx context.Context, repositoryID string, pullRequest int) (n int, err error) {
	err = s.writeOne(ctx, func(q session) error {
		done, err := q.exec("DELETE FROM approvals WHERE repository_id = $1 AND pr_number = $2", repositoryID, pullRequest)
		n = int(done)
		return err
	})
	return n, failed(err, "take back the approvals of pull request %d", pullRequest)
}

// FindApproval is core.ApprovalStore's.
func (s *Store) FindApproval(ctx context.Context, repositoryID string, pullRequest int, sha string) (core.Approval, error) {
	var r approvalRow
	err := s.read(ctx).db().Take(&r, "repository_id = ? AND pr_number = ? AND sha = ?", repositoryID, pullRequest, sha).Error
	a := core.Approval{RepositoryID: r.RepositoryID, PullRequest: r.PRNumber, SHA: r.SHA, Approver: r.Approver, At: instant(r.At)}
	return a, found(err, "Approval", "find the approval of %s", sha)
}
