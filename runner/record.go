package runner

import (
	"context"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// recordPatience bounds the tries to record a build: its end must not wait for a blob
// store that is away.
const recordPatience = time.Minute

// record tells the house what it needs for its pages alone: a refusal ends no build, and
// an outage holds it up for a moment.
func (b *build) record(ctx context.Context, r core.Record) {
	trying, cancel := context.WithTimeout(ctx, recordPatience)
	defer cancel()
	err := persist(trying, func() error { return b.pool.jobs.Record(trying, b.job.Lease, r) })
	if err != nil && ctx.Err() == nil {
		b.lines.Warn("record a build", "error", err)
	}
}

// ran is what the plan asks for, without values of variables: they may be anything.
func (b *build) ran(plan core.Plan) *core.Ran {
	ran := core.Ran{
		Source: plan.Source, Flutter: plan.FlutterVersion, Secrets: len(plan.Secrets),
		Artifacts: plan.ArtifactPatterns, JUnit: plan.JUnitPatterns, Timeout: b.timeout,
	}
	for _, v := range plan.Env {
		ran.Env = append(ran.Env, v.Key)
	}
	for _, rule := range plan.Cache {
		ran.Cache = append(ran.Cache, core.RanCache{Key: rule.Key.String(), Paths: rule.Paths})
	}
	return &ran
}
