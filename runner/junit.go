package runner

import (
	"cmp"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/oore-ci/oore/app/core"
)

const (
	maxReports     = 1000
	maxReportBytes = 16 << 20
)

// readReports counts the tests in the reports that the patterns name. What cannot be
// read is named in the log, under the step.
func (b *build) readReports(ctx context.Context, step string, patterns []string) tally {
	var sum tally
	root, err := os.OpenRoot(b.dir)
	if err != nil {
		b.log.system(step, "The reports of tests cannot be read: %s", err)
		return sum
	}
	defer func() { _ = root.Close() }()
	names, more := findReports(ctx, root, patterns)
	switch {
	case len(names) == 0:
		b.log.system(step, "No file matches reports.junit (%s)", strings.Join(patterns, ", "))
	case more:
		b.log.system(step, "More than %d files match reports.junit; the first %d are read", maxReports, maxReports)
	}
	for _, name := range names {
		if ctx.Err() != nil {
			return sum
		}
		one, err := b.readReport(root, name)
		if err != nil {
			b.log.system(step, "%s is no report of tests: %s", name, err)
		}
		sum.add(one)
	}
	return sum
}

// findReports walks the workspace without following links.
func findReports(ctx context.Context, root *os.Root, patterns []string) (names []string, more bool) {
	_ = fs.WalkDir(root.FS(), ".", func(name string, e fs.DirEntry, err error) error {
		switch {
		case ctx.Err() != nil:
			return fs.SkipAll
		case err != nil:
			return nil // what cannot be looked into has no reports for us
		case e.IsDir() && e.Name() == ".git":
			return fs.SkipDir
		case !e.Type().IsRegular():
			return nil
		}
		if !slices.ContainsFunc(patterns, func(p string) bool { return core.MatchPath(p, name) }) {
			return nil
		}
		if more = len(names) == maxReports; more {
			return fs.SkipAll
		}
		names = append(names, name)
		return nil
	})
	return names, more
}

func (b *build) readReport(root *os.Root, name string) (tally, error) {
	// Not blocking: between our look and now it may have become a pipe.
	file, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return tally{}, err
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	switch {
	case err != nil:
		return tally{}, err
	case !info.Mode().IsRegular():
		return tally{}, errors.New("it is no plain file")
	case info.Size() > maxReportBytes:
		return tally{}, fmt.Errorf("it has %d bytes; at most %d are read", info.Size(), maxReportBytes)
	}
	text, err := io.ReadAll(io.LimitReader(file, maxReportBytes))
	if err != nil {
		return tally{}, err
	}
	return b.found.parseJUnit(strings.NewReader(b.log.masks.text(string(text))))
}

// junitCase is a test of a report.
type junitCase struct {
	Name     string        `xml:"name,attr"`
	Class    string        `xml:"classname,attr"`
	File     string        `xml:"file,attr"`
	Line     int           `xml:"line,attr"`
	Time     string        `xml:"time,attr"` // seconds, in some reports 1,234.5
	Failures []junitResult `xml:"failure"`
	Errors   []junitResult `xml:"error"`
	Skipped  *struct{}     `xml:"skipped"`
	Suite    string        `xml:"-"`
}

type junitResult struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// parseJUnit reads suites and their tests, however they are nested. With an error it
// returns what came before.
func (f *findings) parseJUnit(r io.Reader) (tally, error) {
	var sum tally
	decoder := xml.NewDecoder(r)
	decoder.CharsetReader = func(string, io.Reader) (io.Reader, error) { return nil, errors.New("only UTF-8 is read") }
	suite, known := "", false
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) && known {
			return sum, nil
		}
		if err != nil {
			return sum, err
		}
		start, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		switch start.Name.Local {
		case "testsuites":
			known = true
		case "testsuite":
			known = true
			suite = attribute(start, "name")
		case "testcase":
			test := junitCase{Suite: suite}
			if err := decoder.DecodeElement(&test, &start); err != nil {
				return sum, err
			}
			f.countCase(&sum, test)
		default:
			if !known {
				return sum, fmt.Errorf("it begins with <%s>", start.Name.Local)
			}
		}
	}
}

func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return clipped(a.Value)
		}
	}
	return ""
}

func (f *findings) countCase(sum *tally, test junitCase) {
	one := core.TestCase{Suite: f.tidy(test.suite()), Name: clipped(test.Name), Status: core.TestPassed}
	if seconds, err := strconv.ParseFloat(strings.ReplaceAll(test.Time, ",", ""), 64); err == nil && seconds > 0 && seconds < 1e6 {
		one.Duration = time.Duration(seconds * float64(time.Second))
		sum.Duration += one.Duration
	}
	results := append(test.Failures, test.Errors...)
	switch {
	case len(results) > 0:
		one.Status = core.TestFailed
		if len(sum.Failures) < core.MaxFindings {
			sum.Failures = append(sum.Failures, f.junitFailure(test, results[0]))
		}
	case test.Skipped != nil:
		one.Status = core.TestSkipped
	}
	sum.count(one)
}

func (t junitCase) suite() string { return clipped(cmp.Or(t.Class, t.Suite)) }

// maxFrames is how many places in a failure's text are tried.
const maxFrames = 20

// frame is a place in a file: "lib/a.dart 12", "src/a.test.ts:12", "(CartTest.kt:42)".
var frame = regexp.MustCompile(`((?:file://)?[\w./@+-]+\.\w+)(?::| )(\d+)\b`)

func (f *findings) junitFailure(test junitCase, r junitResult) core.TestFailure {
	text := clipped(strings.TrimSpace(r.Text))
	message := strings.TrimSpace(clipped(r.Message))
	if message == "" {
		message = text
	}
	out := core.TestFailure{Suite: f.tidy(test.suite()), Name: clipped(test.Name), Message: f.tidy(message)}
	if test.File != "" {
		if out.Path, _ = f.locate(place{}, test.File); out.Path != "" {
			out.Line = max(test.Line, 0)
		}
	}
	for _, at := range frame.FindAllStringSubmatch(text, maxFrames) {
		path, _ := f.locate(place{}, at[1])
		if path == "" || out.Path != "" && out.Path != path {
			continue
		}
		out.Path = path
		out.Line, _ = strconv.Atoi(at[2])
		break
	}
	return out
}
