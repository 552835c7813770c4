package store

import "github.com/oore-ci/oore/app/core"

// ShippedLog is an archived log, and what its runner says that it shipped.
type ShippedLog struct {
	Object  core.LogObject
	Shipped core.LogTally
}

type shippedRow struct {
	BuildID, SHA256                                string
	Size, Next, LogFrom, LogUntil, LogBytes, Crc32 int64
}

// ShippedLogs lists the archived logs whose runners said what they shipped.
func (v *Snapshot) ShippedLogs() ([]ShippedLog, error) {
	return v.shippedLogs("b.log_sha256 <> '' AND b.log_deleted_at IS NULL")
}

func (v *Snapshot) shippedLogs(where string) ([]ShippedLog, error) {
	var rows []shippedRow
	err := v.q.db().Raw(`SELECT r.build_id, b.log_sha256 AS sha256, b.log_size AS size, b.log_next AS next, r.log_from, r.log_until, r.log_bytes, r.log_crc32c AS crc32
		FROM build_records r JOIN builds b ON b.id = r.build_id WHERE r.log_until IS NOT NULL AND b.lease_token = '' AND ` + where + ` ORDER BY r.build_id`).Scan(&rows).Error
	logs := make([]ShippedLog, len(rows))
	for i, r := range rows {
		logs[i] = ShippedLog{
			Object:  core.LogObject{BuildID: r.BuildID, SHA256: r.SHA256, Size: r.Size, Next: r.Next},
			Shipped: core.LogTally{From: r.LogFrom, Next: r.LogUntil, Bytes: r.LogBytes, CRC32C: uint32(r.Crc32)},
		}
	}
	return logs, failed(err, "list what runners shipped")
}

// compareLogs reads the logs that are not archived yet. One of another length is found by
// a query.
func (v *Snapshot) compareLogs(f *Finding) error {
	logs, err := v.shippedLogs("b.log_sha256 = ''")
	if err != nil {
		return err
	}
	for _, log := range logs {
		kept := core.LogTally{From: log.Shipped.From, Next: log.Shipped.From}
		for {
			chunks, err := v.q.readChunks(log.Object.BuildID, kept.Next, firstChunks)
			if err != nil {
				return err
			}
			for _, c := range chunks {
				kept.Add(c)
			}
			if len(chunks) < firstChunks {
				break
			}
		}
		if kept.Next == log.Shipped.Next && kept != log.Shipped {
			f.Note("build " + log.Object.BuildID + " has another log than its runner shipped")
		}
	}
	return nil
}
