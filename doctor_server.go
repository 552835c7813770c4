package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/oore-ci/oore/app"
	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/notify"
	"github.com/oore-ci/oore/runner"
)

// system is a server as its checks see it.
type system struct {
	cfg      Config
	rooms    rooms
	vault    *app.Vault                              // nil: its key is not known
	database func(context.Context) core.Check        // nil: it is not looked at
	settings func(context.Context) core.Check        // the database's; nil: they are not looked at
	sources  func(context.Context) ([]string, error) // API addresses of what is connected; nil: not known
	fits     func(context.Context) error             // whether the key is that of what is stored; nil: not known
	spare    func(context.Context) (int64, error)    // room within the database; nil: not known
	beside   bool                                    // the checks are made by another process than the server's
}

// probes are those of what a server stands on. What is connected and who builds is
// known to app.
func (s system) probes() []core.Probe {
	probes := []core.Probe{runner.GitProbe(s.cfg.DataDir)}
	if s.cfg.Runners > 0 {
		probes = runner.Probes(s.cfg.DataDir, s.cfg.sandbox())
	}
	kept := checkDisk
	if dir := s.cfg.databaseDir(); within(s.cfg.DataDir, s.cfg.BlobDir) || dir != "" && within(s.cfg.DataDir, dir) {
		kept = checkServerDisk
	}
	probes = append(probes, folderProbes(s.cfg.DataDir, kept)...)
	if dir := s.cfg.databaseDir(); dir != "" && !within(s.cfg.DataDir, dir) {
		probes = append(probes, core.Probe{Area: core.AreaStorage, Name: "space for the database", Look: s.databaseLook(dir)})
	}
	if s.cfg.S3 != nil {
		probes = append(probes, core.Probe{Area: core.AreaStorage, Name: "S3 bucket", Look: s.checkBucket})
	} else if !within(s.cfg.DataDir, s.cfg.BlobDir) {
		probes = append(probes, core.Probe{Area: core.AreaStorage, Name: "disk for artifacts", Look: diskLook(s.cfg.BlobDir, checkReserve)})
	}
	if s.database != nil {
		probes = append(probes, core.Probe{Area: core.AreaStorage, Name: "database", Look: s.database})
	}
	if s.settings != nil {
		probes = append(probes, core.Probe{Area: core.AreaStorage, Name: "database settings", Look: s.settings})
	}
	probes = append(probes,
		core.Probe{Area: core.AreaStorage, Name: "disk of the database", Look: s.checkDatabaseDisk},
		core.Probe{Area: core.AreaMachine, Name: "open files", Look: s.checkFiles})
	probes = append(probes, core.Probe{Area: core.AreaStorage, Name: "encryption key", Look: s.checkKey})
	probes = append(probes, s.networkProbes()...)
	if room := s.rooms.slack; room != nil {
		probes = append(probes, core.Probe{Area: core.AreaSources, Name: "Slack", Look: room.Examine})
	}
	for _, room := range s.rooms.signIn.Rooms {
		probes = append(probes, core.Probe{Area: core.AreaNetwork, Name: "sign-in: " + room.Way().Name, Look: room.Examine})
	}
	if mail, ok := s.rooms.notifiers[core.NotifyEmail].(*notify.Mail); ok {
		probes = append(probes, core.Probe{Area: core.AreaNetwork, Name: "mail", Look: mail.Examine})
	}
	return probes
}

// givenProbes are those of the connections that the settings give, for a server whose
// database says nothing yet.
func (s *system) givenProbes() []core.Probe {
	var probes []core.Probe
	var addresses []string
	for _, c := range s.rooms.environment {
		addresses = append(addresses, c.APIURL)
		probes = append(probes, core.Probe{Area: core.AreaSources, Name: c.Host, Look: func(ctx context.Context) core.Check {
			return app.CheckConnection(ctx, s.rooms.forges[c.Provider], c)
		}})
	}
	s.sources = func(context.Context) ([]string, error) { return addresses, nil }
	return probes
}

func within(dir, path string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && filepath.IsLocal(rel)
}

// folderProbes are those of a data folder, a server's or a runner's, whose disk is judged
// by check.
func folderProbes(dir string, check diskCheck) []core.Probe {
	return []core.Probe{
		{Area: core.AreaStorage, Name: "data folder", Look: func(context.Context) core.Check { return checkFolder(dir) }},
		{Area: core.AreaStorage, Name: "disk", Look: diskLook(dir, check)},
	}
}

func checkFolder(dir string) core.Check {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return core.Skip(dir + " is not there yet; the first start makes it")
	case err != nil || !info.IsDir():
		return core.Fail(dir+" is no folder that this user sees", "Set OORE_DATA_DIR to another, or change its owner")
	}
	probe, err := os.CreateTemp(dir, ".doctor-*")
	if err != nil {
		return core.Fail(dir+" cannot be written to", "Run this as the user of Oore, and make the folder that user's own")
	}
	if err := errors.Join(probe.Close(), os.Remove(probe.Name())); err != nil {
		return core.Fail(dir+" does not take files as it should", "Check the disk: "+err.Error())
	}
	if info.Mode().Perm()&0o077 != 0 {
		return core.Warn(dir+" is open to other users", closing(dir, folderOwner(info), os.Geteuid()))
	}
	return core.Good(dir)
}

