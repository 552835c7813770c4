package store

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/oore-ci/oore/app/core"
)

const retentionSetting = "retention"

// FindRetention is core.RetentionStore's.
func (s *Store) FindRetention(ctx context.Context) (core.Retention, error) {
	var r core.Retention
	var text string
	err := s.read(ctx).pool.QueryRowContext(ctx, "SELECT value FROM settings WHERE name = $1", retentionSetting).Scan(&text)
	if err == nil {
		err = json.Unmarshal([]byte(text), &r)
	}
	return r, found(err, "Retention", "find the retention")
}

// SaveRetention is core.RetentionStore's.
func (s *Store) SaveRetention(ctx context.Context, r core.Retention, now time.Time) error {
	return failed(s.saveSetting(ctx, retentionSetting, r, now), "save the retention")
}

// newerThan tells whether there is a build like b, after it. Branches of forks that have
// the same name are parted by their pull requests, and the merge queue from the branch
// that it merges into.
func newerThan(like string) string {
	return `EXISTS (SELECT 1 FROM builds n WHERE n.pipeline_id = b.pipeline_id AND n.branch = b.branch AND n.tag = b.tag
		AND CASE WHEN n.pr_fork THEN n.pr_number ELSE 0 END = CASE WHEN b.pr_fork THEN b.pr_number ELSE 0 END
		AND (n.trigger_event = 'merge_group') = (b.trigger_event = 'merge_group')
		AND (n.created_at, n.id) > (b.created_at, b.id)` + like + `)`
}

// hasApp tells whether a build made what a phone can install.
func hasApp(build string) string {
	return "EXISTS (SELECT 1 FROM artifacts i WHERE i.build_id = " + build + ".id AND i.kind IN ('" + strings.Join(installable(), "', '") + "'))"
}

// unprotected is true of builds b that nothing shows, waits for or points at. The app that
// ListReleases shows may be older than the newest success, which may have made none.
func unprotected() string {
	return `b.finished_at IS NOT NULL AND b.lease_token = ''
		AND ` + newerThan("") + `
		AND (b.status NOT IN ('succeeded', 'failed', 'timed_out') OR ` + newerThan(" AND n.status IN ('succeeded', 'failed', 'timed_out')") + `)
		AND (b.status <> 'succeeded' OR ` + newerThan(" AND n.status = 'succeeded'") + `)
		AND (b.status <> 'succeeded' OR b.pr_fork OR NOT ` + hasApp("b") + ` OR EXISTS (SELECT 1 FROM builds n WHERE n.pipeline_id = b.pipeline_id
			AND n.branch = b.branch AND n.tag = b.tag AND n.number > b.number AND n.status = 'succeeded' AND NOT n.pr_fork AND ` + hasApp("n") + `))
		AND NOT EXISTS (SELECT 1 FROM builds r WHERE r.source_build_id = b.id AND r.source_build_id <> '' AND r.finished_at IS NULL)
		AND NOT EXISTS (SELECT 1 FROM artifacts x JOIN credentials c ON c.artifact_id = x.id AND c.kind = 'share' WHERE x.build_id = b.id)`
}

// Each condition below has its arguments in the order of its question marks.

func oldBuilds(r core.Retention, now time.Time) (where string, args []any) {
	floor := micros(now.Add(-core.RetentionFloor))
	created := floor
	if r.BuildsCount == 0 { // then no younger one goes, and none is looked at
		created = min(floor, micros(core.Before(now, r.BuildsDays)))
	}
	where = unprotected() + ` AND b.created_at < ? AND b.finished_at < ?
		AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.sha = b.sha AND d.sha <> '' AND d.received_at >= ?)
		AND NOT EXISTS (SELECT 1 FROM effects e WHERE e.done < e.wanted AND NOT e.parked AND (e.build_id = b.id OR e.key = 'status:' || b.pipeline_id || ':' || b.sha))
		AND (`
	args = []any{created, floor, floor}
	limits := ""
	if before := core.Before(now, r.BuildsDays); !before.IsZero() {
		limits, args = "b.finished_at < ?", append(args, micros(before))
	}
	if r.BuildsCount > 0 {
		if limits != "" {
			limits += " OR "
		}
		limits += `(b.created_at, b.id) <= (SELECT k.created_at, k.id FROM builds k WHERE k.pipeline_id = b.pipeline_id ORDER BY k.created_at DESC, k.id DESC LIMIT 1 OFFSET ?)`
		args = append(args, r.BuildsCount)
	}
	if limits == "" {
		limits = "1 = 0"
	}
	return where + limits + ")", args
}

// CountRetention is core.RetentionStore's.
func (s *Store) CountRetention(ctx context.Context, r core.Retention, now time.Time) (all core.Reclaims, err error) {
	q := s.read(ctx)
	count := func(into *core.Reclaim, sql string, args ...any) {
		if err == nil {
			err = q.db().Raw(sql, args...).Scan(into).Error
		}
	}
	where, args := oldBuilds(r, now)
	count(&all.Builds, `SELECT count(*) AS count, coalesce(sum(CASE WHEN b.log_deleted_at IS NULL THEN b.log_size ELSE 0 END), 0)
		+ coalesce(sum((SELECT coalesce(sum(a.size_bytes), 0) FROM artifacts a WHERE a.build_id = b.id AND a.expires_at IS NULL)), 0) AS bytes
		FROM builds b WHERE `+where, args...)
	for _, k := range kinds(r, now) {
		if err == nil {
			*k.of(&all), err = q.forecast(k, where, args)
		}
	}
	count(&all.Deliveries, "SELECT count(*) AS count, coalesce(sum(length(payload)), 0) AS bytes FROM deliveries WHERE "+oldDelivery,
		micros(core.Before(now, r.DeliveriesDays)))
	count(&all.Audit, "SELECT count(*) AS count, 0 AS bytes FROM audit_entries WHERE at < ?", micros(core.Before(now, r.AuditDays)))
	return all, failed(err, "count what retention deletes")
}
