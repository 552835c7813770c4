package store

import (
	"context"
	"encoding/json"
	"time"

	"gorm.io/gorm"

	"github.com/oore-ci/oore/app/core"
)

const deliveryColumns = `id, provider, delivery_id, integration_id, event, action, repository, ref, sha, actor, status, reason_code, reason_text,
	verdicts, reply, attempts, not_before, received_at, processed_at, payload`

const insertDelivery = "INSERT INTO deliveries (" + deliveryColumns + `)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)
	ON CONFLICT (provider, delivery_id) DO NOTHING`

// values are what insertDelivery takes.
func (r deliveryRow) values() ([]any, error) {
	var verdicts any // NULL for none, as gorm stores it
	if r.Verdicts != nil {
		text, err := json.Marshal(r.Verdicts)
		if err != nil {
			return nil, err
		}
		verdicts = string(text)
	}
	payload := r.Payload
	if payload == nil {
		payload = []byte{}
	}
	return []any{
		r.ID, r.Provider, r.DeliveryID, r.IntegrationID, r.Event, r.Action, r.Repository, r.Ref, r.SHA, r.Actor, r.Status,
		r.ReasonCode, r.ReasonText, verdicts, r.Reply, r.Attempts, r.NotBefore, r.ReceivedAt, r.ProcessedAt, payload,
	}, nil
}

// ReceiveDelivery is core.DeliveryStore's. Outside a transaction it shares its
// commit with all that arrive at the same time.
func (s *Store) ReceiveDelivery(ctx context.Context, d core.Delivery) (core.Delivery, bool, error) {
	row := newDeliveryRow(d)
	values, err := row.values()
	if err != nil {
		return core.Delivery{}, false, failed(err, "receive delivery %s", d.DeliveryID)
	}
	created := false
	if s.tx == nil && s.db.inbox != nil {
		created, err = s.db.inbox.receive(ctx, values)
	} else {
		err = s.writeOne(ctx, func(q session) error {
			n, err := q.exec(insertDelivery, values...)
			created = n > 0
			return err
		})
	}
	if err == nil && !created {
		row, err = s.receiveAgain(ctx, row)
	}
	if err != nil {
		return core.Delivery{}, false, failed(err, "receive delivery %s", d.DeliveryID)
	}
	return row.toCore(), created, nil
}

// receiveAgain finds the delivery that came before and, if it failed, lets it be
// tried anew, with what it brought now.
func (s *Store) receiveAgain(ctx context.Context, d deliveryRow) (deliveryRow, error) {
	row, err := s.read(ctx).deliveryOf(d)
	if err != nil || row.Status != string(core.DeliveryFailed) {
		return row, err
	}
	err = s.writeOne(ctx, func(q session) error {
		return q.db().Model(&deliveryRow{}).Where("id = ? AND status = 'failed'", row.ID).
			Updates(map[string]any{"status": string(core.DeliveryReceived), "not_before": d.NotBefore, "attempts": 0, "processed_at": nil, "payload": d.Payload, "body_sha256": ""}).Error
	})
	if err != nil {
		return row, err
	}
	return s.read(ctx).deliveryOf(d)
}

func (s session) deliveryOf(d deliveryRow) (row deliveryRow, err error) {
	err = s.db().Take(&row, "provider = ? AND delivery_id = ?", d.Provider, d.DeliveryID).Error
	return row, err
}

// dueBytes bounds the payloads that DueDeliveries brings into memory at once.
const dueBytes = 32 << 20

// PutOffDeliveries is core.DeliveryStore's.
func (s *Store) PutOffDeliveries(ctx context.Context, repository string, ids []string) error {
	err := s.write(ctx, func(q session) error {
		return q.db().Exec("UPDATE deliveries SET repository = ? WHERE id IN ? AND status = 'received'", repository, ids).Error
	})
	return failed(err, "put off deliveries of %s", repository)
}

