package runner

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
)

func TestBytesInAreBytesOut(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	startPool(t, house, 1)
	random := make([]byte, 300_000)
	for i := range random {
		random[i] = byte(rand.N(256))
	}
	for name, content := range map[string][]byte{
		"no line feed at the end":   []byte("one\ntwo"),
		"only line feeds":           bytes.Repeat([]byte("\n"), 100_000),
		"invalid UTF-8":             []byte("a\xff\xfe\nb\xc3\n\xe2\x82"),
		"NUL and carriage return":   []byte("10%\r20%\r\x00done\r\n"),
		"a line of 16 KiB exactly":  append(bytes.Repeat([]byte("x"), core.MaxLogLine), '\n'),
		"a line of 16 KiB and one":  append(bytes.Repeat([]byte("x"), core.MaxLogLine+1), '\n'),
		"a long line, unterminated": bytes.Repeat([]byte("0123456789"), 1_000_000),
		"random bytes":              random,
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "data")
			if err := os.WriteFile(file, content, 0o600); err != nil {
				t.Fatal(err)
			}
			// The same on both streams, at once and mixed.
			l := house.run(t, repo.job(name, "cat "+file+" >&2 & cat "+file+"; wait"))
			mustEnd(t, l, core.BuildSucceeded, "", "")
			for _, stream := range []core.LogStream{core.StreamStdout, core.StreamStderr} {
				if got := l.bytes(stream); !bytes.Equal(got, content) {
					t.Errorf("%s has %d bytes, want %d; they differ", stream, len(got), len(content))
				}
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

func TestBeyondTheLimitOutputIsCountedAndDropped(t *testing.T) {
	repo, house := newRepository(t), newHouse()
	startPool(t, house, 1)
	job := repo.job("b1", "yes 0123456789 | head -c 100000000; printf rest", "echo later")
	job.LogLimit = 1 << 20
	l := house.run(t, job)
	mustEnd(t, l, core.BuildSucceeded, "", "")
	kept := int64(len(l.bytes(core.StreamStdout)))
	if kept > job.LogLimit || kept < job.LogLimit-core.MaxLogLine {
		t.Errorf("%d bytes are kept of a limit of %d", kept, job.LogLimit)
	}
	want := fmt.Sprintf("The log reached its limit: %d bytes of output were not kept.\n", 100_000_000+4+6-kept)
	if system := string(l.bytes(core.StreamSystem)); strings.Count(system, "reached its limit") != 1 || !strings.HasSuffix(system, want) {
		t.Errorf("system lines:\n%s\nwant at the end: %s", system, want)
	}
	mustSteps(t, l, "checkout succeeded", "build-1 succeeded", "build-2 succeeded")
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
	file := filepath.Join(t.TempDir(), "pid")
	// The daemon lives on in the next step, even though it goes on printing.
	l := house.run(t, repo.job("b1",
		"(while :; do echo tick; sleep 0.05; done) & echo $! > "+file+"; exit 0",
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
	l := house.run(t, repo.job("b1", "echo a; sleep 0.2; echo b"))
	var times []time.Time
	for _, r := range l.records {
		if r.Stream == core.StreamStdout {
			times = append(times, r.Time)
		}
	}
	if d := times[1].Sub(times[0]); d < 150*time.Millisecond {
		t.Errorf("0.2 s apart, and the stamps are %s apart", d)
	}
}
