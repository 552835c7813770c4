package runner

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// The wire between a pool and a shim: frames of four bytes of length and JSON, over
// a socketpair. File descriptors ride on the length.

const (
	maxFrame = 8 << 20 // an environment and an argument list fit
	maxFiles = 8
)

// shimRequest asks a shim to run a command, to stop all that runs, or to keep it.
type shimRequest struct {
	Argv byteStrings `json:"argv,omitempty"` // Argv[0] is a path, not looked up
	Dir  string      `json:"dir,omitempty"`
	Env  byteStrings `json:"env,omitempty"`
	// Sandbox is the same for all commands between two stops; nil: none.
	Sandbox *sandbox `json:"sandbox,omitempty"`

	Stop  bool          `json:"stop,omitempty"`
	Grace time.Duration `json:"grace,omitempty"` // between SIGTERM and SIGKILL; 0: SIGKILL at once

	// Until lets what runs go on until Uptime shows so much. Without another word by then the
	// pool hangs, or the machine slept: the shim kills all and exits. A stop ends it. (Once
	// "keep" was a span. Where the program was replaced, an older pool may still say it.)
	Until time.Duration `json:"until,omitempty"`
}

// byteStrings travel byte for byte, where JSON would mend invalid UTF-8. As for
// execve, none may hold a NUL.
type byteStrings []string

// MarshalJSON joins the strings by NULs.
func (b byteStrings) MarshalJSON() ([]byte, error) {
	return json.Marshal([]byte(strings.Join(b, "\x00")))
}

// UnmarshalJSON undoes MarshalJSON.
func (b *byteStrings) UnmarshalJSON(data []byte) error {
	var joined []byte
	if err := json.Unmarshal(data, &joined); err != nil {
		return err
	}
	*b = strings.Split(string(joined), "\x00")
	return nil
}

// shimReply says that the command has exited, could not be started, or that after
// a stop no descendant is left.
type shimReply struct {
	Exit  *exit  `json:"exit,omitempty"`
	Err   string `json:"err,omitempty"`
	Clean bool   `json:"clean,omitempty"`

	// Of a stop: processes that were left and got SIGTERM, and those that got SIGKILL.
	Asked  int `json:"asked,omitempty"`
	Killed int `json:"killed,omitempty"`
}

// exit is how a command ended. Code is 128+Signal when a signal ended it.
type exit struct {
	Code   int            `json:"code"`
	Signal syscall.Signal `json:"signal,omitempty"`
}

func writeFrame(conn *net.UnixConn, v any, files ...*os.File) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if len(body) > maxFrame {
		return fmt.Errorf("%d bytes of command and environment are too many", len(body))
	}
	var rights []byte
	if len(files) > 0 {
		fds := make([]int, len(files))
		for i, f := range files {
			fds[i] = int(f.Fd())
		}
		rights = unix.UnixRights(fds...)
	}
	head := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
	if _, _, err := conn.WriteMsgUnix(head, rights, nil); err != nil {
		return err
	}
	_, err = conn.Write(body)
	return err
}

// readFrame reads one frame into v and returns the descriptors that came with it,
// all close-on-exec. io.EOF means that the other side is gone.
func readFrame(conn *net.UnixConn, v any) ([]int, error) {
	var head [4]byte
	oob := make([]byte, unix.CmsgSpace(4*maxFiles))
	n, oobn, _, _, err := conn.ReadMsgUnix(head[:], oob)
	if err != nil {
		return nil, err
	}
	fds, err := parseRights(oob[:oobn])
	if err != nil {
		return nil, err
	}
	if _, err := io.ReadFull(conn, head[n:]); err != nil {
		return fds, err
	}
	size := binary.BigEndian.Uint32(head[:])
	if size > maxFrame {
		return fds, fmt.Errorf("frame of %d bytes is too long", size)
	}
	body := make([]byte, size)
	if _, err := io.ReadFull(conn, body); err != nil {
		return fds, err
	}
	return fds, json.Unmarshal(body, v)
}

func parseRights(oob []byte) ([]int, error) {
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil, err
	}
	var fds []int
	for _, m := range messages {
		got, err := unix.ParseUnixRights(&m)
		if err != nil {
			return nil, err
		}
		fds = append(fds, got...)
	}
	for _, fd := range fds {
		syscall.CloseOnExec(fd)
	}
	return fds, nil
}

// pipe returns a pipe whose read end waits in Go's poller and whose write end
// blocks, as a child expects of its standard output. (os.Pipe makes both ends
// non-blocking, and the mode travels with a descriptor that is handed over.)
func pipe() (r, w *os.File, err error) {
	var p [2]int
	syscall.ForkLock.RLock()
	err = syscall.Pipe(p[:])
	if err == nil {
		syscall.CloseOnExec(p[0])
		syscall.CloseOnExec(p[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, nil, fmt.Errorf("make a pipe: %w", err)
	}
	if err := syscall.SetNonblock(p[0], true); err != nil {
		return nil, nil, fmt.Errorf("make a pipe: %w", err)
	}
	return os.NewFile(uintptr(p[0]), "pipe"), os.NewFile(uintptr(p[1]), "pipe"), nil
}

// socketpair returns both ends of a life-line. Only the first is ours; neither
// leaks into another process that starts meanwhile.
func socketpair() (ours *net.UnixConn, theirs *os.File, err error) {
	syscall.ForkLock.RLock()
	p, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(p[0])
		syscall.CloseOnExec(p[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, nil, fmt.Errorf("make a socket pair: %w", err)
	}
	theirs = os.NewFile(uintptr(p[1]), "life-line")
	ours, err = unixConn(p[0])
	if err != nil {
		_ = theirs.Close()
		return nil, nil, err
	}
	return ours, theirs, nil
}

// unixConn takes over a connected unix socket.
func unixConn(fd int) (*net.UnixConn, error) {
	f := os.NewFile(uintptr(fd), "life-line")
	defer func() { _ = f.Close() }()
	c, err := net.FileConn(f)
	if err != nil {
		return nil, fmt.Errorf("open the life-line: %w", err)
	}
	conn, ok := c.(*net.UnixConn)
	if !ok {
		return nil, fmt.Errorf("the life-line is a %T", c)
	}
	return conn, nil
}
