package slack

import (
	"context"

	"github.com/oore-ci/oore/app/core"
)

// Readings tells whether Slack wants nothing of us for a while.
func (r *Room) Readings(context.Context) ([]core.Reading, error) {
	closed := 0.0
	if r.apiPause.left() > 0 {
		closed = 1
	}
	return []core.Reading{{Metric: core.MetricBreakers, Value: closed, Labels: []string{string(core.ProviderSlack)}}}, nil
}
