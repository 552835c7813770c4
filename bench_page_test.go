//go:build bench

package main

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/heapprofiler"
	"github.com/chromedp/cdproto/performance"
	"github.com/chromedp/cdproto/systeminfo"
	"github.com/chromedp/chromedp"

	"github.com/oore-ci/oore/handlers/web/browsertest"
)

const (
	pageLoads  = 9
	pageFor    = time.Minute
	pausedFor  = 5 * time.Second
	filledRows = `[...document.querySelectorAll(".w")].filter(w => w.querySelector(".l")).length`
	logAtEnd   = `(l => l.scrollHeight - l.scrollTop - l.clientHeight < 4)(document.getElementById("log"))`
)

// BenchmarkLongLogPage opens the page of an ended build of 200,000 lines in Chromium and drags
// through it (ux.md, acceptance 4).
func BenchmarkLongLogPage(b *testing.B) {
	s := newSite(b, "", workflow(fmt.Sprintf("seq -f 'Running Gradle task :app:compileReleaseKotlin, line %%.0f of many, in the words of a build' %d", floodLines)))
	acceptStatuses(s.gh)
	build := s.startBuild(b)
	if v := s.ended(build.ID); v.Status != "succeeded" {
		b.Fatalf("the build ended as %+v", v)
	}
	r := s.browse(b)
	var loads, placed []float64
	load := func() {
		r.open(s.url + "/builds/" + build.ID)
		r.sees(`document.querySelectorAll(".w").length >= 400`)
		loads = append(loads, r.number(`performance.getEntriesByType("navigation")[0].loadEventEnd`))
		placed = append(placed, r.number(`performance.now()`)) // seen by asking: somewhat later than it was so
	}
	load()
	for i := range 40 {
		r.script(fmt.Sprintf(`(l => { l.scrollTop = l.scrollHeight * %d / 40 })(document.getElementById("log"))`, i+1))
		r.sees(`(l => [...document.querySelectorAll(".w")].some(w => w.querySelector(".l") && w.offsetTop <= l.scrollTop + 600 && w.offsetTop + w.offsetHeight >= l.scrollTop))(document.getElementById("log"))`)
	}
	r.sees(`document.getElementById("L200000")`)
	windows := r.number(filledRows)
	if windows > 20 {
		b.Errorf("%v windows are in the page after a drag", windows)
	}
	r.reportMemory(b) // before more loads: the browser keeps pages to go back to
	for range pageLoads - 1 {
		load()
	}
	slices.Sort(loads)
	slices.Sort(placed)
	report(b, loads[pageLoads/2], "load-ms")
	report(b, loads[pageLoads-1], "worst-load-ms")
	report(b, placed[pageLoads/2], "placed-ms")
	b.Logf("bounds: a load under 1000 ms, the renderer under 300 MB, 20 windows (there are %v)", windows)
}

// BenchmarkLivePage follows a build that prints 1,000 lines a second in Chromium, and then
// stays one pixel above the end while it goes on (ux.md, acceptance 5).
func BenchmarkLivePage(b *testing.B) {
	pipes := newFIFOs(b, "lines")
	s := newSite(b, "", workflow("cat "+pipes.path("lines")), "OORE_RUNNERS=1")
	acceptStatuses(s.gh)
	build := s.startBuild(b)
	mouth := pipes.writer("lines")
	r := s.browse(b)
	r.open(s.url + "/builds/" + build.ID)
	r.sees(`document.getElementById("follow").textContent === "Following" && ` + logAtEnd)
	r.script(`window.tasks = []; new PerformanceObserver(list => window.tasks.push(...list.getEntries().map(e => Math.round(e.duration)))).observe({ type: "longtask" })`)

	endTrace, endWatch := r.traceTasks(b), r.watchMemory()
	busy, served := r.metric("ThreadTime"), s.processorTime(b)
	printed := printLines(b, mouth, pageFor)
	end := time.Now()
	busy, served = r.metric("ThreadTime")-busy, s.processorTime(b)-served
	last := fmt.Sprintf(`[...document.querySelectorAll(".l")].at(-1)?.id === "L%d"`, s.count("/v1/builds/"+build.ID+"/logs?limit=1"))
	r.sees(last + ` && document.getElementById("follow").textContent === "Following" && ` + logAtEnd)
	report(b, milliseconds(time.Since(end)), "last-line-ms")

	r.script(`document.getElementById("log").scrollTop -= 1`)
	r.sees(`document.getElementById("follow").getAttribute("aria-pressed") === "false"`)
	top := r.number(`document.getElementById("log").scrollTop`)
	printLines(b, mouth, pausedFor)
	if now := r.number(`document.getElementById("log").scrollTop`); now != top {
		b.Errorf("the position moved from %v to %v", top, now)
	}
	if err := mouth.Close(); err != nil {
		b.Fatal(err)
	}
	report(b, endWatch(), "peak-MB")
	report(b, endTrace(), "longest-task-cpu-ms")
	report(b, float64(printed)/pageFor.Seconds(), "lines/s")
	report(b, r.number(`Math.max(0, ...window.tasks)`), "longest-task-ms")
	report(b, busy/pageFor.Seconds(), "page-cores")
	report(b, served.Seconds()/pageFor.Seconds(), "server-cores")
	r.reportMemory(b)
	b.Logf("bound: no task over 150 ms; all over 50 ms: %s", r.says(`JSON.stringify(window.tasks)`))
}

