package runner

import (
	"context"
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

// nearMisses are lines that the problem matchers look at closely, in vain.
func nearMisses() []string {
	return []string{
		"  info • something that goes on and on and on for a long while • lib/src/widgets/home_page.dart 120 14 • x y",
		"lib/src/widgets/home_page.dart:120:14 something went by here that looks like an error but is none",
		"  error - lib/src/widgets/home_page.dart:120: something - x",
		"w: /home/build/app/src/main/kotlin/dev/oore/Main.kt: (12 3): variable is never used",
		"app/src/main/java/dev/oore/Main.java:12: note: Some input files use unchecked operations",
		"/home/build/app/src/main/res/values/strings.xml:12:5-20: notice: resource is unused in all the configurations",
		"Task :app:compileReleaseKotlin FAILED because of nothing",
		"app/src/foo/bar/baz.swift:12:30: some error: cannot convert value of type String to expected argument type Int",
		"/usr/lib/node_modules/foo/bar/baz/index.js is here and will be linted by something",
		"Some Error: that was it",
		"sh: something: not found in the cache, will be loaded",
		"WARNING|x|y|z|12|13",
		"src/a.ts(12,13): problem error TS: foo",
	}
}

// BenchmarkLogLines runs a command that prints as fast as it can.
func BenchmarkLogLines(b *testing.B) {
	for _, c := range []struct {
		name  string
		lines []string
	}{
		{"plain", []string{"Running Gradle task assembleRelease, line after line"}},
		{"near misses", nearMisses()},
		{"the slowest near miss", nearMisses()[:1]},
	} {
		b.Run(c.name, func(b *testing.B) {
			repo, lines := newRepository(b), 0
			jobs := &digesting{house: newHouse(), each: func(r []core.LogRecord) { lines += len(r) }}
			startPoolIn(b, jobs, 1, b.TempDir())
			jobs.run(b, repo.job("warm", "true"))
			lines = 0
			job := repo.job("b1", fmt.Sprintf("yes '%s' | head -n %d", strings.Join(c.lines, "\n"), b.N))
			job.LogLimit = 1 << 40
			b.ResetTimer()
			jobs.run(b, job)
			b.ReportMetric(float64(lines)/b.Elapsed().Seconds(), "lines/s")
		})
	}
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
	log := []byte(strings.Repeat(line, 64<<10/len(line)))
	r := rand.New(rand.NewPCG(1, 2))
	tokens := func(n int) (list []string) {
		for range n {
			list = append(list, randomBase64(r, 30))
		}
		return list
	}
	key := "-----BEGIN PRIVATE KEY-----\n" + strings.Join(wrapped(randomBase64(r, 2350), 64), "\n") // of 4096 bits
	encoded := []byte(randomBase64(r, 48<<10))
	for _, c := range []struct {
		name    string
		secrets []string
		text    []byte
	}{
		{"none", nil, log},
		{"1", tokens(1), log},
		{"5", tokens(5), log},
		{"50", tokens(50), log},
		{"short", []string{"1a3b"}, log},
		{"key", []string{key}, log},
		{"key in base64", []string{key}, encoded},
		{"key and short in base64", []string{key, "1a3b"}, encoded},
	} {
		b.Run(c.name, func(b *testing.B) {
			var m masks
			for _, secret := range c.secrets {
				m.add(secret)
			}
			w := m.writer(io.Discard)
			b.SetBytes(int64(len(c.text)))
			for b.Loop() {
				_, _ = w.Write(c.text)
			}
		})
	}
}
