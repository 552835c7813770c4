package runner

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
	"github.com/oore-ci/oore/runner/logtest"
)

func TestBytesInAreBytesOut(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	startPool(t, house, 1)
	all := logtest.Hostile()
	if len(all) < 60 {
		t.Errorf("only %d logs", len(all))
	}
	for _, log := range all {
		t.Run(log.Name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "data")
			repo.must(os.WriteFile(file, log.Content, 0o600))
			print := "cat " + file
			if log.Piece > 0 {
				print = fmt.Sprintf("dd if=%s bs=%d status=none", file, log.Piece)
			}
			// The same on both streams, at once and mixed.
			l := house.run(t, repo.job(log.Name, print+" >&2 & "+print+"; wait"))
			mustEnd(t, l, core.BuildSucceeded, "", "")
			mustPrint(t, l, core.StreamStdout, log.Content)
			mustPrint(t, l, core.StreamStderr, log.Content)
			mustBeWellFormed(t, l)
		})
	}
}

func mustPrint(t *testing.T, l *ledger, stream core.LogStream, want []byte) {
	t.Helper()
	if got := l.bytes(stream); !bytes.Equal(got, want) {
		t.Errorf("%s has %d bytes, want %d; they differ", stream, len(got), len(want))
	}
}

// What matters in these is how it is printed, and by whom.
func TestPrintersOfAllKinds(t *testing.T) {
	numbers := func(prefix string) []byte {
		var b bytes.Buffer
		for i := range 2000 {
			fmt.Fprintf(&b, "%s%d\n", prefix, i+1)
		}
		return b.Bytes()
	}
	repo, house := newRepository(t), newHouse()
	startPool(t, house, 1)
	for name, c := range map[string]struct {
		script         string
		stdout, stderr []byte
	}{
		"streams in turn":            {`seq 2000 | while read i; do echo o$i; echo e$i >&2; done`, numbers("o"), numbers("e")},
		"one pipe for both":          {`exec 2>&1; seq 2000 | while read i; do echo a$i >&2; done`, numbers("a"), nil},
		"half lines in turn":         {`for i in 1 2 3; do printf a; printf x >&2; sleep 0.01; done; echo; echo >&2`, []byte("aaa\n"), []byte("xxx\n")},
		"a character with a pause":   {`printf '\342'; sleep 0.05; printf '\202'; sleep 0.05; printf '\254\n'`, []byte("€\n"), nil},
		"two processes, a byte each": {`(for i in 1 2 3 4 5; do printf a; sleep 0.01; done) & for i in 1 2 3 4 5; do printf a; sleep 0.01; done; wait`, []byte("aaaaaaaaaa"), nil},
		"stdout closed":              {`exec >&-; echo only >&2`, nil, []byte("only\n")},
		"both closed":                {`exec >&- 2>&-; true`, nil, nil},
		"by a killed child":          {`sh -c 'printf last; kill -KILL $$'; true`, []byte("last"), nil}, // and what the shell says of it
		"after a line feed is late":  {`printf start; sleep 0.1; printf ' end\n'`, []byte("start end\n"), nil},
		"by the end itself":          {`trap 'echo bye' EXIT; true`, []byte("bye\n"), nil},
	} {
		t.Run(name, func(t *testing.T) {
			l := house.run(t, repo.job(name, c.script))
			mustEnd(t, l, core.BuildSucceeded, "", "")
			mustPrint(t, l, core.StreamStdout, c.stdout)
			if name != "by a killed child" {
				mustPrint(t, l, core.StreamStderr, c.stderr)
			}
			mustBeWellFormed(t, l)
		})
	}
}

// mustBeWellFormed checks what holds for every log: sequences in order, no record
// too long, and a record is partial only if it is full or the last of its stream.
func mustBeWellFormed(t *testing.T, l *ledger) {
	t.Helper()
	last := map[core.LogStream]core.LogRecord{}
	for i, r := range l.records {
		if r.Sequence != l.job.NextLog+int64(i) {
			t.Fatalf("record %d has the sequence %d", i, r.Sequence)
		}
		if len(r.Content) > core.MaxLogLine || (r.Partial && len(r.Content) == 0) || bytes.IndexByte(r.Content, '\n') >= 0 {
			t.Fatalf("record %d is malformed (%d bytes, partial %t)", i, len(r.Content), r.Partial)
		}
		if p, ok := last[r.Stream]; ok && p.Partial && len(p.Content) < core.MaxLogLine-3 && p.Step == r.Step {
			t.Fatalf("record %d is partial, but neither full nor the last", p.Sequence)
		}
		last[r.Stream] = r
	}
}

