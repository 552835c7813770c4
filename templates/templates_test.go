package templates

import (
	"bytes"
	"compress/gzip"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
)

func TestStaticFiles(t *testing.T) {
	s, err := New()
	if err != nil {
		t.Fatal(err)
	}
	names := []string{"app.css", "project.css", "app.js", "build.js", "log.js", "run.js", "fav-oore.svg", "fav-skipped.svg"}
	for _, status := range core.BuildStatuses() {
		names = append(names, "fav-"+string(status)+".svg")
	}
	for _, name := range names {
		address, err := s.asset(name)
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		a, immutable, ok := s.Static(strings.TrimPrefix(address, "/static/"))
		if !ok || !immutable || a.ContentType == "" || len(a.Body) == 0 {
			t.Errorf("%s: found %t, immutable %t, type %q", address, ok, immutable, a.ContentType)
		}
		z, err := gzip.NewReader(bytes.NewReader(a.Gzip))
		if err != nil {
			t.Fatal(err)
		}
		if plain, err := io.ReadAll(z); err != nil || !bytes.Equal(plain, a.Body) {
			t.Errorf("%s: the compressed file is another: %v", name, err)
		}
	}
	if _, immutable, ok := s.Static("other/app.css"); !ok || immutable {
		t.Error("a file of another version is not served, or to be kept for good")
	}
	for _, name := range []string{"", "app.css", "x/none", "x/../templates.go"} {
		if _, _, ok := s.Static(name); ok {
			t.Errorf("%q is served", name)
		}
	}
}

func TestRenderFailsWhole(t *testing.T) {
	s, err := New()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := s.render(&b, "build", "layout", struct{ Page }{}); err == nil || b.Len() > 0 {
		t.Errorf("a page that fails half way wrote %d bytes, error %v", b.Len(), err)
	}
}

func TestEveryStateHasItsOwnShape(t *testing.T) {
	shapes := map[string]string{}
	for _, i := range icons() {
		if other, seen := shapes[string(i.Shape)]; seen {
			t.Errorf("%s looks like %s", i.State, other)
		}
		shapes[string(i.Shape)] = i.State
	}
	if len(shapes) != 9 {
		t.Errorf("%d shapes", len(shapes))
	}
}

func TestStepsShareOfTheLongest(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	at := func(s int) *time.Time { v := now.Add(time.Duration(s) * time.Second); return &v }
	v := BuildView{Page: Page{Now: now}, Steps: []core.Step{
		{Name: "short", StartedAt: *at(-110), FinishedAt: at(-100)}, {Name: "runs", Status: core.StepRunning, StartedAt: *at(-100), FirstSequence: 7},
	}}
	steps := v.StepViews()
	if steps[0].Share != 10 || steps[1].Share != 100 || steps[1].Took != 100*time.Second {
		t.Errorf("%+v", steps)
	}
	if steps[0].Line() != 0 || steps[1].Line() != 8 {
		t.Errorf("lines %d and %d", steps[0].Line(), steps[1].Line())
	}
}

func TestHugeLinesAreCut(t *testing.T) {
	out := string(LogView{Records: []core.LogRecord{{Content: bytes.Repeat([]byte("#"), core.MaxLogLine)}, {Sequence: 1, Content: []byte("y")}}}.Windows()[0].HTML)
	if strings.Count(out, "##") != shownLine/2 || !strings.Contains(out, `<div class="l long" id="L1"`) || !strings.Contains(out, `<div class="l" id="L2"`) {
		t.Errorf("%d bytes shown in %.200s", strings.Count(out, "##"), out)
	}
}

func TestNumber(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1204: "1,204", 1234567: "1,234,567"} {
		if got := number(n); got != want {
			t.Errorf("%d: %s", n, got)
		}
	}
}
