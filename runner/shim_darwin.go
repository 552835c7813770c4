package runner

import (
	"bytes"
	"os"
	"os/exec"
	"strconv"
)

// subreaper: macOS has none; orphans go to launchd, and we find them by their group.
const subreaper = false

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
	var list []process
	for line := range bytes.Lines(out) {
		fields := bytes.Fields(line)
		if len(fields) != 3 {
			continue
		}
		pid, _ := strconv.Atoi(string(fields[0]))
		if pid == ps.Process.Pid {
			continue
		}
		parent, _ := strconv.Atoi(string(fields[1]))
		group, _ := strconv.Atoi(string(fields[2]))
		list = append(list, process{pid: pid, parent: parent, group: group})
	}
	return list
}

// killMarked has no way to see environments here.
func killMarked(string) {}
