package main

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// lines is what a logger writes.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// take gives what was written since the last time, without the times.
func (l *lines) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []string
	for line := range strings.Lines(l.text.String()) {
		_, rest, _ := strings.Cut(line, " ")
		all = append(all, rest)
	}
	l.text.Reset()
	return strings.Join(all, "")
}

func TestARepeatedWarningIsWrittenOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out lines
		log := newLogger(Config{LogFormat: "text"}, &out)
		want := func(when, text string) {
			t.Helper()
			if got := out.take(); got != text {
				t.Errorf("%s:\n%s\nwant\n%s", when, got, text)
			}
		}
		down := func(build int) {
			log.With("host", "a").Warn("report to the forge", "key", fmt.Sprint("status:", build), "attempt", build,
				"error", fmt.Errorf("POST http://forge/%d: %w", build, errors.New("dial tcp 127.0.0.1:80: connection refused")))
		}
		for build := range 100 {
			down(build)
		}
		want("at once", "level=WARN msg=\"report to the forge\" host=a key=status:0 attempt=0 error=\"POST http://forge/0: dial tcp 127.0.0.1:80: connection refused\"\n")
		log.Warn("report to the forge", "key", "status:7", "attempt", 1, "error", errors.New("POST http://forge/7: 403 Forbidden"))
		log.Warn("report to the forge", "key", "status:8", "attempt", 1, "error", errors.New("POST http://forge/8: 502 Bad Gateway"))
		want("other troubles", "level=WARN msg=\"report to the forge\" key=status:7 attempt=1 error=\"POST http://forge/7: 403 Forbidden\"\n"+
			"level=WARN msg=\"report to the forge\" key=status:8 attempt=1 error=\"POST http://forge/8: 502 Bad Gateway\"\n")
		time.Sleep(repeatPause + time.Second)
		want("after a minute", "level=WARN msg=\"report to the forge\" host=a key=status:99 attempt=99 error=\"POST http://forge/99: dial tcp 127.0.0.1:80: connection refused\" left_out=98\n")
		down(100)
		want("within the next", "")
		time.Sleep(repeatPause)
		want("after the next, with nothing left out", "level=WARN msg=\"report to the forge\" host=a key=status:100 attempt=100 error=\"POST http://forge/100: dial tcp 127.0.0.1:80: connection refused\"\n")
		time.Sleep(2 * repeatPause)
		want("in silence", "")
		down(101)
		want("when it begins again", "level=WARN msg=\"report to the forge\" host=a key=status:101 attempt=101 error=\"POST http://forge/101: dial tcp 127.0.0.1:80: connection refused\"\n")
		time.Sleep(2 * repeatPause) // the timers end
	})
}

func TestChangesAndNamedFaultsAreAllWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out lines
		log := newLogger(Config{LogFormat: "text"}, &out)
		for i := range 10 {
			log.Info("build running", "build", i)
			log.Error("page failed", "reference", fmt.Sprint("R", i), "error", errors.New("broken"))
			log.Error("request failed", "request", fmt.Sprint("Q", i), "error", errors.New("broken"))
			log.Warn("request not served", "request", fmt.Sprint("Q", i), "error", errors.New("The database does not answer"))
		}
		got := out.take()
		for message, n := range map[string]int{"build running": 10, "page failed": 10, "request failed": 10, "request not served": 1} {
			if strings.Count(got, message) != n {
				t.Errorf("%q is there %d times, want %d", message, strings.Count(got, message), n)
			}
		}
		time.Sleep(2 * repeatPause)
	})
}

func TestManyKindsOfTroubleAreNotRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out lines
		h := onceAMinute(slog.NewTextHandler(&out, nil)).(unrepeated)
		word := func(i int) string { return strings.Map(func(r rune) rune { return r - '0' + 'a' }, fmt.Sprint(i)) }
		for range 2 {
			for i := range 2 * mostRepeats {
				slog.New(h).Warn(word(i))
			}
		}
		remembered := func() int {
			h.seen.mu.Lock()
			defer h.seen.mu.Unlock()
			return len(h.seen.kinds)
		}
		if n := remembered(); n != mostRepeats {
			t.Errorf("%d kinds are remembered", n)
		}
		if n := strings.Count(out.take(), "\n"); n != 3*mostRepeats {
			t.Errorf("%d lines", n)
		}
		time.Sleep(3 * repeatPause)
		if n := remembered(); n != 0 {
			t.Errorf("%d kinds are remembered for ever", n)
		}
	})
}

// What was held back when the process ended was lost.
func TestWhatIsHeldBackIsWrittenAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out lines
		log := newLogger(Config{LogFormat: "text"}, &out)
		for i := range 5 {
			log.Error("the database is away", "attempt", i)
		}
		out.take()
		flush(log)
		if got, want := out.take(), "level=ERROR msg=\"the database is away\" attempt=4 left_out=3\n"; got != want {
			t.Errorf("%q, want %q", got, want)
		}
		flush(log)
		time.Sleep(3 * repeatPause) // the timers of before find nothing
		if got := out.take(); got != "" {
			t.Errorf("afterwards %q", got)
		}
	})
}
