package main

import (
	"context"
	"io"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// newLogger writes lines of JSON, or of text where a terminal reads them.
func newLogger(cfg Config, w io.Writer) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(cfg.LogLevel)); err != nil {
		level = slog.LevelInfo
	}
	options := &slog.HandlerOptions{Level: level}
	file, isFile := w.(*os.File)
	terminal := false
	if isFile {
		if info, err := file.Stat(); err == nil {
			terminal = info.Mode()&os.ModeCharDevice != 0
		}
	}
	var lines slog.Handler = slog.NewJSONHandler(w, options)
	if cfg.LogFormat == "text" || cfg.LogFormat == "" && terminal {
		lines = slog.NewTextHandler(w, options)
	}
	return slog.New(onceAMinute(lines))
}

const (
	repeatPause = time.Minute
	// mostRepeats bounds what is remembered; more kinds of trouble at once are not held back.
	mostRepeats = 1000
)

// unrepeated is a handler of the log that holds back warnings and errors that come again
// and again, while a forge is down say: the first is written, then the last of each
// minute with the number of those left out.
type unrepeated struct {
	slog.Handler
	seen *seenLines
}

func onceAMinute(h slog.Handler) slog.Handler {
	return unrepeated{Handler: h, seen: &seenLines{kinds: map[string]*leftOut{}}}
}

// Handle is slog.Handler's.
func (u unrepeated) Handle(ctx context.Context, r slog.Record) error {
	if r.Level >= slog.LevelWarn && u.seen.hold(u.Handler, r) {
		return nil
	}
	return u.Handler.Handle(ctx, r)
}

// WithAttrs is slog.Handler's.
func (u unrepeated) WithAttrs(attrs []slog.Attr) slog.Handler {
	return unrepeated{Handler: u.Handler.WithAttrs(attrs), seen: u.seen}
}

// WithGroup is slog.Handler's.
func (u unrepeated) WithGroup(name string) slog.Handler {
	return unrepeated{Handler: u.Handler.WithGroup(name), seen: u.seen}
}

// seenLines are the kinds of lines of the last minute.
type seenLines struct {
	mu    sync.Mutex
	kinds map[string]*leftOut
}

// leftOut is what was held back of a kind since its last line.
type leftOut struct {
	count int
	last  slog.Record
	to    slog.Handler // of the last
}

// hold tells whether the line is held back.
func (s *seenLines) hold(to slog.Handler, r slog.Record) bool {
	kind, named := kindOf(r)
	if named {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.kinds[kind]; l != nil {
		l.count, l.last, l.to = l.count+1, r.Clone(), to
		return true
	}
	if len(s.kinds) < mostRepeats {
		s.begin(kind)
	}
	return false
}

func (s *seenLines) begin(kind string) {
	s.kinds[kind] = &leftOut{}
	time.AfterFunc(repeatPause, func() { s.end(kind) })
}

// end is that of a kind's minute. After one without a line the next is the first again.
func (s *seenLines) end(kind string) {
	s.mu.Lock()
	l := s.kinds[kind]
	if l == nil { // flushed
		s.mu.Unlock()
		return
	}
	delete(s.kinds, kind)
	if l.count > 0 {
		s.begin(kind)
	}
	s.mu.Unlock()
	if l.count > 1 {
		l.last.AddAttrs(slog.Int("left_out", l.count-1))
	}
	if l.count > 0 {
		_ = l.to.Handle(context.Background(), l.last) // there is nowhere to tell
	}
}

// flush writes what a logger of newLogger holds back: the process ends.
func flush(log *slog.Logger) {
	u, ok := log.Handler().(unrepeated)
	if !ok {
		return
	}
	u.seen.mu.Lock()
	kinds := slices.Sorted(maps.Keys(u.seen.kinds))
	u.seen.mu.Unlock()
	for _, kind := range kinds {
		u.seen.end(kind)
	}
}

// kindOf is what lines have in common that tell of the same trouble. named: somebody was
// given a name by which they will look for this very line.
func kindOf(r slog.Record) (kind string, named bool) {
	parts := []string{r.Level.String(), r.Message}
	r.Attrs(func(a slog.Attr) bool {
		named = named || r.Level >= slog.LevelError && (a.Key == "request" || a.Key == "reference")
		parts = append(parts, a.Key, general(a.Value))
		return true
	})
	return strings.Join(parts, "\n"), named
}

// general is a value without numbers and without words that name one of many: an id, an
// address, a repository. Three digits alone are no name: 404 and 502 are two troubles.
func general(v slog.Value) string {
	const digits = "0123456789"
	if v = v.Resolve(); v.Kind() == slog.KindInt64 {
		return ""
	}
	var words []string
	for word := range strings.FieldsSeq(v.String()) {
		code := strings.Trim(word, "():,.")
		if !strings.ContainsAny(word, digits+"/") || len(code) == 3 && strings.Trim(code, digits) == "" {
			words = append(words, word)
		}
	}
	return strings.Join(words, " ")
}
