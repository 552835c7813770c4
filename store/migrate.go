package store

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"log/slog"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// Released migrations never change: a new version is a new file for each dialect.
//
//go:embed migrations/*.sql
var migrationFiles embed.FS

type migration struct {
	version  int // of the file's name
	name     string
	sql      string
	checksum string
	oldest   int // of the programs that work with the migrated schema too, the last migration that they know; 0: none does
}

// markOldest begins a migration that only adds what older programs need not know, so that
// they may go on beside the new one and be started again: "-- oldest: 23".
const markOldest = "-- oldest: "

// oldestSince is the migration that lets others say so.
const oldestSince = 23

// migrations reads the dialect's files in order.
func (d dialect) migrations() ([]migration, error) {
	entries, err := migrationFiles.ReadDir("migrations") // sorted by name
	if err != nil {
		return nil, err
	}
	var all []migration
	for _, entry := range entries {
		name, ours := strings.CutSuffix(entry.Name(), "."+d.name+".sql")
		if !ours {
			continue
		}
		text, err := migrationFiles.ReadFile(path.Join("migrations", entry.Name()))
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(text)
		number, _, _ := strings.Cut(name, "_")
		version, err := strconv.Atoi(number)
		if err != nil || len(number) != 4 || version <= latest(all) {
			return nil, fmt.Errorf("migration %s has no number of four digits that is its own", name)
		}
		oldest, err := readOldest(string(text))
		if err != nil {
			return nil, fmt.Errorf("migration %s: %w", name, err)
		}
		all = append(all, migration{version: version, name: name, sql: string(text), checksum: hex.EncodeToString(sum[:]), oldest: oldest})
	}
	return all, nil
}

func readOldest(sql string) (int, error) {
	first, _, _ := strings.Cut(sql, "\n")
	number, marked := strings.CutPrefix(first, markOldest)
	if !marked {
		return 0, nil
	}
	return strconv.Atoi(strings.TrimSpace(number))
}

// latest is the version of a schema that has all these migrations; 0: none.
func latest(all []migration) int {
	if len(all) == 0 {
		return 0
	}
	return all[len(all)-1].version
}

const createMigrations = `CREATE TABLE IF NOT EXISTS schema_migrations (
	version BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, applied_at BIGINT NOT NULL
)`

// migrate brings the schema up to date, one transaction for each migration.
func (s *Store) migrate(ctx context.Context, log *slog.Logger) error {
	known, err := s.db.dialect.migrations()
	if err != nil {
		return fmt.Errorf("read the migrations: %w", err)
	}
	err = s.migrating(ctx, func(q session) error {
		if _, err := q.exec(createMigrations); err != nil {
			return err
		}
		return checkVersion(q, latest(known))
	})
	if err != nil {
		return failed(err, "prepare the schema")
	}
	for _, m := range known {
		applied := false
		err := s.migrating(ctx, func(q session) (err error) {
			applied, err = m.apply(q)
			return err
		})
		if err != nil {
			return failed(err, "migrate the schema to %s", m.name)
		}
		core.CrashPoint("migration.applied")
		if applied {
			log.InfoContext(ctx, "schema migrated", "migration", m.name)
		}
	}
	return nil
}

// migrating runs f in a transaction while no other process migrates.
func (s *Store) migrating(ctx context.Context, f func(session) error) error {
	return s.write(ctx, func(q session) error {
		if lock := s.db.dialect.migrating; lock != "" {
			if _, err := q.exec(lock); err != nil {
				return err
			}
		}
		return f(q)
	})
}

// schema is the version of the database's schema, as it concerns a program that knows
// migrations up to a number: newer ones that leave such programs alone do not count.
func (s session) schema(known int) (version int, err error) {
	if err := s.db().Raw("SELECT coalesce(max(version), 0) FROM schema_migrations").Scan(&version).Error; err != nil || version <= known {
		return version, err
	}
	var against int
	err = s.db().Raw("SELECT count(*) FROM schema_migrations WHERE version > ? AND (oldest = 0 OR oldest > ?)", known, known).Scan(&against).Error
	if err == nil && against == 0 {
		return known, nil
	}
	return version, err
}

func checkVersion(q session, known int) error {
	version, err := q.schema(known)
	if err != nil {
		return err
	}
	if version > known {
		return core.Errorf(core.KindConflict,
			"The database was written by a newer version of Oore (schema %d, this program knows %d); start that version, or restore a backup made before the upgrade",
			version, known)
	}
	return nil
}

// apply runs the migration unless that was done before; a record of another text
// under its number is refused.
func (m migration) apply(q session) (applied bool, err error) {
	var checksums []string
	if err := q.db().Raw("SELECT checksum FROM schema_migrations WHERE version = ?", m.version).Scan(&checksums).Error; err != nil {
		return false, err
	}
	if len(checksums) > 0 {
		if checksums[0] != m.checksum {
			return false, core.Errorf(core.KindConflict,
				"The database's schema differs from this program's in migration %s; start the version of Oore that made it, or restore a backup", m.name)
		}
		return false, nil
	}
	if _, err := q.exec(m.sql); err != nil {
		return false, err
	}
	_, err = q.exec("INSERT INTO schema_migrations (version, name, checksum, applied_at) VALUES ($1, $2, $3, $4)",
		m.version, m.name, m.checksum, time.Now().UnixMicro())
	if err == nil && m.version >= oldestSince {
		_, err = q.exec("UPDATE schema_migrations SET oldest = $1 WHERE version = $2", m.oldest, m.version)
	}
	return true, err
}
