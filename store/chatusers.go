package store

import (
	"context"

	"github.com/oore-ci/oore/app/core"
)

type chatUserRow struct {
	Team     string
	MemberID string
	UserID   string
	LinkedAt int64
}

// TableName is gorm's.
func (chatUserRow) TableName() string { return "chat_users" }

func (r chatUserRow) toCore() core.ChatUser {
	return core.ChatUser{Team: r.Team, MemberID: r.MemberID, UserID: r.UserID, LinkedAt: instant(r.LinkedAt)}
}

// SaveChatUser is core.ChatStore's; KindNotFound when the user is gone.
func (s *Store) SaveChatUser(ctx context.Context, u core.ChatUser) error {
	err := s.writeOne(ctx, func(q session) error {
		_, err := q.exec(`INSERT INTO chat_users (team, member_id, user_id, linked_at) VALUES ($1, $2, $3, $4)
			ON CONFLICT (team, member_id) DO UPDATE SET user_id = excluded.user_id, linked_at = excluded.linked_at`,
			u.Team, u.MemberID, u.UserID, micros(u.LinkedAt))
		return err
	})
	return failed(err, "link %s of %s with user %s", u.MemberID, u.Team, u.UserID)
}

// FindChatUser is core.ChatStore's.
func (s *Store) FindChatUser(ctx context.Context, team, memberID string) (core.ChatUser, error) {
	var row chatUserRow
	err := s.read(ctx).db().Take(&row, "team = ? AND member_id = ?", team, memberID).Error
	return row.toCore(), found(err, "Chat user", "find the user of %s of %s", memberID, team)
}

// DeleteChatUser is core.ChatStore's.
func (s *Store) DeleteChatUser(ctx context.Context, team, memberID string) error {
	err := s.writeOne(ctx, func(q session) error {
		_, err := q.exec("DELETE FROM chat_users WHERE team = $1 AND member_id = $2", team, memberID)
		return err
	})
	return failed(err, "unlink %s of %s", memberID, team)
}
