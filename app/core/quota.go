package core

import (
	"context"
	"fmt"
	"time"
)

// Quota bounds what a project takes of what all projects share. 0 is no bound.
type Quota struct {
	MaxConcurrent  int   `json:"max_concurrent"`  // builds that are worked on at once; the others wait
	MaxQueued      int   `json:"max_queued"`      // builds that wait; what comes beyond is refused
	MinutesPerDay  int   `json:"minutes_per_day"` // that the builds asked for within QuotaDay ran; then what comes is refused
	LogsBytes      int64 `json:"logs_bytes"`      // of its logs of ended builds, compressed; the oldest go
	ArtifactsBytes int64 `json:"artifacts_bytes"` // of its files; the oldest go
}

// QuotaDay is the day of MinutesPerDay, up to now.
const QuotaDay = 24 * time.Hour

// maxQuota bounds the numbers that a person may give, so that no sum overflows.
const maxQuota = 1_000_000

// Validate checks what a person may set. The first fault is KindInvalid, and its message
// names the field as the API does.
func (q Quota) Validate() error {
	for _, f := range []struct {
		name string
		n    int
	}{{"max_concurrent", q.MaxConcurrent}, {"max_queued", q.MaxQueued}, {"minutes_per_day", q.MinutesPerDay}} {
		if f.n < 0 || f.n > maxQuota {
			return Errorf(KindInvalid, "quota.%s must be 0 (no limit) to %d", f.name, maxQuota)
		}
	}
	switch {
	case q.LogsBytes < 0:
		return Errorf(KindInvalid, "quota.logs_bytes must be 0 (no limit) or more")
	case q.ArtifactsBytes < 0:
		return Errorf(KindInvalid, "quota.artifacts_bytes must be 0 (no limit) or more")
	}
	return nil
}

// QuotaUse is what a project takes just now.
type QuotaUse struct {
	Queued int           // builds that wait
	Worked time.Duration // that the builds asked for within QuotaDay have run
}

// Refuses says why the quota lets no build more be asked for; nil: it does. It is
// KindConflict, code concurrency or minutes_used.
func (q Quota) Refuses(use QuotaUse) error {
	switch minutes := int(use.Worked / time.Minute); {
	case q.MaxQueued > 0 && use.Queued >= q.MaxQueued:
		return Codef(KindConflict, CodeConcurrency, "The project has %d builds waiting, and may have %d: wait until some have started, or cancel some", use.Queued, q.MaxQueued)
	case q.MinutesPerDay > 0 && minutes >= q.MinutesPerDay:
		return Codef(KindConflict, CodeMinutesUsed, "The project's builds of the last 24 hours have run %d minutes, and may run %d: wait, or ask an admin for more", minutes, q.MinutesPerDay)
	}
	return nil
}

// QuotaVerdict is a refusal by the quota as a delivery shows it; false: err is none.
func QuotaVerdict(err error) (Verdict, bool) {
	switch CodeOf(err) {
	case CodeConcurrency:
		return Verdict{Code: WhyConcurrency, Reason: MessageOf(err) + "."}, true
	case CodeMinutesUsed:
		return Verdict{Code: WhyRateLimited, Reason: MessageOf(err) + "."}, true
	}
	return Verdict{}, false
}

// QuotaStore tells what projects take.
type QuotaStore interface {
	// FindQuotaUse counts what a project takes as of now. In a transaction nobody else
	// stores a build of the project before its end.
	FindQuotaUse(ctx context.Context, projectID string, now time.Time) (QuotaUse, error)
	// HasBuildOf tells whether a build has the DedupeKey.
	HasBuildOf(ctx context.Context, dedupeKey string) (bool, error)
}

// limitSentence says that something runs as many builds as it may.
func limitSentence(what, name string, active, most int) string {
	return fmt.Sprintf("%s %s runs %d of at most %d.", what, name, active, most)
}
