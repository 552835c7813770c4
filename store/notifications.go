package store

import (
	"context"

	"github.com/oore-ci/oore/app/core"
)

type notificationRow struct {
	ID         string `gorm:"primaryKey"`
	ProjectID  string
	Kind       string
	Target     string
	Sealed     []byte
	PipelineID *string  // nil: all, since an empty one is no pipeline's
	Branches   []string `gorm:"serializer:json"`
	On         string   `gorm:"column:subscribed_to"`
	Enabled    bool
	LastError  string
	Created    int64 `gorm:"column:created_at"`
	Updated    int64 `gorm:"column:updated_at"`
}

// TableName is gorm's.
func (notificationRow) TableName() string { return "notifications" }

func newNotificationRow(n core.Notification) notificationRow {
	row := notificationRow{
		ID: n.ID, ProjectID: n.ProjectID, Kind: string(n.Kind), Target: n.Target, Sealed: n.Sealed, Branches: append([]string{}, n.Branches...), On: string(n.On),
		Enabled: n.Enabled, LastError: n.LastError, Created: micros(n.CreatedAt), Updated: micros(n.UpdatedAt),
	}
	if n.PipelineID != "" {
		row.PipelineID = &n.PipelineID
	}
	return row
}

func (r notificationRow) toCore() core.Notification {
	n := core.Notification{
		ID: r.ID, ProjectID: r.ProjectID, Kind: core.NotificationKind(r.Kind), Target: r.Target, Sealed: r.Sealed, Branches: r.Branches,
		On: core.SubscribedTo(r.On), Enabled: r.Enabled, LastError: r.LastError, CreatedAt: instant(r.Created), UpdatedAt: instant(r.Updated),
	}
	if r.PipelineID != nil {
		n.PipelineID = *r.PipelineID
	}
	return n
}

// CreateNotification is core.NotificationStore's; KindNotFound when the project or the
// pipeline is gone.
func (s *Store) CreateNotification(ctx context.Context, n core.Notification) error {
	row := newNotificationRow(n)
	err := s.writeOne(ctx, func(q session) error { return q.db().Create(&row).Error })
	return failed(err, "create notification %s", n.ID)
}

// UpdateNotification is core.NotificationStore's.
func (s *Store) UpdateNotification(ctx context.Context, n core.Notification) error {
	row := newNotificationRow(n)
	return s.writeOne(ctx, func(q session) error {
		result := q.db().Model(&row).Select("*").Omit("id", "project_id", "kind", "created_at").Updates(&row)
		return changed(result, "Notification", "update notification %s", n.ID)
	})
}

// NoteNotification is core.NotificationStore's.
func (s *Store) NoteNotification(ctx context.Context, id, lastError string) error {
	err := s.writeOne(ctx, func(q session) error {
		_, err := q.exec("UPDATE notifications SET last_error = $1 WHERE id = $2", lastError, id)
		return err
	})
	return failed(err, "note how notification %s went", id)
}

// DeleteNotification is core.NotificationStore's.
func (s *Store) DeleteNotification(ctx context.Context, id string) error {
	return s.writeOne(ctx, func(q session) error {
		return changed(q.db().Delete(&notificationRow{}, "id = ?", id), "Notification", "delete notification %s", id)
	})
}

// FindNotification is core.NotificationStore's.
func (s *Store) FindNotification(ctx context.Context, id string) (core.Notification, error) {
	var row notificationRow
	err := s.read(ctx).db().Take(&row, "id = ?", id).Error
	return row.toCore(), found(err, "Notification", "find notification %s", id)
}

// ListNotifications is core.NotificationStore's.
func (s *Store) ListNotifications(ctx context.Context, projectID string) ([]core.Notification, error) {
	var rows []notificationRow
	err := s.read(ctx).db().Order("created_at, id").Find(&rows, "project_id = ?", projectID).Error
	return toCores(rows), failed(err, "list the notifications of %s", projectID)
}
