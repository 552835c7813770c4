package main

import "testing"

func TestFileSystemsOfOtherMachinesAreKnown(t *testing.T) {
	for magic, want := range map[uint32]string{
		0x6969: "NFS", 0xff534d42: "SMB", 0xfe534d42: "SMB", 0x517b: "SMB", 0x65735546: "FUSE", 0x01021997: "9P",
		0xef53: "", 0x58465342: "", 0x01021994: "", 0x794c7630: "", 0x9123683e: "", // ext4, XFS, tmpfs, overlayfs, Btrfs
	} {
		if got := networkFileSystem(magic); got != want {
			t.Errorf("%#x is %q, want %q", magic, got, want)
		}
	}
	if kind, err := fileSystem("/proc"); kind != "" || err != nil {
		t.Errorf("/proc is on %q, %v", kind, err)
	}
}
