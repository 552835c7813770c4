package core

import (
	"regexp"
	"strings"
)

// commentScan walks over the lines of a comment and tells what of them a reader sees as
// plain text. It knows just enough of Markdown never to take code for a command.
//
// Inside a list, a block also ends where the list ends. Whether a line is inside a list
// takes a whole Markdown parser to tell; so where it would matter (hidden), all that
// follows is ignored.
type commentScan struct {
	fence   string // the marks that opened a block of code; empty: none is open
	comment bool   // a <!-- that began a line is open
	inline  bool   // a <!-- within a line is open
	indent  int    // of the open block, in columns; 0 outside lists
	listed  bool   // there has been a list
	quoted  bool   // between GitLab's >>> lines
	hidden  bool   // the rest of the comment is

	offset    int // of the next line
	lastClose int // offset of the last --> of all; -1: none
}

// visible returns the plain text of the next line; nothing if none of it counts.
func (s *commentScan) visible(line string) string {
	start := s.offset
	s.offset += len(line) + 1
	indent, rest := indentOf(line)
	if rest != "" && indent < s.indent {
		s.hidden = true
	}
	if s.hidden {
		return ""
	}
	from, startsLine := 0, !s.inline
	if s.comment || s.inline {
		if end := strings.Index(line, "-->"); end >= 0 {
			from = end + len("-->")
		}
	}
	switch {
	case s.comment:
		if from == 0 {
			return ""
		}
		s.comment, s.indent = false, 0
	case s.fence != "":
		s.inline = s.inline && from == 0
		s.closeFence(indent, rest)
		return ""
	case s.openFence(line):
		s.inline = s.inline && from == 0
		return ""
	case s.inline:
		if from == 0 {
			return ""
		}
		s.inline = false
	}
	text := s.stripComments(line, from, start, startsLine && indent <= 3)
	if strings.TrimRight(line, " \t") == ">>>" {
		s.quoted = !s.quoted
	}
	if !startsLine || s.quoted {
		return ""
	}
	return text
}

// stripComments cuts <!-- … --> from a line that begins at start in the body, looking
// from an offset in the line on.
func (s *commentScan) stripComments(line string, from, start int, startsLine bool) string {
	var text strings.Builder
	first := startsLine // only spaces so far
	for {
		open := strings.Index(line[from:], "<!--")
		if open < 0 {
			return text.String() + line[from:]
		}
		text.WriteString(line[from : from+open])
		first = first && strings.TrimSpace(line[from:from+open]) == ""
		from += open
		// CommonMark has <!--> and <!---> as whole comments.
		if end := strings.Index(line[from+len("<!"):], "-->"); end >= 0 {
			from += len("<!") + end + len("-->")
			continue
		}
		switch closed := start+from < s.lastClose; {
		case first:
			s.comment, s.hidden = closed, !closed
			s.open(len(line) - len(strings.TrimLeft(line, " ")))
			return text.String()
		case closed:
			s.inline = true
			return text.String()
		case s.listed && strings.Trim(text.String(), "-*+.)0123456789 \t") == "": // it begins a list's line
			s.hidden = true
			return text.String()
		}
		return text.String() + line[from:] // closed nowhere: plain text
	}
}

// open remembers the indent of a block that begins.
func (s *commentScan) open(indent int) {
	if s.listed {
		s.indent = indent
	}
}

var (
	listMark = regexp.MustCompile(`^(?:[-*+]|[0-9]{1,9}[.)])(?:[ \t]|$)`)
	fenceRun = regexp.MustCompile("^(?:`{3,}|~{3,})")
)

// openFence tells whether a line begins a block of code, perhaps in a list.
func (s *commentScan) openFence(line string) bool {
	column, rest := indentOf(line)
	if column > 3 && !s.listed {
		return false
	}
	for mark := listMark.FindString(rest); mark != ""; mark = listMark.FindString(rest) {
		s.listed = true
		after := column + len(strings.TrimRight(mark, " \t"))
		column, rest = indentAt(after, rest[after-column:])
		if column > after+4 {
			return false // indented code within the list
		}
	}
	run := fenceRun.FindString(rest)
	if run == "" || run[0] == '`' && strings.Contains(rest[len(run):], "`") {
		return false
	}
	s.fence = run
	s.open(column)
	return true
}

// closeFence looks whether a line of the block ends it.
func (s *commentScan) closeFence(indent int, rest string) {
	rest = strings.TrimRight(rest, " \t")
	if len(rest) < len(s.fence) || strings.Trim(rest, s.fence[:1]) != "" {
		return
	}
	switch {
	case indent <= 3 || indent == s.indent:
		s.fence, s.indent = "", 0
	case indent <= s.indent+3:
		s.hidden = true
	}
}
