package runner

import (
	"fmt"
	"net"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"
)

const (
	shimArg  = "__shim"
	lifeLine = 3 // the descriptor of the shim's end of the socketpair
	// sweepEvery is the pause between two rounds of killing.
	sweepEvery = 5 * time.Millisecond
	// fenceEvery is how soon after a sleep of the machine a shim notices that it is too late.
	fenceEvery = 200 * time.Millisecond
)

// RunShim turns the process into a shim, or a build's helper, and never returns, if
// args are those with which a pool or a shim starts one; otherwise it does nothing.
// main calls it before anything else.
//
// A shim starts the processes of a build and is the one thing between them and the
// pool: when its life-line breaks, because the pool let go of it or was killed, or when
// the pool has not said in time that the build may go on, it kills every descendant and
// exits.
func RunShim(args []string) {
	if len(args) == 3 && (args[1] == packArg || args[1] == unpackArg) {
		runCacheHelper(args[1], args[2])
	}
	if len(args) != 2 || args[1] != shimArg {
		return
	}
	conn, err := unixConn(lifeLine)
	if err != nil {
		fmt.Fprintln(os.Stderr, "oore: "+shimArg+" is for Oore's own use:", err)
		os.Exit(2)
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		fmt.Fprintln(os.Stderr, "oore: start a shim:", err)
		os.Exit(2)
	}
	confine()
	children := make(chan os.Signal, 1)
	signal.Notify(children, syscall.SIGCHLD)
	// Caught and not ignored: an ignored signal stays ignored in the commands. Only
	// the life-line ends a shim.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT)

	s := &warden{conn: conn, null: null, groups: map[int]bool{}, reaper: subreaper, table: processes}
	s.serve(children)
	os.Exit(0)
}

// confine sets what all commands inherit: no descriptor of the server's, or of
// whoever started the server, among it.
func confine() {
	open, _ := os.ReadDir("/dev/fd")
	for _, e := range open {
		if fd, err := strconv.Atoi(e.Name()); err == nil && fd > 2 {
			syscall.CloseOnExec(fd)
		}
	}
	becomeReaper()
	syscall.Umask(0o022)
	_ = syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{}) // no core file in a workspace
}

// warden is the inside of a shim. One goroutine owns it.
type warden struct {
	conn   *net.UnixConn
	null   *os.File
	main   int          // the command that runs; 0: none
	groups map[int]bool // process groups of the commands started since the last stop
	cell   *cell        // the sandbox of the commands since the last stop; nil: none yet

	reaper bool             // whatever a command leaves behind becomes our child
	table  func() []process // empty: it cannot be read, or else we would be in it

	stopping bool
	killAt   time.Time
	asked    int // processes that got SIGTERM in this stop
	killed   int // and that got SIGKILL
}

type order struct {
	shimRequest
	fds []int
}

func (w *warden) serve(children <-chan os.Signal) {
	orders := make(chan order)
	go readOrders(w.conn, orders)
	tick := time.NewTicker(sweepEvery)
	tick.Stop()
	var until time.Duration // what runs may go on until then
	fence := time.NewTicker(fenceEvery)
	fence.Stop()
	for {
		select {
		case o, ok := <-orders:
			switch {
			case !ok:
				w.killAll()
				return
			case o.Until > 0:
				until = o.Until
				fence.Reset(fenceEvery)
			case o.Stop:
				fence.Stop()
				w.stopping, w.killAt, w.asked, w.killed = true, time.Now().Add(o.Grace), 0, 0
				if o.Grace > 0 && !w.gone() {
					w.asked = w.signal(syscall.SIGTERM)
				}
				tick.Reset(sweepEvery)
				w.sweep(tick)
			case len(o.Argv) > 0: // else it is a word of another version
				w.start(o)
			}
		case <-children:
			w.reap()
			w.sweep(tick)
		case <-tick.C:
			w.sweep(tick)
		case <-fence.C:
			if Uptime() < until {
				continue
			}
			w.main = 0 // how it ends is none of the build's doing
			w.killAll()
			return
		}
	}
}

