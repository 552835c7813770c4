package store

import (
	"context"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// ApplyRetention is core.RetentionStore's. What takes long to find is looked for before
// anything is locked, and looked at once more when it goes.
func (s *Store) ApplyRetention(ctx context.Context, r core.Retention, now time.Time, batch int) (done core.Reclaims, more bool, err error) {
	step := func(into *core.Reclaim, find func(session) ([]sized, error), end func(session, []sized) (core.Reclaim, error)) {
		if err != nil {
			return
		}
		found, looked := find(s.read(ctx))
		if err = looked; err == nil && len(found) > 0 {
			err = s.write(ctx, func(q session) (err error) {
				*into, err = end(q, found)
				return err
			})
		}
		core.CrashPoint("retention.step")
		more = more || into.Count > 0
	}
	step(&done.Builds,
		func(q session) ([]sized, error) { return q.findBuilds(r, now, batch) },
		func(q session, found []sized) (core.Reclaim, error) { return q.deleteBuilds(r, now, found) })
	for _, k := range kinds(r, now) {
		step(k.of(&done), // sizes count once all builds have gone that go
			func(q session) ([]sized, error) { return q.find(k, done.Builds.Count == 0, batch) },
			func(q session, found []sized) (core.Reclaim, error) { return q.end(k, found, now) })
	}
	before := core.Before(now, r.DeliveriesDays)
	step(&done.Deliveries,
		func(q session) ([]sized, error) { return q.findDeliveries(before, batch) },
		func(q session, found []sized) (core.Reclaim, error) { return q.deleteDeliveries(before, found) })
	step(new(core.Reclaim),
		func(q session) ([]sized, error) { return q.findApprovals(before, batch) },
		func(q session, found []sized) (core.Reclaim, error) { return q.deleteApprovals(before, found) })
	step(&done.Audit,
		func(q session) ([]sized, error) { return q.findAudit(core.Before(now, r.AuditDays), batch) },
		func(q session, found []sized) (core.Reclaim, error) { return q.deleteAudit(found) })
	if err == nil {
		var bodies bool
		bodies, err = s.forgetBodies(ctx, now, batch)
		more = more || bodies
	}
	core.CrashPoint("retention.done")
	return done, more, failed(err, "apply the retention")
}

func (s session) findAudit(before time.Time, batch int) (rows []sized, err error) {
	if before.IsZero() {
		return nil, nil
	}
	err = s.db().Raw("SELECT id FROM audit_entries WHERE at < ? ORDER BY at, seq LIMIT ?", micros(before), batch).Scan(&rows).Error
	return rows, err
}

func (s session) deleteAudit(found []sized) (core.Reclaim, error) {
	result := s.db().Exec("DELETE FROM audit_entries WHERE id IN ?", idsOf(found))
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

// end ends those that are still to end.
func (s session) end(k kind, found []sized, now time.Time) (done core.Reclaim, err error) {
	var sizes []int64
	err = s.db().Raw(k.end, micros(now), idsOf(found)).Scan(&sizes).Error
	for _, size := range sizes {
		done.Add(core.Reclaim{Count: 1, Bytes: size})
	}
	return done, err
}
