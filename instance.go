package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/runner"
	"github.com/oore-ci/oore/store"
)

// facts are the settings that people look for, without secrets.
func facts(cfg Config) []core.Fact {
	database := "PostgreSQL"
	if strings.HasPrefix(cfg.DatabaseURL, "sqlite:") {
		database = "SQLite, " + strings.TrimPrefix(cfg.DatabaseURL, "sqlite:")
	}
	yes := func(set bool, what, without string) string {
		if set {
			return what
		}
		return without
	}
	return []core.Fact{
		{Name: "Listens on", Value: cfg.ListenAddr, Setting: "OORE_LISTEN_ADDR"},
		{Name: "Data folder", Value: cfg.DataDir, Setting: "OORE_DATA_DIR"},
		{Name: "Database", Value: database, Setting: "OORE_DATABASE_URL"},
		{Name: "Machine", Value: runtime.GOOS + "/" + runtime.GOARCH},
		{Name: "Builds that this machine runs at once", Value: strconv.Itoa(cfg.Runners), Setting: "OORE_RUNNERS"},
		{Name: "Builds are kept apart", Value: yes(cfg.Sandbox, "in a sandbox", "no, they run as the server’s user"), Setting: "OORE_SANDBOX"},
		{Name: "Folders whose repositories may be built", Value: strings.Join(cfg.LocalRoots, ", "), Setting: "OORE_LOCAL_ROOTS"},
		{Name: "Kept of one build’s log", Value: core.HumanSize(cfg.LogLimit), Setting: "OORE_LOG_LIMIT"},
		{Name: "Space for one build", Value: core.HumanSize(cfg.WorkspaceLimit), Setting: "OORE_WORKSPACE_LIMIT"},
		{Name: "Space for all caches", Value: core.HumanSize(cfg.CacheLimit), Setting: "OORE_CACHE_LIMIT"},
		{Name: "E-mail", Value: yes(cfg.SMTPURL != "", "is sent", "is not sent"), Setting: "OORE_SMTP_URL"},
		{Name: "Slack", Value: yes(cfg.SlackSigningSecret != "", "is connected", "is not connected"), Setting: "OORE_SLACK_SIGNING_SECRET"},
		{Name: "Encryption key", Value: yes(cfg.EncryptionKey != nil, "given by the settings", "in the data folder"), Setting: "OORE_ENCRYPTION_KEY"},
	}
}

// measure tells what the server's files take, as far as it gets before ctx ends.
func measure(cfg Config) func(context.Context) core.Storage {
	in := func(name string) string { return filepath.Join(cfg.DataDir, name) }
	parts := []core.Usage{
		{Name: "Artifacts, and logs of ended builds", Path: cfg.BlobDir},
		{Name: "Mirrors of repositories", Path: in("mirrors")},
		{Name: "Caches of builds", Path: in("cache")},
		{Name: "Workspaces of running builds", Path: in("workspaces")},
		{Name: "Home folders of builds", Path: in("home")},
		{Name: "The demo", Path: in("demo")},
	}
	if path, ok := strings.CutPrefix(cfg.DatabaseURL, "sqlite:"); ok {
		parts = append([]core.Usage{{Name: "Database, and logs of running builds", Path: path}}, parts...)
	}
	return func(ctx context.Context) core.Storage {
		var s core.Storage
		for _, part := range parts {
			s.Parts = append(s.Parts, weigh(ctx, part))
		}
		if free, total, err := runner.DiskSpace(cfg.DataDir); err == nil {
			s.Free, s.Total = free, total
		}
		return s
	}
}

// weigh sums up a folder, or a file with those that its name begins: a database's
// journal lies beside it.
func weigh(ctx context.Context, part core.Usage) core.Usage {
	paths, err := filepath.Glob(part.Path + "*")
	if err != nil || len(paths) == 0 || filepath.Ext(part.Path) == "" {
		paths = []string{part.Path}
	}
	part.Whole = true
	for _, path := range paths {
		err := filepath.WalkDir(path, func(_ string, e fs.DirEntry, err error) error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if errors.Is(err, fs.ErrNotExist) { // gone since, or never there
				return nil
			}
			if err != nil {
				part.Whole = false
				return fs.SkipDir
			}
			if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
				part.Bytes, part.Files = part.Bytes+info.Size(), part.Files+1
			}
			return nil
		})
		part.Whole = part.Whole && err == nil
	}
	return part
}

// databaseDir is the folder of an SQLite database; empty: the database is another server's.
func (c Config) databaseDir() string {
	if path, sqlite := store.SQLitePath(c.DatabaseURL); sqlite {
		return filepath.Dir(path)
	}
	return ""
}

// spaceOf tells what is free of the disk of a folder; nil: there is none.
func spaceOf(dir string) core.Space {
	if dir == "" {
		return nil
	}
	return func() (free, total int64, err error) { return runner.DiskSpace(dir) }
}

// disks are the readings of the disks that this server writes to, that of the database as
// the server itself judges it.
func (s *server) disks(ctx context.Context) ([]core.Reading, error) {
	var all []core.Reading
	dirs := map[string]string{"data": s.cfg.DataDir, "blobs": s.cfg.BlobDir}
	if dir := s.cfg.databaseDir(); dir != "" {
		dirs["database"] = dir
	}
	for label, dir := range dirs {
		free, size, err := runner.DiskSpace(dir)
		if err != nil {
			return all, fmt.Errorf("look at the disk of %s: %w", dir, err)
		}
		if label == "database" {
			spare, err := s.store.SpareBytes(ctx)
			if err != nil {
				return all, err
			}
			free = core.Usable(free, spare, size)
		}
		all = append(all,
			core.Reading{Metric: core.MetricDiskFree, Value: float64(free), Labels: []string{label}},
			core.Reading{Metric: core.MetricDiskSize, Value: float64(size), Labels: []string{label}})
	}
	return all, nil
}
