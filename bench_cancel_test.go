//go:build bench

package main

import (
	"bufio"
	"io"
	"os"
	"testing"
	"time"

	"github.com/oore-ci/oore/handlers/github/githubtest"
)

const (
	cancelSamples = 40
	cancelBound   = 2 * time.Second
)

// BenchmarkCancel measures from just before a running build is canceled to the end of
// its last process, daemons too: all of them hold a named pipe, which ends with the last.
// The deaf get 500 ms before they are killed.
func BenchmarkCancel(b *testing.B) {
	const held = `; (setsid sleep 600 &); echo ready >&9; `
	children := []struct{ name, command string }{
		{"obeys", held + `sleep 600`},
		{"deaf", `; trap '' TERM` + held + `while :; do sleep 600; done`},
	}
	bothDatabases(b, func(b *testing.B, open opener) {
		for _, child := range children {
			b.Run("built-in/"+child.name, func(b *testing.B) {
				measureCancel(b, newProgram(b, open(b), nil, "OORE_RUNNERS=1").start(), child.command)
			})
			b.Run("remote/"+child.name, func(b *testing.B) {
				p := newProgram(b, open(b), nil, "OORE_RUNNERS=0").start()
				newRemoteRunner(b, p.url, "far")
				measureCancel(b, p, child.command)
			})
		}
	})
}

func measureCancel(b *testing.B, p *program, command string) {
	b.Helper()
	pipes := newFIFOs(b, "alive")
	git := githubtest.NewGitRepo(b)
	git.Commit("main", workflow(`exec 9>`+pipes.path("alive")+command), "First commit")
	var project projectView
	p.must("POST", "/v1/projects", map[string]any{"name": "shop", "local_repository_path": git.Dir}, &project)
	pipeline := p.pipeline(project.ID, "Long", nil)
	samples := make([]time.Duration, cancelSamples)
	for n := range samples {
		samples[n] = cancelOne(b, p, project, pipeline, pipes.path("alive"))
	}
	reportQuantiles(b, samples, 50, 95, 100)
	report(b, milliseconds(cancelBound), "bound-ms")
}

// cancelOne runs a build, cancels it as soon as it is ready, and waits until nothing of
// it is left.
func cancelOne(b *testing.B, p *program, project projectView, pipeline pipelineView, path string) time.Duration {
	b.Helper()
	var build buildView
	p.must("POST", "/v1/projects/"+project.ID+"/builds", map[string]any{"pipeline_id": pipeline.ID}, &build)
	alive, err := os.Open(path) // once the build writes to it
	if err != nil {
		b.Fatal(err)
	}
	defer alive.Close()
	words := bufio.NewReader(alive)
	if line, err := words.ReadString('\n'); err != nil || line != "ready\n" {
		b.Fatalf("the build says %q: %v", line, err)
	}
	start := time.Now()
	p.must("POST", "/v1/builds/"+build.ID+"/cancel", nil, nil)
	if rest, err := io.ReadAll(words); err != nil || len(rest) > 0 {
		b.Fatalf("the build says %q: %v", rest, err)
	}
	took := time.Since(start)
	if got := p.build(build.ID); got.Status != "canceled" {
		b.Fatalf("the build is %s", got.Status)
	}
	return took
}
