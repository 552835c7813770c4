//go:build bench

package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

const startSamples = 200

// BenchmarkWebhookToProcess measures from just before a push is posted to the first
// words of the build's first command, which a shell builtin writes into a named
// pipe. One build at a time, and nothing else goes on.
func BenchmarkWebhookToProcess(b *testing.B) {
	bothDatabases(b, func(b *testing.B, open opener) {
		b.Run("warm-mirror", func(b *testing.B) { webhookToProcess(b, open(b), true) })
		b.Run("with-fetch", func(b *testing.B) { webhookToProcess(b, open(b), false) })
	})
}

// webhookToProcess pushes commits that the mirror has already, or has to fetch.
func webhookToProcess(b *testing.B, database string, warm bool) {
	c := newStopwatch(b)
	s := newSite(b, database, workflow(c.command()))
	c.measures(s)
	branches := make([]string, startSamples)
	commits := make([]string, startSamples)
	push := func(n int) {
		branches[n] = fmt.Sprintf("branch-%03d", n)
		commits[n] = s.commit(b, branches[n])
	}
	if warm {
		for n := range commits {
			push(n)
		}
	}
	c.start("main", s.head) // fills the mirror
	var samples []time.Duration
	for n := range commits {
		if !warm {
			push(n)
		}
		samples = append(samples, c.start(branches[n], commits[n]))
	}
	reportQuantiles(b, samples, 50, 95, 99)
}

// stopwatch measures from a push to the first words of its build, which a shell builtin
// writes into a named pipe.
type stopwatch struct {
	b      *testing.B
	path   string
	lines  *bufio.Reader
	pipe   *os.File
	site   *site
	pushes pushes
	sender *sender
	count  int
}

func newStopwatch(b *testing.B) *stopwatch {
	b.Helper()
	path := newFIFOs(b, "started").path("started")
	// Held open in both directions, it never ends and never blocks who opens it.
	pipe, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = pipe.Close() })
	return &stopwatch{b: b, path: path, pipe: pipe, lines: bufio.NewReader(pipe)}
}

func (c *stopwatch) command() string { return `echo "$OORE_COMMIT_SHA" >` + c.path }

// measures makes a project and a pipeline of the site, and connects to it.
func (c *stopwatch) measures(s *site) {
	c.b.Helper()
	acceptStatuses(s.gh)
	s.program.pipeline(s.githubProject("acme/shop", nil).ID, "Android", nil)
	sender, err := dial(s.program)
	if err != nil {
		c.b.Fatal(err)
	}
	c.b.Cleanup(func() { _ = sender.conn.Close() })
	c.site, c.sender, c.pushes = s, sender, s.pushes()
}

// start pushes the commit, and tells how long its build needed to say something.
func (c *stopwatch) start(branch, sha string) time.Duration {
	c.b.Helper()
	w := c.site.webhook(c.count, c.pushes.of(branch, sha))
	c.count++
	before := time.Now()
	if _, err := c.sender.post(w); err != nil {
		c.b.Fatal(err)
	}
	if err := c.pipe.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		c.b.Fatal(err)
	}
	line, err := c.lines.ReadString('\n')
	took := time.Since(before)
	if err != nil || line != sha+"\n" {
		c.b.Fatalf("the build of %s said %q: %v", sha, line, err)
	}
	eventually(c.b, "the build has ended", func() bool { return c.site.count("/v1/builds?limit=1&status=queued,assigned,running") == 0 })
	time.Sleep(20 * time.Millisecond) // so that the slot is tidy and the machine idle
	return took
}

// commit makes a branch with a commit of its own in the served repository. It has
// the files of the first commit.
func (s *site) commit(b *testing.B, branch string) string {
	b.Helper()
	git := func(args ...string) string {
		cmd := exec.Command("git", append([]string{"--git-dir", s.git.Dir, "-c", "user.name=Bench", "-c", "user.email=bench@example.com"}, args...)...)
		out, err := cmd.Output()
		if err != nil {
			b.Fatalf("git %s: %v", strings.Join(args, " "), err)
		}
		return strings.TrimSpace(string(out))
	}
	sha := git("commit-tree", s.head+"^{tree}", "-p", s.head, "-m", branch)
	git("update-ref", "refs/heads/"+branch, sha)
	return sha
}
