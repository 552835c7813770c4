package store

import (
	"context"

	"gorm.io/gorm"

	"github.com/oore-ci/oore/app/core"
)

type auditRow struct {
	Seq          int64 `gorm:"->"` // the database's
	ID           string
	At           int64
	ActorKind    string
	ActorID      string
	Actor        string
	CredentialID string
	Door         string
	Address      string
	Action       string
	TargetKind   string
	TargetID     string
	Target       string
	ProjectID    string
	Changes      []core.AuditChange `gorm:"serializer:json"`
	DeliveryID   string
}

// TableName is gorm's.
func (auditRow) TableName() string { return "audit_entries" }

func (r auditRow) toCore() core.AuditEntry {
	return core.AuditEntry{
		ID: r.ID, Seq: r.Seq, At: instant(r.At), ActorKind: core.ActorKind(r.ActorKind), ActorID: r.ActorID, Actor: r.Actor, CredentialID: r.CredentialID,
		Door: core.Door(r.Door), Address: r.Address, Action: core.AuditAction(r.Action), TargetKind: r.TargetKind, TargetID: r.TargetID, Target: r.Target,
		ProjectID: r.ProjectID, Changes: r.Changes, Delivery: r.DeliveryID,
	}
}

// AppendAudit is core.AuditStore's.
func (s *Store) AppendAudit(ctx context.Context, e core.AuditEntry) error {
	row := auditRow{
		ID: e.ID, At: micros(e.At), ActorKind: string(e.ActorKind), ActorID: e.ActorID, Actor: e.Actor, CredentialID: e.CredentialID,
		Door: string(e.Door), Address: e.Address, Action: string(e.Action), TargetKind: e.TargetKind, TargetID: e.TargetID, Target: e.Target,
		ProjectID: e.ProjectID, Changes: e.Changes, DeliveryID: e.Delivery,
	}
	err := s.writeOne(ctx, func(q session) error { return q.db().Create(&row).Error })
	return failed(err, "append %s to the audit log", e.Action)
}

// ListAudit is core.AuditStore's.
func (s *Store) ListAudit(ctx context.Context, f core.AuditFilter, page core.Page) ([]core.AuditEntry, int, error) {
	matching := filterAudit(s.read(ctx).db().Model(&auditRow{}), f).Session(&gorm.Session{})
	var total int64
	if f.Before > 0 {
		matching = matching.Where("seq < ?", f.Before).Session(&gorm.Session{})
	} else if err := matching.Count(&total).Error; err != nil {
		return nil, 0, failed(err, "count the audit log")
	}
	var rows []auditRow
	err := paged(matching, page).Order("seq DESC").Find(&rows).Error
	return toCores(rows), int(total), failed(err, "list the audit log")
}

// filterAudit repeats the conditions of the partial indexes, without which they would
// not be used.
func filterAudit(db *gorm.DB, f core.AuditFilter) *gorm.DB {
	if f.ActorID != "" {
		db = db.Where("actor_id = ? AND actor_id <> ''", f.ActorID)
	}
	if f.Action != "" {
		db = db.Where("action = ?", string(f.Action))
	}
	if f.TargetKind != "" {
		db = db.Where("target_kind = ?", f.TargetKind)
	}
	if f.TargetID != "" {
		db = db.Where("target_id = ? AND target_id <> ''", f.TargetID)
	}
	if f.ProjectID != "" {
		db = db.Where("project_id = ? AND project_id <> ''", f.ProjectID)
	}
	if !f.From.IsZero() {
		db = db.Where("at >= ?", micros(f.From))
	}
	if !f.To.IsZero() {
		db = db.Where("at < ?", micros(f.To))
	}
	return db
}

// ListAuditAfter is core.AuditStore's.
func (s *Store) ListAuditAfter(ctx context.Context, seq int64, limit int) ([]core.AuditEntry, error) {
	var rows []auditRow
	err := s.read(ctx).db().Order("seq").Limit(limit).Find(&rows, "seq > ?", seq).Error
	return toCores(rows), failed(err, "read on in the audit log")
}

// LastAudit is core.AuditStore's.
func (s *Store) LastAudit(ctx context.Context) (int64, error) {
	var seq int64
	err := s.read(ctx).db().Raw("SELECT coalesce(max(seq), 0) FROM audit_entries").Scan(&seq).Error
	return seq, failed(err, "read the end of the audit log")
}
