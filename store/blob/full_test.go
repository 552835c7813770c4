package blob_test

import (
	"os/signal"
	"syscall"
	"testing"

	"github.com/oore-ci/oore/app/core"
)

// /readyz said that all was well while nothing could be stored.
func TestAFullDiskIsNotReady(t *testing.T) {
	l, _ := newLocal(t)
	if err := l.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	full := fillDisk(t)
	err := l.Ready(t.Context())
	full()
	if err == nil || core.KindOf(err) != core.KindUnavailable {
		t.Errorf("a disk without room is ready: %v", err)
	}
	if err := l.Ready(t.Context()); err != nil {
		t.Errorf("there is room again: %v", err)
	}
}

// fillDisk lets no file of this process grow until the function it returns is called.
func fillDisk(t *testing.T) (release func()) {
	t.Helper()
	signal.Ignore(syscall.SIGXFSZ)
	var was syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &was); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 0, Max: was.Max}); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &was); err != nil {
			panic(err)
		}
	}
}
