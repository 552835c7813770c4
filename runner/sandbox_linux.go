package runner

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The versions of Landlock that matter here.
const (
	landlockRefer    = 2 // renames between folders: Linux 5.19
	landlockTruncate = 3 // Linux 6.2
	landlockScopes   = 6 // signals and abstract sockets: Linux 6.12
)

// sandboxLevel is the version of Landlock that the kernel has, 0 where that is not
// enough, and what is lacking.
func sandboxLevel() (level int, lack string) {
	version, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		version = 0
	}
	return landlockGrade(int(version))
}

func landlockGrade(version int) (level int, lack string) {
	switch {
	case version < landlockRefer:
		return 0, "the kernel has no Landlock of version 2: it needs Linux 5.19 or newer, with landlock among its security modules"
	case version < landlockTruncate:
		return version, "builds can empty files that they cannot read, and signal the server: Linux before 6.2 has no rule against it"
	case version < landlockScopes:
		return version, "builds can send signals to the server: Linux before 6.12 has no rule against it"
	}
	return version, ""
}

// systemPaths are what the system itself hides from builds and lets them write to.
// /dev is hidden but for a few: root may read disks there.
func systemPaths() (hidden, writable []string) {
	hidden = []string{"/dev"}
	for _, name := range []string{"null", "zero", "full", "random", "urandom", "tty", "ptmx", "pts", "shm", "kvm", "dri", "bus"} {
		writable = append(writable, "/dev/"+name)
	}
	if os.Geteuid() != 0 {
		// For the settings that programs make for themselves in /proc/self, which cannot be
		// told apart. Others' files there, the server's too, the kernel guards.
		writable = append(writable, "/proc")
	}
	return hidden, writable
}

// caches are the folders of a home in which tools keep what they download, and what
// they remember: those that any build may be the first to want, and others. No login
// runs or reads anything in them.
func caches() (common, others []string) {
	common = []string{
		".android", ".cache", ".config/flutter", ".dart-tool", ".dartServer", ".fvm", ".gradle", ".java", ".konan", ".kotlin", ".m2", ".npm",
		".pub-cache", "fvm", "go/pkg",
	}
	others = []string{
		".bundle", ".cocoapods", ".dart", ".fastlane", ".flutter-devtools", ".gem", ".local/share/pnpm", "Android/Sdk",
	}
	return common, others
}

const (
	toRead  = unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_READ_DIR
	toWrite = unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_REMOVE_DIR | unix.LANDLOCK_ACCESS_FS_REMOVE_FILE |
		unix.LANDLOCK_ACCESS_FS_MAKE_DIR | unix.LANDLOCK_ACCESS_FS_MAKE_REG | unix.LANDLOCK_ACCESS_FS_MAKE_SOCK |
		unix.LANDLOCK_ACCESS_FS_MAKE_FIFO | unix.LANDLOCK_ACCESS_FS_MAKE_SYM | unix.LANDLOCK_ACCESS_FS_REFER | unix.LANDLOCK_ACCESS_FS_TRUNCATE
	toNobody = unix.LANDLOCK_ACCESS_FS_MAKE_CHAR | unix.LANDLOCK_ACCESS_FS_MAKE_BLOCK
	// ofFiles are the rights that a file can have; the others are a folder's.
	ofFiles = unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_TRUNCATE
)

// ruleset is a Landlock ruleset that grows.
type ruleset struct {
	fd      int
	handled uint64
}

func newRuleset(level int) (*ruleset, error) {
	r := &ruleset{handled: toRead | toWrite | toNobody}
	if level < landlockTruncate {
		r.handled &^= unix.LANDLOCK_ACCESS_FS_TRUNCATE
	}
	attr := unix.LandlockRulesetAttr{Handled_access_fs: r.handled}
	if level >= landlockScopes {
		attr.Scoped = unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | unix.LANDLOCK_SCOPE_SIGNAL
	}
	fd, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr), 0) //nolint:gosec // x/sys has no call for it; the kernel reads the struct at this address
	if errno != 0 {
		return nil, errno
	}
	r.fd = int(fd)
	return r, nil
}

