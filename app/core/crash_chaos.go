//go:build chaos

package core

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
)

// CrashPoint counts its passes in a file of its name in the folder that
// OORE_TEST_CRASH_PASSES names, and kills the process by SIGKILL at the pass that
// OORE_TEST_CRASH_AT says, as name:n.
func CrashPoint(name string) {
	dir := os.Getenv("OORE_TEST_CRASH_PASSES")
	if dir == "" {
		return
	}
	file, err := os.OpenFile(filepath.Join(dir, name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		panic(err)
	}
	defer file.Close()
	if _, err := file.Write([]byte{'.'}); err != nil {
		panic(err)
	}
	pass, err := file.Seek(0, io.SeekCurrent) // behind our own byte, whoever else passes now
	if err != nil {
		panic(err)
	}
	if os.Getenv("OORE_TEST_CRASH_AT") != fmt.Sprintf("%s:%d", name, pass) {
		return
	}
	if err := syscall.Kill(os.Getpid(), syscall.SIGKILL); err != nil {
		panic(err)
	}
	select {} // nothing more happens here
}
