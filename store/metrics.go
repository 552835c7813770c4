package store

import (
	"context"
	"os"

	"github.com/oore-ci/oore/app/core"
)

// oldestUntold goes by when builds changed: an effect's own time is that of the last try to
// tell it. Where there is no build the status is a note, and that must do.
const oldestUntold = `SELECT coalesce(min(at), 0) FROM (
	SELECT coalesce((SELECT b.updated_at FROM builds b WHERE b.pipeline_id = e.pipeline_id AND b.sha = e.sha ORDER BY b.number DESC LIMIT 1), e.updated_at) AS at
	FROM effects e WHERE e.done < e.wanted AND NOT e.parked AND e.kind = 'status') AS untold`

// ReadFigures is core.MetricsStore's. Each of its statements is answered by a partial
// index.
func (s *Store) ReadFigures(ctx context.Context) (core.Figures, error) {
	f := core.Figures{Pending: map[core.EffectKind]int{}, Database: s.db.dialect.name}
	q := s.read(ctx)
	var inbox struct {
		Received, Failed int
		Oldest           int64
	}
	err := q.db().Raw(`SELECT
		(SELECT count(*) FROM deliveries WHERE status = 'received') AS received,
		(SELECT count(*) FROM deliveries WHERE status = 'failed' AND status <> 'received') AS failed,
		(SELECT coalesce(min(received_at), 0) FROM deliveries WHERE status = 'received') AS oldest`).Scan(&inbox).Error
	if err != nil {
		return f, failed(err, "count deliveries")
	}
	f.Received, f.Failed, f.OldestReceived = inbox.Received, inbox.Failed, instant(inbox.Oldest)
	var pending []struct {
		Kind string
		N    int
	}
	err = q.db().Raw("SELECT kind, count(*) AS n FROM effects WHERE done < wanted AND NOT parked GROUP BY kind").Scan(&pending).Error
	if err != nil {
		return f, failed(err, "count effects")
	}
	for _, p := range pending {
		f.Pending[core.EffectKind(p.Kind)] = p.N
	}
	var untold int64
	if err := q.db().Raw(oldestUntold).Scan(&untold).Error; err != nil {
		return f, failed(err, "look for what is not told")
	}
	f.OldestUntold = instant(untold)
	if info, err := os.Stat(s.db.file + "-wal"); s.db.file != "" && err == nil {
		f.WALBytes = info.Size()
	}
	pool := s.db.reader.Stats()
	f.PoolBusy, f.PoolWaited = pool.InUse, pool.WaitDuration
	return f, nil
}
