package runner

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
	"unicode"
)

const (
	// toolTime is how long one question to a tool may take. Flutter's first takes long.
	toolTime = 8 * time.Second
	// maxToolOutput is how much of an answer is read.
	maxToolOutput = 64 << 10
)

// machine is what the tools of builds are looked for on: everything that a test
// replaces.
type machine struct {
	goos string
	env  map[string]string // that of builds
	time time.Duration     // for one question
}

// errNoTool says that there is no such program on the path.
var errNoTool = errors.New("not found")

// ask runs a tool and returns what it says, on whichever stream. errNoTool: it is not
// installed.
func (m machine) ask(ctx context.Context, argv ...string) (string, error) {
	path, err := m.find(argv[0])
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, m.time)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, argv[1:]...)
	cmd.Env = append(environ(m.env), "CI=true", "FLUTTER_SUPPRESS_ANALYTICS=true")
	cmd.Dir = "/"
	var out firstBytes
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.WaitDelay = time.Second                           // for what it leaves behind with our pipe
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // flutter is a script
	end := func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.Cancel = end
	if err := cmd.Start(); err != nil {
		return "", err
	}
	err = cmd.Wait()
	_ = end() // nothing may be left
	switch {
	case ctx.Err() != nil:
		return "", fmt.Errorf("%s gave no answer", strings.Join(argv, " "))
	case errors.Is(err, exec.ErrWaitDelay):
		return out.String(), nil
	}
	return out.String(), err
}

// find looks a program up on the path of builds.
func (m machine) find(name string) (string, error) {
	if filepath.IsAbs(name) {
		return name, executable(name)
	}
	for _, dir := range filepath.SplitList(m.env["PATH"]) {
		if path := filepath.Join(dir, name); filepath.IsAbs(dir) && executable(path) == nil {
			return path, nil
		}
	}
	return "", errNoTool
}

func executable(path string) error {
	info, err := os.Stat(path)
	if err != nil || info.IsDir() || info.Mode()&0o111 == 0 {
		return errNoTool
	}
	return nil
}

// exists tells whether there is something; what cannot be seen is not there for us.
func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist) && err == nil
}

// firstBytes keeps the beginning of what is written.
type firstBytes struct{ bytes.Buffer }

// Write never fails.
func (f *firstBytes) Write(p []byte) (int, error) {
	_, _ = f.Buffer.Write(p[:min(len(p), maxToolOutput-f.Len())])
	return len(p), nil
}

// firstWords is what a person is shown of an answer that is not understood: the first line
// that says something, without what a terminal would act on.
func firstWords(output string) string {
	for line := range strings.Lines(output) {
		line = strings.TrimSpace(strings.Map(func(r rune) rune {
			if !unicode.IsPrint(r) {
				return -1
			}
			return r
		}, strings.ToValidUTF8(terminalColors.ReplaceAllString(line, ""), "")))
		if runes := []rune(line); len(runes) > 80 {
			return string(runes[:79]) + "…"
		}
		if line != "" {
			return line
		}
	}
	return "nothing"
}
