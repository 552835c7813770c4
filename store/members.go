package store

import (
	"context"

	"github.com/oore-ci/oore/app/core"
)

type memberRow struct {
	ProjectID string
	UserID    string
	Role      string
	Created   int64 `gorm:"column:created_at"`
}

// TableName is gorm's.
func (memberRow) TableName() string { return "project_members" }

func (r memberRow) toCore() core.Member {
	return core.Member{ProjectID: r.ProjectID, UserID: r.UserID, Role: core.Role(r.Role), CreatedAt: instant(r.Created)}
}

// SaveMember is core.UserStore's; KindNotFound when project or user is gone.
func (s *Store) SaveMember(ctx context.Context, m core.Member) error {
	err := s.writeOne(ctx, func(q session) error {
		_, err := q.exec(`INSERT INTO project_members (project_id, user_id, role, created_at) VALUES ($1, $2, $3, $4)
			ON CONFLICT (project_id, user_id) DO UPDATE SET role = excluded.role`,
			m.ProjectID, m.UserID, string(m.Role), micros(m.CreatedAt))
		return err
	})
	return failed(err, "save user %s as a member of project %s", m.UserID, m.ProjectID)
}

// DeleteMember is core.UserStore's.
func (s *Store) DeleteMember(ctx context.Context, projectID, userID string) error {
	return s.writeOne(ctx, func(q session) error {
		result := q.db().Delete(&memberRow{}, "project_id = ? AND user_id = ?", projectID, userID)
		return changed(result, "Member", "delete member %s of project %s", userID, projectID)
	})
}

// FindMember is core.UserStore's.
func (s *Store) FindMember(ctx context.Context, projectID, userID string) (core.Member, error) {
	var row memberRow
	err := s.read(ctx).db().Take(&row, "project_id = ? AND user_id = ?", projectID, userID).Error
	return row.toCore(), found(err, "Member", "find member %s of project %s", userID, projectID)
}

// ListMembers is core.UserStore's.
func (s *Store) ListMembers(ctx context.Context, projectID string) ([]core.Member, error) {
	var rows []memberRow
	err := s.read(ctx).db().Order("created_at, user_id").Find(&rows, "project_id = ?", projectID).Error
	return toCores(rows), failed(err, "list the members of project %s", projectID)
}

// ListMemberships is core.UserStore's; by project. Every request of somebody who is no
// admin asks for it: it reads the index alone, and past gorm, which takes longer for the
// rows than the database.
func (s *Store) ListMemberships(ctx context.Context, userID string) ([]core.Member, error) {
	q := s.read(ctx)
	rows, err := q.pool.QueryContext(ctx, "SELECT project_id, role FROM project_members WHERE user_id = $1 ORDER BY project_id", userID)
	if err != nil {
		return nil, failed(err, "list the memberships of user %s", userID)
	}
	defer rows.Close()
	all := []core.Member{}
	for rows.Next() {
		m := core.Member{UserID: userID}
		if err := rows.Scan(&m.ProjectID, &m.Role); err != nil {
			return nil, failed(err, "list the memberships of user %s", userID)
		}
		all = append(all, m)
	}
	return all, failed(q.over(rows), "list the memberships of user %s", userID)
}
