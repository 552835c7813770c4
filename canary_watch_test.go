package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// processWatch notes the arguments and the environment of all processes below some, all
// the time.
type processWatch struct {
	end  func()
	mu   sync.Mutex
	tops []int
	own  []seenProcess // what is watched itself: between fork and exec a child is its image
	seen map[seenProcess]bool
}

type seenProcess struct{ arguments, environment string }

func watchProcesses(t *testing.T, top int) *processWatch {
	t.Helper()
	w := &processWatch{tops: []int{top}, seen: map[seenProcess]bool{}}
	w.own = append(w.own, seen(fmt.Sprint(top)))
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			case <-time.After(10 * time.Millisecond):
				w.look()
			}
		}
	}()
	w.end = sync.OnceFunc(func() { close(stop); <-done })
	t.Cleanup(w.end)
	return w
}

func (w *processWatch) follow(top int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tops, w.own = append(w.tops, top), append(w.own, seen(fmt.Sprint(top)))
}

func (w *processWatch) look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, top := range w.tops {
		w.below(top)
	}
}

func seen(process string) seenProcess {
	arguments, _ := os.ReadFile("/proc/" + process + "/cmdline") // it may have ended
	environment, _ := os.ReadFile("/proc/" + process + "/environ")
	return seenProcess{strings.ReplaceAll(string(arguments), "\x00", " "), string(environment)}
}

func (w *processWatch) below(parent int) {
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", parent)) // elsewhere than on Linux there are none
	for _, thread := range threads {
		text, _ := os.ReadFile(thread) // it may end meanwhile
		for _, child := range strings.Fields(string(text)) {
			if p := seen(child); !slices.Contains(w.own, p) {
				w.seen[p] = true
			}
			var pid int
			if _, err := fmt.Sscan(child, &pid); err == nil {
				w.below(pid)
			}
		}
	}
}

// judge ends the watch. The secrets of a project are in the environment of its builds'
// commands, and nowhere else.
func (w *processWatch) judge(a *aviary) {
	w.end()
	git, commands := 0, 0
	for p := range w.seen {
		a.look("the arguments of "+p.arguments, p.arguments)
		belongs := ""
		if strings.Contains(p.environment, "OORE_BUILD_ID=") {
			belongs = "project secret"
			commands++
		}
		if strings.HasPrefix(p.arguments, "git") || strings.Contains(p.arguments, "/git") {
			git++
		}
		a.look("the environment of "+p.arguments, p.environment, belongs)
	}
	if len(w.seen) > 0 && (git == 0 || commands == 0) {
		a.t.Errorf("%d processes were seen, %d of git, %d of builds", len(w.seen), git, commands)
	}
}
