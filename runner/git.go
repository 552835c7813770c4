package runner

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"strings"

	"github.com/oore-ci/oore/app/core"
)

// shaPattern is a full commit id, SHA-1 or SHA-256.
var shaPattern = regexp.MustCompile(`^[0-9a-f]{40}([0-9a-f]{24})?$`)

// gitCall is one git process of a checkout.
type gitCall struct {
	dir       string // the git directory
	workTree  string // empty: none
	protocols string // what git may talk over (GIT_ALLOW_PROTOCOL); empty: nothing
	from      *core.Checkout
	config    []string // name=value, for this call alone
	args      []string
	answer    *tailBuffer // gets standard output apart from errors; nil: both are returned
}

// git runs git among the build's processes and returns what it printed. It reads no
// configuration but ours and the repository's own, runs no hook and asks nobody.
func (b *build) git(ctx context.Context, c gitCall) (string, error) {
	argv := []string{
		b.pool.git, "--git-dir=" + c.dir,
		"-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=", "-c", "core.attributesFile=/dev/null",
		"-c", "credential.helper=", "-c", "gc.auto=0", "-c", "maintenance.auto=false", "-c", "submodule.recurse=false",
		"-c", "http.lowSpeedLimit=1000", "-c", "http.lowSpeedTime=30",
	}
	dir := c.dir
	if c.workTree != "" {
		argv, dir = append(argv, "--work-tree="+c.workTree), c.workTree
	}
	var secret *os.File
	if c.from != nil && c.from.Password != "" {
		var err error
		if secret, err = credentialPipe(*c.from); err != nil {
			return "", err
		}
		argv = append(argv, "-c", "credential."+origin(c.from.URL)+".helper="+readCredential)
	}
	out := &tailBuffer{limit: 16 << 10}
	answer := out
	if c.answer != nil {
		answer = c.answer
	}
	for _, setting := range c.config {
		argv = append(argv, "-c", setting)
	}
	code, err := b.spawn(ctx, command{argv: append(argv, c.args...), dir: dir, env: b.gitEnv(c.protocols)}, secret, answer, out)
	text := strings.TrimSpace(out.String())
	if c.from != nil {
		text = b.log.masks.text(text)
	}
	if err == nil && code.Code != 0 {
		err = &gitError{verb: c.args[0], code: code.Code, output: text}
	}
	return text, err
}

func (b *build) gitEnv(protocols string) []string {
	if protocols == "" {
		protocols = "none"
	}
	env := []string{
		buildMark + "=" + b.job.Build.ID,
		"LC_ALL=C", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=",
		"GIT_ALLOW_PROTOCOL=" + protocols,
		"GIT_SSH_COMMAND=ssh -oBatchMode=yes -oConnectTimeout=15 -oServerAliveInterval=15",
	}
	if agent, ok := os.LookupEnv("SSH_AUTH_SOCK"); ok {
		env = append(env, "SSH_AUTH_SOCK="+agent)
	}
	for name, value := range b.pool.env {
		if name != "LC_ALL" {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// readCredential is a credential helper that reads descriptor 3. So the credential
// is in no argument, environment or file; it is offered to the repository's own host
// only, wherever a redirect leads.
const readCredential = `!f() { test "$1" = get && cat <&3; }; f`

func credentialPipe(c core.Checkout) (*os.File, error) {
	if strings.ContainsAny(c.Username+c.Password, "\r\n\x00") {
		return nil, failf(core.ReasonCheckoutFailed, "The repository's credential has a line break in it")
	}
	r, w, err := pipe()
	if err != nil {
		return nil, err
	}
	defer func() { _ = w.Close() }()
	// It fits into the pipe, so this does not wait for a reader.
	if _, err := fmt.Fprintf(w, "username=%s\npassword=%s\n", c.Username, c.Password); err != nil {
		_ = r.Close()
		return nil, fmt.Errorf("hand over the credential: %w", err)
	}
	return r, nil
}

func origin(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

var scpAddress = regexp.MustCompile(`^[A-Za-z0-9._-]+@[A-Za-z0-9][A-Za-z0-9.-]*:[^-]`)

// allowedProtocols decides what git may talk over for an address, redirects
// included; an address of another kind is refused.
func allowedProtocols(address string) (string, error) {
	if strings.HasPrefix(address, "/") {
		return "file", nil
	}
	if scpAddress.MatchString(address) {
		return "ssh", nil
	}
	u, err := url.Parse(address)
	if err != nil {
		return "", failf(core.ReasonCheckoutFailed, "The repository's clone address is not a URL")
	}
	if _, ok := u.User.Password(); ok {
		return "", failf(core.ReasonCheckoutFailed, "The repository's clone address carries a password: take it out")
	}
	switch u.Scheme {
	case "https":
		return "https", nil
	case "http":
		return "http:https", nil
	case "ssh":
		return "ssh", nil
	case "file":
		return "file", nil
	}
	return "", failf(core.ReasonCheckoutFailed,
		"The repository's clone address must be https, http, ssh or a local path, not %q", u.Scheme)
}

// gitError says that git ran and did not succeed.
type gitError struct {
	verb   string
	code   int
	output string
}

func (e *gitError) Error() string {
	return fmt.Sprintf("git %s: exit %d: %s", e.verb, e.code, e.output)
}

// gist is git's own reason: the first line that says what was wrong.
func gist(err error) string {
	var g *gitError
	if !errors.As(err, &g) {
		return sentence(err)
	}
	for line := range strings.Lines(g.output) {
		for _, word := range []string{"fatal: ", "error: "} {
			if reason, ok := strings.CutPrefix(strings.TrimSpace(line), word); ok {
				return reason
			}
		}
	}
	return fmt.Sprintf("git %s: exit %d", g.verb, g.code)
}

// tailBuffer keeps the last bytes that were written.
type tailBuffer struct {
	limit int
	data  []byte
	lost  bool // the first bytes
}

func (t *tailBuffer) Write(p []byte) (int, error) {
	t.data = append(t.data, p...)
	if over := len(t.data) - t.limit; over > 0 {
		t.data, t.lost = append(t.data[:0], t.data[over:]...), true
	}
	return len(p), nil
}

func (t *tailBuffer) String() string { return strings.ToValidUTF8(string(t.data), "\uFFFD") }
