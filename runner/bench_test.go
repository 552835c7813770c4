package runner

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// BenchmarkBuilds runs trivial builds from a warm mirror on two slots.
func BenchmarkBuilds(b *testing.B) {
	repo, house := newRepository(b), newHouse()
	startPool(b, house, 2)
	house.run(b, repo.job("warm", "true"))
	template := repo.job("template", "echo hello")
	b.ResetTimer()
	for i := range b.N {
		job := template
		job.Build.ID = strconv.Itoa(i)
		job.Lease.BuildID, job.Lease.Token = job.Build.ID, job.Build.ID
		house.submit(job)
	}
	for i := range b.N {
		house.wait(b, strconv.Itoa(i))
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "builds/s")
}

// BenchmarkBareCosts runs what a build cannot do without, two at a time: a clone
// that shares objects, and a shell.
func BenchmarkBareCosts(b *testing.B) {
	repo, dir := newRepository(b), b.TempDir()
	var two sync.WaitGroup
	next := make(chan int)
	for range 2 {
		two.Go(func() {
			for i := range next {
				to := filepath.Join(dir, strconv.Itoa(i))
				if err := exec.Command("git", "clone", "-q", "--shared", repo.dir, to).Run(); err != nil {
					b.Error(err)
				}
				sh := exec.Command("sh", "-c", "echo hello")
				sh.Dir = to
				if _, err := sh.Output(); err != nil {
					b.Error(err)
				}
				if err := removeAll(to); err != nil {
					b.Error(err)
				}
			}
		})
	}
	b.ResetTimer()
	for i := range b.N {
		next <- i
	}
	close(next)
	two.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "builds/s")
}

// BenchmarkTheSameProcesses runs the processes of a warm build alone: one read-tree
// and one shell, two at a time.
func BenchmarkTheSameProcesses(b *testing.B) {
	repo, dir := newRepository(b), b.TempDir()
	m := &mirror{dir: filepath.Join(repo.dir, ".git")}
	refs, err := m.refs()
	if err != nil {
		b.Fatal(err)
	}
	sha := repo.head()
	var two sync.WaitGroup
	next := make(chan int)
	for range 2 {
		two.Go(func() {
			for i := range next {
				to := filepath.Join(dir, strconv.Itoa(i))
				if err := writeRepository(to, m, refs, sha, repo.dir); err != nil {
					b.Error(err)
				}
				if err := exec.Command("git", "-C", to, "read-tree", "--reset", "-u", "HEAD").Run(); err != nil {
					b.Error(err)
				}
				sh := exec.Command("sh", "-c", "echo hello")
				sh.Dir = to
				if _, err := sh.Output(); err != nil {
					b.Error(err)
				}
				if err := removeAll(to); err != nil {
					b.Error(err)
				}
			}
		})
	}
	b.ResetTimer()
	for i := range b.N {
		next <- i
	}
	close(next)
	two.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "builds/s")
}

// BenchmarkFirstProcess measures from the claimable build to its first line.
func BenchmarkFirstProcess(b *testing.B) {
	repo, house := newRepository(b), newHouse()
	startPool(b, house, 1)
	house.run(b, repo.job("warm", "true"))
	for i := range b.N {
		id := strconv.Itoa(i)
		house.submit(repo.job(id, "echo up"))
		house.untilPrinted(b, id, "up\n")
		b.StopTimer()
		house.wait(b, id)
		b.StartTimer()
	}
}

// BenchmarkLogLines runs a command that prints as fast as it can.
func BenchmarkLogLines(b *testing.B) {
	repo, lines := newRepository(b), 0
	jobs := &digesting{house: newHouse(), each: func(r []core.LogRecord) { lines += len(r) }}
	startPoolIn(b, jobs, 1, b.TempDir())
	warm := repo.job("warm", "true")
	jobs.run(b, warm)
	lines = 0
	job := repo.job("b1", fmt.Sprintf("yes 'Running Gradle task assembleRelease, line after line' | head -n %d", b.N))
	job.LogLimit = 1 << 40
	b.ResetTimer()
	jobs.run(b, job)
	b.ReportMetric(float64(lines)/b.Elapsed().Seconds(), "lines/s")
}

