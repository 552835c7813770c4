package core

import (
	"context"
	"time"
)

// StandingEvery is how often a service is asked whether a person is on the operator's list
// still. With StandingAgain, who leaves is shut out within a quarter of an hour.
const StandingEvery = 10 * time.Minute

// Standing is by what a service can be asked about a person whom its list has let in.
type Standing struct {
	ID       string // of the sign-in that it is from
	Provider string
	Subject  string
	UserID   string
	Sealed   []byte // what the room asks with
	AskAt    time.Time
	Noes     int // how often in a row the service has said no
}

// StandingStore keeps what services are asked with.
type StandingStore interface {
	// SaveStanding puts it in the place of the identity's older one.
	SaveStanding(ctx context.Context, s Standing) error
	// TakeStandings takes those of enabled users with a session or API token that are due,
	// oldest first, and puts the next asking off until then: of several servers one asks.
	TakeStandings(ctx context.Context, now, until time.Time, limit int) ([]Standing, error)
	// UpdateStanding stores what is sealed, when to ask and the noes, if there is no newer
	// one.
	UpdateStanding(ctx context.Context, s Standing) error
	// FindStanding is KindNotFound, too, if its account is nobody's any more.
	FindStanding(ctx context.Context, id string) (Standing, error)
	// DeleteStanding tells whether it was there; none is no error.
	DeleteStanding(ctx context.Context, id string) (was bool, err error)
}
