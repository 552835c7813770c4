package store

import (
	"context"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// ApplyRetention is core.RetentionStore's.
func (s *Store) ApplyRetention(ctx context.Context, r core.Retention, now time.Time, batch int) (done core.Reclaims, more bool, err error) {
	for _, step := range []struct {
		into *core.Reclaim
		run  func(session) (core.Reclaim, error)
	}{
		{&done.Builds, func(q session) (core.Reclaim, error) { return q.deleteBuilds(r, now, batch) }},
		{&done.Logs, func(q session) (core.Reclaim, error) { return q.endLogs(r, now, batch) }},
		{&done.Artifacts, func(q session) (core.Reclaim, error) { return q.endArtifacts(r, now, batch) }},
		{&done.Deliveries, func(q session) (core.Reclaim, error) {
			return q.deleteOld("DELETE FROM deliveries WHERE id IN (SELECT id FROM deliveries WHERE status <> 'received' AND received_at < ? ORDER BY received_at, id LIMIT ?)",
				core.Before(now, r.DeliveriesDays), batch)
		}},
		{&done.Audit, func(q session) (core.Reclaim, error) {
			return q.deleteOld("DELETE FROM audit_entries WHERE seq IN (SELECT seq FROM audit_entries WHERE at < ? ORDER BY at, seq LIMIT ?)",
				core.Before(now, r.AuditDays), batch)
		}},
	} {
		err := s.write(ctx, func(q session) (err error) {
			*step.into, err = step.run(q)
			return err
		})
		if err != nil {
			return done, false, failed(err, "apply the retention")
		}
		more = more || step.into.Count > 0
	}
	return done, more, nil
}

func (s session) deleteOld(sql string, before time.Time, batch int) (core.Reclaim, error) {
	if before.IsZero() {
		return core.Reclaim{}, nil
	}
	result := s.db().Exec(sql, micros(before), batch)
	return core.Reclaim{Count: result.RowsAffected}, result.Error
}

// deleteBuilds deletes builds with all that refers to them.
func (s session) deleteBuilds(r core.Retention, now time.Time, batch int) (core.Reclaim, error) {
	where, args := oldBuilds(r, now)
	var ids []string
	if err := s.db().Raw("SELECT b.id FROM builds b WHERE "+where+" ORDER BY b.created_at, b.id LIMIT ?", append(args, batch)...).Scan(&ids).Error; err != nil || len(ids) == 0 {
		return core.Reclaim{}, err
	}
	for _, sql := range []string{
		"DELETE FROM credentials WHERE artifact_id <> '' AND artifact_id IN (SELECT id FROM artifacts WHERE build_id IN ?)",
		"DELETE FROM effects WHERE build_id <> '' AND build_id IN ?",
	} {
		if err := s.db().Exec(sql, ids).Error; err != nil {
			return core.Reclaim{}, err
		}
	}
	result := s.db().Exec("DELETE FROM builds WHERE id IN ?", ids)
	return core.Reclaim{Count: result.RowsAffected}, result.Error
}

// endLogs marks logs as deleted; the blob store loses them a day later.
func (s session) endLogs(r core.Retention, now time.Time, batch int) (core.Reclaim, error) {
	where, args := oldLogs(r, now)
	var rows []sized
	err := s.db().Raw("SELECT b.id, b.log_size AS size FROM builds b WHERE "+where+" ORDER BY b.finished_at, b.id LIMIT ?", append(args, batch)...).Scan(&rows).Error
	if err == nil && len(rows) == 0 {
		rows, err = s.beyond(r.LogsBytes, logBytes, logsBySize(), batch)
	}
	return s.end("UPDATE builds SET log_deleted_at = ? WHERE log_deleted_at IS NULL AND id IN ?", rows, now, err)
}

// endArtifacts lets files expire; their rows stay with the build.
func (s session) endArtifacts(r core.Retention, now time.Time, batch int) (core.Reclaim, error) {
	where, args := oldArtifacts(r, now)
	var rows []sized
	err := s.db().Raw("SELECT a.id, a.size_bytes AS size FROM artifacts a JOIN builds b ON b.id = a.build_id WHERE "+where+" ORDER BY a.created_at, a.id LIMIT ?", append(args, batch)...).Scan(&rows).Error
	if err == nil && len(rows) == 0 {
		rows, err = s.beyond(r.ArtifactsBytes, artifactBytes, artifactsBySize(), batch)
	}
	return s.end("UPDATE artifacts SET expires_at = ? WHERE expires_at IS NULL AND id IN ?", rows, now, err)
}

func (s session) end(sql string, rows []sized, now time.Time, err error) (core.Reclaim, error) {
	if err != nil || len(rows) == 0 {
		return core.Reclaim{}, err
	}
	var done core.Reclaim
	var ids []string
	for _, row := range rows {
		ids = append(ids, row.ID)
		done.Bytes += row.Size
	}
	result := s.db().Exec(sql, micros(now), ids)
	done.Count = result.RowsAffected
	return done, result.Error
}

// beyond lists the oldest that must go until the rest is within the quota.
func (s session) beyond(limit int64, sum, list string, batch int) ([]sized, error) {
	if limit == 0 {
		return nil, nil
	}
	var total int64
	if err := s.db().Raw(sum).Scan(&total).Error; err != nil || total <= limit {
		return nil, err
	}
	var rows []sized
	if err := s.db().Raw(list, batch).Scan(&rows).Error; err != nil {
		return nil, err
	}
	for i, row := range rows {
		if total <= limit {
			return rows[:i], nil
		}
		total -= row.Size
	}
	return rows, nil
}
