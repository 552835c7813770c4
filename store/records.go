package store

import (
	"context"

	"gorm.io/gorm/clause"

	"github.com/oore-ci/oore/app/core"
)

type recordRow struct {
	BuildID     string    `gorm:"primaryKey"`
	Ran         *core.Ran `gorm:"serializer:json"`
	TestsSHA256 string    `gorm:"column:tests_sha256"`
	TestsSize   int64
	TestsCount  int
	LogFrom     *int64
	LogUntil    *int64
	LogBytes    *int64
	LogCRC32C   *int64 `gorm:"column:log_crc32c"`
}

// TableName is gorm's.
func (recordRow) TableName() string { return "build_records" }

// SaveRan is core.RecordStore's.
func (s *Store) SaveRan(ctx context.Context, buildID string, r core.Ran) error {
	return s.saveRecord(ctx, recordRow{BuildID: buildID, Ran: &r}, "ran")
}

// SaveTests is core.RecordStore's.
func (s *Store) SaveTests(ctx context.Context, buildID string, o core.TestObject) error {
	return s.saveRecord(ctx, recordRow{BuildID: buildID, TestsSHA256: o.SHA256, TestsSize: o.Size, TestsCount: o.Count}, "tests_sha256", "tests_size", "tests_count")
}

// SaveLogTally is core.RecordStore's.
func (s *Store) SaveLogTally(ctx context.Context, buildID string, t core.LogTally) error {
	sum := int64(t.CRC32C)
	row := recordRow{BuildID: buildID, LogFrom: &t.From, LogUntil: &t.Next, LogBytes: &t.Bytes, LogCRC32C: &sum}
	return s.saveRecord(ctx, row, "log_from", "log_until", "log_bytes", "log_crc32c")
}

func (s *Store) saveRecord(ctx context.Context, row recordRow, columns ...string) error {
	err := s.writeOne(ctx, func(q session) error {
		return q.db().Clauses(clause.OnConflict{Columns: []clause.Column{{Name: "build_id"}}, DoUpdates: clause.AssignmentColumns(columns)}).Create(&row).Error
	})
	return failed(err, "save the record of build %s", row.BuildID)
}

// FindRecord is core.RecordStore's.
func (s *Store) FindRecord(ctx context.Context, buildID string) (*core.Ran, core.TestObject, error) {
	var rows []recordRow
	err := s.read(ctx).db().Find(&rows, "build_id = ?", buildID).Error
	if err != nil || len(rows) == 0 {
		return nil, core.TestObject{}, failed(err, "find the record of build %s", buildID)
	}
	r := rows[0]
	return r.Ran, core.TestObject{SHA256: r.TestsSHA256, Size: r.TestsSize, Count: r.TestsCount}, nil
}
