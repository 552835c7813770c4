package store

import "context"

type channelProjectRow struct {
	Team      string
	Channel   string
	ProjectID string
}

// TableName is gorm's.
func (channelProjectRow) TableName() string { return "channel_projects" }

// SaveChannelProject is core.ChatStore's; KindNotFound when the project is gone.
func (s *Store) SaveChannelProject(ctx context.Context, team, channel, projectID string) error {
	err := s.writeOne(ctx, func(q session) error {
		_, err := q.exec(`INSERT INTO channel_projects (team, channel, project_id) VALUES ($1, $2, $3)
			ON CONFLICT (team, channel) DO UPDATE SET project_id = excluded.project_id`, team, channel, projectID)
		return err
	})
	return failed(err, "make %s the project of channel %s of %s", projectID, channel, team)
}

// FindChannelProject is core.ChatStore's.
func (s *Store) FindChannelProject(ctx context.Context, team, channel string) (string, error) {
	var row channelProjectRow
	err := s.read(ctx).db().Take(&row, "team = ? AND channel = ?", team, channel).Error
	return row.ProjectID, found(err, "Default project", "find the project of channel %s of %s", channel, team)
}
