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
	info, err := os.Stat(filepath.Join(dir, "lock"))   // of whoever started the server first
	for at := dir; err != nil; at = filepath.Dir(at) { // or of whoever has the place where the folder will be
		if info, err = os.Stat(at); err != nil && at == filepath.Dir(at) {
			return nil //nolint:nilerr // other faults the command meets itself
		}
	}
	if own, ok := info.Sys().(*syscall.Stat_t); ok && own.Uid != 0 {
		return fmt.Errorf("the data folder %s is, or would be, the user's with the number %d, and the server could not read what root writes there (if root runs it, make the folder first): run this as that user with the server's settings, "+
			"for example with systemd-run --uid=%d -p EnvironmentFile=/etc/oore/oore.env -E OORE_DATA_DIR=%s --pipe --wait oore …; nothing was changed", dir, own.Uid, own.Uid, dir)
	}
	return nil
}
