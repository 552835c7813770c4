package runner

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// escapes are scripts that leave processes behind in every way we know. MARK is in
// the arguments of each process that they start; TRICK is the beginning of a command
// that plays one.
var escapes = map[string]wayOut{
	"a child":                  {2, `sh -c 'sleep 300 # MARK'`},
	"a grandchild":             {3, `sh -c 'sh -c "sleep 300; : MARK" & wait'`},
	"a setsid daemon":          {2, `setsid sh -c 'sleep 300; : MARK' >/dev/null 2>&1 & sleep 300; : MARK`},
	"a double fork":            {2, `(setsid sh -c 'sleep 300; : MARK' >/dev/null 2>&1 &) ; sleep 300; : MARK`},
	"nohup":                    {2, `nohup sh -c 'sleep 300; : MARK' >/dev/null 2>&1 & sleep 300; : MARK`},
	"an emptied env":           {2, `env -i setsid sh -c 'sleep 300; : MARK' & sleep 300; : MARK`},
	"a deaf one":               {2, `trap '' TERM INT HUP; sh -c 'trap "" TERM; while :; do sleep 1; : MARK; done'`},
	"a stopped one":            {2, `sh -c 'kill -STOP $$; : MARK' & wait; : MARK`},
	"a holder of fd 1":         {2, `setsid sh -c 'trap "" TERM; while :; do echo x; sleep 0.1; : MARK; done' & wait; : MARK`},
	"one that holds nothing":   {2, `setsid sh -c 'exec <&- >&- 2>&- 3>&-; cd /; sleep 300; : MARK' & sleep 300; : MARK`},
	"orphans with a pipe":      {3, `(sh -c 'sleep 300; : MARK' | sh -c 'cat; : MARK' &); sleep 300; : MARK`},
	"a crowd":                  {11, `for i in 1 2 3 4 5 6 7 8 9 10; do setsid sh -c 'sleep 300; : MARK' & done; wait; : MARK`},
	"a tree":                   {127, `f() { if [ $1 -gt 0 ]; then f $(($1-1)) & f $(($1-1)) & wait; else sleep 300; fi; : MARK; }; f 6`},
	"one that respawns":        {2, `trap '' TERM; while :; do sh -c 'sleep 0.02; : MARK'; done`},
	"one that never stays":     {2, `printf 'setsid sh run "$1" &' >run; setsid sh run MARK & sleep 300; : MARK`},
	"a cgroup of its own":      {1, `d=/sys/fs/cgroup/MARK; { mkdir $d && echo $$ >$d/cgroup.procs; } 2>/dev/null; sleep 300; : MARK`},
	"an orphan that stops":     {2, `TRICK='orphan that stops' EXE MARK; sleep 300; : MARK`},
	"a reaper":                 {3, `TRICK=reaper EXE MARK`},
	"a traced one":             {3, `TRICK=traced EXE MARK`},
	"a namespace":              {3, `TRICK=namespace EXE MARK`},
	"deaf to all":              {2, `TRICK=deaf setsid EXE MARK`},
	"a process without leader": {2, `TRICK=leaderless EXE MARK`},
}

// wayOut is a script and how many processes of it are there at once, at least.
type wayOut struct {
	processes int
	script    string
}

func script(name, mark string) string {
	return "echo up; " + strings.NewReplacer("MARK", mark, "TRICK", trickEnv, "EXE", os.Args[0]).Replace(escapes[name].script)
}

func escapeNames() []string {
	var names []string
	for name := range escapes {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// escapeRounds is how often each escape is tried: OORE_TEST_ESCAPES is how often all of
// them together.
func escapeRounds(t *testing.T) int {
	t.Helper()
	all, err := strconv.Atoi(cmp.Or(os.Getenv("OORE_TEST_ESCAPES"), "1"))
	if err != nil {
		t.Fatalf("OORE_TEST_ESCAPES: %v", err)
	}
	return (all + len(escapes) - 1) / len(escapes)
}

// marked lists the processes that have the mark in their arguments.
func marked(t testing.TB, mark string) []int {
	t.Helper()
	var list []int
	for _, pid := range pids() {
		if pid != os.Getpid() && bytes.Contains(arguments(pid), []byte(mark)) {
			list = append(list, pid)
		}
	}
	return list
}

// arguments are those of a process, of which the first thread may be dead.
func arguments(pid int) []byte {
	dir := fmt.Sprintf("/proc/%d", pid)
	args, _ := os.ReadFile(dir + "/cmdline") // it may have ended
	if len(args) > 0 {
		return args
	}
	threads, _ := os.ReadDir(dir + "/task")
	for _, thread := range threads {
		more, _ := os.ReadFile(dir + "/task/" + thread.Name() + "/cmdline")
		args = append(args, more...)
	}
	return args
}

func newMark(t testing.TB) string {
	t.Helper()
	mark := fmt.Sprintf("mark-%d-%d", os.Getpid(), time.Now().UnixNano())
	t.Cleanup(func() {
		for _, pid := range marked(t, mark) {
			t.Errorf("process %d is left", pid)
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		_ = os.Remove("/sys/fs/cgroup/" + mark) // one of the escapes makes it
	})
	return mark
}
