package store

import (
	"context"
	"time"

	"gorm.io/gorm"

	"github.com/oore-ci/oore/app/core"
)

type effectRow struct {
	Key            string `gorm:"primaryKey"`
	Kind           string
	RepositoryID   string
	PipelineID     string
	SHA            string
	Number         int
	Wanted         int64
	Done           int64
	RemoteID       string
	Sent           string
	Told           string
	Attempts       int
	NotBefore      int64
	LastError      string
	Parked         bool
	BuildID        string
	Channel        string
	NotificationID string
	NoteCode       string
	NoteText       string
	DeliveryID     string
	Updated        int64 `gorm:"column:updated_at"`
}

// TableName is gorm's.
func (effectRow) TableName() string { return "effects" }

func (r effectRow) toCore() core.Effect {
	return core.Effect{
		Key: r.Key, Kind: core.EffectKind(r.Kind), RepositoryID: r.RepositoryID, PipelineID: r.PipelineID, SHA: r.SHA, Number: r.Number,
		Wanted: r.Wanted, Done: r.Done, RemoteID: r.RemoteID, Sent: r.Sent, Told: r.Told, Attempts: r.Attempts, NotBefore: instant(r.NotBefore),
		LastError: r.LastError, Parked: r.Parked, BuildID: r.BuildID, Channel: r.Channel, NotificationID: r.NotificationID,
		Note: core.Reason{Code: r.NoteCode, Text: r.NoteText}, DeliveryID: r.DeliveryID, UpdatedAt: instant(r.Updated),
	}
}

// WantEffect is core.EffectStore's. A pause that lies after the effect's NotBefore
// stays.
func (s *Store) WantEffect(ctx context.Context, e core.Effect) error {
	err := s.writeOne(ctx, func(q session) error {
		_, err := q.exec(`
			INSERT INTO effects (key, kind, repository_id, pipeline_id, sha, number, wanted, done, remote_id, sent, attempts, not_before, last_error, parked, updated_at, note_code, note_text, delivery_id,
				build_id, channel, notification_id)
			VALUES ($1, $2, $3, $4, $5, $6, 1, 0, '', '', 0, $7, '', false, $8, $9, $10, $11, $12, $13, $14)
			ON CONFLICT (key) DO UPDATE SET wanted = effects.wanted + 1, attempts = 0, parked = false, updated_at = excluded.updated_at,
			note_code = excluded.note_code, note_text = excluded.note_text, delivery_id = excluded.delivery_id, sha = excluded.sha,
			not_before = CASE WHEN effects.not_before > excluded.not_before THEN effects.not_before ELSE excluded.not_before END`,
			e.Key, string(e.Kind), e.RepositoryID, e.PipelineID, e.SHA, e.Number, micros(e.NotBefore), micros(e.UpdatedAt), e.Note.Code, e.Note.Text, e.DeliveryID,
			e.BuildID, e.Channel, e.NotificationID)
		return err
	})
	return failed(err, "want %s", e.Key)
}

// WantMessagesAgain is core.EffectStore's.
func (s *Store) WantMessagesAgain(ctx context.Context, buildID string, now time.Time) error {
	err := s.writeOne(ctx, func(q session) error {
		_, err := q.exec(`UPDATE effects SET wanted = wanted + 1, attempts = 0, parked = false, updated_at = $1,
			not_before = CASE WHEN not_before > $1 THEN not_before ELSE $1 END
			WHERE build_id = $2 AND build_id <> '' AND kind = $3`, micros(now), buildID, string(core.EffectMessage))
		return err
	})
	return failed(err, "want the messages of build %s again", buildID)
}

// due repeats the condition of its index.
func (s session) due(now time.Time) *gorm.DB {
	return s.db().Model(&effectRow{}).Where("done < wanted AND NOT parked AND not_before <= ?", micros(now))
}

// TakeEffects is core.EffectStore's. It looks before it writes: an outbox with
// nothing due costs one read.
func (s *Store) TakeEffects(ctx context.Context, now, until time.Time, limit int, kinds ...core.EffectKind) ([]core.Effect, error) {
	looking := s.read(ctx).due(now)
	wanted, args := "", []any{micros(now)}
	if len(kinds) > 0 {
		looking = looking.Where("kind IN ?", kinds)
		wanted, args = " AND kind IN ?", append(args, kinds)
	}
	var first []string
	err := looking.Limit(1).Pluck("key", &first).Error
	if err != nil || len(first) == 0 {
		return nil, failed(err, "look for due effects")
	}
	var rows []effectRow
	err = s.writeOne(ctx, func(q session) error {
		return q.db().Raw(`
			WITH due AS MATERIALIZED (
				SELECT key FROM effects WHERE done < wanted AND NOT parked AND not_before <= ?`+wanted+` ORDER BY not_before, key LIMIT ?`+s.db.dialect.skipLocked+`
			)
			UPDATE effects SET not_before = ? WHERE key IN (SELECT key FROM due) AND not_before <= ? RETURNING *`,
			append(args, limit, micros(until), micros(now))...).Scan(&rows).Error
	})
	return toCores(rows), failed(err, "take effects")
}

