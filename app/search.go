package app

import (
	"bytes"
	"context"
	"math"
	"runtime"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"

	"github.com/oore-ci/oore/app/core"
)

const (
	maxSearchText = 200 // characters
	searchPage    = 4 << 20
	// searchesAtOnce bounds the memory and the processors that searches take, and
	// searchPatience how long one waits for its turn.
	searchesAtOnce = 2
	searchPatience = 3 * time.Second
)

// LogMatches are records of a log in which a text was found.
type LogMatches struct {
	Records []core.LogRecord // the first after the sequence asked for
	Total   int64            // records of the whole log that match
}

// LogSearch is what to look for in a log.
type LogSearch struct {
	Text  string
	Case  bool  // letters must have the same case
	After int64 // only what comes after this sequence; -1: from the start
	Limit int   // records at most
}

// SearchLog finds the records of a build's log that hold the text, past colors, at most
// in.Limit of them or about 1 MiB. A text that runs over the end of a record is not
// found. KindLimited: too many others search.
func (a *App) SearchLog(ctx context.Context, actor core.Actor, buildID string, in LogSearch) (LogMatches, error) {
	b, err := a.FindBuild(ctx, actor, buildID)
	if err != nil {
		return LogMatches{}, err
	}
	if n := utf8.RuneCountInString(in.Text); n == 0 || n > maxSearchText {
		return LogMatches{}, core.Errorf(core.KindInvalid, "Say what to search for, in 1 to %d characters", maxSearchText)
	}
	turn := time.NewTimer(searchPatience)
	defer turn.Stop()
	select {
	case a.searches <- struct{}{}:
		defer func() { <-a.searches }()
	case <-turn.C:
		busy := core.Errorf(core.KindLimited, "Others search long logs just now; try again in a moment")
		busy.RetryAfter = searchPatience
		return LogMatches{}, busy
	case <-ctx.Done():
		return LogMatches{}, ctx.Err()
	}
	return a.searchLog(ctx, b, &search{text: in.folded(), after: in.After, limit: in.Limit})
}

func (a *App) searchLog(ctx context.Context, b core.Build, s *search) (LogMatches, error) {
	for next, end := int64(0), int64(1); next < end; {
		chunks, extent, err := a.logChunks(ctx, b, next, math.MaxInt64, searchPage)
		if err != nil {
			return LogMatches{}, err
		}
		if len(chunks) == 0 {
			break
		}
		if err := s.look(chunks); err != nil {
			return LogMatches{}, err
		}
		if next == 0 {
			end = extent.Next // what a living build prints meanwhile would have no end
		}
		next = chunks[len(chunks)-1].Next()
	}
	return s.found, nil
}

// search gathers what was found.
type search struct {
	text  folded
	after int64
	limit int
	size  int // bytes of the records found
	found LogMatches
}

// look searches chunks that follow those before, on all processors.
func (s *search) look(chunks []core.LogChunk) error {
	parts := make([]LogMatches, runtime.GOMAXPROCS(0))
	var g errgroup.Group
	for i := range parts {
		mine := chunks[len(chunks)*i/len(parts) : len(chunks)*(i+1)/len(parts)]
		g.Go(func() (err error) {
			parts[i], err = s.lookAt(mine)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for _, part := range parts {
		s.found.Total += part.Total
		for _, r := range part.Records {
			if len(s.found.Records) == s.limit || s.size >= logPageBytes {
				break
			}
			s.found.Records, s.size = append(s.found.Records, r), s.size+len(r.Content)
		}
	}
	return nil
}

func (s *search) lookAt(chunks []core.LogChunk) (found LogMatches, err error) {
	var scratch []byte
	room := s.limit - len(s.found.Records)
	for _, c := range chunks {
		err := c.Each(func(r core.LogRecord) {
			var in bool
			if in, scratch = s.text.in(r.Content, scratch); !in {
				return
			}
			found.Total++
			if r.Sequence > s.after && len(found.Records) < room {
				r.Content = bytes.Clone(r.Content) // the rest of the chunk need not stay in memory
				found.Records = append(found.Records, r)
			}
		})
		if err != nil {
			return found, err
		}
	}
	return found, nil
}

// folded is a text to be found, whatever the case unless exact.
type folded struct {
	text  []byte // in lower case unless exact
	exact bool
	wide  bool // it has letters beyond ASCII
}

func (in LogSearch) folded() folded {
	f := folded{text: []byte(in.Text), exact: in.Case}
	if !f.exact {
		f.text = []byte(strings.ToLower(in.Text))
	}
	for i := range f.text {
		f.wide = f.wide || f.text[i] >= utf8.RuneSelf
	}
	return f
}

// in tells whether the line holds the text. scratch is memory to use, and is returned.
func (f folded) in(line, scratch []byte) (bool, []byte) {
	if len(line) < len(f.text) && (f.exact || !f.wide) {
		return false, scratch
	}
	lower := byte('a' - 'A')
	if f.exact {
		lower = 0
	}
	scratch, ascii := fold(line, lower, scratch[:0])
	switch {
	case f.exact || !f.wide:
		return bytes.Contains(scratch, f.text), scratch
	case ascii:
		return false, scratch
	}
	return bytes.Contains(bytes.ToLower(scratch), f.text), scratch
}

// fold appends the line without color codes, its ASCII capitals moved by lower, and
// tells whether that is all ASCII.
func fold(line []byte, lower byte, dst []byte) (_ []byte, ascii bool) {
	high := byte(0)
	for i := 0; i < len(line); i++ {
		b := line[i]
		if b == 0x1b && i+1 < len(line) && line[i+1] == '[' {
			for i += 2; i < len(line) && (line[i] < '@' || line[i] > '~'); i++ {
			}
			continue
		}
		if 'A' <= b && b <= 'Z' {
			b += lower
		}
		high |= b
		dst = append(dst, b)
	}
	return dst, high < utf8.RuneSelf
}
