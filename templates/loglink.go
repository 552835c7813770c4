package templates

import (
	"html/template"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"github.com/oore-ci/oore/app/core"
)

// LogLinks knows where the addresses and places that log lines name lead to, and which
// of the places are known to be faulty. The zero value knows web addresses alone.
type LogLinks struct {
	repo     core.Repository
	sha      string
	findings map[string][]core.Annotation // by "file.dart:12", without the folder
}

// NewLogLinks is for the log of a build with these findings.
func NewLogLinks(repo core.Repository, b core.Build) LogLinks {
	l := LogLinks{repo: repo, sha: b.SHA, findings: map[string][]core.Annotation{}}
	for _, a := range b.Annotations() {
		if a.Line > 0 && a.Path != "" {
			key := path.Base(a.Path) + ":" + strconv.Itoa(a.Line)
			l.findings[key] = append(l.findings[key], a)
		}
	}
	return l
}

// write writes a text with its links, and tells whether it names a place that is known
// to be faulty. All of the text is escaped.
func (l LogLinks) write(b *strings.Builder, s string) (faulty bool) {
	done := 0 // what is written
	link := func(from, to int, href string) {
		b.WriteString(template.HTMLEscapeString(s[done:from]))
		b.WriteString(`<a href="` + template.HTMLEscapeString(href) + `" rel="noopener nofollow ugc">` + template.HTMLEscapeString(s[from:to]) + `</a>`)
		done = to
	}
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '*' && strings.HasPrefix(s[i:], "***"):
			end := i + len(s[i:]) - len(strings.TrimLeft(s[i:], "*"))
			if end == i+3 {
				b.WriteString(template.HTMLEscapeString(s[done:i]) + `<span class="m" title="hidden: a secret">***</span>`)
				done = end
			}
			i = end - 1
		case s[i] != ':':
		case strings.HasPrefix(s[i:], "://"):
			if from, to := address(s, i, done); from >= 0 {
				link(from, to, s[from:to])
				i = to - 1
			}
		default:
			p, ok := placeAt(s, i, done)
			if !ok {
				continue
			}
			faulty = faulty || l.faulty(p)
			if href := l.repo.FileURL(l.sha, p.path, p.line); p.inside && href != "" {
				link(p.from, p.to, href)
			}
			i = p.to - 1
		}
	}
	b.WriteString(template.HTMLEscapeString(s[done:]))
	return faulty
}

// address is the web address around the "://" at i; -1: there is none.
func address(s string, i, done int) (from, to int) {
	from = -1
	for _, scheme := range []string{"https", "http"} {
		if start := i - len(scheme); start >= done && s[start:i] == scheme && (start == 0 || !isWord(s[start-1])) {
			from = start
			break
		}
	}
	to = i + 3
	for to < len(s) && s[to] > ' ' && s[to] < 0x7f && !strings.ContainsRune("<>\"'`{}|\\^", rune(s[to])) {
		to++
	}
	to = i + len(strings.TrimRight(s[i:to], ".,;:!?)]*"))
	if to <= i+3 {
		return -1, -1
	}
	return from, to
}

// place is a file's line as compilers name it: lib/main.dart:12:5.
type place struct {
	from, to int // in the text
	path     string
	line     int
	inside   bool // the path is of the repository, as far as one can see
}

// placeAt is the place whose colon before the line number is at i.
func placeAt(s string, i, done int) (place, bool) {
	p := place{from: i, to: i + 1}
	for p.to < len(s) && s[p.to] >= '0' && s[p.to] <= '9' {
		p.to++
	}
	line, err := strconv.Atoi(s[i+1 : p.to])
	if err != nil || line < 1 || line > 9_999_999 {
		return p, false
	}
	for p.from > done && (isWord(s[p.from-1]) || strings.IndexByte("./+-@", s[p.from-1]) >= 0) {
		p.from--
	}
	if end := p.to + 1; end < len(s) && s[p.to] == ':' && s[end] >= '0' && s[end] <= '9' {
		for p.to = end; p.to < len(s) && s[p.to] >= '0' && s[p.to] <= '9'; p.to++ {
		}
	}
	p.path, p.line = strings.TrimPrefix(s[p.from:i], "./"), line
	outside := p.from > 0 && strings.IndexByte(`:/\~$`, s[p.from-1]) >= 0
	p.inside = !outside && fs.ValidPath(p.path)
	return p, sourceFile(p.path)
}

func isWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// sourceFile tells names of files from those of hosts, which also have a dot and a number.
func sourceFile(name string) bool {
	switch strings.TrimPrefix(path.Ext(name), ".") {
	case "dart", "kt", "kts", "java", "groovy", "gradle", "swift", "m", "mm", "h", "hpp", "c", "cc", "cpp", "go", "js", "mjs", "ts", "tsx", "jsx",
		"py", "rb", "rs", "cs", "sh", "xml", "yaml", "yml", "json", "arb", "podspec", "plist", "toml", "gradlew", "md":
		return true
	}
	return false
}

func (l LogLinks) faulty(p place) bool {
	for _, a := range l.findings[path.Base(p.path)+":"+strconv.Itoa(p.line)] {
		if a.Path == p.path || strings.HasSuffix(p.path, "/"+a.Path) || strings.HasSuffix(a.Path, "/"+p.path) {
			return true
		}
	}
	return false
}