// BenchmarkCancel measures from the cancel of a build that ignores SIGTERM to its
// end, with nothing left.
func BenchmarkCancel(b *testing.B) {
	repo, house := newRepository(b), newHouse()
	startPool(b, house, 1)
	for i := range b.N {
		id := strconv.Itoa(i)
		house.submit(repo.job(id, "trap '' TERM; echo up; sh -c 'while :; do sleep 1; done'"))
		house.untilPrinted(b, id, "up\n")
		start := time.Now()
		house.cancel(id)
		house.wait(b, id)
		b.ReportMetric(float64(time.Since(start).Milliseconds()), "ms/cancel")
	}
}

// BenchmarkShimStart is what a build would cost more with a shim of its own.
func BenchmarkShimStart(b *testing.B) {
	exe, err := ownBinary()
	if err != nil {
		b.Fatal(err)
	}
	for range b.N {
		s, err := startShim(exe)
		if err != nil {
			b.Fatal(err)
		}
		if err := s.stop(0); err != nil {
			b.Fatal(err)
		}
		s.release()
	}
}

// BenchmarkShimRun runs `true` through a shim.
func BenchmarkShimRun(b *testing.B) {
	exe, err := ownBinary()
	if err != nil {
		b.Fatal(err)
	}
	s, err := startShim(exe)
	if err != nil {
		b.Fatal(err)
	}
	defer s.release()
	for range b.N {
		if _, err := s.run(context.Background(), command{argv: []string{"/bin/true"}, dir: "/"}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSandbox runs `true` through a shim, as the only command of a build: without
// a sandbox, in one, and as a later command of a build in one.
func BenchmarkSandbox(b *testing.B) {
	level, lack := sandboxLevel()
	if level == 0 {
		b.Fatal(lack)
	}
	exe, err := ownBinary()
	if err != nil {
		b.Fatal(err)
	}
	home := newHome(b)
	dir := filepath.Join(home, ".local", "share", "oore")
	box := newSandbox(dir, map[string]string{"HOME": home}, SandboxOptions{})
	box.Level = level
	for _, c := range []struct {
		name string
		box  *sandbox
		stop bool // after each command, so that each makes its sandbox
	}{{"none", nil, true}, {"of a build", box, true}, {"of a later command", box, false}} {
		b.Run(c.name, func(b *testing.B) {
			s, err := startShim(exe)
			if err != nil {
				b.Fatal(err)
			}
			defer s.release()
			for range b.N {
				if _, err := s.run(context.Background(), command{argv: []string{"/bin/true"}, dir: "/", sandbox: c.box}); err != nil {
					b.Fatal(err)
				}
				if c.stop {
					if err := s.stop(0); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

// BenchmarkMask hides in a build's usual output, in the pieces in which pipes are read.
func BenchmarkMask(b *testing.B) {
	line := "[2024-05-11 10:12:33] > Task :app:compileReleaseKotlin UP-TO-DATE lib/src/widgets/home_page.dart:120:14\n"
	text := []byte(strings.Repeat(line, 64<<10/len(line)))
	r := rand.New(rand.NewPCG(1, 2))
	for name, secrets := range map[string]int{"none": 0, "1": 1, "5": 5, "50": 50} {
		b.Run(name, func(b *testing.B) {
			var m masks
			for range secrets {
				m.add(base64.StdEncoding.EncodeToString(fmt.Append(nil, r.Uint64(), r.Uint64())))
			}
			w := m.writer(io.Discard)
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				_, _ = w.Write(text)
			}
		})
	}
	b.Run("key", func(b *testing.B) {
		var m masks
		m.add("-----BEGIN PRIVATE KEY-----\n" + strings.Join(wrapped(base64.StdEncoding.EncodeToString(bytes.Repeat(text[:90], 14)), 64), "\n"))
		w := m.writer(io.Discard)
		b.SetBytes(int64(len(text)))
		for b.Loop() {
			_, _ = w.Write(text)
		}
	})
}
