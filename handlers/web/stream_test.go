package web

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// listener reads the events of a stream.
type listener struct {
	*testing.T
	answer *http.Response
	lines  *bufio.Scanner
}

func listen(t *testing.T, address string, header ...string) listener {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range header {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { answer.Body.Close() })
	s := bufio.NewScanner(answer.Body)
	s.Buffer(nil, 1<<20)
	return listener{T: t, answer: answer, lines: s}
}

// next is the next event, heartbeats left out; name is empty at the end of the stream.
func (l listener) next() (name, id, data string) {
	for l.lines.Scan() {
		field, value, _ := strings.Cut(l.lines.Text(), ": ")
		switch field {
		case "event":
			name = value
		case "id":
			id = value
		case "data":
			return name, id, value
		}
	}
	return "", "", ""
}

// tail is the next event, which must be one.
func (l listener) tail() (from, total int64, rows int) {
	l.Helper()
	name, id, data := l.next()
	var news struct {
		From, Total int64
		HTML        string
	}
	if err := json.Unmarshal([]byte(data), &news); err != nil || name != "tail" || id != fmt.Sprint(news.Total) {
		l.Fatalf("%s %s %.100s: %v", name, id, data, err)
	}
	return news.From, news.Total, strings.Count(news.HTML, `<div class="l`)
}

func TestBuildStreamCarriesFewRowsWhateverIsPrinted(t *testing.T) {
	l, address := liveSite(t)
	s := listen(t, address+"/builds/b142/stream?status=running&after=1931")
	for name, want := range map[string]string{"Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-store", "X-Accel-Buffering": "no"} {
		if got := s.answer.Header.Get(name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	l.print("b142", "one")
	if from, total, rows := s.tail(); from != 1931 || total != 1932 || rows != 1 {
		t.Errorf("%d, %d, %d", from, total, rows)
	}
	l.print("b142", make([]string, 5000)...)
	if from, total, rows := s.tail(); from != 6832 || total != 6932 || rows != 100 {
		t.Errorf("%d, %d, %d", from, total, rows)
	}
	l.end("b142", core.BuildFailed)
	if name, _, data := s.next(); name != "state" || data != `{"status":"failed"}` {
		t.Errorf("%s %s", name, data)
	}
	if name, _, data := s.next(); name != "done" || data != `{"status":"failed"}` {
		t.Errorf("%s %s", name, data)
	}
	if name, _, _ := s.next(); name != "" {
		t.Errorf("after done: %s", name)
	}
	back := listen(t, address+"/builds/b142/stream?after=3", "Last-Event-ID: 6930")
	if from, total, rows := back.tail(); from != 6930 || total != 6932 || rows != 2 {
		t.Errorf("resumed: %d, %d, %d", from, total, rows)
	}
	if gone := listen(t, address+"/builds/none/stream"); gone.answer.StatusCode != http.StatusNotFound {
		t.Errorf("an unknown build: %d", gone.answer.StatusCode)
	}
	l.waitStreams(t, 0)
}

func TestListStreamTellsOfChangesAlone(t *testing.T) {
	l, address := liveSite(t)
	s := listen(t, fmt.Sprintf("%s/stream?since=%d", address, time.Now().UnixMicro()))
	name, version, _ := s.next()
	if name != "same" || version == "" {
		t.Errorf("at first: %s %s", name, version)
	}
	if again := listen(t, address+"/stream?version="+version); true {
		if name, id, _ := again.next(); name != "same" || id != version {
			t.Errorf("with the version: %s %s", name, id)
		}
	}
	l.end("b142", core.BuildSucceeded)
	if name, id, _ := s.next(); name != "change" || id == version {
		t.Errorf("after a change: %s %s", name, id)
	}
	back := listen(t, address+"/stream", "Last-Event-ID: "+version)
	if name, _, _ := back.next(); name != "change" {
		t.Errorf("resumed after a change: %s", name)
	}
	old := listen(t, fmt.Sprintf("%s/stream?since=%d", address, time.Now().Add(-time.Minute).UnixMicro()))
	if name, _, _ := old.next(); name != "change" {
		t.Errorf("a page that is older than the change: %s", name)
	}
}

func TestStreamEndsWithItsReadersRight(t *testing.T) {
	l, address := liveSite(t)
	s := listen(t, address+"/builds/b142/stream?status=running&after=1931")
	l.print("b142", "one")
	s.tail()
	l.mu.Lock()
	l.signedOff = true
	l.ring("user")
	l.mu.Unlock()
	if name, _, data := s.next(); name != "" {
		t.Errorf("a reader without the right hears %s %s", name, data)
	}
}

func TestStreamIsGivenBackInTheEnd(t *testing.T) {
	l := &live{fake: filled()}
	address, _ := l.serve(t, "127.0.0.1:0")
	l.pages.timing.life = 50 * time.Millisecond
	s := listen(t, address+"/stream")
	s.next()
	if name, _, _ := s.next(); name != "reload" {
		t.Errorf("at the end of its life: %s", name)
	}
	if name, _, _ := s.next(); name != "" {
		t.Errorf("after that: %s", name)
	}
}

// New builds do not move what is read: they wait for a press of the button.
func TestNewBuildsWaitForTheReader(t *testing.T) {
	l, address := liveSite(t)
	b := browser(t)
	b.open(address + "/builds")
	b.script(`document.querySelector("[data-row=b140] a").focus()`)
	l.mu.Lock()
	for i := range 2 {
		n := l.builds[0]
		n.ID, n.Number, n.UpdatedAt = fmt.Sprint("n", i), 200+i, time.Now()
		l.builds = append([]core.Build{n}, l.builds...)
	}
	l.ring("")
	l.mu.Unlock()
	b.await(`document.querySelector("#rows .newer")?.textContent === "2 new builds" && !document.querySelector("[data-row=n1]") && document.activeElement === document.querySelector("[data-row=b140] a")`)
	b.script(`document.querySelector("#rows .newer").click()`)
	b.await(`document.querySelector("#rows [data-row]").dataset.row === "n1" && !document.querySelector(".newer")`)
}
