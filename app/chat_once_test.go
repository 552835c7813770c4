package app_test

import (
	"testing"

	"github.com/oore-ci/oore/app/core"
)

// fails ends the next build with a failure.
func (h *house) fails(t *testing.T) core.Build {
	t.Helper()
	job := h.running(t)
	if err := h.Finish(t.Context(), job.Lease, core.Result{Status: core.BuildFailed, Reason: core.ReasonCommandFailed}); err != nil {
		t.Fatal(err)
	}
	return h.find(t, job.Build.ID)
}
