package runner

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// play does the trick and, for those of which the trickster stays, waits to be killed.
func play(trick string) {
	mark := os.Args[1]
	switch trick {
	case "orphan that stops": // its parent's death stops it
		must(child(mark, &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGSTOP}))
		time.Sleep(100 * time.Millisecond)
		return
	case "reaper": // orphans become its children, and not the shim's
		must(unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))
		must(exec.Command("sh", "-c", "(setsid sh -c 'sleep 300; : "+mark+"' &)").Run())
	case "traced": // its child stands still at its first instruction
		runtime.LockOSThread()
		must(child(mark, &syscall.SysProcAttr{Ptrace: true}))
	case "namespace": // its child is the first process of a world of its own
		root := []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		err := child(mark, &syscall.SysProcAttr{
			Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWPID | syscall.CLONE_NEWNS, UidMappings: root, Setsid: true,
		})
		if err != nil { // not everybody may
			fmt.Println("no namespaces here:", err)
			must(child(mark, &syscall.SysProcAttr{Setsid: true}))
		}
	case "deaf": // to all that can be ignored
		for s := syscall.Signal(1); s < 65; s++ {
			signal.Ignore(s)
		}
	case "leaderless": // its first thread is dead, the others live on
		go time.Sleep(time.Hour)
		unix.RawSyscall(unix.SYS_EXIT, 0, 0, 0)
	}
	time.Sleep(time.Hour)
}

func child(mark string, attr *syscall.SysProcAttr) error {
	cmd := exec.Command("/bin/sh", "-c", "sleep 300; : "+mark)
	cmd.SysProcAttr = attr
	return cmd.Start()
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
