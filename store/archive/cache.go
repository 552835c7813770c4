package archive

import (
	"container/list"
	"sync"

	"github.com/oore-ci/oore/app/core"
)

// cache keeps what was read last: indexes, and the frames that windows were in. An
// object never changes, so nothing here can go stale.
type cache struct {
	mu      sync.Mutex
	room    int
	entries map[cacheKey]*list.Element
	recent  *list.List // of *entry, used last first
}

type cacheKey struct {
	object core.LogObject
	frame  int // -1: the index
}

type cached struct {
	index  index
	chunks []core.LogChunk
}

type entry struct {
	key   cacheKey
	value cached
	size  int
}

func newCache(size int) *cache {
	return &cache{room: size, entries: map[cacheKey]*list.Element{}, recent: list.New()}
}

func (c *cache) get(key cacheKey) (cached, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.entries[key]
	if !ok {
		return cached{}, false
	}
	c.recent.MoveToFront(e)
	return e.Value.(*entry).value, true //nolint:forcetypeassert // nothing else is in the list
}

// put keeps the value, which takes about size bytes, and drops what was not used for
// longest.
func (c *cache) put(key cacheKey, value cached, size int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.entries[key]; ok {
		return // another reader was faster
	}
	c.entries[key] = c.recent.PushFront(&entry{key: key, value: value, size: size})
	for c.room -= size; c.room < 0; {
		e := c.recent.Back()
		oldest := e.Value.(*entry) //nolint:forcetypeassert // nothing else is in the list
		c.recent.Remove(e)
		delete(c.entries, oldest.key)
		c.room += oldest.size
	}
}
