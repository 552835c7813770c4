package main

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// wantServersUser refuses root where the data folder is another user's: the server could not
// read what root writes there.
func wantServersUser(dir string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	for _, path := range []string{filepath.Join(dir, "lock"), dir} { // one may be root's, of a command before
		info, err := os.Stat(path)
		if err != nil {
			continue // there is none yet
		}
		own, ok := info.Sys().(*syscall.Stat_t)
		if !ok || own.Uid == 0 {
			continue
		}
		return fmt.Errorf("the data folder %s is the user's with the number %d, and the server could not read what root writes there: run this as that user with the server's settings, "+
			"for example with systemd-run --uid=%d -p EnvironmentFile=/etc/oore/oore.env -E OORE_DATA_DIR=%s --pipe --wait oore …; nothing was changed", dir, own.Uid, own.Uid, dir)
	}
	return nil
}