func TestAnUnterminatedStreamGoesOnInTheNextStep(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	startPool(t, house, 1)
	job := repo.job("b1", "printf abc", "echo def")
	job.NextLog = 40
	l := house.run(t, job)
	if got := string(l.bytes(core.StreamStdout)); got != "abcdef\n" {
		t.Errorf("stdout is %q", got)
	}
	if l.records[0].Sequence != 40 {
		t.Errorf("the first sequence is %d", l.records[0].Sequence)
	}
	mustSteps(t, l, "checkout succeeded", "build-1 succeeded", "build-2 succeeded")
}

func TestTheFirstLineIsThereWhileTheCommandRuns(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	startPool(t, house, 1)
	gate := filepath.Join(t.TempDir(), "gate")
	house.submit(repo.job("b1", "echo started; until test -e "+gate+"; do sleep 0.01; done"))
	house.untilPrinted(t, "b1", "started\n")
	repo.must(os.WriteFile(gate, nil, 0o600))
	mustEnd(t, house.wait(t, "b1"), core.BuildSucceeded, "", "")
}

// A flood of 1 GiB does not hold its command, costs no memory, and the log says what it
// lacks.
func TestBeyondTheLimitOutputIsCountedAndDropped(t *testing.T) {
	for name, c := range map[string]struct {
		flood string
		size  int64
	}{
		"one line":     {"head -c 1073741824 /dev/zero", 1 << 30},
		"lines":        {"yes 0123456789 | head -c 100000000", 100_000_000},
		"both streams": {"yes 0123456789 | head -c 50000000 & yes 0123456789 | head -c 50000000 >&2; wait", 100_000_000},
	} {
		t.Run(name, func(t *testing.T) {
			repo, house := newRepository(t), newHouse()
			startPool(t, house, 1)
			job := repo.job("b1", c.flood+"; printf rest", "echo later")
			job.LogLimit = 1 << 20
			most := watchHeap(t)
			l := house.run(t, job)
			if most := most(); most > 64<<20 {
				t.Errorf("the heap grew by %d MiB", most>>20)
			}
			mustEnd(t, l, core.BuildSucceeded, "", "")
			kept := int64(len(l.bytes(core.StreamStdout)) + len(l.bytes(core.StreamStderr)))
			if kept > job.LogLimit || kept < job.LogLimit-2*core.MaxLogLine {
				t.Errorf("%d bytes are kept of a limit of %d", kept, job.LogLimit)
			}
			want := fmt.Sprintf("The log reached its limit: %d bytes of output were not kept.\n", c.size+4+6-kept)
			if system := string(l.bytes(core.StreamSystem)); strings.Count(system, "reached its limit") != 1 || !strings.HasSuffix(system, want) {
				t.Errorf("system lines:\n%s\nwant at the end: %s", system, want)
			}
			mustSteps(t, l, "checkout succeeded", "build-1 succeeded", "build-2 succeeded")
		})
	}
}

// watchHeap returns how much the heap has grown at most until then.
func watchHeap(t *testing.T) (most func() uint64) {
	t.Helper()
	inUse := func() uint64 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapInuse
	}
	runtime.GC()
	start, peak, stop, stopped := inUse(), uint64(0), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for tick := time.Tick(20 * time.Millisecond); ; {
			select {
			case <-stop:
				return
			case <-tick:
				peak = max(peak, inUse())
			}
		}
	}()
	return func() uint64 {
		close(stop)
		<-stopped
		return max(peak, start) - start
	}
}

// Whoever stores the log may hang in the middle of a flood: the command waits, memory
// does not grow, and nothing is lost.
func TestAFloodWaitsForAHouseThatHangs(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	hang, hung := make(chan struct{}), make(chan struct{})
	sum, once := sha256.New(), false
	jobs := &digesting{house: house, each: func(records []core.LogRecord) {
		if !once {
			once = true
			close(hung)
			<-hang
		}
		for _, r := range records {
			if r.Stream == core.StreamStdout {
				sum.Write(r.Content)
				sum.Write([]byte("\n")[:1-btoi(r.Partial)])
			}
		}
	}}
	startPoolIn(t, jobs, 1, t.TempDir())
	most := watchHeap(t)
	job := repo.job("b1", "seq 300000")
	house.submit(job)
	<-hung
	house.until(t, "b1", "running", func(l *ledger) bool { return l.status == core.BuildRunning })
	time.Sleep(time.Second) // for what would not wait
	if l := house.ledger("b1"); l.status != core.BuildRunning {
		t.Errorf("the build is %s", l.status)
	}
	close(hang)
	mustEnd(t, house.wait(t, "b1"), core.BuildSucceeded, "", "")
	if most := most(); most > 64<<20 {
		t.Errorf("the heap grew by %d MiB", most>>20)
	}
	want := sha256.New()
	for i := range 300_000 {
		fmt.Fprintf(want, "%d\n", i+1)
	}
	if !bytes.Equal(sum.Sum(nil), want.Sum(nil)) {
		t.Error("the log differs")
	}
}

