package runner

import (
	"bytes"
	"os"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// subreaper: whatever a command leaves behind becomes our child, however it was
// detached.
const subreaper = true

// sleeplessClock goes on while the machine sleeps.
const sleeplessClock = unix.CLOCK_BOOTTIME

func becomeReaper() { _ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) }

// ownBinary stays ours when the file is replaced by an upgrade.
func ownBinary() (string, error) { return "/proc/self/exe", nil }

// widen makes a pipe hold a burst; an error leaves it as it was.
func widen(f *os.File) { _, _ = unix.FcntlInt(f.Fd(), unix.F_SETPIPE_SZ, 1<<20) }

// processes reads the process table. Processes that end meanwhile are left out. It is
// empty if it cannot be read.
func processes() []process {
	var list []process
	for _, pid := range pids() {
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if err != nil {
			continue
		}
		// pid (name) state parent group …; the name may hold anything.
		fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
		if len(fields) < 3 {
			continue
		}
		parent, _ := strconv.Atoi(string(fields[1]))
		group, _ := strconv.Atoi(string(fields[2]))
		list = append(list, process{pid: pid, parent: parent, group: group})
	}
	return list
}

func pids() []int {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer func() { _ = dir.Close() }()
	names, _ := dir.Readdirnames(-1)
	var list []int
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			list = append(list, pid)
		}
	}
	return list
}

// killMarked kills every process whose environment has the marker (NAME=value).
// It is the second net, for a build that killed its own shim. It tells how many it found.
func killMarked(marker string) (processes int) {
	want := append([]byte{0}, marker...)
	want = append(want, 0)
	seen := map[int]bool{}
	for range 100 {
		found := false
		for _, pid := range pids() {
			env, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ")
			if err != nil || !bytes.Contains(append([]byte{0}, env...), want) {
				continue
			}
			found, seen[pid] = true, true
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		if !found {
			break
		}
		time.Sleep(sweepEvery)
	}
	return len(seen)
}