// SaveEffect is core.EffectStore's. What was wanted anew since e was taken is not
// parked: giving up concerned what was wanted then.
func (s *Store) SaveEffect(ctx context.Context, e core.Effect, held time.Time) error {
	err := s.writeOne(ctx, func(q session) error {
		n, err := q.exec(`
			UPDATE effects SET done = $1, remote_id = $2, sent = $3, attempts = $4, not_before = $5, last_error = $6,
			parked = $7 AND wanted <= $8, updated_at = $9, told = $12 WHERE key = $10 AND not_before = $11`,
			e.Done, e.RemoteID, e.Sent, e.Attempts, micros(e.NotBefore), e.LastError, e.Parked, e.Wanted, micros(e.UpdatedAt), e.Key, micros(held), e.Told)
		if err == nil && n == 0 {
			return q.taken(e.Key)
		}
		return err
	})
	return failed(err, "save %s", e.Key)
}

// taken says why an effect could not be saved.
func (s session) taken(key string) error {
	var row effectRow
	if err := s.db().Select("key").Take(&row, "key = ?", key).Error; err != nil {
		return found(err, "Effect", "find %s", key)
	}
	return core.Errorf(core.KindConflict, "Somebody else has taken %s meanwhile", key)
}

// DoubtEffect is core.EffectStore's. By moving a hold that goes on it lets its holder
// find out.
func (s *Store) DoubtEffect(ctx context.Context, key string, now time.Time) error {
	err := s.writeOne(ctx, func(q session) error {
		_, err := q.exec(`UPDATE effects SET wanted = wanted + 1, sent = '', attempts = 0, parked = false, updated_at = $1,
			not_before = CASE WHEN not_before > $1 THEN not_before + 1 ELSE $1 END WHERE key = $2`, micros(now), key)
		return err
	})
	return failed(err, "doubt %s", key)
}

// These repeat the condition of their index.
const (
	wakeEffects = "UPDATE effects SET parked = false, attempts = 0, not_before = $1 WHERE done < wanted AND "
	wakeOf      = wakeEffects + "(parked OR not_before > $1) AND repository_id = $2"
	wakeThrough = wakeEffects + "(parked AND $2 OR NOT parked AND not_before > $1) AND repository_id IN (SELECT id FROM repositories WHERE integration_id = $3)"
)

// WakeEffects is core.EffectStore's.
func (s *Store) WakeEffects(ctx context.Context, repositoryID string, now time.Time) error {
	return failed(s.wake(ctx, wakeOf, micros(now), repositoryID), "wake the effects of %s", repositoryID)
}

// WakeEffectsThrough is core.EffectStore's.
func (s *Store) WakeEffectsThrough(ctx context.Context, integrationID string, givenUp bool, now time.Time) error {
	err := s.wake(ctx, wakeThrough, micros(now), givenUp, integrationID)
	return failed(err, "wake the effects through %s", integrationID)
}

// wake takes holds that go on away too: whoever has one finds out.
func (s *Store) wake(ctx context.Context, statement string, args ...any) error {
	return s.writeOne(ctx, func(q session) error {
		_, err := q.exec(statement, args...)
		return err
	})
}

// FindEffect is core.EffectStore's.
func (s *Store) FindEffect(ctx context.Context, key string) (core.Effect, error) {
	var row effectRow
	err := s.read(ctx).db().Take(&row, "key = ?", key).Error
	return row.toCore(), found(err, "Effect", "find %s", key)
}

// CountDueEffects is core.EffectStore's.
func (s *Store) CountDueEffects(ctx context.Context, now time.Time) (int, error) {
	var n int64
	err := s.read(ctx).due(now).Count(&n).Error
	return int(n), failed(err, "count due effects")
}

// anyComment repeats the condition of its index.
const anyComment = "SELECT count(*) FROM (SELECT 1 FROM effects WHERE kind = 'comment' AND remote_id <> '' LIMIT 1) AS one"

// HasCommented is core.EffectStore's.
func (s *Store) HasCommented(ctx context.Context) (bool, error) {
	var n int64
	err := s.read(ctx).db().Raw(anyComment).Scan(&n).Error
	return n > 0, failed(err, "look for a comment")
}
