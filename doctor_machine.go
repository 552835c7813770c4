package main

import (
	"context"
	"fmt"
	"path/filepath"
	"syscall"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/store"
)

// leastFiles is how many open files a server wants: each connection is one, and so is each
// file of a build that is sent or read.
const leastFiles = 4096

// checkFiles looks at the limit of the process that asks: for a server beside which doctor
// runs, Settings → System knows it better.
func (s system) checkFiles(context.Context) core.Check {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return core.Warn("the limit of open files is not known", "Look at `ulimit -n`")
	}
	return openFiles(uint64(limit.Cur), s.beside)
}

func openFiles(limit uint64, beside bool) core.Check {
	value := fmt.Sprintf("%d may be open at once", limit)
	if beside {
		value += " in this shell"
	}
	if limit < leastFiles {
		return core.Warn(value, "Raise it to 65536: LimitNOFILE=65536 in systemd's unit, NumberOfFiles of HardResourceLimits in launchd's, or ulimit -n where it is started by hand")
	}
	return core.Good(value)
}

// checkDatabaseDisk finds an SQLite file where its locks may not hold.
func (s system) checkDatabaseDisk(context.Context) core.Check {
	path, sqlite := store.SQLitePath(s.cfg.DatabaseURL)
	if !sqlite {
		return core.Skip("the database is PostgreSQL's")
	}
	if !isThere(path) {
		path = filepath.Dir(path)
	}
	kind, err := fileSystem(path)
	if err != nil {
		return core.Skip("there is none yet; the first start makes it")
	}
	return databaseDisk(path, kind)
}

// databaseDisk judges by the name that fileSystem gives; empty: a disk of this machine.
func databaseDisk(path, kind string) core.Check {
	if kind == "" {
		return core.Good(path + " is on a disk of this machine")
	}
	return core.Warn(path+" is on "+kind+", where the locks of SQLite and what is synced may not hold: the database can be damaged",
		"Move it to a disk of this machine (OORE_DATA_DIR, or OORE_DATABASE_URL=sqlite:PATH while the server is stopped), or use PostgreSQL")
}
