package templates

import (
	"fmt"
	"io"
	"math"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// BenchmarkLogRows draws a window of 500 lines, one of six in color, with links.
func BenchmarkLogRows(b *testing.B) {
	set, err := New()
	if err != nil {
		b.Fatal(err)
	}
	v := LogView{Links: NewLogLinks(core.Repository{Provider: core.ProviderGitHub, WebURL: "https://forge/acme/app"}, core.Build{SHA: "cafe"}), Begin: time.Unix(0, 0)}
	for i := range LogWindow {
		text := fmt.Sprintf("Running Gradle task assembleRelease: lib/src/widgets/checkout.dart:%d:7 warning: deprecated API, see https://pub.dev/packages/x %d", i, i)
		if i%6 == 0 {
			text = "\x1b[33m" + text[:20] + "\x1b[0m" + text[20:]
		}
		v.Records = append(v.Records, core.LogRecord{Sequence: int64(i), Content: []byte(text), Step: "build-1", Time: time.Unix(int64(i), 0)})
	}
	v.Rows.Lines = LogWindow
	var took []time.Duration
	before := processor(b)
	for range b.N {
		start := time.Now()
		if err := set.LogRows(io.Discard, v); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(start))
	}
	b.ReportMetric(float64(processor(b)-before)/float64(b.N)/float64(time.Millisecond), "cpu-ms")
	slices.Sort(took)
	b.ReportMetric(float64(took[max(int(math.Ceil(.95*float64(len(took)))), 1)-1])/float64(time.Millisecond), "p95-ms")
}

// processor is the processor time that this process has taken: what a busy machine
// cannot blur.
func processor(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
