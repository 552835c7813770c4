package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// trimChunks is how many chunks one transaction deletes: on SQLite all other writers
// wait meanwhile, and 256 MiB of them would take half a second.
const trimChunks = 64

// FindLog is core.LogStore's. It is one statement, so that it sees chunks and object
// as of one moment.
func (s *Store) FindLog(ctx context.Context, buildID string) (core.LogExtent, error) {
	var extent core.LogExtent
	o := core.LogObject{BuildID: buildID}
	var deleted *int64
	err := s.read(ctx).pool.QueryRowContext(ctx, `
		SELECT coalesce((SELECT first_sequence + record_count FROM log_chunks WHERE build_id = $1 ORDER BY first_sequence DESC LIMIT 1), 0),
			log_sha256, log_size, log_next, log_deleted_at
		FROM builds WHERE id = $1`, buildID).Scan(&extent.Next, &o.SHA256, &o.Size, &o.Next, &deleted)
	if errors.Is(err, sql.ErrNoRows) {
		return extent, nil
	}
	if o.SHA256 != "" {
		extent = core.LogExtent{Next: o.Next, Object: &o, DeletedAt: instantOrNil(deleted)}
	}
	return extent, failed(err, "find the log of build %s", buildID)
}

// TakeEndedLog is core.LogStore's. It repeats the condition of its index.
func (s *Store) TakeEndedLog(ctx context.Context, endedBefore, now, until time.Time) (string, error) {
	var id string
	const due = "log_due IS NOT NULL AND log_due <= $1 AND finished_at IS NOT NULL AND finished_at < $2 AND lease_token = ''"
	// It looks before it writes: most of the time nothing is due.
	err := s.read(ctx).pool.QueryRowContext(ctx, "SELECT id FROM builds WHERE "+due+" ORDER BY log_due, id LIMIT 1",
		micros(now), micros(endedBefore)).Scan(&id)
	if err == nil {
		err = s.writeOne(ctx, func(q session) error {
			return q.pool.QueryRowContext(ctx, `
				WITH due AS MATERIALIZED (SELECT id FROM builds WHERE `+due+` ORDER BY log_due, id LIMIT 1`+s.db.dialect.skipLocked+`)
				UPDATE builds SET log_due = $3 WHERE id IN (SELECT id FROM due) AND log_due <= $1 RETURNING id`,
				micros(now), micros(endedBefore), micros(until)).Scan(&id)
		})
	}
	return id, found(err, "Log to archive", "take an ended log")
}

// PutOffLog is core.LogStore's.
func (s *Store) PutOffLog(ctx context.Context, buildID string, t time.Time) error {
	err := s.writeOne(ctx, func(q session) error {
		_, err := q.exec("UPDATE builds SET log_due = $1 WHERE id = $2 AND log_due IS NOT NULL", micros(t), buildID)
		return err
	})
	return failed(err, "put off the log of build %s", buildID)
}

// ArchiveLog is core.LogStore's.
func (s *Store) ArchiveLog(ctx context.Context, o core.LogObject) (more bool, err error) {
	err = s.write(ctx, func(q session) error {
		if err := q.mayArchive(o, s.db.dialect.lock); err != nil {
			return err
		}
		if more, err = q.trimLog(o.BuildID); err != nil {
			return err
		}
		_, err = q.exec("UPDATE builds SET log_sha256 = $1, log_size = $2, log_next = $3, log_due = CASE WHEN $4 THEN log_due END WHERE id = $5",
			o.SHA256, o.Size, o.Next, more, o.BuildID)
		return err
	})
	return more, failed(err, "archive the log of build %s", o.BuildID)
}

// mayArchive checks that the object is the build's log already, or may become it. The
// build's row stays locked, so that nobody takes a lease or records another meanwhile.
func (s session) mayArchive(o core.LogObject, lock string) error {
	var known string
	var ended bool
	err := s.pool.QueryRowContext(s.ctx, "SELECT log_sha256, finished_at IS NOT NULL AND lease_token = '' FROM builds WHERE id = $1"+lock, o.BuildID).
		Scan(&known, &ended)
	switch {
	case err != nil:
		return found(err, "Build", "find build %s", o.BuildID)
	case !ended:
		return core.Errorf(core.KindConflict, "Build %s has not ended, or its runner has not let go of it", o.BuildID)
	case known != "" && known != o.SHA256:
		return core.Errorf(core.KindConflict, "The log of build %s is archived already", o.BuildID)
	case known != "":
		return nil
	}
	next, err := s.nextLog(o.BuildID)
	if err == nil && next != o.Next {
		err = core.Errorf(core.KindConflict, "The log of build %s ends at %d, its object at %d", o.BuildID, next, o.Next)
	}
	return err
}

// trimLog deletes the first chunks of a log and tells whether it left some.
func (s session) trimLog(buildID string) (more bool, err error) {
	var rest int64
	err = s.pool.QueryRowContext(s.ctx, "SELECT first_sequence FROM log_chunks WHERE build_id = $1 ORDER BY first_sequence LIMIT 1 OFFSET $2",
		buildID, trimChunks).Scan(&rest)
	if errors.Is(err, sql.ErrNoRows) {
		_, err = s.exec("DELETE FROM log_chunks WHERE build_id = $1", buildID)
		return false, err
	}
	if err != nil {
		return false, err
	}
	_, err = s.exec("DELETE FROM log_chunks WHERE build_id = $1 AND first_sequence < $2", buildID, rest)
	return true, err
}
