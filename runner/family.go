package runner

import (
	"bytes"
	"strconv"
)

// process is one row of the system's process table.
type process struct{ pid, parent, group int }

// family lists all processes below one of us, parents before their children, so that
// a killed parent cannot make more of them. What is in one of the groups is found
// wherever it hangs: where we are no subreaper, it hangs from the system's first
// process once its parent is gone.
func family(table []process, self int, groups map[int]bool) []int {
	children := map[int][]int{}
	var found []int
	seen := map[int]bool{self: true}
	add := func(pid int) {
		if !seen[pid] {
			seen[pid] = true
			found = append(found, pid)
		}
	}
	for _, p := range table {
		children[p.parent] = append(children[p.parent], p.pid)
		if groups[p.group] {
			add(p.pid)
		}
	}
	for _, pid := range children[self] {
		add(pid)
	}
	for i := 0; i < len(found); i++ {
		for _, pid := range children[found[i]] {
			add(pid)
		}
	}
	return found
}

// parsePS reads `ps -axo pid=,ppid=,pgid=`, leaving out ps itself.
func parsePS(out []byte, ps int) []process {
	var list []process
	for line := range bytes.Lines(out) {
		fields := bytes.Fields(line)
		if len(fields) != 3 {
			continue
		}
		var row [3]int
		var err error
		for i, field := range fields {
			if err == nil {
				row[i], err = strconv.Atoi(string(field))
			}
		}
		if err == nil && row[0] != ps {
			list = append(list, process{pid: row[0], parent: row[1], group: row[2]})
		}
	}
	return list
}
