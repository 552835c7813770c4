package store

import (
	"time"

	"gorm.io/gorm"

	"github.com/oore-ci/oore/app/core"
)

// Times are stored as microseconds since 1970, UTC; the zero time as 0.

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func microsOrNil(t *time.Time) *int64 {
	if t == nil {
		return nil
	}
	us := micros(*t)
	return &us
}

func instant(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

func instantOrNil(us *int64) *time.Time {
	if us == nil {
		return nil
	}
	t := instant(*us)
	return &t
}

// toCores turns rows into nouns.
func toCores[C any, R interface{ toCore() C }](rows []R) []C {
	nouns := make([]C, len(rows))
	for i, r := range rows {
		nouns[i] = r.toCore()
	}
	return nouns
}

// paged narrows a list to a window; no limit means all.
func paged(db *gorm.DB, p core.Page) *gorm.DB {
	if p.Limit > 0 {
		return db.Limit(p.Limit).Offset(p.Offset)
	}
	return db
}

// changed is for statements that must hit one row: none is KindNotFound.
func changed(result *gorm.DB, noun, tried string, args ...any) error {
	if result.Error == nil && result.RowsAffected == 0 {
		return core.Errorf(core.KindNotFound, "%s not found", noun)
	}
	return failed(result.Error, tried, args...)
}
