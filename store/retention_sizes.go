package store

import (
	"time"

	"github.com/oore-ci/oore/app/core"
)

// kind is what builds b leave and retention ends by itself: logs or files.
type kind struct {
	of            func(*core.Reclaims) *core.Reclaim
	from          string
	id, size, age string // columns
	present       string // true of what has not ended
	quota         string // column of a project's limit
	end           string // ends those with the ids, if nothing protects them, and returns their sizes
	before, limit int64  // what is older ends; beyond so many bytes of all the oldest end, 0: there is no limit
}

// kinds are all of them, as a retention limits them. Logs are marked as deleted, files
// expire; the blob store loses both a day later.
func kinds(r core.Retention, now time.Time) []kind {
	return []kind{{
		of:   func(all *core.Reclaims) *core.Reclaim { return &all.Logs },
		from: "builds b", id: "b.id", size: "b.log_size", age: "b.finished_at",
		present: "b.log_sha256 <> '' AND b.log_deleted_at IS NULL", quota: "quota_logs",
		end:    "UPDATE builds AS b SET log_deleted_at = ? WHERE log_deleted_at IS NULL AND b.id IN ? AND " + unprotected() + " RETURNING log_size",
		before: micros(core.Before(now, r.LogsDays)), limit: r.LogsBytes,
	}, {
		of:   func(all *core.Reclaims) *core.Reclaim { return &all.Artifacts },
		from: "artifacts a JOIN builds b ON b.id = a.build_id", id: "a.id", size: "a.size_bytes", age: "a.created_at",
		present: "a.expires_at IS NULL", quota: "quota_artifacts",
		end:    "UPDATE artifacts AS a SET expires_at = ? WHERE expires_at IS NULL AND a.id IN ? AND EXISTS (SELECT 1 FROM builds b WHERE b.id = a.build_id AND " + unprotected() + ") RETURNING size_bytes",
		before: micros(core.Before(now, r.ArtifactsDays)), limit: r.ArtifactsBytes,
	}}
}

// free is true of what nothing protects.
func (k kind) free() string { return k.present + " AND " + unprotected() }

// old is true of what has been kept long enough, and has before as its argument.
func (k kind) old() string { return k.free() + " AND " + k.age + " < ?" }

// list is the oldest of what a condition is true of, with its sizes and projects.
func (k kind) list(where string) string {
	return "SELECT " + k.id + ", " + k.size + " AS size, b.project_id AS project FROM " + k.from + " WHERE " + where + " ORDER BY " + k.age + ", " + k.id
}

type sized struct {
	ID      string
	Size    int64
	Project string
}

// find lists the oldest that are to end; sizes: also of what is beyond the limits of
// bytes, the projects' own at last.
func (s session) find(k kind, sizes bool, batch int) (rows []sized, err error) {
	err = s.db().Raw(k.list(k.old())+" LIMIT ?", k.before, batch).Scan(&rows).Error
	if err != nil || len(rows) > 0 || !sizes {
		return rows, err
	}
	if rows, err = s.beyond(k, k.limit, batch, ""); err != nil || len(rows) > 0 {
		return rows, err
	}
	bounded, err := s.quotas(k)
	for _, p := range bounded {
		if rows, err = s.beyond(k, p.Most, batch, " AND b.project_id = ?", p.ID); err != nil || len(rows) > 0 {
			return rows, err
		}
	}
	return nil, err
}

// beyond lists the oldest that must go until the rest is within the limit, of all or of
// those that a condition narrows it to.
func (s session) beyond(k kind, limit int64, batch int, of string, args ...any) ([]sized, error) {
	if limit == 0 {
		return nil, nil
	}
	var total int64
	sum := "SELECT coalesce(sum(" + k.size + "), 0) FROM " + k.from + " WHERE " + k.present + of
	if err := s.db().Raw(sum, args...).Scan(&total).Error; err != nil || total <= limit {
		return nil, err
	}
	var rows []sized
	if err := s.db().Raw(k.list(k.free()+of)+" LIMIT ?", append(args, batch)...).Scan(&rows).Error; err != nil {
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

// quota is a project's limit of bytes.
type quota struct {
	ID   string
	Most int64
}

func (s session) quotas(k kind) (bounded []quota, err error) {
	err = s.db().Raw("SELECT id, " + k.quota + " AS most FROM projects WHERE " + k.quota + " > 0 ORDER BY id").Scan(&bounded).Error
	return bounded, err
}

// forecast is what ends of the kind besides the builds that go, which the condition names.
func (s session) forecast(k kind, builds string, args []any) (gone core.Reclaim, err error) {
	stays := " AND b.id NOT IN (SELECT b.id FROM builds b WHERE " + builds + ")"
	count := "SELECT count(*) AS count, coalesce(sum(" + k.size + "), 0) AS bytes FROM " + k.from + " WHERE " + k.old() + stays
	if err := s.db().Raw(count, append([]any{k.before}, args...)...).Scan(&gone).Error; err != nil {
		return gone, err
	}
	bounded, err := s.quotas(k)
	if err != nil || k.limit == 0 && len(bounded) == 0 {
		return gone, err
	}
	var totals []sized
	sums := "SELECT b.project_id AS project, sum(" + k.size + ") AS size FROM " + k.from + " WHERE " + k.present + " AND NOT (" + k.old() + ")" + stays + " GROUP BY b.project_id"
	if err := s.db().Raw(sums, append([]any{k.before}, args...)...).Scan(&totals).Error; err != nil {
		return gone, err
	}
	var oldest []sized
	err = s.db().Raw(k.list(k.free()+" AND NOT ("+k.old()+")"+stays), append([]any{k.before}, args...)...).Scan(&oldest).Error
	gone.Add(beyondAll(oldest, totals, k.limit, bounded))
	return gone, err
}

// beyondAll is what goes of the oldest, first until all together are within the limit, then
// until each project is within its own. totals are the sizes of projects.
func beyondAll(oldest, totals []sized, limit int64, bounded []quota) (gone core.Reclaim) {
	all, of, most := int64(0), map[string]int64{}, map[string]int64{}
	for _, t := range totals {
		all, of[t.Project] = all+t.Size, t.Size
	}
	for _, q := range bounded {
		most[q.ID] = q.Most
	}
	for _, one := range oldest {
		// Once all together are within the limit they stay so.
		over := limit > 0 && all > limit || most[one.Project] > 0 && of[one.Project] > most[one.Project]
		if over {
			gone.Add(core.Reclaim{Count: 1, Bytes: one.Size})
			all, of[one.Project] = all-one.Size, of[one.Project]-one.Size
		}
	}
	return gone
}
