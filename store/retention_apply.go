package store

import (
	"context"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// ApplyRetention is core.RetentionStore's. What takes long to find is looked for before
// anything is locked, and looked at once more when it goes.
func (s *Store) ApplyRetention(ctx context.Context, r core.Retention, now time.Time, batch int) (done core.Reclaims, more bool, err error) {
	for _, step := range []struct {
		into *core.Reclaim
		find func(session) ([]sized, error)
		end  func(session, []sized) (core.Reclaim, error)
	}{
		{
			&done.Builds, func(q session) ([]sized, error) { return q.findBuilds(r, now, batch) },
			func(q session, found []sized) (core.Reclaim, error) { return q.deleteBuilds(r, now, found) },
		},
		{
			&done.Logs, func(q session) ([]sized, error) { return q.findLogs(r, now, batch) },
			func(q session, found []sized) (core.Reclaim, error) { return q.end(endLogs(), found, now) },
		},
		{
			&done.Artifacts, func(q session) ([]sized, error) { return q.findArtifacts(r, now, batch) },
			func(q session, found []sized) (core.Reclaim, error) { return q.end(endArtifacts(), found, now) },
		},
	} {
		found, err := step.find(s.read(ctx))
		if err == nil && len(found) > 0 {
			err = s.write(ctx, func(q session) (err error) {
				*step.into, err = step.end(q, found)
				return err
			})
		}
		if err != nil {
			return done, false, failed(err, "apply the retention")
		}
		core.CrashPoint("retention.step")
		more = more || step.into.Count > 0
	}
	err = s.write(ctx, func(q session) (err error) {
		done.Deliveries, err = q.deleteDeliveries(core.Before(now, r.DeliveriesDays), batch)
		if err == nil {
			err = q.deleteApprovals(core.Before(now, r.DeliveriesDays))
		}
		if err == nil {
			done.Audit, err = q.deleteOld("DELETE FROM audit_entries WHERE seq IN (SELECT seq FROM audit_entries WHERE at < ? ORDER BY at, seq LIMIT ?)",
				core.Before(now, r.AuditDays), batch)
		}
		return err
	})
	if err == nil {
		var bodies bool
		bodies, err = s.forgetBodies(ctx, now, batch)
		more = more || bodies
	}
	core.CrashPoint("retention.done")
	return done, more || done.Deliveries.Count > 0 || done.Audit.Count > 0, failed(err, "apply the retention")
}

func (s session) deleteOld(sql string, before time.Time, batch int) (core.Reclaim, error) {
	if before.IsZero() {
		return core.Reclaim{}, nil
	}
	result := s.db().Exec(sql, micros(before), batch)
	return core.Reclaim{Count: result.RowsAffected}, result.Error
}

func (s session) findBuilds(r core.Retention, now time.Time, batch int) (rows []sized, err error) {
	where, args := oldBuilds(r, now)
	err = s.db().Raw("SELECT b.id FROM builds b WHERE "+where+" ORDER BY b.created_at, b.id LIMIT ?", append(args, batch)...).Scan(&rows).Error
	return rows, err
}

// deleteBuilds deletes those of the builds that are still to go, with all that refers to
// them.
func (s session) deleteBuilds(r core.Retention, now time.Time, found []sized) (core.Reclaim, error) {
	where, args := oldBuilds(r, now)
	var ids []string
	err := s.db().Raw("SELECT b.id FROM builds b WHERE b.id IN ? AND "+where, append([]any{idsOf(found)}, args...)...).Scan(&ids).Error
	if err != nil || len(ids) == 0 {
		return core.Reclaim{}, err
	}
	orphaned := `DELETE FROM effects WHERE key IN (SELECT 'status:' || pipeline_id || ':' || sha FROM builds WHERE id IN ?)
		AND NOT EXISTS (SELECT 1 FROM builds o WHERE o.pipeline_id = effects.pipeline_id AND o.sha = effects.sha AND o.id NOT IN ?)`
	if err := s.db().Exec(orphaned, ids, ids).Error; err != nil {
		return core.Reclaim{}, err
	}
	// The forge finds the comment by its mark, should another build come all the same.
	commented := `DELETE FROM effects WHERE kind = 'comment' AND key IN (
			SELECT 'comment:' || p.repository_id || ':' || b.pr_number FROM builds b JOIN projects p ON p.id = b.project_id WHERE b.id IN ? AND b.pr_number IS NOT NULL)
		AND NOT EXISTS (SELECT 1 FROM builds o JOIN projects p ON p.id = o.project_id
			WHERE p.repository_id = effects.repository_id AND o.pr_number = effects.number AND o.id NOT IN ?)`
	if err := s.db().Exec(commented, ids, ids).Error; err != nil {
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

func idsOf(rows []sized) []string {
	ids := make([]string, len(rows))
	for i, row := range rows {
		ids[i] = row.ID
	}
	return ids
}

func (s session) findLogs(r core.Retention, now time.Time, batch int) (rows []sized, err error) {
	where, args := oldLogs(r, now)
	err = s.db().Raw("SELECT b.id, b.log_size AS size FROM builds b WHERE "+where+" ORDER BY b.finished_at, b.id LIMIT ?", append(args, batch)...).Scan(&rows).Error
	if err == nil && len(rows) == 0 {
		rows, err = s.beyond(r.LogsBytes, logBytes, logsBySize(""), batch)
	}
	if err == nil && len(rows) == 0 {
		rows, err = s.beyondQuotas("quota_logs", logBytes+ofProject, logsBySize(ofProject), batch)
	}
	return rows, err
}

// endLogs marks logs as deleted; the blob store loses them a day later.
func endLogs() string {
	return "UPDATE builds AS b SET log_deleted_at = ? WHERE log_deleted_at IS NULL AND b.id IN ? AND " + unprotected() + " RETURNING log_size"
}

func (s session) findArtifacts(r core.Retention, now time.Time, batch int) (rows []sized, err error) {
	where, args := oldArtifacts(r, now)
	err = s.db().Raw("SELECT a.id, a.size_bytes AS size FROM artifacts a JOIN builds b ON b.id = a.build_id WHERE "+where+" ORDER BY a.created_at, a.id LIMIT ?", append(args, batch)...).Scan(&rows).Error
	if err == nil && len(rows) == 0 {
		rows, err = s.beyond(r.ArtifactsBytes, artifactBytes, artifactsBySize(""), batch)
	}
	if err == nil && len(rows) == 0 {
		rows, err = s.beyondQuotas("quota_artifacts", artifactBytesOf+ofProject, artifactsBySize(ofProject), batch)
	}
	return rows, err
}

// endArtifacts lets files expire; their rows stay with the build.
func endArtifacts() string {
	return "UPDATE artifacts AS a SET expires_at = ? WHERE expires_at IS NULL AND a.id IN ? AND EXISTS (SELECT 1 FROM builds b WHERE b.id = a.build_id AND " + unprotected() + ") RETURNING size_bytes"
}

// end runs a statement that returns the sizes of what has gone.
func (s session) end(sql string, found []sized, now time.Time) (done core.Reclaim, err error) {
	var sizes []int64
	err = s.db().Raw(sql, micros(now), idsOf(found)).Scan(&sizes).Error
	for _, size := range sizes {
		done.Add(core.Reclaim{Count: 1, Bytes: size})
	}
	return done, err
}

// beyond lists the oldest that must go until the rest is within the quota, of all or of
// those that the arguments narrow sum and list to.
func (s session) beyond(limit int64, sum, list string, batch int, of ...any) ([]sized, error) {
	if limit == 0 {
		return nil, nil
	}
	var total int64
	if err := s.db().Raw(sum, of...).Scan(&total).Error; err != nil || total <= limit {
		return nil, err
	}
	var rows []sized
	if err := s.db().Raw(list, append(of, batch)...).Scan(&rows).Error; err != nil {
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
