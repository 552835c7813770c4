package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// serverConnections is how many connections a server takes at most: those of its pool, and
// the one that listens.
const serverConnections = postgresConnections + 1

// serverSilence is after how long a server counts as gone.
const serverSilence = 10 * time.Second

// databaseSettings are what dialect.settings selects.
type databaseSettings struct {
	Fsync             string
	FullPageWrites    string
	SynchronousCommit string
	Connections       int64
	Reserved          int64
}

// ExamineSettings tells whether the database is set so that it keeps what it was given, and
// has connections for as many servers as work on it.
func (s *Store) ExamineSettings(ctx context.Context) core.Check {
	if s.db.dialect.settings == "" {
		return core.Skip("SQLite has none that could be wrong")
	}
	var set databaseSettings
	if err := s.read(ctx).db().Raw(s.db.dialect.settings).Scan(&set).Error; err != nil {
		return core.Fail("cannot be read: "+cause(err), "Check that the database runs")
	}
	servers, err := s.ListServers(ctx, serverSilence)
	if err != nil {
		return core.Fail(core.MessageOf(err), "")
	}
	return set.check(max(1, int64(len(servers))), s.db.pooled)
}

// check leaves out the connections where a pooler, of which this program knows nothing,
// stands between.
func (d databaseSettings) check(servers int64, pooled bool) core.Check {
	var wrong, mend []string
	add := func(what, fix string) { wrong, mend = append(wrong, what), append(mend, fix) }
	if d.Fsync == "off" {
		add("fsync is off: a crash of the machine may damage the whole database", "fsync = on")
	}
	if d.FullPageWrites == "off" {
		add("full_page_writes is off: a crash of the machine may damage pages of the database", "full_page_writes = on")
	}
	if d.SynchronousCommit == "off" {
		add("synchronous_commit is off: a crash loses what was acknowledged last, as webhooks", "synchronous_commit = on")
	}
	if need := servers*serverConnections + d.Reserved; !pooled && d.Connections < need {
		add(fmt.Sprintf("max_connections is %d, and servers: %d, with %d each, may want %d with what is reserved", d.Connections, servers, serverConnections, need),
			fmt.Sprintf("max_connections = %d or more, or a PgBouncer before it", need+need/4))
	}
	if len(wrong) > 0 {
		return core.Warn(strings.Join(wrong, "; "), "In postgresql.conf: "+strings.Join(mend, ", ")+"; then restart PostgreSQL")
	}
	if pooled {
		return core.Good("what is committed is on disk; connections are the pooler's business (default_query_exec_mode=cache_describe)")
	}
	return core.Good(fmt.Sprintf("what is committed is on disk; %d connections", d.Connections))
}
