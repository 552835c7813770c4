package core

import (
	"context"
	"time"
)

// Server is a process of Oore that works on the database, as the others know it.
type Server struct {
	ID        string // of its data folder, so the same after a restart
	Name      string // of its machine
	Version   string
	PublicURL string
	KeyID     string // of its encryption key
	Blobs     string // where it keeps artifacts and ended logs; the same for two servers that share them, and for no others
	Sources   string // ids of the integrations that its settings give
	StartedAt time.Time
	SeenAt    time.Time // by the database's clock
}

// ServerStore knows the servers that work on one database. An embedded database has one
// server, who is always alone and whose turn it always is.
type ServerStore interface {
	// BeatServer notes that a server is there. It returns the others that were within
	// life, oldest first, and the database's time, which is zero where nobody else can be.
	BeatServer(ctx context.Context, s Server, life time.Duration) (others []Server, now time.Time, err error)
	// LeaveServer forgets a server and ends its turns.
	LeaveServer(ctx context.Context, id string) error
	// ListServers lists those that were there within life, oldest first.
	ListServers(ctx context.Context, life time.Duration) ([]Server, error)
	// TakeTurn makes what is named the holder's for life, by the database's clock, if it
	// is nobody else's. It may be taken again before it ends.
	TakeTurn(ctx context.Context, name, holder string, life time.Duration) (bool, error)
	// EndTurn lets go of it, if it is the holder's.
	EndTurn(ctx context.Context, name, holder string) error
}

// Relay carries rings to the other servers.
type Relay interface {
	// Send rings there soon, and waits for nothing.
	Send(topics ...string)
	// Listen calls rung with what others ring, and missed when rings may have been lost,
	// until ctx ends.
	Listen(ctx context.Context, rung func(topics []string), missed func())
}
