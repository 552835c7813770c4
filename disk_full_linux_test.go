package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/oore-ci/oore/handlers/github/githubtest"
)

const (
	// fills is how often the disk is filled, unless OORE_TEST_FULL says so.
	fills = 2
	// fillRate is how many deliveries come per second meanwhile: all are kept on it.
	fillRate = 40
)

// smallDisk is a file system in memory that those alone see who share its namespace.
type smallDisk struct {
	t       testing.TB
	dir     string // as the program sees it
	outside string // as we do
	program string // runs the built program there
}

func newSmallDisk(t testing.TB, mib int) *smallDisk {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	d := &smallDisk{t: t, dir: t.TempDir(), program: filepath.Join(t.TempDir(), "oore")}
	apart, into := []string{"--mount"}, "--mount"
	if os.Getuid() != 0 {
		apart, into = append(apart, "--user", "--map-root-user"), into+" --user --preserve-credentials"
	}
	// It lives as long as its input is open, and that is as long as this process at most.
	holder := exec.Command("unshare", append(apart, "sh", "-c", `mount -t tmpfs -o size="$1"m none "$0" && echo mounted && exec cat`, d.dir, strconv.Itoa(mib))...)
	var fault bytes.Buffer
	holder.Stderr = &fault
	input, err := holder.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := holder.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := holder.Start(); err != nil {
		t.Skipf("NOT TESTED: NO FILE SYSTEM CAN BE MOUNTED HERE: %v", err)
	}
	t.Cleanup(func() {
		input.Close()
		_ = holder.Wait()
	})
	if line, err := bufio.NewReader(output).ReadString('\n'); line != "mounted\n" {
		_ = holder.Wait()
		t.Skipf("NOT TESTED: NO FILE SYSTEM CAN BE MOUNTED HERE: %v: %s", err, &fault)
	}
	d.outside = fmt.Sprintf("/proc/%d/root%s", holder.Process.Pid, d.dir)
	script := fmt.Sprintf("#!/bin/sh\nexec nsenter --target %d %s %s \"$@\"\n", holder.Process.Pid, into, path)
	if err := os.WriteFile(d.program, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *smallDisk) free() int64 {
	d.t.Helper()
	var s unix.Statfs_t
	if err := unix.Statfs(d.outside, &s); err != nil {
		d.t.Fatal(err)
	}
	return int64(s.Bavail) * s.Bsize
}

// fill leaves so many bytes free, or fewer: the server writes too.
func (d *smallDisk) fill(left int64) {
	d.t.Helper()
	f, err := os.OpenFile(filepath.Join(d.outside, "ballast"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		d.t.Fatal(err)
	}
	defer f.Close()
	for size := int64(0); ; {
		more := d.free() - left
		if more <= 0 {
			return
		}
		switch err := unix.Fallocate(int(f.Fd()), 0, size, more); {
		case err == nil:
			size += more
		case !errors.Is(err, unix.ENOSPC) && !errors.Is(err, unix.EINTR):
			d.t.Fatal(err)
		}
	}
}

func (d *smallDisk) empty() {
	d.t.Helper()
	if err := os.Remove(filepath.Join(d.outside, "ballast")); err != nil {
		d.t.Fatal(err)
	}
}

// fullSite is a site whose server's disk is small.
type fullSite struct {
	*site
	disk    *smallDisk
	project projectView
	payload []byte
	sent    int
}

// TestARealFullDiskLosesNothing fills the disk of the server again and again while
// deliveries come in: until they are refused, and every second time until nothing can be
// written. What was answered 200 is there, once; the server comes back by itself; a build
// that runs on another disk prints on, and its log is whole. OORE_TEST_FULL is how often.
func TestARealFullDiskLosesNothing(t *testing.T) {
	cycles := int(envNumber(t, "OORE_TEST_FULL", fills))
	t.Parallel()
	s := newFullSite(t, newSmallDisk(t, 1040+2*cycles))
	end := filepath.Join(t.TempDir(), "end")
	build := s.buildUntil(end)
	s.refusedAndFound()

	l := s.pour(fillRate)
	var longest, all time.Duration
	for cycle := range cycles {
		printed := strings.Count(s.rawLog(build), "\n")
		took := s.cycle(cycle%2 == 1)
		longest, all = max(longest, took), all+took
		if cycle == 1 {
			eventually(t, "what the build printed meanwhile is there", func() bool { return strings.Count(s.rawLog(build), "\n") > printed })
			if err := writeFile(end); err != nil {
				t.Fatal(err)
			}
		}
	}
	accepted, refused := l.end()
	if err := writeFile(end); err != nil {
		t.Fatal(err)
	}
	s.printedWhole(build)
	s.keptOnce(accepted)
	t.Logf("%d cycles, %d deliveries accepted, %d refused; taken again after %s on average, %s at most (30 s are the goal)",
		cycles, len(accepted), refused, (all / time.Duration(max(cycles, 1))).Round(time.Millisecond), longest.Round(time.Millisecond))
	s.stop()
	verify := exec.CommandContext(t.Context(), s.disk.program, "verify")
	verify.Env = s.env
	if out, err := verify.CombinedOutput(); err != nil {
		t.Errorf("verify: %v: %s", err, out)
	}
}

func newFullSite(t *testing.T, d *smallDisk) *fullSite {
	t.Helper()
	gh, git := githubtest.New(t), githubtest.NewGitRepo(t)
	s := &fullSite{site: &site{gh: gh, git: git}, disk: d}
	s.head = git.Commit("main", workflow("true"), "First commit")
	s.repo = gh.AddRepository("acme/shop", true, git.Dir)
	s.program = newProgram(t, "", gh, "OORE_DATA_DIR="+d.dir, "OORE_RUNNERS=0")
	s.path = d.program
	s.start()
	s.project = s.githubProject("acme/shop", nil)
	s.payload = gh.PushPayload(s.repo, "main", "", s.head)
	return s
}

// buildUntil starts a build of a runner on another disk, which prints until the file is
// there.
func (s *fullSite) buildUntil(file string) (id string) {
	s.t.Helper()
	newRemoteRunner(s.t, s.url, "elsewhere")
	s.waitRunner("elsewhere", "online")
	branch := "release/1"
	s.git.Commit(branch, workflow("i=0; while [ ! -e "+file+" ]; do echo line $i; i=$((i+1)); sleep 0.02; done; echo the end"), "Prints")
	pipeline := s.program.pipeline(s.project.ID, "Release", map[string]any{"trigger_config": map[string]any{"branches": []string{"release/*"}}})
	var b buildView
	s.must("POST", "/v1/projects/"+s.project.ID+"/builds", map[string]any{"pipeline_id": pipeline.ID, "branch": branch}, &b)
	eventually(s.t, "the build prints", func() bool { return strings.Contains(s.rawLog(b.ID), "line 9\n") })
	return b.ID
}

// refusedAndFound has a delivery refused, which GitHub then is asked for.
func (s *fullSite) refusedAndFound() {
	s.t.Helper()
	s.disk.fill(200 << 20)
	s.guarded()
	status, said := s.push("refused-and-found")
	if status != http.StatusServiceUnavailable || said.Code != "unavailable" {
		s.t.Fatalf("answered %d %+v", status, said)
	}
	if status := s.call("POST", "/v1/projects/"+s.project.ID+"/builds", map[string]any{"pipeline_id": s.pipelines(s.project.ID)[0], "branch": "release/1"}, &said); status != http.StatusServiceUnavailable || said.Code != "unavailable" {
		s.t.Errorf("a build by API is answered %d %+v", status, said)
	}
	if ready, why := s.readiness(); ready != http.StatusServiceUnavailable || !strings.Contains(why, "The disk that holds the database") {
		s.t.Errorf("readiness is answered %d %s", ready, why)
	}
	if n := s.stored()["refused-and-found"]; n != 0 {
		s.t.Errorf("the refused delivery is stored %d times", n)
	}
	s.disk.empty()
	eventually(s.t, "the refused delivery is found", func() bool { return s.stored()["refused-and-found"] == 1 })
	eventually(s.t, "the server is ready again", func() bool { status, _ := s.readiness(); return status == http.StatusOK })
}

// cycle fills the disk and makes room again, and returns how long deliveries were refused
// after that.
func (s *fullSite) cycle(brim bool) time.Duration {
	s.t.Helper()
	if brim {
		s.disk.fill(0)
		s.failing()
	} else {
		s.disk.fill(200 << 20)
	}
	s.guarded()
	s.disk.empty()
	began := time.Now()
	eventually(s.t, "deliveries are taken again", func() bool { status, _ := s.push(""); return status == http.StatusOK })
	return time.Since(began)
}

// guarded waits until deliveries are refused because there is too little room.
func (s *fullSite) guarded() {
	s.t.Helper()
	eventually(s.t, "deliveries are refused", func() bool {
		status, said := s.push("")
		return status == http.StatusServiceUnavailable && strings.HasPrefix(said.Error, "The disk that holds the database has ")
	})
}

// failing waits until writes fail that nothing refuses before.
func (s *fullSite) failing() {
	s.t.Helper()
	value := strings.Repeat("x", 60<<10)
	eventually(s.t, "writes fail", func() bool {
		s.disk.fill(0)
		var said refusalView
		status := s.call("PUT", "/v1/projects/"+s.project.ID+"/secrets/FILL", map[string]any{"value": value}, &said)
		return status == http.StatusServiceUnavailable && strings.HasPrefix(said.Error, "The disk that holds the database is full")
	})
}

type refusalView struct{ Error, Code string }

// push sends a delivery that matches nothing, under an id of its own if it has none.
func (s *fullSite) push(id string) (int, refusalView) {
	s.t.Helper()
	if id == "" {
		s.sent++
		id = fmt.Sprintf("asked-%d", s.sent)
	}
	resp := s.send("push", s.payload, id)
	defer resp.Body.Close()
	var said refusalView
	if err := json.NewDecoder(resp.Body).Decode(&said); err != nil {
		s.t.Errorf("delivery %s is answered %d: %v", id, resp.StatusCode, err)
	}
	return resp.StatusCode, said
}

func (s *fullSite) readiness() (status int, why string) {
	s.t.Helper()
	var said refusalView
	status = s.call("GET", "/readyz", nil, &said)
	return status, said.Error
}

// stored counts what is stored, by GitHub's ids. What comes meanwhile moves the pages.
func (s *fullSite) stored() map[string]int {
	s.t.Helper()
	count, seen := map[string]int{}, map[string]bool{}
	for offset := 0; ; offset += 200 {
		var list deliveriesView
		s.must("GET", fmt.Sprintf("/v1/deliveries?limit=200&offset=%d", offset), nil, &list)
		for _, d := range list.Deliveries {
			if !seen[d.ID] {
				count[d.DeliveryID]++
			}
			seen[d.ID] = true
		}
		if len(list.Deliveries) < 200 {
			return count
		}
	}
}

// keptOnce compares what is stored with what GitHub was answered.
func (s *fullSite) keptOnce(accepted map[string]string) {
	s.t.Helper()
	var waiting struct{ Total int }
	eventually(s.t, "every delivery is decided", func() bool {
		s.must("GET", "/v1/deliveries?limit=1&status=received", nil, &waiting)
		return waiting.Total == 0
	})
	answered := s.answered()
	stored := s.stored()
	for id := range accepted {
		answered[id] = true
	}
	for id := range answered {
		if stored[id] != 1 {
			s.t.Errorf("%s was answered 200, and is stored %d times", id, stored[id])
		}
	}
	eventually(s.t, "all that is stored was answered 200", func() bool { // what GitHub sent again may just have come
		answered := s.answered()
		for id := range stored {
			if !answered[id] && !strings.HasPrefix(id, "sweep:") {
				return false
			}
		}
		return true
	})
}

// answered are the ids of the deliveries that were answered 200, at once or sent again.
func (s *fullSite) answered() map[string]bool {
	ids := map[string]bool{}
	for _, try := range s.gh.Deliveries() {
		if try.StatusCode == http.StatusOK {
			ids[try.GUID] = true
		}
	}
	return ids
}

// printedWhole looks for what is missing in the build's log.
func (s *fullSite) printedWhole(id string) {
	s.t.Helper()
	b := s.ended(id)
	lines := strings.Split(strings.TrimSuffix(s.rawLog(id), "\n"), "\n")
	for n, line := range lines[:len(lines)-1] {
		if line != fmt.Sprintf("line %d", n) {
			s.t.Errorf("line %d of the log is %q", n, line)
			break
		}
	}
	if b.Status != "succeeded" || lines[len(lines)-1] != "the end" {
		s.t.Errorf("build %+v, whose log ends with %q", b, lines[len(lines)-1])
	}
}
