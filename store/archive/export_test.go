package archive

// CacheUsed is how many bytes the cache takes.
func (l *Logs) CacheUsed() int {
	l.cache.mu.Lock()
	defer l.cache.mu.Unlock()
	return cacheBytes - l.cache.room
}
