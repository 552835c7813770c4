package core

import (
	"context"
	"fmt"
	"time"
)

// Retention says how long things are kept, on this instance. 0 is no limit.
type Retention struct {
	BuildsDays     int   `json:"builds_days"`     // after their end, with their steps, logs and artifacts
	BuildsCount    int   `json:"builds_count"`    // newest of each pipeline
	LogsDays       int   `json:"logs_days"`       // after their build's end
	LogsBytes      int64 `json:"logs_bytes"`      // of all logs of ended builds, compressed; the oldest go first
	ArtifactsDays  int   `json:"artifacts_days"`  // files, after they were made
	ArtifactsBytes int64 `json:"artifacts_bytes"` // of all files; the oldest go first
	DeliveriesDays int   `json:"deliveries_days"` // what webhooks and commands brought
	AuditDays      int   `json:"audit_days"`
}

// DefaultRetention is what holds until somebody sets another.
func DefaultRetention() Retention {
	return Retention{BuildsDays: 90, LogsDays: 30, ArtifactsDays: 14, DeliveriesDays: 30, AuditDays: 400}
}

const (
	// RetentionFloor is how old a build is at least when it goes: younger ones are
	// still talked about.
	RetentionFloor = 48 * time.Hour
	// BlobGrace is how long the bytes of what retention has ended stay, and bytes that
	// nothing refers to yet.
	BlobGrace = 24 * time.Hour

	// BodyLife is how long what a delivery brought is kept; of its rest retention decides.
	BodyLife = minDeliveriesDays * 24 * time.Hour

	minDeliveriesDays = 7 // forges bring again what is younger
	minAuditDays      = 30
	maxRetentionDays  = 36500
)

// CodeLogGone is the code of a log that is no longer kept.
const CodeLogGone = "log_expired"

// Validate checks what a person set: KindInvalid names the field.
func (r Retention) Validate() error {
	for _, f := range []struct {
		name        string
		days, least int
	}{
		{"builds_days", r.BuildsDays, 2},
		{"logs_days", r.LogsDays, 1},
		{"artifacts_days", r.ArtifactsDays, 1},
		{"deliveries_days", r.DeliveriesDays, minDeliveriesDays},
		{"audit_days", r.AuditDays, minAuditDays},
	} {
		if f.days != 0 && (f.days < f.least || f.days > maxRetentionDays) {
			return Errorf(KindInvalid, "%s must be 0 (no limit) or %d to %d days", f.name, f.least, maxRetentionDays)
		}
	}
	switch {
	case r.BuildsCount < 0 || r.BuildsCount > 1_000_000:
		return Errorf(KindInvalid, "builds_count must be 0 (no limit) to 1000000")
	case r.LogsBytes < 0:
		return Errorf(KindInvalid, "logs_bytes must be 0 (no limit) or more")
	case r.ArtifactsBytes < 0:
		return Errorf(KindInvalid, "artifacts_bytes must be 0 (no limit) or more")
	}
	return nil
}

// Before is the moment before which things of so many days are over; zero: there is no
// limit.
func Before(now time.Time, days int) time.Time {
	if days == 0 {
		return time.Time{}
	}
	return now.AddDate(0, 0, -days)
}

// Reclaim is what a retention would delete of one kind of thing, or has.
type Reclaim struct {
	Count int64
	Bytes int64
}

// Add adds up.
func (r *Reclaim) Add(more Reclaim) {
	r.Count += more.Count
	r.Bytes += more.Bytes
}

// Reclaims are those of each kind.
type Reclaims struct{ Builds, Logs, Artifacts, Deliveries, Audit Reclaim }

// LogGone is what is said of a log that retention has deleted.
func LogGone(at time.Time) error {
	return Codef(KindGone, CodeLogGone, "%s", fmt.Sprintf("This log was deleted by retention on %s", at.UTC().Format("2006-01-02")))
}

// RetentionStore ends what has been kept long enough. What it never touches: builds that
// have not ended, or of which somebody still has to be told; the newest build, the newest
// verdict and the newest success of each pipeline on each branch and tag, with their
// files; what a share link shows; the source of a build that has not ended.
type RetentionStore interface {
	// FindRetention returns what was saved last; KindNotFound: nothing was.
	FindRetention(ctx context.Context) (Retention, error)
	SaveRetention(ctx context.Context, r Retention, now time.Time) error
	// CountRetention tells what ApplyRetention would delete if it ran to its end: builds
	// with all that is theirs, and besides them logs and files of builds that stay.
	CountRetention(ctx context.Context, r Retention, now time.Time) (Reclaims, error)
	// ApplyRetention deletes one batch of each kind, in a transaction each; more: there
	// may be more to delete. A build's log and files need not be deleted before it. What is
	// beyond the quota of a project goes whatever the retention is. Limits of bytes are
	// looked at once no build is left to go.
	ApplyRetention(ctx context.Context, r Retention, now time.Time, batch int) (done Reclaims, more bool, err error)
}
