//go:build bench

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// BenchmarkRestore measures how long a backup with all files of OORE_TEST_RESTORE GiB (1)
// takes while the server runs, and a restore of it into new places, and, beside them, what
// `cp` alone takes for the folder of the files.
func BenchmarkRestore(b *testing.B) {
	size := 1
	if n, err := strconv.Atoi(os.Getenv("OORE_TEST_RESTORE")); err == nil {
		size = n
	}
	const files = 4 // per GiB
	bothDatabases(b, func(b *testing.B, open opener) {
		s := newSite(b, open(b), map[string]string{".oore.yaml": "version: 1\nplatforms: []\nartifacts: {patterns: [app.bin]}\ncommands:\n  build:\n    - head -c 268435456 /dev/urandom > app.bin\n"})
		project := s.githubProject("acme/shop", nil)
		pipeline := s.program.pipeline(project.ID, "Android", nil)
		for range files * size {
			var build buildView
			s.must("POST", "/v1/projects/"+project.ID+"/builds", map[string]any{"pipeline_id": pipeline.ID}, &build)
			if build = s.program.ended(build.ID); build.Status != "succeeded" {
				b.Fatalf("%+v", build)
			}
		}
		gigabytes := float64(size) * 1.073741824
		file := filepath.Join(b.TempDir(), "oore.backup")
		timed := func(name string, f func()) {
			before := time.Now()
			f()
			took := time.Since(before).Seconds()
			report(b, took/gigabytes, name+"-s/GB")
		}
		must := func(p *program, args ...string) {
			if a := p.command(nil, args...); a.code != 0 {
				b.Fatalf("%v: %+v", args, a)
			}
		}
		timed("backup", func() { must(s.program, "backup", file, "--artifacts") })
		s.stop()
		target := newProgram(b, open(b), s.gh)
		timed("restore", func() { must(target, "restore", file) })
		must(target, "verify", "--blobs")
		timed("cp", func() {
			if out, err := exec.Command("cp", "-r", filepath.Join(s.dataDir(), "blobs"), filepath.Join(b.TempDir(), "copy")).CombinedOutput(); err != nil {
				b.Fatalf("%v: %s", err, out)
			}
		})
	})
}
