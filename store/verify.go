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
	Warned   int      `json:"warned,omitempty"`  // what is known and breaks no promise, but somebody should look at
	Warnings []string `json:"warnings,omitempty"`
}

// Note adds a breach.
func (f *Finding) Note(breach string) {
	if f.Count++; len(f.Broken) < brokenShown {
		f.Broken = append(f.Broken, breach)
	}
}

// Warn adds what breaks no promise.
func (f *Finding) Warn(text string) {
	if f.Warned++; len(f.Warnings) < brokenShown {
		f.Warnings = append(f.Warnings, text)
	}
}

// Verify looks at every invariant. What must have happened by now is measured at the
// last sign of life in the database: where no server runs, nothing is late; nor is it where
// a clock that was ahead left signs that are still to come.
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
		if err := v.check(&f, check, now); err != nil {
			return nil, failed(err, "check %s", check.id)
		}
		findings[i] = f
	}
	return findings, nil
}

func (v *Snapshot) check(f *Finding, by invariant, now int64) error {
	for _, query := range by.queries {
		if err := v.each(query, now, f.Note); err != nil {
			return err
		}
	}
	for _, query := range by.warnings {
		if err := v.each(query, now, f.Warn); err != nil {
			return err
		}
	}
	if by.look == nil {
		return nil
	}
	return by.look(v, f)
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

// each runs a query whose rows are sentences.
func (v *Snapshot) each(query string, now int64, f func(string)) error {
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
		var sentence string
		if err := rows.Scan(&sentence); err != nil {
			return err
		}
		f(sentence)
	}
	return rows.Err()
}

const (
	// longestRetry is more than core.Backoff and its jitter ever put a delivery off.
	longestRetry = 15 * time.Minute
	// longestPause is more than the hour for which a forge, a chat or a webhook can keep us out.
	longestPause = 90 * time.Minute
)

// timed puts moments into a query, as the database keeps them.
func timed(query string, now int64) string {
	late := min(now, micros(time.Now()))
	ago := func(d time.Duration) string { return strconv.FormatInt(late-d.Microseconds(), 10) }
	ahead := func(d time.Duration) string { return strconv.FormatInt(now+d.Microseconds(), 10) }
	return strings.NewReplacer(
		"@minute_ago", ago(time.Minute), "@two_minutes_ago", ago(2*time.Minute), "@day_ago", ago(24*time.Hour),
		"@delivery_ahead", ahead(longestRetry), "@effect_ahead", ahead(longestPause),
		"@queue_life_ago", ago(core.QueueLife+time.Minute), "@lease_ago", ago(core.LeaseTTL+time.Minute),
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
