package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"
)

const lastBackupSetting = "last_backup"

// NoteBackup remembers that a backup was made.
func (s *Store) NoteBackup(ctx context.Context, at time.Time) error {
	return failed(s.saveSetting(ctx, lastBackupSetting, at.UTC(), at), "note the backup")
}

// LastBackup is core.BackupStore's.
func (s *Store) LastBackup(ctx context.Context) (made, since time.Time, err error) {
	q := s.read(ctx)
	var text string
	err = q.pool.QueryRowContext(ctx, "SELECT value FROM settings WHERE name = $1", lastBackupSetting).Scan(&text)
	if err == nil {
		err = json.Unmarshal([]byte(text), &made)
	} else if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	var first int64
	if err == nil {
		err = q.db().Raw("SELECT coalesce(min(applied_at), 0) FROM schema_migrations").Scan(&first).Error
	}
	return made, instant(first), failed(err, "find the last backup")
}

// saveSetting keeps a setting of the instance as JSON.
func (s *Store) saveSetting(ctx context.Context, name string, value any, now time.Time) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return s.writeOne(ctx, func(q session) error {
		_, err := q.exec(`INSERT INTO settings (name, value, updated_at) VALUES ($1, $2, $3)
			ON CONFLICT (name) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at`, name, string(text), micros(now))
		return err
	})
}
