package gitlab

import (
	"context"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// Missed implements core.Surveyor. GitLab keeps its log of deliveries hook by hook,
// without times, and shows it to maintainers alone: nothing is looked up there. What it
// did not bring is found by comparing heads.
func (r *Room) Missed(context.Context, time.Time) ([]core.MissedDelivery, error) { return nil, nil }

// Redeliver implements core.Surveyor. Missed lists nothing that it could be asked for.
func (r *Room) Redeliver(context.Context, core.MissedDelivery) error {
	return core.Errorf(core.KindInvalid, "GitLab sends a delivery again from the project's own page alone: Settings → Webhooks → Edit → Recent events")
}
