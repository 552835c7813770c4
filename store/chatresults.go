package store

import (
	"context"
	"encoding/json"

	"github.com/oore-ci/oore/app/core"
)

type chatResultRow struct {
	Source     string
	SourceID   string
	LineNo     int
	DeliveryID string
	Result     core.ChatResult `gorm:"serializer:json"`
	Created    int64           `gorm:"column:created_at"`
}

// TableName is gorm's.
func (chatResultRow) TableName() string { return "chat_commands" }

func (r chatResultRow) toCore() core.ChatResult {
	out := r.Result
	out.Source, out.SourceID, out.Line, out.DeliveryID, out.At = r.Source, r.SourceID, r.LineNo, r.DeliveryID, instant(r.Created)
	return out
}

// CreateChatResult is core.ChatStore's. In a transaction, another one that runs the same
// line waits for the end, and then learns that it was too late.
func (s *Store) CreateChatResult(ctx context.Context, r core.ChatResult) (created bool, err error) {
	text, err := json.Marshal(r)
	if err != nil {
		return false, failed(err, "keep the result of line %d of %s", r.Line, r.SourceID)
	}
	err = s.writeOne(ctx, func(q session) error {
		n, err := q.exec(`INSERT INTO chat_commands (source, source_id, line_no, delivery_id, result, created_at)
			VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`, r.Source, r.SourceID, r.Line, r.DeliveryID, string(text), micros(r.At))
		created = n > 0
		return err
	})
	return created, failed(err, "keep the result of line %d of %s", r.Line, r.SourceID)
}

// ListChatResults is core.ChatStore's.
func (s *Store) ListChatResults(ctx context.Context, source, sourceID string) ([]core.ChatResult, error) {
	var rows []chatResultRow
	err := s.read(ctx).db().Order("line_no").Find(&rows, "source = ? AND source_id = ?", source, sourceID).Error
	return toCores(rows), failed(err, "list the results of %s", sourceID)
}
