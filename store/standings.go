package store

import (
	"context"
	"time"

	"github.com/oore-ci/oore/app/core"
)

type standingRow struct {
	ID       string
	Provider string
	Subject  string
	UserID   string
	Sealed   []byte
	AskAt    int64
	Noes     int
}

func (r standingRow) toCore() core.Standing {
	return core.Standing{ID: r.ID, Provider: r.Provider, Subject: r.Subject, UserID: r.UserID, Sealed: r.Sealed, AskAt: instant(r.AskAt), Noes: r.Noes}
}

// SaveStanding is core.StandingStore's.
func (s *Store) SaveStanding(ctx context.Context, st core.Standing) error {
	err := s.writeOne(ctx, func(q session) error {
		_, err := q.exec(`INSERT INTO standings (id, provider, subject, sealed, ask_at, noes) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (provider, subject) DO UPDATE SET id = excluded.id, sealed = excluded.sealed, ask_at = excluded.ask_at, noes = excluded.noes`,
			st.ID, st.Provider, st.Subject, st.Sealed, micros(st.AskAt), st.Noes)
		return err
	})
	return failed(err, "save by what %s is asked", st.Provider)
}

// TakeStandings is core.StandingStore's.
func (s *Store) TakeStandings(ctx context.Context, now, until time.Time, limit int) ([]core.Standing, error) {
	var rows []standingRow
	err := s.writeOne(ctx, func(q session) error {
		return q.db().Raw(`
			WITH due AS MATERIALIZED (
				SELECT s.id FROM standings s JOIN identities i ON i.provider = s.provider AND i.subject = s.subject JOIN users u ON u.id = i.user_id
				WHERE s.ask_at <= ? AND u.enabled AND EXISTS (SELECT 1 FROM credentials c WHERE c.user_id = u.id AND c.kind IN ?)
				ORDER BY s.ask_at, s.id LIMIT ?
			)
			UPDATE standings SET ask_at = ? WHERE id IN (SELECT id FROM due) AND ask_at <= ?
			RETURNING *, (SELECT user_id FROM identities i WHERE i.provider = standings.provider AND i.subject = standings.subject) AS user_id`,
			micros(now), []string{string(core.CredentialSession), string(core.CredentialAPIToken)}, limit, micros(until), micros(now)).Scan(&rows).Error
	})
	return toCores(rows), failed(err, "take who is to be asked about")
}

// FindStanding is core.StandingStore's.
func (s *Store) FindStanding(ctx context.Context, id string) (core.Standing, error) {
	var row standingRow
	err := s.read(ctx).db().Raw(`SELECT s.*, i.user_id FROM standings s JOIN identities i ON i.provider = s.provider AND i.subject = s.subject WHERE s.id = ?`, id).Take(&row).Error
	return row.toCore(), found(err, "Standing", "find standing %s", id)
}

// UpdateStanding is core.StandingStore's.
func (s *Store) UpdateStanding(ctx context.Context, st core.Standing) error {
	err := s.writeOne(ctx, func(q session) error {
		_, err := q.exec("UPDATE standings SET sealed = $1, ask_at = $2, noes = $3 WHERE id = $4", st.Sealed, micros(st.AskAt), st.Noes, st.ID)
		return err
	})
	return failed(err, "note what %s said", st.Provider)
}

// DeleteStanding is core.StandingStore's.
func (s *Store) DeleteStanding(ctx context.Context, id string) (was bool, err error) {
	err = s.writeOne(ctx, func(q session) error {
		n, err := q.exec("DELETE FROM standings WHERE id = $1", id)
		was = n > 0
		return err
	})
	return was, failed(err, "forget by what a service is asked")
}
