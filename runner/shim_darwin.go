package runner

import (
	"os"
	"os/exec"

	"golang.org/x/sys/unix"
)

// subreaper: macOS has none; orphans go to launchd, and we find them by their group.
const subreaper = false

// sleeplessClock goes on while the machine sleeps.
const sleeplessClock = unix.CLOCK_MONOTONIC

func becomeReaper() {}

func ownBinary() (string, error) { return os.Executable() }

func widen(*os.File) {}

// processes asks ps, the one stable interface to the process table here.
func processes() []process {
	ps := exec.Command("/bin/ps", "-axo", "pid=,ppid=,pgid=")
	out, err := ps.Output()
	if err != nil {
		return nil
	}
	return parsePS(out, ps.Process.Pid)
}

// killMarked has no way to see environments here.
func killMarked(string) (processes int) { return 0 }
