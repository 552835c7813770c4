//go:build bench

package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/oore-ci/oore/handlers/github/githubtest"
)

const (
	longHistory = 3000 // commits
	manyFiles   = 1000 // of 8 KiB each
	secondRuns  = 30
)

// BenchmarkSecondBuild measures how long a new commit of a repository with a long history
// takes from the webhook to the first words of its first command, and, in turns with it, what
// `git clone --depth 1` alone takes of the same server.
func BenchmarkSecondBuild(b *testing.B) {
	bothDatabases(b, func(b *testing.B, open opener) {
		c := newStopwatch(b)
		gh, git := githubtest.New(b), githubtest.NewGitRepo(b)
		git.Commit("main", workflow(c.command()), "First commit")
		s := &site{gh: gh, git: git, head: withHistory(b, git)}
		s.repo = gh.AddRepository("acme/shop", false, git.Dir)
		s.program = newProgram(b, open(b), gh).start()
		c.measures(s)
		c.start("main", s.head)
		var builds, clones []time.Duration
		for n := range secondRuns {
			branch := fmt.Sprintf("branch-%03d", n)
			sha := s.commit(b, branch)
			builds = append(builds, c.start(branch, sha))
			clones = append(clones, cloneOf(b, gh.URL()+"/acme/shop.git"))
		}
		reportQuantiles(b, builds, 50, 95)
		report(b, milliseconds(median(clones)), "clone-p50-ms")
		report(b, float64(median(builds))/float64(median(clones)), "of-clone")
	})
}

func median(samples []time.Duration) time.Duration {
	return slices.Sorted(slices.Values(samples))[len(samples)/2]
}

func cloneOf(b *testing.B, url string) time.Duration {
	b.Helper()
	to := filepath.Join(b.TempDir(), "clone")
	before := time.Now()
	if out, err := exec.Command("git", "clone", "--quiet", "--depth", "1", url, to).CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	return time.Since(before)
}

// withHistory puts many commits, each of which writes a file, on main, and returns its head.
func withHistory(b *testing.B, git *githubtest.GitRepo) string {
	b.Helper()
	r := rand.New(rand.NewPCG(1, 1))
	var stream bytes.Buffer
	for n := range longHistory {
		message := strconv.Itoa(n)
		fmt.Fprintf(&stream, "commit refs/heads/main\ncommitter Bench <bench@example.com> %d +0000\ndata %d\n%s\n", 1700000000+n, len(message), message)
		if n == 0 {
			fmt.Fprintf(&stream, "from refs/heads/main^0\n")
		}
		var text []byte
		for len(text) < 8<<10 {
			text = append(strconv.AppendUint(text, r.Uint64(), 36), '\n')
		}
		fmt.Fprintf(&stream, "M 100644 inline lib/%d.dart\ndata %d\n%s\n", n%manyFiles, len(text), text)
	}
	fast := exec.Command("git", "--git-dir", git.Dir, "fast-import", "--quiet")
	fast.Stdin = &stream
	if out, err := fast.CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	out, err := exec.Command("git", "--git-dir", git.Dir, "rev-parse", "main").Output()
	if err != nil {
		b.Fatal(err)
	}
	return string(bytes.TrimSpace(out))
}
