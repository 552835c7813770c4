package gitlabtest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// GitRepo is a real repository: a bare one to serve, and a clone to work in.
type GitRepo struct {
	Dir string // the bare repository

	tb   TB
	work string
	mu   sync.Mutex
}

// NewGitRepo makes an empty repository whose default branch is main.
func NewGitRepo(tb TB) *GitRepo {
	tb.Helper()
	dir := tb.TempDir()
	g := &GitRepo{Dir: filepath.Join(dir, "bare.git"), work: filepath.Join(dir, "work"), tb: tb}
	g.git(dir, "init", "--quiet", "--bare", "--initial-branch=main", g.Dir)
	g.git(dir, "init", "--quiet", "--initial-branch=main", g.work)
	g.git(g.work, "remote", "add", "origin", g.Dir)
	return g
}

// Commit adds the files to a branch and returns the commit. A branch that is not
// there yet starts at main.
func (g *GitRepo) Commit(branch string, files map[string]string, message string) string {
	g.tb.Helper()
	return g.commit("refs/heads/"+branch, "refs/heads/main", message, func() { g.write(files) })
}

// Rename moves a file on a branch.
func (g *GitRepo) Rename(branch, from, to string) string {
	g.tb.Helper()
	return g.commit("refs/heads/"+branch, "refs/heads/main", "Rename", func() { g.git(g.work, "mv", from, to) })
}

// Submodule adds another repository at a commit to a branch, under the path.
func (g *GitRepo) Submodule(branch, path, address, sha string) string {
	g.tb.Helper()
	return g.commit("refs/heads/"+branch, "refs/heads/main", "Add "+path, func() {
		g.write(map[string]string{".gitmodules": fmt.Sprintf("[submodule %q]\n\tpath = %s\n\turl = %s\n", path, path, address), path + "/.keep": ""})
		if err := os.Remove(filepath.Join(g.work, path, ".keep")); err != nil { // an empty folder is where it goes
			g.tb.Fatalf("%v", err)
		}
		g.git(g.work, "update-index", "--add", "--cacheinfo", "160000,"+sha+","+path)
	})
}

// ForkCommit is Commit for the head of a merge request from a fork: no branch or tag
// leads to the commit, only refs/merge-requests/n/head. It starts at main.
func (g *GitRepo) ForkCommit(number int, files map[string]string, message string) string {
	g.tb.Helper()
	ref := fmt.Sprintf("refs/merge-requests/%d/head", number)
	return g.commit(ref, "refs/heads/main", message, func() { g.write(files) })
}

func (g *GitRepo) commit(ref, start, message string, change func()) string {
	g.tb.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	from := g.resolve(ref)
	if from == "" {
		from = g.resolve(start)
	}
	if from == "" {
		g.git(g.work, "checkout", "--quiet", "--orphan", "first")
	} else {
		g.git(g.work, "fetch", "--quiet", "origin", from)
		g.git(g.work, "checkout", "--quiet", "--force", "--detach", from)
	}
	change()
	g.git(g.work, "add", "--all")
	g.git(g.work, "commit", "--quiet", "--allow-empty", "-m", message)
	sha := g.git(g.work, "rev-parse", "HEAD")
	g.git(g.work, "push", "--quiet", "--force", "origin", "HEAD:"+ref)
	return sha
}

func (g *GitRepo) write(files map[string]string) {
	g.tb.Helper()
	for name, content := range files {
		path := filepath.Join(g.work, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			g.tb.Fatalf("write %s: %v", path, err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			g.tb.Fatalf("write %s: %v", path, err)
		}
	}
}

// Tag makes an annotated tag, or with an empty message a light one.
func (g *GitRepo) Tag(name, sha, message string) {
	g.tb.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	if message == "" {
		g.git(g.Dir, "tag", name, sha)
		return
	}
	g.git(g.Dir, "tag", "-a", "-m", message, name, sha)
}

// TagFile puts a tag on a file of main: it leads to no commit.
func (g *GitRepo) TagFile(name, file string) {
	g.tb.Helper()
	g.git(g.Dir, "update-ref", "refs/tags/"+name, g.git(g.Dir, "rev-parse", "refs/heads/main:"+file))
}

// Branch makes a branch at a commit, or moves it there.
func (g *GitRepo) Branch(name, sha string) {
	g.tb.Helper()
	g.git(g.Dir, "update-ref", "refs/heads/"+name, sha)
}

// DeleteBranch removes a branch.
func (g *GitRepo) DeleteBranch(name string) {
	g.tb.Helper()
	g.git(g.Dir, "update-ref", "-d", "refs/heads/"+name)
}

func (g *GitRepo) resolve(ref string) string {
	c, _ := findCommit(g.Dir, ref)
	return c.sha
}

func (g *GitRepo) git(dir string, args ...string) string {
	g.tb.Helper()
	out, err := runGit(dir, args...)
	if err != nil {
		g.tb.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// runGit runs git without anything of this machine's own configuration.
func runGit(dir string, args ...string) (string, error) {
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0",
		"GIT_AUTHOR_NAME=Tanuki", "GIT_AUTHOR_EMAIL=tanuki@example.com",
		"GIT_COMMITTER_NAME=Tanuki", "GIT_COMMITTER_EMAIL=tanuki@example.com")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return stderr.String(), err
	}
	return strings.TrimRight(string(out), "\n"), nil
}

type commit struct {
	sha, tree, author, email, message string
	at                                time.Time
}

// findCommit resolves a ref as git does, a branch first.
func findCommit(dir, ref string) (commit, bool) {
	for _, name := range []string{"refs/heads/" + ref, "refs/tags/" + ref, ref} {
		if c, ok := readCommit(dir, name); ok {
			return c, true
		}
	}
	return commit{}, false
}

func readCommit(dir, name string) (commit, bool) {
	sha, err := runGit(dir, "rev-parse", "--verify", "--quiet", "--end-of-options", name+"^{commit}")
	if err != nil {
		return commit{}, false
	}
	out, err := runGit(dir, "show", "--no-patch", "--format=%T%x00%an%x00%ae%x00%aI%x00%B", sha)
	fields := strings.SplitN(out, "\x00", 5)
	if err != nil || len(fields) != 5 {
		return commit{}, false
	}
	at, err := time.Parse(time.RFC3339, fields[3])
	if err != nil {
		return commit{}, false
	}
	return commit{sha: sha, tree: fields[0], author: fields[1], email: fields[2], at: at, message: fields[4]}, true
}

// defaultBranch is the branch that HEAD names; empty if it has no commit.
func defaultBranch(dir string) string {
	name, err := runGit(dir, "symbolic-ref", "--short", "HEAD")
	if err != nil {
		return ""
	}
	if _, ok := readCommit(dir, "refs/heads/"+name); !ok {
		return ""
	}
	return name
}
