package runner

import (
	"bytes"
	"unicode/utf8"

	"github.com/oore-ci/oore/app/core"
)

// lineWriter cuts one stream of one step into records. One goroutine owns it.
type lineWriter struct {
	journal *journal
	stream  core.LogStream
	step    string
	watch   *watch // looks at all that passes; nil: nobody does
	tail    []byte // a line whose line feed has not come
}

// Write never fails. It does not keep p.
func (w *lineWriter) Write(p []byte) (int, error) {
	if w.journal.drop(len(p)) {
		return len(p), nil
	}
	rest := make([]byte, 0, len(w.tail)+len(p)) // the records share it
	rest = append(append(rest, w.tail...), p...)
	chunk := rest
	var records []core.LogRecord
	for {
		i := bytes.IndexByte(rest[:min(len(rest), core.MaxLogLine+1)], '\n')
		switch {
		case i >= 0:
			records = append(records, w.record(rest[:i:i], false))
			rest = rest[i+1:]
			continue
		case len(rest) > core.MaxLogLine:
			n := whole(rest[:core.MaxLogLine])
			records = append(records, w.record(rest[:n:n], true))
			rest = rest[n:]
			continue
		}
		break
	}
	w.tail = append(w.tail[:0], rest...)
	if len(records) > 0 {
		if w.watch != nil {
			w.watch.see(chunk, records)
		}
		w.journal.write(records)
	}
	return len(p), nil
}

// Close keeps the rest of a stream that ended without a line feed.
func (w *lineWriter) Close() error {
	last := w.record(bytes.Clone(w.tail), true)
	if w.watch != nil {
		w.watch.see(last.Content, []core.LogRecord{{Content: last.Content}})
		w.watch.close()
	}
	if len(w.tail) > 0 {
		w.journal.write([]core.LogRecord{last})
		w.tail = nil
	}
	return nil
}

func (w *lineWriter) record(content []byte, partial bool) core.LogRecord {
	return core.LogRecord{Content: content, Stream: w.stream, Step: w.step, Partial: partial}
}

// whole is the length of text without a UTF-8 character that its end tears apart.
// What cannot become valid is no character: it stays.
func whole(text []byte) int {
	for i := len(text) - 1; i >= max(0, len(text)-utf8.UTFMax+1); i-- {
		if utf8.RuneStart(text[i]) {
			if !utf8.FullRune(text[i:]) {
				return i
			}
			break
		}
	}
	return len(text)
}
