package core

import (
	"context"
	"errors"
)

// DiskReserve is what must be free of a disk of the server's, in bytes, for anything new to
// be taken in on it; of a small one it is a quarter (Reserve). It is little, since a delivery that is stored lets a pull request say
// why nothing builds; it is kept for the builds that run: their logs, states and reports.
const DiskReserve = 256 << 20

// Reserve is DiskReserve of a disk that holds so many bytes in all.
func Reserve(total int64) int64 { return min(DiskReserve, total/4) }

// Usable is what may still be written to a disk on which a database's file has spare bytes
// within: what is deleted makes no file of SQLite smaller, but it fills that room before it
// grows. Its log grows beside it first, so with less than a quarter of the reserve free on
// the disk itself the room within does not count.
func Usable(free, spare, total int64) int64 {
	if free < Reserve(total)/4 {
		return free
	}
	return free + spare
}

// SpaceStore tells of the room that the database has already.
type SpaceStore interface {
	// SpareBytes are those within the database's file that it fills before it grows; 0 where
	// the file is not this server's.
	SpareBytes(ctx context.Context) (int64, error)
}

// HeaderNotStored marks an answer whose status does not say that nothing was stored.
const HeaderNotStored = "Oore-Not-Stored"

// Space tells how many bytes of a disk are free for us, and how many it holds in all.
type Space func() (free, total int64, err error)

// NoRoom tells people that a disk has not its reserve: KindUnavailable. holds says what is
// on it.
func NoRoom(holds string, free, total int64) *Error {
	return Errorf(KindUnavailable, "The disk that holds %s has %s free, and nothing new is taken in before %s are. Free some space there; it goes on by itself",
		holds, HumanSize(free), HumanSize(Reserve(total))).Because(noRoom{})
}

type noRoom struct{}

func (noRoom) Error() string { return "no room" }

// IsNoRoom tells whether an error is of NoRoom, whose message may be read by whoever sends
// webhooks.
func IsNoRoom(err error) bool { return errors.As(err, new(noRoom)) }
