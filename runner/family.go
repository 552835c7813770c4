package runner

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
