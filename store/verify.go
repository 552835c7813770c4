package store

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// brokenShown is how many breaches of one invariant are listed.
const brokenShown = 20

// Finding is what a look at one invariant came to.
type Finding struct {
	ID       string   `json:"id"`
	Sentence string   `json:"sentence"`
	Count    int      `json:"count"`             // how often it is broken
	Broken   []string `json:"broken"`            // for what and how, the first 20 of them; never nil
	Skipped  string   `json:"skipped,omitempty"` // why nobody looked; empty: somebody did
}

// Note adds a breach.
func (f *Finding) Note(breach string) {
	if f.Count++; len(f.Broken) < brokenShown {
		f.Broken = append(f.Broken, breach)
	}
}

// Verify looks at every invariant. What must have happened by now is measured at the
// last sign of life in the database: where no server runs, nothing is late.
func (v *Snapshot) Verify() ([]Finding, error) {
	if err := v.wantLatest(); err != nil {
		return nil, err
	}
	var now int64
	if err := v.q.db().Raw(lastSign).Scan(&now).Error; err != nil {
		return nil, failed(err, "find the last sign of life")
	}
	all := invariants(v.dialect)
	findings := make([]Finding, len(all))
	for i, check := range all {
		f := Finding{ID: check.id, Sentence: check.sentence, Broken: []string{}}
		if len(check.queries) == 0 {
			f.Skipped = check.unasked
		}
		for _, query := range check.queries {
			if err := v.note(&f, query, now); err != nil {
				return nil, failed(err, "check %s", check.id)
			}
		}
		findings[i] = f
	}
	return findings, nil
}

func (v *Snapshot) wantLatest() error {
	known, err := v.dialect.migrations()
	if err != nil {
		return err
	}
	if len(v.schema) < len(known) {
		return core.Errorf(core.KindConflict,
			"The database's schema has version %d, this program checks %d; start the server once, which migrates it, or use the program that runs it",
			latestOf(v.schema), latest(known))
	}
	return nil
}

// note runs a query whose rows are breaches.
func (v *Snapshot) note(f *Finding, query string, now int64) error {
	var args []any
	if strings.Contains(query, "$1") {
		args = append(args, []byte(sealPrefix))
	}
	rows, err := v.q.pool.QueryContext(v.q.ctx, timed(query, now), args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var breach string
		if err := rows.Scan(&breach); err != nil {
			return err
		}
		f.Note(breach)
	}
	return rows.Err()
}

// timed puts moments into a query, as the database keeps them.
func timed(query string, now int64) string {
	moment := func(ago time.Duration) string { return strconv.FormatInt(now-ago.Microseconds(), 10) }
	return strings.NewReplacer(
		"@minute_ago", moment(time.Minute), "@two_minutes_ago", moment(2*time.Minute), "@day_ago", moment(24*time.Hour),
		"@queue_life_ago", moment(core.QueueLife+time.Minute), "@lease_ago", moment(core.LeaseTTL+time.Minute),
	).Replace(query)
}

// moves lists the steps that a build may take, as SQL.
func moves() string {
	all := []string{"'>queued'"}
	for _, from := range core.BuildStatuses() {
		for _, to := range core.BuildStatuses() {
			if from.CanBecome(to) {
				all = append(all, fmt.Sprintf("'%s>%s'", from, to))
			}
		}
	}
	return strings.Join(all, ", ")
}