// closing says how a folder of the owner is closed to others. One that is not our own, as a
// volume on Kubernetes is root's and our group's, would be closed to us.
func closing(dir string, owner, self int) string {
	if self == 0 || owner == self {
		return "chmod 700 " + dir
	}
	return "It is not this user's own: make a folder there that is, with mode 700, move all into it while nothing runs, and set OORE_DATA_DIR to it; a volume that one pod alone has may stay as it is"
}

func folderOwner(info fs.FileInfo) int {
	if own, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(own.Uid)
	}
	return os.Geteuid()
}

type diskCheck func(free, total int64) core.Check

// diskLook looks at the disk of a folder, or of where it will be.
func diskLook(dir string, check diskCheck) func(context.Context) core.Check {
	return func(context.Context) core.Check {
		at := dir
		for !isThere(at) && at != filepath.Dir(at) {
			at = filepath.Dir(at)
		}
		free, total, err := runner.DiskSpace(at)
		if err != nil {
			return core.Warn("how much is free is not known", "Check the disk of "+at)
		}
		return check(free, total)
	}
}

// databaseLook looks at a disk of the database as the server does, which counts the room
// within the file too.
func (s system) databaseLook(dir string) func(context.Context) core.Check {
	return func(ctx context.Context) core.Check {
		return diskLook(dir, func(free, total int64) core.Check {
			if s.spare != nil {
				if spare, err := s.spare(ctx); err == nil {
					free = core.Usable(free, spare, total)
				}
			}
			return checkReserve(free, total)
		})(ctx)
	}
}

// checkServerDisk judges a disk that keeps what comes in and on which builds run.
func checkServerDisk(free, total int64) core.Check {
	if kept := checkReserve(free, total); kept.State == core.CheckFailed {
		return kept
	}
	return checkDisk(free, total)
}

// checkDisk judges one on which builds run.
func checkDisk(free, total int64) core.Check {
	if runner.AlmostFull(free, total) {
		return core.Fail(freeOf(free, total), "Free some space: no build is taken on before "+core.HumanSize(runner.LeastFree(total))+" are free")
	}
	return checkReserve(free, total)
}

func freeOf(free, total int64) string {
	return core.HumanSize(free) + " of " + core.HumanSize(total) + " free"
}

// checkReserve judges one that keeps what comes in.
func checkReserve(free, total int64) core.Check {
	value := freeOf(free, total)
	switch {
	case free < core.Reserve(total):
		return core.Fail(value, "Free some space: nothing new is taken in before "+core.HumanSize(core.Reserve(total))+" are free: webhooks, new builds and artifacts are refused")
	case free < 5<<30 || free < total/20:
		return core.Warn(value, "Free some space before it is all gone")
	}
	return core.Good(value)
}

// checkKey tells where the encryption key is, never what it is.
func (s system) checkKey(ctx context.Context) core.Check {
	path, where := keyFile(s.cfg.DataDir), "given by OORE_ENCRYPTION_KEY"
	var fault error // nil: it opens what is stored, or that is not known
	if s.fits != nil {
		fault = s.fits(ctx)
	}
	own := core.Good(where)
	if s.cfg.EncryptionKey == nil {
		where = path
		if own = s.checkKeyFile(path, fault); own.State == core.CheckFailed || !isThere(path) {
			return own
		}
	}
	if core.KindOf(fault) == core.KindConflict && fault != nil {
		return core.Fail(where+" opens nothing of what is stored, and a server does not start with it",
			"Give the key that was there before, as OORE_ENCRYPTION_KEY or in the data folder; a backup holds it. If it is lost for good: oore secrets replace-lost-key")
	}
	if fault != nil {
		return core.Warn(where+"; whether it opens what is stored is not known", "Check the database")
	}
	return own
}

// checkKeyFile looks at the file itself.
func (s system) checkKeyFile(path string, fault error) core.Check {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !isThere(filepath.Join(s.cfg.DataDir, "lock")):
		return core.Skip("there is none yet; the first start makes it")
	case errors.Is(err, fs.ErrNotExist) && s.fits != nil && fault == nil:
		return core.Warn(path+" is missing", "Nothing is sealed with it: the next start makes a new one")
	case errors.Is(err, fs.ErrNotExist):
		return core.Fail(path+" is missing", "Put it back from a backup: without it what is sealed cannot be read, and a server does not start. If it is lost for good: oore secrets replace-lost-key")
	}
	if _, err := findVault(s.cfg); err != nil {
		return core.Fail(path+" cannot be used", err.Error())
	}
	if info.Mode().Perm()&0o077 != 0 {
		return core.Warn(path+" can be read by other users", "chmod 600 "+path)
	}
	return core.Good(path)
}

// checkBucket writes an object and removes it.
func (s system) checkBucket(ctx context.Context) core.Check {
	where := s.cfg.S3.Bucket + " at " + s.cfg.S3.Endpoint
	blobs, err := s.cfg.openBlobs()
	if err == nil {
		err = blobs.Ready(ctx)
	}
	if err == nil {
		return core.Good(where)
	}
	if cause := errors.Unwrap(err); cause != nil {
		err = cause
	}
	return core.Fail(where+" does not take objects: "+err.Error(), "Check OORE_BLOB_URL, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and that the bucket is there")
}
