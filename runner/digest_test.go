package runner

import (
	"context"

	"github.com/oore-ci/oore/app/core"
)

// digesting is a house that looks at log records and keeps none.
type digesting struct {
	*house
	each func([]core.LogRecord)
}

func (d *digesting) AppendLog(_ context.Context, _ core.Lease, chunks []core.LogChunk) error {
	for _, c := range chunks {
		records, err := c.Records()
		if err != nil {
			return err
		}
		d.each(records)
	}
	return nil
}
