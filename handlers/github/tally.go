package github

import (
	"net/http"
	"strings"
	"sync"
)

// GitHub takes so many statuses of one context on one commit. The last hundred are
// kept for results.
const (
	maxStatuses      = 1000
	progressStatuses = 900
)

// maxTallied bounds the memory of a tally. What it forgets GitHub's refusals tell.
const maxTallied = 10_000

// statusKey names a context on a commit; the context in lower case, as GitHub
// compares them.
type statusKey struct{ repository, sha, context string }

// tally counts the statuses that we sent.
type tally struct {
	mu   sync.Mutex
	sent map[statusKey]int
}

// crowded tells whether what is left is kept for results.
func (t *tally) crowded(k statusKey) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.sent[k] >= progressStatuses
}

func (t *tally) add(k statusKey, n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.sent) >= maxTallied {
		clear(t.sent)
	}
	t.sent[k] += n
}

// full tells whether GitHub refuses a status because there are too many.
func full(err error) bool {
	return statusOf(err) == http.StatusUnprocessableEntity && strings.Contains(refusalOf(err).message, "maximum number of statuses")
}