// allow gives rights to path and all below it. A path that is not there, or cannot be
// reached, gets none.
func (r *ruleset) allow(path string, rights uint64) error {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	defer func() { _ = unix.Close(fd) }()
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil || stat.Mode&unix.S_IFMT == unix.S_IFLNK {
		return nil
	}
	if stat.Mode&unix.S_IFMT != unix.S_IFDIR {
		rights &= ofFiles
	}
	rule := unix.LandlockPathBeneathAttr{Allowed_access: rights & r.handled, Parent_fd: int32(fd)}
	_, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(r.fd), unix.LANDLOCK_RULE_PATH_BENEATH, uintptr(unsafe.Pointer(&rule)), 0, 0, 0) //nolint:gosec // likewise
	if errno != 0 && errno != unix.EBADFD {                                                                                                           // EBADFD: no file of a file system that can be mounted
		return fmt.Errorf("%s: %w", path, errno)
	}
	return nil
}

func (s *sandbox) ruleset() (*ruleset, error) {
	r, err := newRuleset(s.Level)
	if err != nil {
		return nil, err
	}
	for _, group := range []struct {
		paths  []string
		rights uint64
	}{
		{s.except("/"), toRead}, {s.Readable, toRead}, {s.Listable, unix.LANDLOCK_ACCESS_FS_READ_DIR}, {s.writable(), toRead | toWrite},
	} {
		for _, path := range group.paths {
			err = errors.Join(err, r.allow(path, group.rights))
		}
	}
	return r, err
}

// bind puts the calling thread, and whatever it starts from now on, into the sandbox.
// There is no way back.
func (s *sandbox) bind() error {
	r, err := s.ruleset()
	if err != nil {
		return fmt.Errorf("make the sandbox's rules: %w", err)
	}
	defer func() { _ = unix.Close(r.fd) }()
	if err := dropCapabilities(); err != nil {
		return fmt.Errorf("drop root's capabilities: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("give up new privileges: %w", err)
	}
	if _, _, errno := unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, uintptr(r.fd), 0, 0); errno != 0 {
		return fmt.Errorf("enter the sandbox: %w", errno)
	}
	return nil
}

// dropCapabilities leaves root what a container's root has: with more, the kernel's
// memory and the disks are open, and the sandbox is none. For others it changes nothing.
func dropCapabilities() error {
	var kept [2]uint32
	for _, c := range []int{
		unix.CAP_CHOWN, unix.CAP_DAC_OVERRIDE, unix.CAP_FOWNER, unix.CAP_FSETID, unix.CAP_KILL, unix.CAP_SETGID, unix.CAP_SETUID, unix.CAP_SETPCAP,
		unix.CAP_NET_BIND_SERVICE, unix.CAP_NET_RAW, unix.CAP_SYS_CHROOT, unix.CAP_AUDIT_WRITE, unix.CAP_SETFCAP,
	} {
		kept[c/32] |= 1 << (c % 32)
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var has [2]unix.CapUserData
	if err := unix.Capget(&header, &has[0]); err != nil {
		return err
	}
	for i := range has {
		has[i].Effective &= kept[i]
		has[i].Permitted &= kept[i]
		has[i].Inheritable &= kept[i]
	}
	return unix.Capset(&header, &has[0])
}

// cell is a thread within a build's sandbox, from which all commands of the build are
// started: Landlock, capabilities and no-new-privileges belong to a thread, and what it
// starts has them. One for all, since processes of two sandboxes cannot signal each other.
type cell struct{ forks chan fork }

type fork struct {
	argv []string
	attr *syscall.ProcAttr
	done chan<- forked
}

type forked struct {
	pid int
	err error
}

func newCell(s *sandbox) (*cell, error) {
	c := &cell{forks: make(chan fork)}
	bound := make(chan error)
	go c.serve(s, bound)
	return c, <-bound
}

func (c *cell) serve(s *sandbox, bound chan<- error) {
	runtime.LockOSThread() // for good: the thread ends with us, and nothing else ever runs on it
	err := s.bind()
	bound <- err
	if err != nil {
		return
	}
	for f := range c.forks {
		pid, err := syscall.ForkExec(f.argv[0], f.argv, f.attr)
		f.done <- forked{pid, err}
	}
}

func (c *cell) fork(argv []string, attr *syscall.ProcAttr) (pid int, err error) {
	done := make(chan forked)
	c.forks <- fork{argv, attr, done}
	f := <-done
	return f.pid, f.err
}

func (c *cell) close() { close(c.forks) }
