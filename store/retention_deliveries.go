package store

import (
	"time"

	"github.com/oore-ci/oore/app/core"
)

const (
	likeBlocked = ` LIKE '%"code":"` + core.WhyFork + `"%'`

	// waitsForApproval is true of the last delivery of a fork's pull request that brought
	// the commit at which it stands: it is read again when somebody approves that.
	waitsForApproval = `(coalesce(verdicts, '')` + likeBlocked + ` AND NOT EXISTS (SELECT 1 FROM deliveries AS n
		WHERE n.provider = deliveries.provider AND n.repository = deliveries.repository AND n.repository <> '' AND n.ref = deliveries.ref AND n.ref <> ''
		AND n.received_at > deliveries.received_at AND (n.action IN ('closed', 'close', 'merge')
			OR n.event = deliveries.event AND n.sha <> '' AND (n.sha <> deliveries.sha OR coalesce(n.verdicts, '')` + likeBlocked + `))))`

	// oldDelivery has the moment before which they are old as its argument.
	oldDelivery = "status <> 'received' AND received_at < ? AND NOT " + waitsForApproval
)

// deleteDeliveries deletes old ones, with what was answered to them.
func (s session) deleteDeliveries(before time.Time, batch int) (core.Reclaim, error) {
	if before.IsZero() {
		return core.Reclaim{}, nil
	}
	var ids []string
	err := s.db().Raw("SELECT id FROM deliveries WHERE "+oldDelivery+" ORDER BY received_at, id LIMIT ?", micros(before), batch).Scan(&ids).Error
	if err != nil || len(ids) == 0 {
		return core.Reclaim{}, err
	}
	result := s.db().Exec("DELETE FROM deliveries WHERE id IN ?", ids)
	return core.Reclaim{Count: result.RowsAffected}, result.Error
}
