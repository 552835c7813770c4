package sse

import (
	"sync"
	"time"

	"github.com/oore-ci/oore/app/core"
)

// PerProject is how many streams of one project's builds a server has open at once, so
// that one project that everybody watches leaves connections to the others. Who is refused
// asks every few seconds instead.
const PerProject = 1000

// projectPause is how long who was refused waits until the next try.
const projectPause = 10 * time.Second

// Count counts open streams by whom or what they are for. The zero value is ready, and it
// is safe for concurrent use.
type Count struct {
	mu   sync.Mutex
	open map[string]int
}

// Begin counts one more of the key; end takes it back, once. ok: there were fewer than most.
func (c *Count) Begin(key string, most int) (end func(), ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open[key] >= most {
		return nil, false
	}
	if c.open == nil {
		c.open = map[string]int{}
	}
	c.open[key]++
	return sync.OnceFunc(func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.open[key]--; c.open[key] == 0 {
			delete(c.open, key)
		}
	}), true
}

// BeginOf is Begin for a stream of a project's build. KindLimited: the project has
// PerProject.
func (c *Count) BeginOf(projectID string) (end func(), err error) {
	end, ok := c.Begin(projectID, PerProject)
	if ok {
		return end, nil
	}
	refused := core.Errorf(core.KindLimited, "%d streams of this project's builds are open; ask for the log without one, or try again in a while", PerProject)
	refused.RetryAfter = projectPause
	return nil, refused
}

// Total is how many there are of all keys.
func (c *Count) Total() (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, one := range c.open {
		n += one
	}
	return n
}
