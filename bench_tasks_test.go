//go:build bench

package main

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	cdpio "github.com/chromedp/cdproto/io"
	"github.com/chromedp/cdproto/memory"
	"github.com/chromedp/cdproto/tracing"
	"github.com/chromedp/chromedp"
)

// traceTasks has Chromium note what its threads do, until stop is called. stop tells the most
// processor time, in ms, that one task of the busiest page took. The clock of a task, which
// the page itself sees, says on a busy machine how long others ran.
func (r reader) traceTasks(b *testing.B) (stop func() float64) {
	b.Helper()
	streams := make(chan cdpio.StreamHandle, 1)
	err := chromedp.ListenBrowser(r.ctx, func(event any) {
		if e, ok := event.(*tracing.EventTracingComplete); ok {
			streams <- e.Stream
		}
	})
	if err != nil {
		b.Fatal(err)
	}
	config := tracing.TraceConfig{TraceBufferSizeInKb: 400 << 10, IncludedCategories: []string{"toplevel"}}
	if _, err := chromedp.CallBrowser(r.ctx, tracing.Start, tracing.StartParams{TransferMode: tracing.StartTransferModeReturnAsStream, TraceConfig: &config}); err != nil {
		b.Fatal(err)
	}
	return func() float64 {
		if _, err := chromedp.CallBrowser(r.ctx, tracing.End, cdp.Empty{}); err != nil {
			b.Fatal(err)
		}
		var trace bytes.Buffer
		for handle := <-streams; ; {
			piece, err := chromedp.CallBrowser(r.ctx, cdpio.Read, cdpio.ReadParams{Handle: handle, Size: 8 << 20})
			if err != nil {
				b.Fatal(err)
			}
			trace.Write(piece.Data)
			if piece.EOF {
				return longestTask(b, trace.Bytes())
			}
		}
	}
}

// longestTask is of the main thread that did most.
func longestTask(b *testing.B, trace []byte) float64 {
	b.Helper()
	type thread struct{ PID, TID int }
	var events struct {
		TraceEvents []struct {
			thread
			Name string
			TDur float64 // µs of processor time
			Args struct{ Name string }
		}
	}
	if err := json.Unmarshal(trace, &events); err != nil {
		b.Fatal(err)
	}
	all, longest, main := map[thread]float64{}, map[thread]float64{}, map[thread]bool{}
	for _, e := range events.TraceEvents {
		all[e.thread] += e.TDur
		longest[e.thread] = max(longest[e.thread], e.TDur)
		main[e.thread] = main[e.thread] || e.Name == "thread_name" && e.Args.Name == "CrRendererMain"
	}
	var busiest thread
	for t := range main {
		if main[t] && all[t] > all[busiest] {
			busiest = t
		}
	}
	if longest[busiest] == 0 {
		b.Fatal("the trace tells of no task")
	}
	return longest[busiest] / 1000
}

// watchMemory looks every second at what the renderer has, until stop is called; stop tells
// the most.
func (r reader) watchMemory() (stop func() float64) {
	end, most := make(chan struct{}), make(chan float64)
	go func() {
		highest := 0.0
		for {
			select {
			case <-end:
				most <- highest
				return
			case <-time.After(time.Second):
				highest = max(highest, r.memory())
			}
		}
	}()
	return func() float64 { close(end); return <-most }
}

// pressMemory tells the page's process that memory is short, and what it has a moment later.
func (r reader) pressMemory(b *testing.B) float64 {
	b.Helper()
	if _, err := chromedp.Call(r.ctx, memory.SimulatePressureNotification, memory.SimulatePressureNotificationParams{Level: memory.PressureLevelCritical}); err != nil {
		b.Fatal(err)
	}
	time.Sleep(3 * time.Second)
	return r.memory()
}
