package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/oore-ci/oore/app/core"
)

const (
	// maxChecked is the size, in bytes, up to which a database is read whole to check it.
	maxChecked = 512 << 20
	// maxCheckedAlways is read within a moment.
	maxCheckedAlways = 64 << 20
)

// wasClosed tells whether who used an SQLite file last closed it, and nobody uses it now:
// then its log is gone.
func wasClosed(url string) bool {
	path, sqlite := SQLitePath(url)
	if !sqlite {
		return true
	}
	log, err := os.Stat(path + "-wal")
	return err != nil || log.Size() == 0
}

// wantSound refuses a damaged file. It reads the whole of it, so one that was closed, or is
// large, is believed.
func (s *Store) wantSound(ctx context.Context, closed bool) error {
	if s.db.dialect.sound == "" {
		return nil
	}
	var about struct{ Size int64 }
	q := s.read(ctx)
	err := q.db().Raw(s.db.dialect.about).Scan(&about).Error
	if err == nil && (about.Size > maxChecked || closed && about.Size > maxCheckedAlways) {
		return nil
	}
	verdict := "ok"
	if err == nil {
		err = q.db().Raw(s.db.dialect.sound).Scan(&verdict).Error
	}
	if err == nil && verdict != "ok" {
		return core.Errorf(core.KindUnavailable, "%s. It is %s, and SQLite says: %s", damagedFile, s.db.file, verdict)
	}
	return failed(err, "look whether %s is sound", s.db.file)
}

// Examine tells how the database at url is, without changing its schema: whether it
// answers, is sound, and is of this program's version. Only a process that has not
// opened it may call it: closing an SQLite file gives up the locks of its other users
// in the process.
func Examine(ctx context.Context, url string) core.Check {
	if path, sqlite := SQLitePath(url); sqlite {
		if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
			return core.Skip("there is none yet; the first start makes it")
		}
	}
	db, err := openDatabase(ctx, url, nil)
	if err != nil {
		return core.Fail("cannot be opened: "+cause(err), "Check OORE_DATABASE_URL, and that the database runs and lets this user in")
	}
	s := &Store{db: db}
	check := s.Examine(ctx)
	if err := s.Close(); err != nil && check.State == core.CheckOK {
		return core.Fail("cannot be closed: "+cause(err), "Check the disk")
	}
	return check
}

// Examine is the function Examine for a store that is open.
func (s *Store) Examine(ctx context.Context) core.Check {
	var about struct {
		Version string
		Size    int64
	}
	q := s.read(ctx)
	if err := q.db().Raw(s.db.dialect.about).Scan(&about).Error; err != nil {
		return core.Fail("does not answer: "+cause(err), "Check that the database runs, and its disk")
	}
	value := fmt.Sprintf("%s, %d MiB", about.Version, about.Size>>20)
	check := s.examineSchema(q, value)
	if s.db.dialect.sound == "" || about.Size > maxChecked {
		return check
	}
	var verdict string
	err := q.db().Raw(s.db.dialect.sound).Scan(&verdict).Error
	if ctx.Err() == nil && (err != nil || verdict != "ok") { // out of time says nothing
		return core.Fail(value+", damaged: "+cmp.Or(verdict, cause(err)), "Stop Oore, copy the file away, and restore a backup")
	}
	return check
}

func (s *Store) examineSchema(q session, value string) core.Check {
	known, err := s.db.dialect.migrations()
	if err != nil {
		return core.Fail("this program's migrations cannot be read", "Install Oore again")
	}
	version, err := q.schema(latest(known))
	if err != nil {
		version = 0 // of a database that nobody has used yet
	}
	switch {
	case q.ctx.Err() != nil:
		return core.Fail(value+", does not answer in time", "Check that the database runs, and its disk")
	case version > latest(known):
		return core.Fail(fmt.Sprintf("%s, of a newer Oore (schema %d, this one knows %d)", value, version, latest(known)),
			"Start that version, or restore a backup made before the upgrade")
	case version < latest(known):
		return core.Warn(fmt.Sprintf("%s, schema %d; migrations up to %d wait", value, version, latest(known)), "Make a backup, and start the server: it applies them")
	}
	return core.Good(fmt.Sprintf("%s, schema %d", value, version))
}

// cause is the innermost of an error's reasons: those around it say what we did.
func cause(err error) string {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			break
		}
		err = inner
	}
	if err == nil {
		return ""
	}
	return err.Error()
}
