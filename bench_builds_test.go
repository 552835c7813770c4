//go:build bench

package main

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/oore-ci/oore/handlers/github/githubtest"
)

const trivialBuilds = 600

// BenchmarkBuilds measures how fast two slots empty a queue of builds that print one
// line, checkout included; and in the same run what two loops in parallel need for
// as many `git clone` and `sh -c echo`, without any CI about them: half of them
// before, half after.
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

// trivialRepository builds `echo`, or from gate.yaml a gate: a build that holds its
// slot until the pipe of its number is opened and closed.
type trivialRepository struct {
	git   *githubtest.GitRepo
	head  string
	gates fifos
}

func newTrivialRepository(b *testing.B) *trivialRepository {
	b.Helper()
	r := &trivialRepository{git: githubtest.NewGitRepo(b), gates: newFIFOs(b, "1", "2")}
	files := workflow("echo hello")
	gate := workflow(`cat "` + r.gates.dir + `/$OORE_BUILD_NUMBER"`)
	maps.Copy(files, map[string]string{"gate.yaml": gate[".oore.yaml"]})
	r.head = r.git.Commit("main", files, "First commit")
	return r
}

func (r *trivialRepository) measure(b *testing.B, p *program, project projectView) {
	b.Helper()
	echo := p.pipeline(project.ID, "Echo", nil)
	gate := p.pipeline(project.ID, "Gate", map[string]any{"config_path": "gate.yaml", "config_path_explicit": true})
	trigger := func(pipeline pipelineView) {
		p.must("POST", "/v1/projects/"+project.ID+"/builds", map[string]any{"pipeline_id": pipeline.ID}, nil)
	}
	trigger(gate)
	trigger(gate)
	gates := []*os.File{r.gates.writer("1"), r.gates.writer("2")} // both slots are held
	for range trivialBuilds {
		trigger(echo)
	}
	bare := r.bare(b, trivialBuilds/2)
	start := time.Now()
	for _, g := range gates {
		if err := g.Close(); err != nil {
			b.Fatal(err)
		}
	}
	await(b, "all builds have ended", func() bool { return p.count("/v1/builds?limit=1&status=queued,assigned,running") == 0 })
	took := time.Since(start)
	bare += r.bare(b, trivialBuilds/2)
	if n := p.count("/v1/builds?limit=1&status=succeeded"); n != trivialBuilds+len(gates) {
		b.Fatalf("%d builds succeeded, want %d", n, trivialBuilds+len(gates))
	}
	report(b, trivialBuilds/took.Minutes(), "builds/min")
	report(b, trivialBuilds/bare.Minutes(), "bare/min")
	report(b, bare.Seconds()/took.Seconds(), "of-bare")
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