func TestALargeLogNeedsLittleMemory(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	sum := sha256.New()
	var most, bytesSeen uint64
	job := repo.job("b1", "yes 'a line of an ordinary length, as a compiler prints it' | head -c 100000000")
	job.LogLimit = 1 << 30
	jobs := &digesting{house: house, each: func(records []core.LogRecord) {
		for _, r := range records {
			if r.Stream == core.StreamStdout {
				sum.Write(r.Content)
				sum.Write([]byte("\n")[:1-btoi(r.Partial)])
				bytesSeen += uint64(len(r.Content)) + 1
			}
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		most = max(most, m.HeapInuse)
	}}
	startPoolIn(t, jobs, 1, t.TempDir())
	house.run(t, job)
	line := "a line of an ordinary length, as a compiler prints it\n"
	want := sha256.Sum256([]byte(strings.Repeat(line, 100_000_000/len(line)+1)[:100_000_000]))
	if !bytes.Equal(sum.Sum(nil), want[:]) {
		t.Errorf("the log differs (%d bytes)", bytesSeen)
	}
	if most > 100<<20 {
		t.Errorf("the heap grew to %d MiB", most>>20)
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestTheLogSurvivesAHouseThatIsDownForAWhile(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	startPool(t, house, 1)
	calls := map[string]int{}
	house.setFault(func(call string) error { // every call fails once, then works
		if calls[call]++; calls[call] == 1 && call != "renew" {
			return core.Errorf(core.KindUnavailable, "the database is away")
		}
		return nil
	})
	l := house.run(t, repo.job("b1", "seq 1 1000"))
	mustEnd(t, l, core.BuildSucceeded, "", "")
	if got := bytes.Count(l.bytes(core.StreamStdout), []byte("\n")); got != 1000 {
		t.Errorf("%d lines of 1000", got)
	}
	for _, call := range []string{"start", "append", "step", "finish"} {
		if calls[call] < 2 {
			t.Errorf("%s was called %d times", call, calls[call])
		}
	}
}

func TestADaemonThatKeepsThePipeDoesNotKeepTheStep(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	startPool(t, house, 1)
	file, up := filepath.Join(t.TempDir(), "pid"), filepath.Join(t.TempDir(), "up")
	// The daemon lives on in the next step, even though it goes on printing.
	l := house.run(t, repo.job("b1",
		"(while :; do echo tick; : >"+up+"; sleep 0.05; done) & echo $! > "+file+"; until test -e "+up+"; do sleep 0.01; done; exit 0",
		"sleep 0.3; kill -0 $(cat "+file+") && echo alive"))
	mustEnd(t, l, core.BuildSucceeded, "", "")
	if got := string(l.bytes(core.StreamStdout)); !strings.HasSuffix(got, "alive\n") || !strings.HasPrefix(got, "tick\n") {
		t.Errorf("stdout is %q", got)
	}
	mustSteps(t, l, "checkout succeeded", "build-1 succeeded", "build-2 succeeded")
}

func TestRecordsCarryTheTimeAtWhichTheyCame(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	startPool(t, house, 1)
	gate := filepath.Join(t.TempDir(), "gate")
	house.submit(repo.job("b1", "echo started; until test -e "+gate+"; do sleep 0.01; done; echo through"))
	house.untilPrinted(t, "b1", "started\n")
	time.Sleep(200 * time.Millisecond)
	repo.must(os.WriteFile(gate, nil, 0o600))
	l := house.wait(t, "b1")
	var times []time.Time
	for _, r := range l.records {
		if r.Stream == core.StreamStdout {
			times = append(times, r.Time)
		}
	}
	if d := times[1].Sub(times[0]); d < 200*time.Millisecond {
		t.Errorf("0.2 s apart, and the stamps are %s apart", d)
	}
}
