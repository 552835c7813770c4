package main

import (
	"strings"
	"syscall"
)

// fileSystem names the kind of what a path is on, if it may be another machine's.
func fileSystem(path string) (string, error) {
	var at syscall.Statfs_t
	if err := syscall.Statfs(path, &at); err != nil {
		return "", err
	}
	var name strings.Builder
	for _, c := range at.Fstypename {
		if c == 0 {
			break
		}
		name.WriteByte(byte(c))
	}
	switch kind := name.String(); {
	case kind == "nfs", kind == "smbfs", kind == "afpfs", kind == "webdav", strings.Contains(kind, "fuse"):
		return kind, nil
	}
	return "", nil
}
