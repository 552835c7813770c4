package localgit

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/oore-ci/oore/app/core"
)

const (
	// gitTimeout bounds one git process; a person waits for most of them.
	gitTimeout = 20 * time.Second
	// maxErrorOutput is how much of what git complains about is kept.
	maxErrorOutput = 8 << 10
)

// gitCall is one git process.
type gitCall struct {
	dir       string // the git directory; empty: none
	protocols string // what git may talk over (GIT_ALLOW_PROTOCOL); empty: nothing, not even for a lazy fetch
	proxy     string // by which it goes; empty: as the environment says
	stdin     string
	most      int64    // bytes that it may write into one file, a pack for example; 0: any number
	args      []string // constants, or after --end-of-options
}

// git runs git and returns what it printed. It reads no configuration but the
// repository's own, runs no hook and no helper, and asks nobody.
func git(ctx context.Context, c gitCall) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, gitTimeout)
	defer cancel()
	args := []string{
		"-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=", "-c", "credential.helper=",
		"-c", "http.lowSpeedLimit=1000", "-c", "http.lowSpeedTime=10", "-c", "gc.auto=0", "-c", "submodule.recurse=false",
	}
	if c.dir != "" {
		args = append(args, "--git-dir="+c.dir)
	}
	cmd := c.command(ctx, append(args, c.args...))
	cmd.Env = gitEnv(c.protocols, c.proxy)
	cmd.Dir = "/"
	cmd.Stdin = strings.NewReader(c.stdin)
	var out bytes.Buffer
	complaint := &head{limit: maxErrorOutput}
	cmd.Stdout, cmd.Stderr = &out, complaint
	cmd.WaitDelay = time.Second // for an ssh that outlives its git
	// Out of reach of the terminal's Ctrl-C: ctx ends it, and then nobody complains.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	// With what git has started: its half that speaks http reads on without it.
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	switch err := cmd.Run(); {
	case errors.Is(err, exec.ErrNotFound):
		return "", core.Errorf(core.KindUnavailable, "git is not installed on the server").Because(err)
	case ctx.Err() != nil:
		return "", core.Errorf(core.KindUnavailable, "git did not answer within %s", gitTimeout).Because(ctx.Err())
	case interrupted(err):
		return "", core.Errorf(core.KindUnavailable, "git was interrupted").Because(context.Canceled)
	case err != nil:
		return "", &gitError{verb: c.args[0], output: strings.TrimSpace(complaint.String()), err: err}
	}
	return out.String(), nil
}

// ask runs git towards an address.
func (f *Forge) ask(ctx context.Context, a address, c gitCall) (string, error) {
	c.protocols = a.protocols
	if f.Relay != nil && strings.HasPrefix(a.protocols, "http") {
		proxy, done, err := f.Relay(a.text)
		if err != nil {
			return "", err
		}
		defer done()
		c.proxy = proxy
	}
	return git(ctx, c)
}

// bounded is git with a limit of what it writes, in units of 512 bytes.
const bounded = `ulimit -f "$0" && exec git "$@"`

func (c gitCall) command(ctx context.Context, args []string) *exec.Cmd {
	if c.most == 0 {
		return exec.CommandContext(ctx, "git", args...)
	}
	return exec.CommandContext(ctx, "sh", append([]string{"-c", bounded, strconv.FormatInt(c.most/512, 10)}, args...)...)
}

// interrupted tells whether Ctrl-C hit git before it had left the terminal's group.
func interrupted(err error) bool {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return false
	}
	status, ok := exit.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGINT
}

// gitEnv starts from nothing: the server's environment holds its secrets.
func gitEnv(protocols, proxy string) []string {
	if protocols == "" {
		protocols = "none"
	}
	env := []string{
		"LC_ALL=C", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=",
		"GIT_NO_LAZY_FETCH=1", "GIT_OPTIONAL_LOCKS=0", "GIT_ALLOW_PROTOCOL=" + protocols,
		"GIT_SSH_COMMAND=ssh -oBatchMode=yes -oConnectTimeout=10",
	}
	passed := []string{"PATH", "HOME", "TMPDIR", "SSH_AUTH_SOCK", "SSL_CERT_FILE"}
	if proxy == "" {
		passed = append(passed, "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")
	} else {
		env = append(env, "http_proxy="+proxy, "https_proxy="+proxy) // arguments are anybody's to read
	}
	for _, name := range passed {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	if bundle := cmp.Or(os.Getenv("GIT_SSL_CAINFO"), os.Getenv("SSL_CERT_FILE")); bundle != "" {
		env = append(env, "GIT_SSL_CAINFO="+bundle) // git does not know the other variable
	}
	return env
}

// gitError says that git ran and did not succeed.
type gitError struct {
	verb   string
	output string
	err    error
}

func (e *gitError) Error() string { return fmt.Sprintf("git %s: %v: %s", e.verb, e.err, e.output) }

func (e *gitError) Unwrap() error { return e.err }

// says tells whether git complained in one of these words.
func says(err error, words ...string) bool {
	var e *gitError
	if !errors.As(err, &e) {
		return false
	}
	for _, w := range words {
		if strings.Contains(strings.ToLower(e.output), w) {
			return true
		}
	}
	return false
}

// head keeps the first bytes that were written.
type head struct {
	bytes.Buffer
	limit int
}

func (h *head) Write(p []byte) (int, error) {
	h.Buffer.Write(p[:min(len(p), h.limit-h.Len())])
	return len(p), nil
}
