package main

import "golang.org/x/sys/unix"

// hideMemory keeps processes of the same user, builds above all, from reading our
// environment and memory under /proc. root can still, outside of a sandbox.
func hideMemory() error { return unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0) }