// DueDeliveries is core.DeliveryStore's. It returns fewer than limit, but at least
// one, where the payloads are large.
func (s *Store) DueDeliveries(ctx context.Context, now time.Time, limit int, known, busy []string) ([]core.Delivery, error) {
	var due []struct {
		ID   string
		Size int
	}
	q := s.read(ctx)
	looking := q.db().Table("deliveries").Select("id, length(payload) AS size").Where("status = 'received' AND not_before <= ?", micros(now))
	if len(known) > 0 {
		looking = looking.Where("id NOT IN ?", known)
	}
	if len(busy) > 0 {
		looking = looking.Where("repository NOT IN ?", busy)
	}
	err := looking.Order("received_at, id").Limit(limit).Scan(&due).Error
	if err != nil || len(due) == 0 {
		return nil, failed(err, "read the inbox")
	}
	var ids []string
	size := 0
	for _, d := range due {
		if size += d.Size; size > dueBytes && len(ids) > 0 {
			break
		}
		ids = append(ids, d.ID)
	}
	var rows []deliveryRow
	err = q.db().Order("received_at, id").Find(&rows, "id IN ? AND status = 'received'", ids).Error
	return toCores(rows), failed(err, "read the inbox")
}

// UpdateDelivery is core.DeliveryStore's.
func (s *Store) UpdateDelivery(ctx context.Context, d core.Delivery, from core.DeliveryStatus) error {
	err := s.writeOne(ctx, func(q session) error {
		result := q.db().Model(&deliveryRow{}).Where("id = ? AND (? = '' OR status = ?)", d.ID, string(from), string(from)).
			Select("*").Omit("ID", "Provider", "DeliveryID", "IntegrationID", "Event", "Payload", "BodySHA256").Updates(newDeliveryRow(d))
		if result.Error == nil && result.RowsAffected == 0 {
			return q.decided(d.ID)
		}
		return result.Error
	})
	return failed(err, "update delivery %s", d.ID)
}

// decided says why a delivery could not be updated.
func (s session) decided(id string) error {
	var status string
	err := s.db().Table("deliveries").Select("status").Take(&status, "id = ?", id).Error
	if err != nil {
		return found(err, "Delivery", "find delivery %s", id)
	}
	return core.Codef(core.KindConflict, core.CodeAlreadyDecided, "The delivery is %s by now", status)
}

// FindDelivery is core.DeliveryStore's.
func (s *Store) FindDelivery(ctx context.Context, id string) (core.Delivery, error) {
	var row deliveryRow
	err := s.read(ctx).db().Take(&row, "id = ?", id).Error
	return row.toCore(), found(err, "Delivery", "find delivery %s", id)
}

// ListDeliveries is core.DeliveryStore's.
func (s *Store) ListDeliveries(ctx context.Context, f core.DeliveryFilter, page core.Page) ([]core.Delivery, int, error) {
	matching := filterDeliveries(s.read(ctx).db().Model(&deliveryRow{}), f).Session(&gorm.Session{})
	var total int64
	if err := matching.Count(&total).Error; err != nil {
		return nil, 0, failed(err, "count deliveries")
	}
	var rows []deliveryRow
	err := paged(matching, page).Omit("Payload").Order("received_at DESC, id DESC").Find(&rows).Error
	return toCores(rows), int(total), failed(err, "list deliveries")
}

// filterDeliveries repeats the conditions of the partial indexes, without which
// they would not be used.
func filterDeliveries(db *gorm.DB, f core.DeliveryFilter) *gorm.DB {
	if f.Provider != "" {
		db = db.Where("provider = ?", string(f.Provider))
	}
	if f.Status == core.DeliveryReceived {
		db = db.Where("status = 'received'")
	} else if f.Status != "" {
		db = db.Where("status = ? AND status <> 'received'", string(f.Status))
	}
	if f.Repository != "" {
		db = db.Where("repository = ? AND repository <> ''", f.Repository)
	}
	if f.SHA != "" {
		db = db.Where("sha = ? AND sha <> ''", f.SHA)
	}
	if f.SHAPrefix != "" {
		db = db.Where("sha >= ? AND sha < ? AND sha <> ''", f.SHAPrefix, f.SHAPrefix+"g") // no hex digit comes after f
	}
	return db
}