// startBuild makes a project with a pipeline and starts it.
func (s *site) startBuild(b *testing.B) (build buildView) {
	b.Helper()
	project := s.githubProject("acme/shop", nil)
	pipeline := s.program.pipeline(project.ID, "Android", nil)
	s.must("POST", "/v1/projects/"+project.ID+"/builds", map[string]any{"pipeline_id": pipeline.ID}, &build)
	return build
}

// browse opens Chromium and signs in by the first link.
func (s *site) browse(b *testing.B) reader {
	b.Helper()
	r := reader{b, browsertest.Open(b)}
	r.open(regexp.MustCompile(`http://\S+/sign-in/\S+`).FindString(s.output.String()))
	r.sees(`location.pathname === "/setup"`)
	if _, err := chromedp.Call(r.ctx, performance.Enable, performance.EnableParams{}); err != nil {
		b.Fatal(err)
	}
	return r
}

func (r reader) open(address string) {
	r.Helper()
	if err := chromedp.Do(r.ctx, chromedp.Navigate(address)); err != nil {
		r.Fatal(err)
	}
}

func (r reader) script(source string) {
	r.Helper()
	if err := chromedp.Do(r.ctx, chromedp.Evaluate[chromedp.Void](source)); err != nil {
		r.Fatal(err)
	}
}

func (r reader) number(expression string) float64 {
	r.Helper()
	value, err := chromedp.Run(r.ctx, chromedp.Evaluate[float64](expression))
	if err != nil {
		r.Fatal(err)
	}
	return value
}

// metric is one of what Chromium counts of the page.
func (r reader) metric(name string) float64 {
	r.Helper()
	got, err := chromedp.Call(r.ctx, performance.GetMetrics, cdp.Empty{})
	if err != nil {
		r.Fatal(err)
	}
	for _, m := range got.Metrics {
		if m.Name == name {
			return m.Value
		}
	}
	r.Fatalf("Chromium does not tell of %s", name)
	return 0
}

// reportMemory reports what the renderer has: with what Chromium has yet to collect, when the
// browser says that memory is short, and without; and what scripts hold of it.
func (r reader) reportMemory(b *testing.B) {
	b.Helper()
	report(b, r.memory(), "uncollected-MB")
	report(b, r.pressMemory(b), "pressed-MB")
	if _, err := chromedp.Call(r.ctx, heapprofiler.CollectGarbage, cdp.Empty{}); err != nil {
		b.Fatal(err)
	}
	report(b, r.memory(), "renderer-MB")
	report(b, r.metric("JSHeapUsedSize")/(1<<20), "heap-MB")
}

// memory is what the largest of the browser's renderers has, in MB, with all of Chromium's own
// code that it shares with the others.
func (r reader) memory() (megabytes float64) {
	r.Helper()
	got, err := chromedp.CallBrowser(r.ctx, systeminfo.GetProcessInfo, cdp.Empty{})
	if err != nil {
		r.Fatal(err)
	}
	for _, p := range got.ProcessInfo {
		if p.Type == "renderer" {
			megabytes = max(megabytes, residentMB(r, p.ID))
		}
	}
	return megabytes
}

// residentMB is the memory of a process by Linux's count.
func residentMB(t testing.TB, pid int64) float64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatalf("memory is measured on Linux alone: %v", err)
	}
	_, rest, _ := bytes.Cut(status, []byte("VmRSS:"))
	line, _, _ := strings.Cut(string(rest), " kB")
	kilobytes, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	return float64(kilobytes) / 1024
}
