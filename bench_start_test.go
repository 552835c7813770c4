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
	pipes := newFIFOs(b, "started")
	s := newSite(b, database, workflow(`echo "$OORE_COMMIT_SHA" >`+pipes.path("started")))
	// Held open in both directions, it never ends and never blocks who opens it.
	pipe, err := os.OpenFile(pipes.path("started"), os.O_RDWR, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer pipe.Close()
	acceptStatuses(s.gh)
	project := s.githubProject("acme/shop", nil)
	s.program.pipeline(project.ID, "Android", nil)
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
	p := s.pushes()
	sender, err := dial(s.program)
	if err != nil {
		b.Fatal(err)
	}
	defer sender.conn.Close()
	lines := bufio.NewReader(pipe)
	start := func(n int, branch, sha string) time.Duration {
		w := s.webhook(n, p.of(branch, sha))
		before := time.Now()
		if _, err := sender.post(w); err != nil {
			b.Fatal(err)
		}
		if err := pipe.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
			b.Fatal(err)
		}
		line, err := lines.ReadString('\n')
		took := time.Since(before)
		if err != nil || line != sha+"\n" {
			b.Fatalf("the build of %s said %q: %v", sha, line, err)
		}
		eventually(b, "the build has ended", func() bool { return s.count("/v1/builds?limit=1&status=queued,assigned,running") == 0 })
		time.Sleep(20 * time.Millisecond) // so that the slot is tidy and the machine idle
		return took
	}
	start(startSamples, "main", s.head) // fills the mirror
	var samples []time.Duration
	for n := range commits {
		if !warm {
			push(n)
		}
		samples = append(samples, start(n, branches[n], commits[n]))
	}
	reportQuantiles(b, samples, 50, 95, 99)
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
