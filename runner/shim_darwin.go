package runner

import (
	"os"

	"golang.org/x/sys/unix"
)

// subreaper: macOS has none; orphans go to launchd, and we find them by their group.
const subreaper = false

// sleeplessClock goes on while the machine sleeps.
const sleeplessClock = unix.CLOCK_MONOTONIC

func becomeReaper() {}

func ownBinary() (string, error) { return os.Executable() }

func widen(*os.File) {}

// processes asks the kernel and not ps, which could not be started where a build has
// taken all processes that there may be. The dead that nobody has collected are in it.
func processes() []process {
	table, err := unix.SysctlKinfoProcSlice("kern.proc.all")
	if err != nil {
		return nil
	}
	list := make([]process, len(table))
	for i, p := range table {
		list[i] = process{pid: int(p.Proc.P_pid), parent: int(p.Eproc.Ppid), group: int(p.Eproc.Pgid)}
	}
	return list
}

// killMarked has no way to see environments here.
func killMarked(string) (processes int) { return 0 }
