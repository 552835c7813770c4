package app_test

import (
	"context"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// Who stops waits for what is being told, as long as it may, and not for what another says.
func TestTheLastReportsAreWaitedFor(t *testing.T) {
	h := newNotifyHouse(t)
	h.notification(t, webhook())
	h.notifier.hang = make(chan struct{})
	h.LastReports(t.Context()) // nobody tells anything here yet
	h.build(t, h.android, "main", core.BuildFailed)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- h.RunWorkers(ctx) }()
	defer func() {
		stop()
		<-ended
	}()
	told := func() bool {
		calls, _ := h.notifier.seen()
		return calls == 1
	}
	waitFor(t, func() bool {
		h.notifier.mu.Lock()
		defer h.notifier.mu.Unlock()
		return h.notifier.begun == 1
	})
	short, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	h.LastReports(short)
	if short.Err() == nil || told() {
		t.Error("it did not wait while the call hangs")
	}
	close(h.notifier.hang)
	h.LastReports(t.Context())
	if !told() {
		t.Error("it did not wait for the call")
	}
}
