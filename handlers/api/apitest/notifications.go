package apitest

import (
	"context"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
)

// NotificationKinds answers all.
func (f *Commands) NotificationKinds() []core.NotificationKind { return core.NotificationKinds() }

// CreateNotification answers Notification and Secret.
func (f *Commands) CreateNotification(_ context.Context, actor core.Actor, projectID string, in app.NotificationInput) (core.Notification, string, error) {
	return f.Notification, f.Secret, f.note("CreateNotification", actor, projectID, in)
}

// UpdateNotification answers Notification.
func (f *Commands) UpdateNotification(_ context.Context, actor core.Actor, id string, in app.NotificationInput) (core.Notification, error) {
	return f.Notification, f.note("UpdateNotification", actor, id, in)
}

// DeleteNotification answers Err.
func (f *Commands) DeleteNotification(_ context.Context, actor core.Actor, id string) error {
	return f.note("DeleteNotification", actor, id, nil)
}

// FindNotification answers Notification.
func (f *Commands) FindNotification(_ context.Context, actor core.Actor, id string) (core.Notification, error) {
	return f.Notification, f.note("FindNotification", actor, id, nil)
}

// ListNotifications answers Notification.
func (f *Commands) ListNotifications(_ context.Context, actor core.Actor, projectID string) ([]core.Notification, error) {
	return []core.Notification{f.Notification}, f.note("ListNotifications", actor, projectID, nil)
}

// TestNotification answers Notification.
func (f *Commands) TestNotification(_ context.Context, actor core.Actor, id string) (core.Notification, error) {
	return f.Notification, f.note("TestNotification", actor, id, nil)
}
