package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"
)

// setupAsk is what a person asks of the first steps.
type setupAsk struct {
	admin, name, passwordFile string
	demo                      bool
	repository                string
	look                      bool
	gitlab, gitlabTokenFile   string
}

func (ask setupAsk) nothing() bool {
	return ask.admin == "" && !ask.demo && ask.gitlab == "" && (ask.repository == "" || ask.look)
}

// check tells of flags that say nothing without others.
func (ask setupAsk) check() error {
	switch {
	case ask.admin == "" && (ask.name != "" || ask.passwordFile != ""):
		return errors.New("--name and --password-file are of the person that --admin names")
	case ask.look && ask.repository == "":
		return errors.New("--look is for what --repository names")
	case ask.gitlab == "" && ask.gitlabTokenFile != "":
		return errors.New("--gitlab-token-file is for the host that --gitlab names")
	case ask.passwordFile == "-" && ask.gitlabTokenFile == "-":
		return errors.New("the password and the token cannot both come from standard input: give a file for one")
	}
	return nil
}

// setupCommand does the steps of the page /setup, beside a running server or before the
// first start. What is done already is said, and done once.
func setupCommand(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("setup", flag.ContinueOnError)
	flags.SetOutput(stderr)
	var ask setupAsk
	flags.StringVar(&ask.admin, "admin", "", "e-mail address of the owner")
	flags.StringVar(&ask.name, "name", "", "the owner's name (default: what stands before the @)")
	flags.StringVar(&ask.passwordFile, "password-file", "", "file with the owner's password in its first line, - for standard input (default: a link that signs in once)")
	flags.BoolVar(&ask.demo, "demo", false, "make the demo's project and start its first build")
	flags.StringVar(&ask.repository, "repository", "", "folder or address of a git repository: make its project and start its first build")
	flags.BoolVar(&ask.look, "look", false, "only say what --repository would start")
	flags.StringVar(&ask.gitlab, "gitlab", "", "address of a GitLab to connect, for example https://gitlab.com")
	flags.StringVar(&ask.gitlabTokenFile, "gitlab-token-file", "", "file with an access token of the scope api in its first line, - for standard input")
	asJSON := flags.Bool("json", false, "for programs")
	dir := flags.String("data-dir", "", "the server's data folder [OORE_DATA_DIR]")
	if err := flags.Parse(args); err != nil {
		return flagError(err)
	}
	if flags.NArg() > 0 {
		return usageError{fmt.Errorf("setup takes no argument %q", flags.Arg(0))}
	}
	if err := ask.check(); err != nil {
		return usageError{err}
	}
	cfg, err := serverConfig(*dir, stderr)
	if err != nil {
		return err
	}
	result, err := setUp(ctx, cfg, ask)
	if err != nil {
		return err
	}
	show := printSetup
	if *asJSON {
		show = printSetupJSON
	}
	if err := show(stdout, result); err != nil {
		return err
	}
	if n := result.failed(); n > 0 {
		return fmt.Errorf("%s failed", plural(n, "step"))
	}
	return nil
}

// setupStep is one of the first steps.
type setupStep struct {
	Step       string           `json:"step"`  // owner, demo, github, gitlab or repository
	State      string           `json:"state"` // one of the step… words
	Text       string           `json:"text"`
	URL        string           `json:"url,omitempty"`          // where it shows, or is done
	SignInLink string           `json:"sign_in_link,omitempty"` // once, within an hour
	ProjectID  string           `json:"project_id,omitempty"`
	BuildID    string           `json:"build_id,omitempty"`
	Repository *setupRepository `json:"repository,omitempty"`
}

const (
	stepDone    = "done"    // just now
	stepAlready = "already" // earlier
	stepOpen    = "open"
	stepFailed  = "failed"
)

// setupRepository is what was found in a repository, and what is proposed.
type setupRepository struct {
	Name      string   `json:"name"`
	Branch    string   `json:"branch"`
	CommitSHA string   `json:"commit_sha"`
	Flutter   bool     `json:"flutter"`
	Version   string   `json:"flutter_version,omitempty"`
	Workflow  string   `json:"workflow,omitempty"`
	Platforms []string `json:"platforms,omitempty"`
	Labels    []string `json:"labels,omitempty"`
	Unread    string   `json:"unread,omitempty"`
	Runners   int      `json:"runners"`
	WouldRun  int      `json:"would_run_on"`
}

// setupResult is the answer of the command.
type setupResult struct {
	OK      bool        `json:"ok"`
	URL     string      `json:"public_url"`
	DataDir string      `json:"data_dir"`
	Running bool        `json:"running"` // a server works on the database
	Steps   []setupStep `json:"steps"`
}

func (r setupResult) failed() (n int) {
	for _, s := range r.Steps {
		if s.State == stepFailed {
			n++
		}
	}
	return n
}

func printSetupJSON(w io.Writer, r setupResult) error {
	r.OK = r.failed() == 0
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	out.SetEscapeHTML(false)
	return out.Encode(r)
}

func printSetup(w io.Writer, r setupResult) error {
	marks := map[string]string{stepDone: "✓", stepAlready: "✓", stepOpen: "-", stepFailed: "✕"}
	width := 0
	for _, s := range r.Steps {
		width = max(width, utf8.RuneCountInString(s.Step))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s · data %s · %s\n", versionLine(), r.DataDir, r.URL)
	for _, s := range r.Steps {
		fmt.Fprintf(&b, "%s %-*s   %s\n", marks[s.State], width, s.Step, s.Text)
		for _, address := range []string{s.SignInLink, s.URL} {
			if address != "" {
				fmt.Fprintf(&b, "  %-*s   %s\n", width, "", address)
			}
		}
	}
	if !r.Running {
		b.WriteString("The server does not run: start it with `oore serve`; builds start with it.\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// secretIn is the first line of a file; -: of standard input.
func secretIn(path string) (string, error) {
	in := io.Reader(os.Stdin)
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return "", err
		}
		defer file.Close()
		in = file
	}
	line, err := bufio.NewReader(io.LimitReader(in, 4<<10)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	return strings.TrimRight(line, "\r\n"), nil
}
