package main

import "syscall"

// fileSystem names the kind of what a path is on, if it may be another machine's.
func fileSystem(path string) (string, error) {
	var at syscall.Statfs_t
	if err := syscall.Statfs(path, &at); err != nil {
		return "", err
	}
	return networkFileSystem(uint32(at.Type)), nil // the field is as wide as the machine likes
}

// networkFileSystem knows the magic numbers of statfs(2) and linux/magic.h.
func networkFileSystem(magic uint32) string {
	switch magic {
	case 0x6969:
		return "NFS"
	case 0x517b, 0xff534d42, 0xfe534d42:
		return "SMB"
	case 0x65735546:
		return "FUSE"
	case 0x01021997:
		return "9P"
	case 0x00c36400:
		return "Ceph"
	case 0x5346414f, 0x6b414653:
		return "AFS"
	case 0x0bd00bd0:
		return "Lustre" //nolint:misspell // the name of a file system, not the word "luster"
	}
	return ""
}
