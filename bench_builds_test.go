//go:build bench

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/oore-ci/oore/handlers/github/githubtest"
)

const (
	rounds         = 9
	buildsPerRound = 150
)

// BenchmarkBuilds measures how fast two slots empty a queue of builds that print one
// line, checkout included; and in the same run what two loops in parallel need for
// as many `git clone` and `sh -c echo`, without any CI about them. Both take turns, some
// seconds each, because a shared machine's own speed changes within a minute; of-bare is
// the median of the rounds.
func BenchmarkBuilds(b *testing.B) {
	bothDatabases(b, func(b *testing.B, open opener) {
		b.Run("local", func(b *testing.B) {
			r := newTrivialRepository(b)
			p := newProgram(b, open(b), nil).start()
			var project projectView
			p.must("POST", "/v1/projects", map[string]any{"name": "shop", "local_repository_path": r.git.Dir}, &project)
			r.measure(b, p, project)
		})
		b.Run("github", func(b *testing.B) {
			r := newTrivialRepository(b)
			gh := githubtest.New(b)
			repo := gh.AddRepository("acme/shop", true, r.git.Dir)
			p := newProgram(b, open(b), gh).start()
			acceptStatuses(gh)
			r.measure(b, p, p.githubProject(repo.FullName, nil))
		})
	})
}

// trivialRepository builds `echo`.
type trivialRepository struct{ git *githubtest.GitRepo }

func newTrivialRepository(b *testing.B) *trivialRepository {
	b.Helper()
	r := &trivialRepository{git: githubtest.NewGitRepo(b)}
	r.git.Commit("main", workflow("echo hello"), "First commit")
	return r
}

func (r *trivialRepository) measure(b *testing.B, p *program, project projectView) {
	b.Helper()
	echo := p.pipeline(project.ID, "Echo", nil)
	var ours, bare time.Duration
	var ratios []float64
	for range rounds {
		p.must("POST", "/v1/queue/pause", nil, nil)
		for range buildsPerRound {
			p.must("POST", "/v1/projects/"+project.ID+"/builds", map[string]any{"pipeline_id": echo.ID}, nil)
		}
		took := r.bare(b, buildsPerRound/2)
		start := time.Now()
		p.must("POST", "/v1/queue/resume", nil, nil)
		await(b, "all builds have ended", func() bool { return p.count("/v1/builds?limit=1&status=queued,assigned,running") == 0 })
		ran := time.Since(start)
		took += r.bare(b, buildsPerRound/2)
		ours, bare, ratios = ours+ran, bare+took, append(ratios, took.Seconds()/ran.Seconds())
	}
	const all = rounds * buildsPerRound
	if n := p.count("/v1/builds?limit=1&status=succeeded"); n != all {
		b.Fatalf("%d builds succeeded, want %d", n, all)
	}
	slices.Sort(ratios)
	b.Logf("of bare, round by round: %.2f", ratios)
	report(b, all/ours.Minutes(), "builds/min")
	report(b, all/bare.Minutes(), "bare/min")
	report(b, ratios[rounds/2], "of-bare")
}

// bare clones, prints and clears away, two at a time.
func (r *trivialRepository) bare(b *testing.B, count int) time.Duration {
	b.Helper()
	dir := b.TempDir()
	next := make(chan int)
	var two sync.WaitGroup
	for range 2 {
		two.Go(func() {
			for n := range next {
				to := filepath.Join(dir, strconv.Itoa(n))
				if err := exec.Command("git", "clone", "--quiet", r.git.Dir, to).Run(); err != nil {
					b.Error(err)
				}
				sh := exec.Command("sh", "-c", "echo hello")
				sh.Dir = to
				if out, err := sh.Output(); err != nil || string(out) != "hello\n" {
					b.Errorf("echo printed %q: %v", out, err)
				}
				if err := os.RemoveAll(to); err != nil {
					b.Error(err)
				}
			}
		})
	}
	start := time.Now()
	for n := range count {
		next <- n
	}
	close(next)
	two.Wait()
	return time.Since(start)
}
