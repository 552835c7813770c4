package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestEveryPromiseOfThePagesIsKeptByATest looks that the tests which docs/pages.md names are
// there, and that each of its twelve promises names one.
func TestEveryPromiseOfThePagesIsKeptByATest(t *testing.T) {
	there := map[string]bool{}
	function := regexp.MustCompile(`(?m)^func ((?:Test|Benchmark)\w+)\(`)
	err := filepath.WalkDir(".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.Name() == "node_modules" || !strings.HasSuffix(path, "_test.go") {
			if e != nil && e.Name() == "node_modules" {
				return fs.SkipDir
			}
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range function.FindAllStringSubmatch(string(text), -1) {
			there[m[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile(`(?m)^\| \d+ \|.*\|$`).FindAllString(readFile(t, "docs/pages.md"), -1)
	if len(rows) != 12 {
		t.Errorf("%d promises", len(rows))
	}
	for _, row := range rows {
		named := regexp.MustCompile("`((?:Test|Benchmark)\\w+)`").FindAllStringSubmatch(row, -1)
		if len(named) == 0 {
			t.Errorf("nothing shows: %s", row)
		}
		for _, m := range named {
			if !there[m[1]] {
				t.Errorf("docs/pages.md names %s, which is nowhere", m[1])
			}
		}
	}
}
