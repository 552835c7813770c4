package runner

import (
	"os"
	"slices"
	"syscall"
	"testing"
)

func TestTheFamilyOfAShim(t *testing.T) {
	const shim = 100
	row := func(pid, parent, group int) process { return process{pid, parent, group} }
	for name, c := range map[string]struct {
		table  []process
		groups []int
		want   []int
	}{
		"nothing": {[]process{row(1, 0, 1), row(shim, 1, shim)}, nil, nil},
		"a child and what it started": {
			[]process{row(1, 0, 1), row(shim, 1, shim), row(201, 200, 200), row(200, shim, 200), row(202, 201, 200)}, nil, []int{200, 201, 202},
		},
		"a child in a session of its own": {[]process{row(200, shim, 200), row(300, 200, 300), row(301, 300, 300)}, nil, []int{200, 300, 301}},
		"an orphan of the group, which the system has adopted": {
			[]process{row(1, 0, 1), row(shim, 1, shim), row(201, 1, 200)}, []int{200}, []int{201},
		},
		"the children of such an orphan, in a session of their own": {
			[]process{row(1, 0, 1), row(201, 1, 200), row(300, 201, 300), row(301, 300, 300)}, []int{200}, []int{201, 300, 301},
		},
		"several commands' groups": {[]process{row(201, 1, 200), row(401, 1, 400), row(501, 1, 500)}, []int{200, 400}, []int{201, 401}},
		"an orphan that left the group is the one thing that is not found": {[]process{row(1, 0, 1), row(300, 1, 300)}, []int{200}, nil},
		"others are left alone": {
			[]process{row(1, 0, 1), row(2, 1, 2), row(3, 2, 2), row(shim, 1, shim), row(99, shim-1, 99)}, []int{200}, nil,
		},
		"a table that contradicts itself": {[]process{row(200, 201, 200), row(201, 200, 200), row(shim, shim, shim)}, []int{200}, []int{200, 201}},
	} {
		groups := map[int]bool{}
		for _, g := range c.groups {
			groups[g] = true
		}
		got := family(c.table, shim, groups)
		slices.Sort(got)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	chain := []process{row(203, 202, 9), row(202, 201, 9), row(201, 200, 9), row(200, shim, 9)}
	if got, want := family(chain, shim, nil), []int{200, 201, 202, 203}; !slices.Equal(got, want) {
		t.Errorf("parents do not come first: %v", got)
	}
}

func TestWeAreInTheProcessTable(t *testing.T) {
	table := processes()
	i := slices.IndexFunc(table, func(p process) bool { return p.pid == os.Getpid() })
	if i < 0 || table[i].parent != os.Getppid() || table[i].group != syscall.Getpgrp() {
		t.Errorf("we are not in the table of %d processes, or with another parent than %d", len(table), os.Getppid())
	}
}