// readOrders closes orders when the life-line breaks.
func readOrders(conn *net.UnixConn, orders chan<- order) {
	defer close(orders)
	for {
		var o order
		fds, err := readFrame(conn, &o.shimRequest)
		if err != nil {
			return
		}
		o.fds = fds
		orders <- o
	}
}

// start runs a command in a session of its own, so that a signal to its group
// reaches nobody else. Descriptors become 1, 2, 3, …; 0 is /dev/null.
func (w *warden) start(o order) {
	files := []uintptr{w.null.Fd()}
	for _, fd := range o.fds {
		files = append(files, uintptr(fd))
	}
	pid, err := w.fork(o, &syscall.ProcAttr{Dir: o.Dir, Env: o.Env, Files: files, Sys: &syscall.SysProcAttr{Setsid: true}})
	for _, fd := range o.fds {
		_ = syscall.Close(fd)
	}
	if err != nil {
		w.reply(shimReply{Err: err.Error()})
		return
	}
	w.main, w.groups[pid] = pid, true
}

// fork starts the command in the sandbox, if it has one, or not at all.
func (w *warden) fork(o order, attr *syscall.ProcAttr) (pid int, err error) {
	if o.Sandbox == nil {
		return syscall.ForkExec(o.Argv[0], o.Argv, attr)
	}
	if w.cell == nil {
		if w.cell, err = newCell(o.Sandbox); err != nil {
			w.cell = nil
			return 0, err
		}
	}
	return w.cell.fork(o.Argv, attr)
}

// reap collects the dead and tells whether a child is left. As the subreaper we
// have one as long as any descendant lives.
func (w *warden) reap() (left bool) {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		switch {
		case err == syscall.EINTR:
		case err != nil:
			return false
		case pid == 0:
			return true
		case pid == w.main:
			w.main = 0
			e := exit{Code: status.ExitStatus()}
			if status.Signaled() {
				e = exit{Code: 128 + int(status.Signal()), Signal: status.Signal()}
			}
			w.reply(shimReply{Exit: &e})
		}
	}
}

// gone tells whether no descendant is left, as far as we can see.
func (w *warden) gone() bool {
	switch {
	case w.reap():
		return false
	case w.reaper:
		return true
	}
	left, seen := w.descendants()
	return seen && len(left) == 0
}

// sweep goes on with a stop, if one is under way.
func (w *warden) sweep(tick *time.Ticker) {
	if !w.stopping {
		return
	}
	if !w.gone() {
		if !time.Now().Before(w.killAt) {
			w.killed = max(w.killed, w.signal(syscall.SIGKILL))
		}
		return
	}
	tick.Stop()
	w.stopping = false
	clear(w.groups)
	if w.cell != nil {
		w.cell.close()
		w.cell = nil
	}
	w.reply(shimReply{Clean: true, Asked: w.asked, Killed: w.killed})
}

// killAll does not return before nothing is left.
func (w *warden) killAll() {
	for !w.gone() {
		w.signal(syscall.SIGKILL)
		time.Sleep(sweepEvery)
	}
}

// signal tells how many got it. Where nobody can be seen, all groups get it.
func (w *warden) signal(sig syscall.Signal) (processes int) {
	pids, seen := w.descendants()
	if !seen {
		for group := range w.groups {
			pids = append(pids, -group)
		}
	}
	for _, pid := range pids {
		if syscall.Kill(pid, sig) == nil {
			processes++
		}
	}
	return processes
}

// descendants tells also whether they could be seen.
func (w *warden) descendants() (pids []int, seen bool) {
	table := w.table()
	return family(table, os.Getpid(), w.groups), len(table) > 0
}

// reply drops an error: a broken life-line ends the reading side, which ends us.
func (w *warden) reply(r shimReply) { _ = writeFrame(w.conn, r) }
