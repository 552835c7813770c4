package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/handlers/github/githubtest"
)

// readmeLines is where a README ends to be one that people read.
const readmeLines = 250

func readme(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// fence is a block of code of the README.
type fence struct{ language, text string }

func fences(text string) []fence {
	var all []fence
	for _, m := range regexp.MustCompile("(?ms)^```([^\n]*)\n(.*?)^```$").FindAllStringSubmatch(text, -1) {
		all = append(all, fence{language: m[1], text: strings.TrimSpace(m[2])})
	}
	return all
}

// TestEveryCommandOfTheReadmeWorks runs what the README tells a new user to type, in
// order, in a copy of the repository.
func TestEveryCommandOfTheReadmeWorks(t *testing.T) {
	all := fences(readme(t))
	u := newUser(t, all)
	for _, f := range all {
		switch f.language {
		case "sh":
			t.Run(strings.SplitN(f.text, "\n", 2)[0], func(t *testing.T) { u.types(t, f.text) })
		case "yaml":
		default:
			t.Errorf("the README has a block of the language %q, which no test looks at:\n%s", f.language, f.text)
		}
	}
	for _, command := range []string{"go run . demo", "make test"} {
		if !slices.Contains(all, fence{"sh", command}) {
			t.Errorf("the README has no block with %q alone", command)
		}
	}
}

// user is a new user: in a copy of the repository, with a server that runs and a
// repository of his own.
type user struct {
	*program
	dir string // the copy
	env []string
}

func newUser(t *testing.T, all []fence) *user {
	t.Helper()
	u := &user{program: newProgram(t, "", nil).start(), dir: t.TempDir()}
	copyRepository(t, u.dir)
	i := slices.IndexFunc(all, func(f fence) bool { return f.language == "yaml" })
	if i < 0 {
		t.Fatal("the README shows no .oore.yaml")
	}
	if err := os.WriteFile(filepath.Join(u.dir, ".oore.yaml"), []byte(all[i].text+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	repo := githubtest.NewGitRepo(t)
	repo.Commit("main", workflow("echo It builds"), "First commit")
	u.env = append(slices.Concat(u.program.env, goEnv(t)), "OORE="+u.url, "TOKEN="+adminToken, "REPO="+repo.Dir)
	return u
}

// copyRepository copies what git tracks or would track.
func copyRepository(t *testing.T, to string) {
	t.Helper()
	out, err := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard").Output()
	if err != nil {
		t.Fatalf("list the files of the checkout: %v", err)
	}
	for _, name := range strings.Split(strings.TrimRight(string(out), "\x00"), "\x00") {
		data, err := os.ReadFile(name)
		if os.IsNotExist(err) { // removed, and not committed yet
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(to, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, info.Mode().Perm()); err != nil {
			t.Fatal(err)
		}
	}
}

// goEnv keeps Go's caches where they are though the home is another.
func goEnv(t *testing.T) []string {
	t.Helper()
	names := []string{"GOCACHE", "GOMODCACHE", "GOPATH", "GOFLAGS", "GOPROXY", "GOSUMDB", "GOTOOLCHAIN"}
	out, err := exec.Command("go", append([]string{"env"}, names...)...).Output()
	if err != nil {
		t.Fatalf("go env: %v", err)
	}
	values := strings.Split(string(out), "\n")
	for i, name := range names {
		names[i] = name + "=" + values[i]
	}
	return names
}

// types runs one block.
func (u *user) types(t *testing.T, text string) {
	t.Helper()
	switch text {
	case "go run . demo":
		u.tryDemo(t, text)
		return
	case "make test": // it is what runs this test
		u.sh(t, "make --dry-run test")
		return
	}
	out := u.sh(t, text)
	switch {
	case strings.Contains(text, "/logs/stream"):
		if !strings.Contains(out, `"content":"It builds"`) || !strings.Contains(out, "event: done\ndata: {\"status\":\"succeeded\"}") {
			t.Errorf("the log is not that of the build:\n%s", out)
		}
	case strings.Contains(text, "token create"):
		if token := strings.TrimSpace(out); u.as(token, "/v1/users/me") != 200 {
			t.Errorf("the token %q does not work", token)
		}
	case strings.Contains(text, "validate"):
		if !strings.Contains(out, "is good") {
			t.Errorf("validate prints %q", out)
		}
	}
}

// sh runs a script as the user and returns what it printed to standard output.
func (u *user) sh(t *testing.T, script string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-eu", "-c", script)
	cmd.Dir, cmd.Env = u.dir, u.env
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s\n%v\n%s%s", script, err, stdout.String(), stderr.String())
	}
	return stdout.String()
}

func TestTheReadmeIsShortAndItsLinksLead(t *testing.T) {
	text := readme(t)
	if n := strings.Count(text, "\n"); n >= readmeLines {
		t.Errorf("it has %d lines, want fewer than %d", n, readmeLines)
	}
	for _, m := range regexp.MustCompile(`\]\(([^)]+)\)`).FindAllStringSubmatch(text, -1) {
		target, _, _ := strings.Cut(m[1], "#")
		if target == "" || strings.Contains(target, "://") {
			continue
		}
		if _, err := os.Stat(target); err != nil {
			t.Errorf("it links to %s, which is not there", target)
		}
	}
}

func TestTheReadmeListsEverySetting(t *testing.T) {
	var listed []string
	for _, row := range regexp.MustCompile("(?m)^\\| (`OORE_[^|]*)\\|").FindAllStringSubmatch(readme(t), -1) {
		listed = append(listed, regexp.MustCompile(`OORE_[A-Z_]+[A-Z]`).FindAllString(row[1], -1)...)
	}
	var known []string
	for _, s := range settings() {
		known = append(known, s.env)
	}
	slices.Sort(listed)
	slices.Sort(known)
	if listed = slices.Compact(listed); !slices.Equal(listed, known) {
		t.Errorf("the README lists\n%q, the program reads\n%q", listed, known)
	}
}

func TestTheReadmeListsEveryCommand(t *testing.T) {
	var known []string
	for _, c := range core.CommandTable() {
		known = append(known, "| `"+strings.ReplaceAll(c.Usage, "|", `\|`)+"` | "+c.Meaning+" |")
	}
	listed := regexp.MustCompile("(?m)^\\| `/oore .*$").FindAllString(readme(t), -1)
	if !slices.Equal(listed, known) {
		t.Errorf("the README lists\n%s\nthe grammar has\n%s", strings.Join(listed, "\n"), strings.Join(known, "\n"))
	}
}
