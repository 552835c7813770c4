package runner

import (
	"context"

	"github.com/oore-ci/oore/app/core"
)

// shipBytes is the most that one call to the house carries.
const shipBytes = 256 << 10

// ship gives the journal to the house until it is finished and empty: whatever has
// come since the last call, at once, and counts it. The first refusal ends it.
func ship(ctx context.Context, jobs Jobs, lease core.Lease, j *journal, shipped *core.LogTally) error {
	for {
		records, steps, ok := j.take(shipBytes)
		if !ok {
			return nil
		}
		if len(records) > 0 {
			chunks := encode(lease.BuildID, records)
			if err := persist(ctx, func() error { return jobs.AppendLog(ctx, lease, chunks) }); err != nil {
				return err
			}
			for _, c := range chunks {
				shipped.Add(c)
			}
		}
		for _, s := range steps {
			if err := persist(ctx, func() error { return jobs.ReportStep(ctx, lease, s) }); err != nil {
				return err
			}
		}
	}
}

// encode packs records into chunks of one step each.
func encode(buildID string, records []core.LogRecord) []core.LogChunk {
	var chunks []core.LogChunk
	for first := 0; first < len(records); {
		end := first + 1
		for end < len(records) && records[end].Step == records[first].Step {
			end++
		}
		chunks = append(chunks, core.EncodeLog(buildID, records[first:end]))
		first = end
	}
	return chunks
}
