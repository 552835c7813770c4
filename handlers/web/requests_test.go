package web

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
)

// requests are what a browser has asked the site for.
type requests struct {
	mu    sync.Mutex
	paths []string
	at    time.Time // of the last
}

func (r *requests) note(c *fiber.Ctx) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.paths, r.at = append(r.paths, strings.Clone(c.Path())), time.Now()
}

// settled waits until nothing has been asked for a while, gives what was, and forgets it.
func (r *requests) settled() []string {
	for {
		r.mu.Lock()
		if len(r.paths) > 0 && time.Since(r.at) > time.Second {
			paths := r.paths
			r.paths = nil
			r.mu.Unlock()
			return paths
		}
		r.mu.Unlock()
		time.Sleep(20 * time.Millisecond)
	}
}

// Acceptance 2 of ux.md: a page costs a browser that has nothing yet eight requests at most,
// its icon, its stream and its log of 1,000 lines included.
func TestAPageIsFewRequests(t *testing.T) {
	l, address := liveSite(t)
	l.long("b142", 1000)
	l.long("b140", 1000)
	for _, path := range []string{"/", "/builds", "/builds/b142", "/builds/b140", "/builds/b140/tests", "/projects/p1", "/login"} {
		b := browser(t)
		b.open(address + path)
		b.await(`document.readyState === "complete"`)
		if path != "/login" && !strings.HasPrefix(path, "/builds/b140") {
			l.waitStreams(t, 1) // the last thing that a page asks for
		}
		paths := l.asked.settled()
		if !slices.ContainsFunc(paths, func(p string) bool { return strings.Contains(p, "/fav-") }) {
			paths = append(paths, "the icon, which a browser without a window leaves out")
		}
		t.Logf("%s: %d requests", path, len(paths))
		if len(paths) > 8 {
			t.Errorf("%s: %s", path, strings.Join(paths, "\n"))
		}
		b.open("about:blank") // its stream ends
	}
}
