package store

import (
	"time"

	"github.com/oore-ci/oore/app/core"
)

const (
	likeBlocked = ` LIKE '%"code":"` + core.WhyFork + `"%'`

	// waitsForApproval is true of the last delivery of a fork's pull request that brought
	// the commit at which it stands: it is read again when somebody approves that. Another
	// forge may have a repository of the same name; one that was connected anew is told by that alone.
	waitsForApproval = `(coalesce(verdicts, '')` + likeBlocked + ` AND NOT EXISTS (SELECT 1 FROM deliveries AS n
		WHERE n.provider = deliveries.provider AND (coalesce(n.integration_id, '') = coalesce(deliveries.integration_id, '') OR NOT EXISTS (SELECT 1 FROM integrations i WHERE i.id = deliveries.integration_id))
		AND n.repository = deliveries.repository AND n.repository <> '' AND n.ref = deliveries.ref AND n.ref <> ''
		AND n.received_at > deliveries.received_at AND (n.action IN ('closed', 'close', 'merge')
			OR n.event = deliveries.event AND n.sha <> '' AND (n.sha <> deliveries.sha OR coalesce(n.verdicts, '')` + likeBlocked + `))))`

	// oldDelivery has the moment before which they are old as its argument.
	oldDelivery = "status <> 'received' AND received_at < ? AND NOT " + waitsForApproval
)

func (s session) findDeliveries(before time.Time, batch int) (rows []sized, err error) {
	if before.IsZero() {
		return nil, nil
	}
	err = s.db().Raw("SELECT id FROM deliveries WHERE "+oldDelivery+" ORDER BY received_at, id LIMIT ?", micros(before), batch).Scan(&rows).Error
	return rows, err
}

// deleteDeliveries deletes those that are still to go, with what was answered to them:
// nobody brings again what is as old, and of a command nothing is left that could be run.
// A status that they wanted goes if no build has taken it over.
func (s session) deleteDeliveries(before time.Time, found []sized) (core.Reclaim, error) {
	var ids []string
	err := s.db().Raw("SELECT id FROM deliveries WHERE id IN ? AND "+oldDelivery, idsOf(found), micros(before)).Scan(&ids).Error
	if err != nil || len(ids) == 0 {
		return core.Reclaim{}, err
	}
	for _, sql := range []string{
		"DELETE FROM effects WHERE delivery_id <> '' AND delivery_id IN ? AND kind IN ('reply', 'react')",
		`DELETE FROM effects WHERE delivery_id <> '' AND delivery_id IN ? AND kind = 'status'
			AND NOT EXISTS (SELECT 1 FROM builds b WHERE b.pipeline_id = effects.pipeline_id AND b.sha = effects.sha)`,
		"DELETE FROM chat_commands WHERE delivery_id IN ?",
	} {
		if err := s.db().Exec(sql, ids).Error; err != nil {
			return core.Reclaim{}, err
		}
	}
	result := s.db().Exec("DELETE FROM deliveries WHERE id IN ?", ids)
	return core.Reclaim{Count: result.RowsAffected}, result.Error
}

// spentApproval is true of those whose commit nothing is left of: to be built again, it is
// approved again. It has the moment before which they are old as its argument.
const spentApproval = `at < ? AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.sha = approvals.sha AND d.sha <> '')
	AND NOT EXISTS (SELECT 1 FROM builds b WHERE b.sha = approvals.sha)`

// findApprovals finds their commits.
func (s session) findApprovals(before time.Time, batch int) (rows []sized, err error) {
	if before.IsZero() {
		return nil, nil
	}
	err = s.db().Raw("SELECT DISTINCT sha AS id FROM approvals WHERE "+spentApproval+" LIMIT ?", micros(before), batch).Scan(&rows).Error
	return rows, err
}

func (s session) deleteApprovals(before time.Time, found []sized) (core.Reclaim, error) {
	result := s.db().Exec("DELETE FROM approvals WHERE sha IN ? AND "+spentApproval, idsOf(found), micros(before))
	return core.Reclaim{Count: result.RowsAffected}, result.Error
}
