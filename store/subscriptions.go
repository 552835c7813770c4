package store

import (
	"context"

	"gorm.io/gorm/clause"

	"github.com/oore-ci/oore/app/core"
)

type subscriptionRow struct {
	ID         string `gorm:"primaryKey"`
	Team       string
	Channel    string
	ProjectID  string
	PipelineID string
	On         string `gorm:"column:subscribed_to"`
	Created    int64  `gorm:"column:created_at"`
}

// TableName is gorm's.
func (subscriptionRow) TableName() string { return "subscriptions" }

func (r subscriptionRow) toCore() core.Subscription {
	return core.Subscription{
		ID: r.ID, Team: r.Team, Channel: r.Channel, ProjectID: r.ProjectID, PipelineID: r.PipelineID, On: core.SubscribedTo(r.On),
		CreatedAt: instant(r.Created),
	}
}

// SaveSubscription is core.ChatStore's; KindNotFound when the project is gone. Id and
// birth stay.
func (s *Store) SaveSubscription(ctx context.Context, sub core.Subscription) error {
	row := subscriptionRow{
		ID: sub.ID, Team: sub.Team, Channel: sub.Channel, ProjectID: sub.ProjectID, PipelineID: sub.PipelineID, On: string(sub.On),
		Created: micros(sub.CreatedAt),
	}
	err := s.writeOne(ctx, func(q session) error {
		return q.db().Clauses(clause.OnConflict{
			Columns:   []clause.Column{{Name: "team"}, {Name: "channel"}, {Name: "project_id"}, {Name: "pipeline_id"}},
			DoUpdates: clause.AssignmentColumns([]string{"subscribed_to"}),
		}).Create(&row).Error
	})
	return failed(err, "subscribe channel %s of %s to %s", sub.Channel, sub.Team, sub.ProjectID)
}

// DeleteSubscriptions is core.ChatStore's.
func (s *Store) DeleteSubscriptions(ctx context.Context, team, channel, projectID string, pipelineIDs ...string) (int, error) {
	var n int64
	err := s.writeOne(ctx, func(q session) error {
		of := q.db().Where("team = ? AND channel = ? AND project_id = ?", team, channel, projectID)
		if len(pipelineIDs) > 0 {
			of = of.Where("pipeline_id IN ?", pipelineIDs)
		}
		result := of.Delete(&subscriptionRow{})
		n = result.RowsAffected
		return result.Error
	})
	return int(n), failed(err, "unsubscribe channel %s of %s from %s", channel, team, projectID)
}

// ListSubscriptions is core.ChatStore's.
func (s *Store) ListSubscriptions(ctx context.Context, projectID string) ([]core.Subscription, error) {
	var rows []subscriptionRow
	err := s.read(ctx).db().Order("created_at, id").Find(&rows, "project_id = ?", projectID).Error
	return toCores(rows), failed(err, "list the subscriptions of %s", projectID)
}

// ListSubscriptionsOfChannel is core.ChatStore's; oldest first.
func (s *Store) ListSubscriptionsOfChannel(ctx context.Context, team, channel string) ([]core.Subscription, error) {
	var rows []subscriptionRow
	err := s.read(ctx).db().Order("created_at, id").Find(&rows, "team = ? AND channel = ?", team, channel).Error
	return toCores(rows), failed(err, "list the subscriptions of channel %s of %s", channel, team)
}
